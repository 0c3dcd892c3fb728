// What is kept, by whom, and what becomes of it: tabs that die, storages that fail, clocks that are wrong. [MSG-2]
import t, { type Test } from 'tap'
import type { Options } from '../../src/client/index.js'
import { connectClient, createMemory } from '../helper/client.js'
import { createScripted, refusal, type Scripted, tokenFor } from '../helper/scripted.js'
import { noLocks, openPage, stopTime } from '../helper/stopped.js'

const { leap, pass, turn } = stopTime(t)
const HOUR = 3_600_000
const SENT = '/v1/up/msg'

function open (t: Test, gateway: Scripted, options: Partial<Options> = {}) {
  return connectClient(t, gateway.iris, 'alice', { ...gateway.options, ...options })
}

const textsTo = ({ requests }: Scripted) =>
  requests.filter(({ path }) => path === SENT).map(({ body }) => (body['content'] as { text: string }).text)
const noAnswer = async () => await new Promise<never>(() => undefined)
const failures = ({ seen }: ReturnType<typeof open>) =>
  seen.outbox.filter(({ state }) => state === 'failed').map(({ error }) => error?.code)

/** A storage whose keys can be listed. */
function createListed () {
  const memory = createMemory()
  const list = (prefix: string) => [...memory.kept.keys()].filter(key => key.startsWith(prefix))
  return { ...memory, list, remove (prefix: string) { for (const key of list(prefix)) memory.kept.delete(key) } }
}

/** The same, as another process finds it. */
function copyOf ({ kept }: ReturnType<typeof createListed>) {
  const copy = createListed()
  for (const [key, value] of kept) copy.kept.set(key, value)
  return copy
}

for (const when of ['the first attempt', 'the first attempt of all, before anything was heard']) {
  t.test(`[MSG-2] who dies in ${when}: a day later nobody sends it as a new one`, async t => {
    const [gateway, storage] = [createScripted(), createListed()]
    gateway.answers.set(SENT, noAnswer)
    if (when !== 'the first attempt') gateway.answers.set('/v1/down/events', noAnswer)
    const { client } = open(t, gateway, { storage, transports: ['sse'] })
    await pass(1)
    client.send('bob', 'once').catch(() => undefined)
    await pass(10)
    t.same(textsTo(gateway), ['once'])
    const found = copyOf(storage)
    client.close()
    gateway.answers.clear()
    gateway.requests.length = 0
    leap(25 * HOUR)
    const later = open(t, gateway, { storage: found })
    await pass(30_000)
    t.same(textsTo(gateway), [])
    t.same(failures(later), ['OUTBOX_EXPIRED'])
  })
}

t.test('[MSG-2] a clock that is a day behind makes none young again that the server has forgotten', async t => {
  const [gateway, storage] = [createScripted(), createListed()]
  const first = open(t, gateway, { storage })
  await pass(1)
  gateway.answers.set(SENT, noAnswer)
  first.client.send('bob', 'once').catch(() => undefined)
  await pass(10)
  const found = copyOf(storage)
  first.client.close()
  gateway.answers.clear()
  gateway.requests.length = 0
  gateway.facts.aheadMs = 25 * HOUR // the server's day is over, this machine's is not
  const later = open(t, gateway, { storage: found })
  await pass(30_000)
  t.same(textsTo(gateway), [])
  t.same(failures(later), ['OUTBOX_EXPIRED'])
})

t.test('[MSG-2] [TIME-1] a portal of another day, and a clock that is set right, make none old', async t => {
  const gateway = createScripted()
  const portal = new Response('<html>', { headers: { 'content-type': 'text/html', Date: new Date(Date.now() - 48 * HOUR).toUTCString() } })
  let isShut = true
  const fetch: typeof gateway.options.fetch = async (...args) => isShut ? portal.clone() : await gateway.options.fetch(...args)
  const { client, seen } = open(t, gateway, { fetch })
  const sent = client.send('bob', 'a second ago')
  await pass(3_000)
  isShut = false
  await pass(60_000)
  t.match(await sent, { seq: 1 })
  t.ok(Math.abs(client.aheadMs) < 2_000)

  gateway.answers.set(SENT, () => refusal('STORE_UNAVAILABLE', { 'Retry-After': '20' }))
  const waiting = client.send('bob', 'while the clock was wrong')
  await pass(1_000)
  leap(48 * HOUR) // the machine's clock alone
  gateway.facts.aheadMs = -48 * HOUR
  gateway.answers.clear()
  await pass(60_000)
  t.match(await waiting, { seq: 2 })
  t.notOk(seen.outbox.some(({ state }) => state === 'failed'))
})

t.test('a storage that becomes full still forgets what is stored', async t => {
  const [gateway, storage] = [createScripted(), createListed()]
  let isFull = false
  const full = { ...storage, set (key: string, value: string) { if (isFull) throw new Error('full'); else storage.set(key, value) } }
  const { client, seen } = open(t, gateway, { storage: full })
  await pass(1)
  gateway.answers.set(SENT, () => refusal('STORE_UNAVAILABLE', { 'Retry-After': '5' }))
  for (const text of ['a', 'b']) client.send('bob', text).catch(() => undefined)
  await pass(100)
  t.equal(storage.list('').filter(key => key.includes('outbox')).length, 2)
  isFull = true
  gateway.answers.clear()
  await pass(30_000)
  t.same(client.outbox, [])
  t.match(seen.warning, [{ code: 'STORAGE' }])
  t.same(storage.list('').filter(key => key.includes('outbox')), [])
})

t.test('what was kept before a storage could list its keys is sent once, and goes', async t => {
  const [gateway, storage] = [createScripted(), createListed()]
  const item = { to: 'bob', type: 'text', content: { text: 'old' }, clientMsgId: 'c-1', at: Date.now(), attempts: 0, tab: 't' }
  storage.set('iris:gateway.example:alice:outbox', JSON.stringify([item]))
  const { client } = open(t, gateway, { storage, userId: 'alice' })
  await pass(1_000)
  for (let i = 0; i < 3; i++) {
    client.reconnect()
    await pass(1_000)
  }
  t.same(textsTo(gateway), ['old'])
  t.same(storage.of('outbox'), [])
})

t.test('a storage that does not answer has failed, and is nobody else\'s', async t => {
  const gateway = createScripted()
  const hung = open(t, gateway, { storage: { get: noAnswer, set: noAnswer } })
  const other = open(t, gateway, { storage: false })
  const slow = open(t, gateway, { storage: createMemory() })
  await pass(1)
  for (const { client } of [other, slow]) t.match(await client.send('bob', 'hi'), { duplicate: undefined })
  await pass(12_000)
  t.equal(hung.client.state.state, 'live')
  t.match(hung.seen.warning, [{ code: 'STORAGE', message: /no answer/ }])
})

t.test('where each tab is a terminal of its own another one sends what one has left', async t => {
  openPage(t)
  const [gateway, storage] = [createScripted(), createListed()]
  const item = { to: 'bob', type: 'text', content: { text: 'left' }, clientMsgId: 'c-1', at: Date.now() - 20_000, attempts: 0, tab: 'gone' }
  storage.set('iris:gateway.example:alice:outbox:"c-1"', JSON.stringify(item))
  storage.set('iris:gateway.example:alice:outbox:"c-2"', JSON.stringify({ ...item, clientMsgId: 'c-2', at: Date.now() }))
  open(t, gateway, { storage, share: false })
  await pass(1_000)
  t.same(textsTo(gateway), ['left'])
  t.same(storage.list('').filter(key => key.includes('outbox')), ['iris:gateway.example:alice:outbox:"c-2"'], 'that of a tab that may live')
})

t.test('a conversation has one order, by whichever name, and over a clock that is set back', async t => {
  const [gateway, storage] = [createScripted(), createListed()]
  const { client } = open(t, gateway, { storage })
  await pass(1)
  gateway.answers.set(SENT, () => new Response('<html>', { status: 403 }))
  client.send('bob', 'first').catch(() => undefined)
  client.send('dm.alice.bob', 'second').catch(() => undefined)
  client.send('carol', 'another').catch(() => undefined)
  await pass(20_000)
  gateway.requests.length = 0
  const found = copyOf(storage)
  client.close()
  const { now } = Date
  Date.now = () => now() - 30_000
  t.teardown(() => { Date.now = now })
  gateway.answers.clear()
  const later = open(t, gateway, { storage: found, userId: 'alice' })
  await pass(1)
  later.client.send('bob', 'third').catch(() => undefined)
  await pass(20_000)
  t.same(textsTo(gateway).filter(text => text !== 'another'), ['first', 'second', 'third'])
})

t.test('what is no terminal\'s id was written by somebody else', async t => {
  for (const kept of ['a.b', 'x'.repeat(300)]) {
    const [gateway, storage] = [createScripted(), createListed()]
    storage.set('iris:gateway.example:alice:terminal', JSON.stringify(kept))
    const { client } = open(t, gateway, { storage, userId: 'alice' })
    await pass(1)
    t.match(client.terminalId, /^t-/)
  }
})

t.test('a tab that is opened beside one that was told to stay away is connected, and the other with it', { skip: noLocks }, async t => {
  const gateway = createScripted()
  const share = { share: true, userId: 'alice', timing: { tabMs: 1_000 } }
  const first = open(t, gateway, { ...share, token: () => null })
  const second = open(t, gateway, { ...share, token: () => null })
  for (let i = 0; i < 5; i++) await pass(1_000)
  for (const { client } of [first, second]) t.equal(client.state.state, 'closed')
  const fresh = open(t, gateway, { ...share, token: () => tokenFor('alice') })
  for (let i = 0; i < 5; i++) await pass(1_000)
  for (const { client } of [first, second, fresh]) t.equal(client.state.state, 'live')
  t.equal(gateway.lines.length, 1)
  for (const { client } of [first, second, fresh]) client.close()
})

for (const how of ['throws', 'breaks off']) {
  t.test(`[DOWN-3] a loop that ${how} loses nothing that it was not given: the next one goes on`, async t => {
    const [gateway, storage] = [createScripted(), createListed()]
    const { client } = open(t, gateway, { storage })
    await pass(1)
    const seen: string[] = []
    async function loop (last: string) {
      for await (const { type, data } of client) {
        if (type !== 'command') continue
        seen.push(data.name)
        if (data.name !== last) continue
        if (how === 'throws') throw new Error(last)
        break
      }
    }
    const running = loop('3').catch(() => undefined)
    gateway.say(...[1, 2, 3, 4, 5].map(n => gateway.cmd(String(n), {}, `1-${n}`)))
    await running
    gateway.say(gateway.cmd('6', {}, '1-6'))
    await turn()
    t.equal(storage.of('cursor'), '1-3', 'not past what nobody has handled')
    const next = loop('7')
    gateway.say(gateway.cmd('7', {}, '1-7'))
    await next.catch(() => undefined)
    t.same(seen, ['1', '2', '3', '4', '5', '6', '7'])
  })
}

t.test('[DOWN-3] what no loop follows is let go: there are listeners instead', async t => {
  const [gateway, storage] = [createScripted(), createListed()]
  const { client } = open(t, gateway, { storage })
  await pass(1)
  const loop = (async () => { for await (const { type } of client) if (type === 'command') break })()
  gateway.say(gateway.cmd('1', {}, '1-1'), gateway.cmd('2', {}, '1-2'))
  await loop
  for (let n = 3; n < 2_000; n++) gateway.say(gateway.cmd(String(n), {}, `1-${n}`))
  await turn()
  t.equal(storage.of('cursor'), '1-1999')
})

t.test('[DOWN-3] behind a loop that was too slow nothing counts as handled: the next connect() has it again', async t => {
  const [gateway, storage] = [createScripted(), createListed()]
  const { client } = open(t, gateway, { storage })
  await pass(1)
  const events = client[Symbol.asyncIterator]()
  const first = events.next()
  gateway.say(gateway.cmd('0', {}, '1-1'))
  await first
  for (let n = 2; n < 1_100; n++) gateway.say(gateway.cmd(String(n), {}, `1-${n}`))
  await turn()
  await t.rejects(events.next(), { code: 'TOO_SLOW', message: /connect\(\)/ })
  gateway.say(gateway.cmd('more', {}, '1-2000'))
  await turn()
  t.equal(storage.of('cursor'), '1-0', 'the first is in the loop')
})
