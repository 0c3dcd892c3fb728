// What a client does when something breaks beneath it, or somebody else is at the same thing at the same time.
import { getEventListeners } from 'node:events'
import t, { type Test } from 'tap'
import { createBase } from '../../src/client/base/base.js'
import type { IrisError, Options, TransportName } from '../../src/client/index.js'
import { connectClient, createMemory } from '../helper/client.js'
import { createScripted, json, refusal, tokenFor } from '../helper/scripted.js'
import { noLocks, openPage, stopTime } from '../helper/stopped.js'

const { pass, turn } = stopTime(t)
const never = async () => await new Promise<never>(() => undefined)

function open (t: Test, options: Partial<Options> = {}, gateway = createScripted()) {
  return { gateway, ...connectClient(t, gateway.iris, 'alice', { ...gateway.options, ...options }) }
}

const message = (seq: number, id: string) => ({
  event: 'MSG_DOWN',
  id,
  data: { conversationId: 'g.1', seq, msgId: `m-${seq}`, from: 'bob', type: 'text', content: { text: String(seq) } }
})

t.test('close({ forget: true }) removes what was kept before the storage failed; when it cannot, it says so', async t => {
  const storage = createMemory()
  let isFull = false
  const failing = {
    get: storage.get,
    set (key: string, value: string) {
      if (isFull) throw new Error('full')
      storage.set(key, value)
    }
  }
  const first = open(t, { storage: failing })
  first.gateway.answers.set('/v1/up/msg', never)
  await pass(1)
  void first.client.send('bob', 'a secret')
  await turn()
  t.match(storage.of('outbox'), [{ content: { text: 'a secret' } }])
  isFull = true
  first.gateway.say(message(1, '1-1'))
  await turn()
  t.match(first.seen.warning, [{ code: 'STORAGE', message: /reload forgets/ }])
  isFull = false
  first.client.close({ forget: true })
  await turn()
  t.same([...storage.kept.values()].filter(value => value !== 'null'), [])

  const forbidden = { ...createMemory(), remove () { throw new Error('forbidden') } }
  const second = open(t, { storage: forbidden })
  await pass(1)
  second.client.close({ forget: true })
  await turn()
  t.match(second.seen.warning, [{ code: 'STORAGE', message: /What is kept of the user could not be removed \(Error: forbidden\)/ }])
})

t.test('a call ends with its signal, and tells of what was refused last', async t => {
  const gateway = createScripted()
  const { calls } = createBase({ ...gateway.options, token: () => tokenFor('alice'), userId: 'alice', terminalId: 't' })
  const answers = [() => refusal('STORE_UNAVAILABLE'), never]
  gateway.answers.set('/v1/up/msg', async () => await (answers.shift() ?? never)())
  const failed = calls.insist('/v1/up/msg', {}, AbortSignal.timeout(15_000)).catch((error: unknown) => error as IrisError)
  await pass(60_000)
  t.match(await failed, { code: 'STORE_UNAVAILABLE' })
  t.equal(gateway.to('/v1/up/msg').length, 2, 'nothing is asked after the signal')
  const over = new AbortController()
  gateway.answers.set('/v1/up/msg', () => refusal('STORE_UNAVAILABLE', { 'Retry-After': '9' }))
  const waiting = calls.insist('/v1/up/msg', {}, over.signal).catch((error: unknown) => error as IrisError)
  await pass(1_000)
  over.abort()
  t.match(await Promise.race([waiting, turn()]), { code: 'STORE_UNAVAILABLE' }, 'nor is a pause waited for')
})

t.test('a ticket that does not come ends with its way: at the patience of it, and with the client', async t => {
  const { gateway, client } = open(t, { transports: ['websocket', 'poll'] })
  gateway.answers.set('/v1/down/tickets', never)
  await pass(6_500, 500)
  t.match(client.state, { state: 'live', transport: 'poll' })
  client.close()
  const second = open(t, { transports: ['websocket'] })
  let give: ((answer: Response) => void) | undefined
  second.gateway.answers.set('/v1/down/tickets', async () => await new Promise(resolve => { give = resolve }))
  await turn()
  second.client.close()
  give?.(json({ ticket: 'late' }))
  await turn()
  t.equal(second.gateway.lines.length, 0, 'no way is opened by one that comes after the end')
})

t.test('closed while what a reset has made void is fetched: no warning', async t => {
  const { gateway, client, seen } = open(t)
  await turn()
  for (const path of ['/v1/up/cmd/get-read-msg', '/v1/conversations', '/v1/up/token']) gateway.answers.set(path, never)
  void client.history('g.1').catch(() => undefined)
  gateway.say(gateway.cmd('IRIS.RESET', { reason: 'epoch', conversations: [] }), gateway.cmd('IRIS.AUTH', { expiresInSec: 60 }))
  gateway.say(message(1, '1-1'), message(3, '1-2')) // a hole
  await turn()
  client.close()
  await turn()
  t.same(seen.warning, [])
})

t.test('[SEE-4] what is watched and cannot be said again after a reconnect is told', async t => {
  const { gateway, client, seen } = open(t)
  await turn()
  gateway.answers.set('/v1/presence', () => json({ items: [] }))
  await client.presence(['bob'], { watch: true })
  gateway.answers.set('/v1/presence', () => refusal('INVALID_BODY'))
  client.reconnect()
  await turn()
  t.match(seen.warning, [{ code: 'INVALID_BODY' }])
})

t.test('what is undefined counts as not given: options, and ids', async t => {
  const timing = { patienceMs: undefined, betterMs: undefined, heartbeatMs: undefined, tabMs: undefined }
  const { gateway, client, seen } = open(t, { timing, userId: undefined, terminalId: undefined, platform: undefined, lease: undefined })
  await pass(60_000)
  t.same(seen.state.map(({ state }) => state), ['connecting', 'live'])
  t.equal(gateway.to('/v1/up/heartbeat').length, 3)
  await client.send('bob', { type: 'text', content: {}, clientMsgId: undefined, ext: undefined })
  await client.command('nudge', 'bob', undefined, { clientCmdId: undefined })
  t.match(gateway.to('/v1/up/msg')[0]?.body, { clientMsgId: /^\w{24}$/ })
  t.match(gateway.to('/v1/up/cmd/iris-cmd-send')[0]?.body, { clientCmdId: /^\w{24}$/ })
})

for (const way of ['sse', 'websocket', 'eventsource', 'poll'] as TransportName[]) {
  t.test(`[DOWN-3] by ${way}: a frame that breaks ends the way, which goes on before it`, async t => {
    const { gateway, client, seen } = open(t, { transports: [way] })
    const broken = gateway.cmd('IRIS.HELLO', null as unknown as object, '1-1')
    const frames = [broken, message(2, '1-2')]
    if (way === 'poll') {
      gateway.answers.set('/v1/down/poll', async ({ url }) => {
        if (!url.includes('timeoutMs=0')) return await never()
        return json({ events: url.includes('lastEventId') ? [] : frames, cursor: '1-2', more: false, ready: {} })
      })
    }
    await pass(1)
    if (way !== 'poll') gateway.say(...frames)
    await turn()
    t.match(client.state, { state: 'waiting', error: { code: 'NETWORK', message: /TypeError/ } })
    t.same(seen.message, [])
    t.equal(client.cursor, way === 'poll' ? undefined : '1-0')
    if (way === 'poll') return client.close()
    await pass(2_000)
    t.equal(gateway.lines.length, 2)
    t.equal(gateway.lines[1]?.query.get('lastEventId'), '1-0')
    client.close()
  })
}

t.test('only the words that say so bring it back at once', async t => {
  for (const [word, isAtOnce] of [['now', true], ['login', true], ['unknown', false], ['not-now', false], ['better-not', false]] as const) {
    const { gateway, client, seen } = open(t)
    await pass(1)
    gateway.say(gateway.cmd('IRIS.BYE', { reason: 'so', reconnect: word }))
    await turn()
    t.equal(seen.state.some(({ state }) => state === 'waiting'), !isAtOnce, word)
    client.close()
  }
})

t.test('[SEE-4] users that are refused are not watched, nor in the way of others; two questions at once make one list', async t => {
  const { gateway, client } = open(t)
  await pass(1)
  const usersIn = (body?: Record<string, unknown>) => body?.['users'] as string[]
  gateway.answers.set('/v1/presence', ({ body }) => usersIn(body).includes('bad!') ? refusal('INVALID_BODY') : json({ items: [] }))
  const asked = [['bad!'], ['bob'], ['carol']].map(async users => await client.presence(users, { watch: true }))
  const [bad, ...good] = await Promise.allSettled(asked)
  t.match(bad, { status: 'rejected', reason: { code: 'INVALID_BODY' } })
  t.match(good, [{ status: 'fulfilled' }, { status: 'fulfilled' }])
  t.same(usersIn(gateway.to('/v1/presence').at(-1)?.body), ['bob', 'carol'])
  const many = Array.from({ length: 101 }, (_, i) => `u${i}`)
  await client.presence(many, { watch: true })
  t.same(usersIn(gateway.to('/v1/presence').at(-1)?.body), many, 'more than may be: the gateway says so')
  await client.presence([], { watch: true })
  t.same(usersIn(gateway.to('/v1/presence').at(-1)?.body), [])
  client.close()
})

t.test('[SEE-4] an empty list ends all watching, in each tab', { skip: noLocks }, async t => {
  const gateway = createScripted()
  gateway.answers.set('/v1/presence', () => json({ items: [] }))
  const openTab = () => open(t, { share: true, userId: 'alice', storage: createMemory() }, gateway)
  const [first, second] = [openTab(), openTab()]
  for (let i = 0; i < 3; i++) await pass(1_000)
  await first.client.presence(['bob'], { watch: true })
  for (let i = 0; i < 3; i++) await turn()
  await second.client.presence(['carol'], { watch: true })
  t.same(gateway.to('/v1/presence').at(-1)?.body['users'], ['bob', 'carol'])
  await second.client.presence([], { watch: true })
  for (let i = 0; i < 10; i++) await pass(1_000) // the tabs have asked each other how they are
  const before = gateway.to('/v1/presence').length
  first.client.close()
  for (let i = 0; i < 3; i++) await pass(1_000)
  t.equal(second.client.state.state, 'live')
  t.equal(gateway.to('/v1/presence').length, before, 'there is nobody to ask about')
  second.client.close()
})

t.test('[MSG-2] what two tabs keep at the same moment is kept of both, though nothing is tried meanwhile', { skip: noLocks }, async t => {
  const storage = createMemory()
  const gateway = createScripted()
  gateway.answers.set('/v1/up/msg', never)
  const tabs = [0, 1, 2].map(() => open(t, { share: true, userId: 'alice', storage }, gateway))
  await pass(1)
  tabs.forEach(({ client }, i) => void client.send('bob', String(i)).catch(() => undefined))
  for (let i = 0; i < 6; i++) await pass(1_000)
  const kept = storage.of('outbox') as { content: { text: string } }[]
  t.same(kept.map(({ content }) => content.text).sort(), ['0', '1', '2'])
  for (const { client } of tabs) client.close()
})

t.test('[DOWN-1] nothing is waited for once it is closed', async t => {
  const { setTimeout, clearTimeout } = globalThis
  const waiting = new Set<unknown>()
  t.teardown(() => Object.assign(globalThis, { setTimeout, clearTimeout }))
  Object.assign(globalThis, {
    setTimeout (act: () => void, ms: number) {
      const timer = setTimeout(act, ms)
      waiting.add(timer)
      return timer
    },
    clearTimeout (timer: NodeJS.Timeout) {
      waiting.delete(timer)
      clearTimeout(timer)
    }
  })
  const { gateway, client } = open(t)
  await pass(1)
  const before = waiting.size
  gateway.say({ event: 'ACK_DOWN', id: '1-1', data: { clientMsgId: 'another', conversationId: 'g.1', seq: 1, msgId: 'm-1' } })
  await turn()
  t.ok(waiting.size > before)
  client.close()
  await turn()
  t.equal(waiting.size, 0)
})

t.test('a proxy whose upstream is away is no way that is bad: 502, 503, 504', async t => {
  for (const status of [502, 503, 504]) {
    const { gateway, client, seen } = open(t)
    await pass(10_000)
    for (const path of ['/v1/down/events', '/v1/down/poll', '/v1/down/tickets']) {
      gateway.answers.set(path, () => new Response('<h1>Bad Gateway', { status }))
    }
    gateway.lines[0]?.end()
    await pass(30_000)
    t.match(client.state, { state: 'waiting', transport: 'sse', error: { code: 'NOT_IRIS', status } })
    gateway.answers.clear()
    await pass(60_000)
    t.match(client.state, { state: 'live', transport: 'sse' })
    t.same([...new Set(seen.state.map(({ transport }) => transport))], ['sse'])
    client.close()
  }
})

t.test('tabs of a page without https that do not share take the way that a browser does not count', async t => {
  openPage(t)
  for (const [url, share, way] of [['http://gateway.example', false, 'websocket'], ['https://gateway.example', false, 'sse']] as const) {
    const gateway = createScripted()
    gateway.facts.url = url
    const { client } = open(t, { url, share, storage: createMemory() }, gateway)
    await pass(1_000)
    t.match(client.state, { state: 'live', transport: way }, url)
    client.close()
  }
})

t.test('attempts that fail leave nothing behind', async t => {
  const { addEventListener } = EventTarget.prototype
  const signals = new Set<AbortSignal>()
  EventTarget.prototype.addEventListener = function (...args: Parameters<typeof addEventListener>) {
    if (this instanceof AbortSignal) signals.add(this)
    addEventListener.apply(this, args)
  }
  t.teardown(() => { EventTarget.prototype.addEventListener = addEventListener })
  const { client } = open(t, { fetch: async () => await Promise.reject(new TypeError('fetch failed')) })
  void client.send('bob', 'waits').catch(() => undefined)
  const most = () => Math.max(...[...signals].map(signal => getEventListeners(signal, 'abort').length))
  await pass(10_000)
  const before = most()
  await pass(600_000)
  t.ok(most() <= before + 2, `${before} listeners on one signal, ${most()} later`)
})
