// What the client does after each goodbye of the protocol, by each way down: at once, after a pause, with a fresh token, or not at all.
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { ErrorCode } from '../../src/protocol/errors.js'
import { type Bye, byes, type Reconnect } from '../../src/protocol/events.js'
import { connectClient } from '../helper/client.js'
import { createScripted, refusal, type Scripted, tokenFor } from '../helper/scripted.js'
import { stopTime } from '../helper/stopped.js'

const protocol = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8')
const { pass, turn } = stopTime(t)

/** A client that is live by a way, and counts how often it has asked for a token. */
async function open (t: Test, way: 'sse' | 'eventsource' | 'websocket' | 'poll') {
  const gateway = createScripted()
  let asked = 0
  const token = () => {
    asked++
    return tokenFor('alice')
  }
  const { client, seen } = connectClient(t, gateway.iris, 'alice', { ...gateway.options, token, transports: [way] })
  await pass(1)
  t.match(client.state, { state: 'live', transport: way })
  return { gateway, client, seen, asked: () => asked }
}

type Opened = Awaited<ReturnType<typeof open>>
const bye = ({ say, cmd }: Scripted, data: object) => say(cmd('IRIS.BYE', data))

/** What is to be seen after a goodbye, by its verdict: a new verdict does not compile. */
const verdicts: Record<Reconnect, (t: Test, opened: Opened, said: { reason: string }) => Promise<void>> = {
  async now (t, { gateway, seen, asked }, said) {
    bye(gateway, said)
    await pass(1)
    t.equal(gateway.lines.length, 2, 'at once')
    t.equal(gateway.lines[1]?.query.get('lastEventId'), '1-0', 'from the cursor')
    bye(gateway, said)
    await turn()
    t.match(seen.state.at(-1), { state: 'waiting', reason: said.reason }, 'the second time in a row as backoff')
    await pass(10_000)
    bye(gateway, said)
    await pass(1)
    t.equal(gateway.lines.length, 4, 'at once again: it had lived')
    t.equal(asked(), 1)
  },
  async backoff (t, { gateway, client, asked }, said) {
    await pass(10_000)
    bye(gateway, said)
    await turn()
    t.match(client.state, { state: 'waiting', reason: said.reason, retryInMs: 500 })
    await pass(499, 499)
    t.equal(gateway.lines.length, 1)
    await pass(1)
    t.equal(gateway.lines.length, 2)
    bye(gateway, { ...said, retryAfterMs: 7000 })
    await turn()
    t.match(client.state, { state: 'waiting', retryInMs: 7000 }, 'so long as it says')
    await pass(7000)
    t.equal(gateway.lines.length, 3)
    t.equal(asked(), 1)
  },
  async login (t, { gateway, seen, asked }, said) {
    bye(gateway, said)
    await pass(1)
    t.equal(asked(), 2, 'a fresh token')
    t.equal(gateway.lines.length, 2, 'at once')
    t.equal(gateway.lines[1]?.query.get('lastEventId'), '1-0', 'the cursor stays good')
    bye(gateway, said)
    await turn()
    t.match(seen.state.at(-1), { state: 'waiting' }, 'never a loop without a pause')
  },
  async never (t, { gateway, client, asked }, said) {
    bye(gateway, said)
    await turn()
    t.match(client.state, { state: 'closed', reason: said.reason })
    const before = gateway.requests.length
    await pass(3_600_000, 600_000)
    t.equal(gateway.requests.length, before, 'nothing by itself')
    client.reconnect()
    await pass(1)
    t.equal(client.state.state, 'live', 'the user may act')
    t.equal(asked(), 2, 'with a fresh token')
  }
}

/** What a poll gets where a stream gets a goodbye; nothing: it goes on, or never gets it. docs/protocol.md, "Long-poll" */
const refusals: Record<Bye, ErrorCode | undefined> = {
  TOKEN_EXPIRED: 'TOKEN_EXPIRED',
  REMOVED: 'TOKEN_EXPIRED',
  DRAIN: 'NOT_READY',
  ROTATE: undefined,
  STORE_LOST: 'STORE_UNAVAILABLE',
  SLOW: undefined,
  TIMEOUT: undefined,
  BUSY: 'RATE_LIMITED',
  KICKED: 'KICKED',
  REPLACED: 'KICKED',
  TOO_MANY_TERMINALS: 'TOO_MANY_TERMINALS',
  BAD_REQUEST: undefined
}

/** What is to be seen after the refusal of a poll. */
const pollVerdicts: Record<Reconnect, (t: Test, opened: Opened) => Promise<void>> = {
  async now () {},
  async backoff (t, { gateway, client }) {
    t.match(client.state, { state: 'waiting', retryInMs: 2500, error: { retryable: true } }, 'as long as Retry-After, and a part of 1 s')
    gateway.answers.clear()
    await pass(2500, 500)
    t.equal(client.state.state, 'live')
  },
  async login (t, { gateway, client, asked }) {
    t.equal(asked(), 2, 'a fresh token')
    t.match(client.state, { state: 'closed', reason: /fresh token is refused, too/, error: { code: 'TOKEN_EXPIRED' } })
    gateway.answers.clear()
    client.reconnect()
    await pass(1)
    t.equal(client.state.state, 'live')
  },
  async never (t, { gateway, client }) {
    t.equal(client.state.state, 'closed')
    const before = gateway.requests.length
    await pass(3_600_000, 600_000)
    t.equal(gateway.requests.length, before, 'nothing by itself')
  }
}

t.test('every goodbye that the protocol lists is tried here, and no other', async t => {
  const [, table = ''] = /<!-- generated:byes -->([^]*?)<!-- \/generated -->/.exec(protocol) ?? []
  const listed = [...table.matchAll(/^\| (\d+) \| (.+) \| `(\w+)` \|$/gm)].map(([, code, reason, reconnect]) => [Number(code), reason, reconnect])
  t.same(listed, Object.values(byes).map(({ code, reason, reconnect }) => [code, reason, reconnect]))
})

for (const [name, { code, reason, reconnect }] of Object.entries(byes)) {
  for (const way of ['sse', 'eventsource', 'websocket'] as const) {
    t.test(`${code} ${name} by ${way}: ${reconnect}`, async t => {
      const opened = await open(t, way)
      await verdicts[reconnect](t, opened, { code, reason, reconnect } as { reason: string })
      opened.client.close()
    })
  }
  const refused = refusals[name as Bye]
  if (!refused) continue
  t.test(`${code} ${name} by poll, as ${refused}: ${reconnect}`, async t => {
    const opened = await open(t, 'poll')
    opened.gateway.answers.set('/v1/down/poll', () => refusal(refused, { 'Retry-After': '2' }))
    opened.client.reconnect() // the next poll
    await turn()
    await pollVerdicts[reconnect](t, opened)
    opened.client.close()
  })
}

t.test('[SSE-1] a 204 of the gateway: kicked', async t => {
  const { gateway, client } = await open(t, 'sse')
  gateway.answers.set('/v1/down/events', () => new Response(null, { status: 204, headers: { 'Trace-Id': 't-1' } }))
  gateway.lines[0]?.end()
  await pass(1_000)
  t.match(client.state, { state: 'closed', error: { code: 'KICKED' } })
  client.close()
})

t.test('a goodbye with a verdict that is not known yet, and an end without one, are as backoff', async t => {
  for (const way of ['sse', 'eventsource', 'websocket'] as const) {
    const { gateway, client } = await open(t, way)
    bye(gateway, { code: 4999, reason: 'of a later version', reconnect: 'sideways' })
    await turn()
    t.match(client.state, { state: 'waiting', reason: 'of a later version', retryInMs: 500 }, way)
    await pass(500, 500)
    gateway.lines.at(-1)?.end()
    await turn()
    t.match(client.state, { state: 'waiting' }, way)
    await pass(30_000)
    t.equal(client.state.state, 'live', way)
    client.close()
  }
})
