// Every code that docs/clients.md names of the client's own is thrown, or told, by what it says; and who iterates over the events is told
// when he is too slow, and frees what he leaves.
import { readdirSync, readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t, { type Test } from 'tap'
import { refusalOf } from '../../src/client/base/error.js'
import type { IrisError, Options } from '../../src/client/index.js'
import { errors } from '../../src/protocol/errors.js'
import { connect, connectClient } from '../helper/client.js'
import { createScripted, refusal, tokenFor } from '../helper/scripted.js'
import { stopTime } from '../helper/stopped.js'

const root = new URL('../../../', import.meta.url)
const HOUR = 3_600_000
const { leap, pass, turn } = stopTime(t)

function open (t: Test, options: Partial<Options> = {}, gateway = createScripted()) {
  return { gateway, ...connectClient(t, gateway.iris, 'alice', { ...gateway.options, ...options }) }
}

const thrown = async (work: () => unknown): Promise<unknown> => {
  try {
    return await work()
  } catch (error) {
    return error
  }
}

/** What each code stands for, and what its sentence must say. */
const causes: Record<string, { says: RegExp, isRetryable: boolean, cause (t: Test): Promise<unknown> }> = {
  NETWORK: {
    says: /Nobody answers .*fetch failed/,
    isRetryable: true,
    async cause (t) {
      const { seen } = open(t, { fetch: async () => await Promise.reject(new TypeError('fetch failed')) })
      await pass(1)
      return seen.state.at(-1)?.error
    }
  },
  NOT_IRIS: {
    says: /404.* http:\/\/elsewhere/,
    isRetryable: false,
    async cause (t) {
      const fetch = async () => Object.defineProperty(new Response('<h1>no', { status: 404 }), 'url', { value: 'http://elsewhere/' })
      const { client } = open(t, { fetch })
      await turn()
      return await thrown(async () => await client.conversations())
    }
  },
  SILENT: {
    says: /sse brings nothing: .* buffers it/,
    isRetryable: false,
    async cause (t) {
      const gateway = createScripted()
      gateway.facts.isSilent = true
      const { seen } = open(t, { transports: ['sse'] }, gateway)
      await pass(7_000)
      t.equal(gateway.lines[0]?.isOver(), true)
      return seen.state.find(({ error }) => error)?.error
    }
  },
  TOKEN: {
    says: /token\(\) failed: Error: no answer/,
    isRetryable: true,
    async cause (t) {
      const { seen } = open(t, { token: async () => await new Promise(() => undefined) })
      await pass(15_000)
      return seen.state.at(-1)?.error
    }
  },
  SIGNED_OUT: {
    says: /sign in, then call reconnect\(\)/,
    isRetryable: false,
    async cause (t) {
      const { client } = open(t, { token: () => null })
      await turn()
      return client.state.error
    }
  },
  STORAGE: {
    says: /full.*a reload forgets/,
    isRetryable: false,
    async cause (t) {
      const { seen, client } = open(t, { storage: { get: () => null, set () { throw new Error('full') } } })
      await turn()
      t.equal(client.state.state, 'live')
      return seen.warning[0]
    }
  },
  OUTBOX_FULL: {
    says: /100 messages wait/,
    isRetryable: false,
    async cause (t) {
      const { client, seen, gateway } = open(t)
      gateway.answers.set('/v1/up/msg', async () => await new Promise(() => undefined))
      const sent = Array.from({ length: 101 }, (_, i) => thrown(async () => await client.send('bob', String(i))))
      const error = await sent[100]
      t.equal(client.outbox.length, 100, 'those that wait go on waiting')
      t.same(seen.outbox.filter(({ state }) => state === 'failed').length, 1)
      gateway.answers.clear()
      await pass(20_000)
      const acks = await Promise.all(sent.slice(0, 100)) as { seq: number }[]
      t.same(acks.map(({ seq }) => seq), Array.from(acks, (_, i) => i + 1), 'each once, in order')
      return error
    }
  },
  OUTBOX_EXPIRED: {
    says: /a day: look in the conversation/,
    isRetryable: false,
    async cause (t) {
      const { client, gateway } = open(t)
      gateway.answers.set('/v1/up/msg', () => refusal('STORE_UNAVAILABLE', { 'Retry-After': '50' }))
      const sent = thrown(async () => await client.send('bob', 'hi'))
      await pass(1) // the day begins with the first attempt
      leap(23 * HOUR)
      await pass(60_000)
      t.equal(client.outbox.length, 1)
      leap(HOUR)
      await pass(60_000)
      return await sent
    }
  },
  CLOSED: {
    says: /close\(\) was called: what is still kept is sent by/,
    isRetryable: false,
    async cause (t) {
      const { client } = open(t)
      client.close()
      return await thrown(async () => await client.send('bob', 'hi'))
    }
  },
  TOO_SLOW: {
    says: /1000 events behind/,
    isRetryable: false,
    async cause (t) {
      const { client, gateway } = open(t)
      await turn()
      const events = client[Symbol.asyncIterator]()
      const first = events.next()
      const tell = async (number: number) => {
        for (let i = 0; i < number; i++) gateway.say(gateway.cmd(`n-${i}`, {}))
        await turn()
      }
      await tell(1)
      t.match(await first, { value: { type: 'command' } })
      await tell(1000)
      t.match(await events.next(), { done: false }, 'as many as that it bears')
      await tell(2)
      const error = await thrown(async () => await events.next())
      t.match(await events.next(), { done: true })
      return error
    }
  },
  BAD_OPTION: {
    says: /nonsense is no address: give the url in full/,
    isRetryable: false,
    cause: async t => await thrown(() => open(t, { url: 'nonsense' }))
  }
}

t.test('what docs/clients.md, its doc comment and the code name are the codes that are tried here', async t => {
  const told = readFileSync(new URL('docs/clients.md', root), 'utf8')
  const [, sentence = ''] = /`code` is the server's, or (.+?)\. A call is tried/.exec(told) ?? []
  const codesOf = (text: string) => [...new Set([...text.matchAll(/`([A-Z]+(?:_[A-Z]+)*)`/g)].map(([, code = '']) => code))].sort()
  const known = Object.keys(causes).sort()
  t.same(codesOf(sentence), known)
  const folder = new URL('src/client/', root)
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))
  const sources = files.map(name => readFileSync(new URL(name, folder), 'utf8'))
  const made = sources.flatMap(text => [...text.matchAll(/IrisError\(\s*'(\w+)'/g)].map(([, code = '']) => code))
  t.same([...new Set(made)].filter(code => !(code in errors)).sort(), known)
  const [comment = ''] = /\/\*\*[^/]*`code`[^/]*\*\//.exec(sources.find(text => text.includes('class IrisError')) ?? '') ?? []
  t.same(codesOf(comment), known)
})

t.test('a proxy that answers for a gateway which is away: it is asked what stands behind, the query left out', async t => {
  for (const [status, says] of [
    [404, '404, not of Iris: what is at http://elsewhere/x?'], [200, '200, not of Iris: what is at http://elsewhere/x?'],
    ...[502, 503, 504].map(each => [each, `${each}, not of Iris: what is behind http://elsewhere/x?`] as const)
  ] as const) {
    const answer = new Response('<h1>no', { status })
    t.match(await refusalOf(Object.defineProperty(answer, 'url', { value: 'http://elsewhere/x?terminalId=1&platform=web' })), {
      code: 'NOT_IRIS', message: says
    })
  }
})

for (const [code, { says, isRetryable, cause }] of Object.entries(causes)) {
  t.test(`${code}: it comes of what it says, and says what to do`, async t => {
    const error = await cause(t) as IrisError
    t.match(error, { name: 'IrisError', code, message: says, retryable: isRetryable })
    t.ok(error instanceof Error && typeof error.status === 'number')
  })
}

t.test('loops over the events: each has all of them; one that is left holds nothing any more', async t => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const { say, cmd, options } = createScripted()
  const client = connect({ ...options, token: () => tokenFor('alice') })
  t.teardown(() => client.close())
  const heard: [string[], string[]] = [[], []]
  const loops = heard.map(async (names, i) => {
    for await (const { type, data } of client) {
      if (type === 'command') names.push(data.name)
      if (i === 0 && names.length === 2) break
    }
  })
  await turn()
  for (const name of ['one', 'two', 'three']) {
    say(cmd(name, {}))
    await turn()
  }
  t.same(heard, [['one', 'two'], ['one', 'two', 'three']])

  const events = client[Symbol.asyncIterator]()
  const first = events.next()
  say(cmd('x', {}))
  t.match(await first, { value: { data: { name: 'x' } } })
  await events.return?.()
  t.match(await events.next(), { done: true })
  const refs: WeakRef<object>[] = []
  client.on('command', data => { refs.push(new WeakRef(data)) })
  for (let i = 0; i < 20; i++) say(cmd(`later-${i}`, {}))
  await turn()
  t.equal(heard[1].length, 24)
  gc()
  t.ok(refs.length === 20 && refs.filter(ref => ref.deref()).length < 5, 'what came after is held by nobody')
  client.close()
  await Promise.all(loops)
  t.match(await client[Symbol.asyncIterator]().next(), { done: true }, 'a loop that begins after the end ends')
})
