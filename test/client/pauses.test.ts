// When what has failed is tried again: as the server says, else after pauses of one's own that grow; and what ends these.
import t, { type Test } from 'tap'
import { connectClient } from '../helper/client.js'
import { createScripted, refusal } from '../helper/scripted.js'
import { noLocks, stopTime } from '../helper/stopped.js'

const { pass, turn } = stopTime(t)
const SECOND = 1_000
const MINUTE = 60 * SECOND
const away = () => { throw new TypeError('fetch failed') }

/** A client in a page that shares its connection among tabs, or alone; how often it has asked since it was asked last. */
async function open (t: Test, share: boolean) {
  const gateway = createScripted()
  const { client, seen } = connectClient(t, gateway.iris, 'alice', { ...gateway.options, share, transports: ['sse'] })
  await turn()
  await pass(1)
  const asked = (path: string) => {
    const found = gateway.requests.filter(request => request.path === path).length
    gateway.requests.length = 0
    return found
  }
  return { gateway, client, seen, asked, send: (text: string) => { client.send('bob', text).catch(() => undefined) } }
}

for (const share of [false, true]) {
  const where = share ? 'of a browser with tabs' : 'alone'

  t.test(`${where}: what is to come later is sent then, whatever is written meanwhile`, { skip: share && noLocks }, async t => {
    const { gateway, client, asked, send } = await open(t, share)
    gateway.answers.set('/v1/up/msg', () => refusal('OVERLOADED', { 'Retry-After': '40' }))
    send('a')
    await pass(10 * SECOND)
    send('b')
    await pass(29 * SECOND)
    t.equal(asked('/v1/up/msg'), 1)
    gateway.answers.clear()
    await pass(3 * SECOND)
    t.equal(asked('/v1/up/msg'), 2)
    t.same(client.outbox, [])
  })

  t.test(`${where}: when nobody answers the pauses grow`, { skip: share && noLocks }, async t => {
    const { gateway, asked, send } = await open(t, share)
    for (const path of ['/v1/up/msg', '/v1/down/events']) gateway.answers.set(path, away)
    send('a')
    await pass(MINUTE)
    t.ok(asked('/v1/up/msg') < 10)
    await pass(10 * MINUTE)
    t.ok(asked('/v1/up/msg') < 50)
  })

  t.test(`${where}: who is refused asks no more before somebody says so`, { skip: share && noLocks }, async t => {
    const { gateway, client, asked, send } = await open(t, share)
    for (const path of ['/v1/up/msg', '/v1/down/events']) gateway.answers.set(path, () => refusal('BAD_TOKEN'))
    gateway.lines[0]?.end()
    await pass(MINUTE)
    send('a')
    await pass(MINUTE)
    t.equal(client.state.state, 'closed')
    asked('/v1/up/msg')
    await pass(10 * MINUTE)
    t.equal(asked('/v1/up/msg'), 0)
    gateway.answers.clear()
    client.reconnect()
    await pass(SECOND)
    t.equal(asked('/v1/up/msg'), 1)
    t.same(client.outbox, [])
  })
}

/** A client whose way down ends, and is refused so for ten minutes: it waits for some time then. */
async function waiting (t: Test, refuse: () => Response, share = false) {
  const opened = await open(t, share)
  opened.gateway.answers.set('/v1/down/events', refuse)
  opened.gateway.lines[0]?.end()
  await pass(10 * MINUTE)
  t.equal(opened.client.state.state, 'waiting')
  opened.asked('')
  return opened
}

t.test('[DOWN-3] an answer shows that the gateway is there: what waits to be connected tries it at once, once until it is', async t => {
  const { gateway, client, asked, send } = await waiting(t, away)
  send('a')
  await turn()
  t.equal(asked('/v1/down/events'), 1)
  for (const text of ['b', 'c']) {
    send(text)
    await turn()
  }
  t.equal(asked('/v1/down/events'), 0, 'this way may stay shut')
  gateway.answers.clear()
  await pass(MINUTE)
  t.equal(client.state.state, 'live')
  gateway.answers.set('/v1/down/events', away)
  gateway.lines.at(-1)?.end()
  await pass(10 * MINUTE)
  gateway.answers.clear()
  send('d')
  await turn()
  t.equal(client.state.state, 'live')
})

t.test('[DEADLINE-2] an answer to something else ends no pause that the server has asked for', async t => {
  const { asked, send } = await waiting(t, () => refusal('NOT_READY', { 'Retry-After': '700' }))
  send('a')
  await turn()
  t.equal(asked('/v1/down/events'), 0)
})

t.test('[DOWN-3] an answer to another tab shows it, too', { skip: noLocks }, async t => {
  const { asked } = await waiting(t, away, true)
  const other = new BroadcastChannel('iris:gateway.example:alice:')
  t.teardown(() => other.close())
  const message = { conversationId: 'dm.alice.bob', seq: 1, msgId: 'm-1', from: 'alice', type: 'text', clientMsgId: 'c' }
  other.postMessage({ event: 'MSG_DOWN', data: message })
  for (let i = 0; i < 20; i++) await turn()
  t.equal(asked('/v1/down/events'), 1)
})
