// The client's life, hour by hour: heartbeats as a page is shown, hidden and left, tokens before and after their end.
import t, { type Test } from 'tap'
import type { Options } from '../../src/client/index.js'
import { connectClient } from '../helper/client.js'
import { createScripted, json, refusal, tokenFor } from '../helper/scripted.js'
import { noLocks, openPage, stopTime } from '../helper/stopped.js'

const MINUTE = 60_000
const DAY = 86_400_000
const { pass, turn } = stopTime(t)

/** A client of a gateway that is told what to say. */
function open (t: Test, gateway = createScripted(), options: Partial<Options> = {}) {
  return { gateway, ...connectClient(t, gateway.iris, 'alice', { ...gateway.options, ...options }) }
}

/** What heartbeats have said since the last question. */
function beats ({ requests }: ReturnType<typeof createScripted>) {
  const said = requests.filter(({ path }) => path === '/v1/up/heartbeat').map(({ body }) => body['state'])
  requests.length = 0
  return said
}

const times = (number: number, state: string) => Array.from({ length: number }, () => state)

t.test('[LIFE-2] a heartbeat at once and every 30 s, with how the page is seen; nothing once it is left', async t => {
  const page = openPage(t)
  const { gateway, client } = open(t)
  await pass(1)
  t.same(beats(gateway), ['foreground'], 'at once')
  await pass(10 * MINUTE)
  t.same(beats(gateway), times(20, 'foreground'))
  page.show(false)
  await turn()
  t.same(beats(gateway), ['background'], 'hidden: at once')
  await pass(60 * MINUTE, 5_000)
  t.same(beats(gateway), times(120, 'background'), 'it is there all the same, however long')
  page.show(false)
  await turn()
  t.same(beats(gateway), [], 'what it has said already is not said again')
  page.show(true)
  await turn()
  t.same(beats(gateway), ['foreground'], 'shown: at once')
  await pass(MINUTE)
  t.same(beats(gateway), times(2, 'foreground'))
  t.equal(gateway.lines.length, 1, 'all that time by one stream')

  page.happen('pagehide')
  await turn()
  t.match(client.state, { state: 'waiting', reason: 'the page is frozen' })
  t.equal(gateway.lines[0]?.isOver(), true)
  await pass(10 * MINUTE)
  t.equal(gateway.requests.length, 0, 'nothing runs in a page that is left')
  page.happen('pageshow')
  await pass(1)
  t.same(beats(gateway), ['foreground'], 'back by the button of the browser')
  t.equal(gateway.lines[1]?.query.get('lastEventId'), '1-0')
  client.close()
  page.show(false)
  await pass(MINUTE)
  t.equal(gateway.requests.length, 0, 'nothing once it is closed')
})

t.test('[LIFE-2] opened in the background; not live: no heartbeat; `lease`: none at all', async t => {
  const page = openPage(t, { isHidden: true })
  const { gateway, client } = open(t, createScripted(), { transports: ['sse'] })
  await pass(1)
  t.same(beats(gateway), ['background'])
  gateway.answers.set('/v1/down/events', () => refusal('NOT_READY', { 'Retry-After': '600' }))
  gateway.lines[0]?.end()
  await pass(MINUTE)
  beats(gateway)
  page.show(true)
  await pass(MINUTE)
  t.same(beats(gateway), [])
  client.close()

  const silent = open(t, createScripted(), { lease: 'socket' })
  await pass(10 * MINUTE)
  t.same(beats(silent.gateway), [])
  t.equal(silent.gateway.lines[0]?.query.get('lease'), 'socket')
  silent.client.close()
})

t.test('[LIFE-2] a page that is hidden is in the foreground as long as another tab of it is shown', { skip: noLocks }, async t => {
  openPage(t, { isHidden: true })
  const gateway = createScripted()
  const { client } = open(t, gateway, { share: true, timing: { tabMs: 1_000 } })
  const other = new BroadcastChannel('iris:gateway.example:alice:')
  t.teardown(() => other.close())
  const ask = async (visible: boolean) => {
    other.postMessage({ event: 'ASK', data: { visible, watched: [], isNew: false } })
    for (let i = 0; i < 20; i++) await turn()
  }
  await pass(1_000)
  t.same(beats(gateway), ['background'])
  await ask(true)
  t.same(beats(gateway), ['foreground'])
  for (let i = 0; i < 30; i++) {
    await pass(1_000)
    await ask(true)
  }
  t.same(beats(gateway), ['foreground'])
  for (let i = 0; i < 5; i++) {
    await ask(false)
    await pass(1_000)
  }
  t.same(beats(gateway), ['background'], 'hidden, too, or gone')
  client.close()
  await turn()
})

t.test('[LIFE-2] a heartbeat that was not heard says nothing later that is no longer so', async t => {
  const page = openPage(t)
  const { gateway, client } = open(t)
  await pass(1)
  const heard: unknown[] = []
  let isDown = true
  gateway.answers.set('/v1/up/heartbeat', ({ body }) => {
    if (isDown) return refusal('STORE_UNAVAILABLE', { 'Retry-After': '2' })
    heard.push(body['state'])
    return json({})
  })
  page.show(false)
  await turn()
  isDown = false
  page.show(true)
  await pass(20_000)
  t.same(heard, ['foreground'])
  client.close()
})

t.test('a token is renewed before its end by the server\'s clock, wherever this one stands, once for all who ask', async t => {
  for (const aheadMs of [0, DAY, -DAY]) {
    const gateway = createScripted()
    Object.assign(gateway.facts, { aheadMs })
    const end = Date.now() + aheadMs + 10 * MINUTE
    const askedAt: number[] = []
    const token = async () => {
      askedAt.push(Date.now() + aheadMs - end)
      await new Promise(resolve => setTimeout(resolve, 500))
      return tokenFor('alice', end + askedAt.length * 60 * MINUTE - 60 * MINUTE)
    }
    const { client } = open(t, gateway, { token, timing: { heartbeatMs: DAY } })
    await pass(9 * MINUTE)
    t.equal(askedAt.length, 1)
    t.equal(client.aheadMs, aheadMs)
    await Promise.all([client.conversations(), pass(25_000)])
    t.equal(askedAt.length, 1, 'not yet')
    await pass(6_000)
    const before = gateway.requests.length
    const calls = Promise.all(Array.from({ length: 5 }, async () => await client.conversations()))
    await pass(1000, 100)
    await calls
    t.equal(askedAt.length, 2, 'one for five')
    t.ok((askedAt[1] ?? 0) >= -30_000 && (askedAt[1] ?? 0) < 0, `${askedAt[1]} ms before its end`)
    await client.conversations()
    t.equal(new Set(gateway.requests.slice(before).map(({ token }) => token)).size, 2, 'then by the fresh one')
    await pass(5 * MINUTE)
    t.equal(askedAt.length, 2)
    client.close()
  }
})

t.test('a back end that gives no token for a while: the one that is good serves; at its end that is said, without a loop', async t => {
  const gateway = createScripted()
  const end = Date.now() + 10 * MINUTE
  let asked = 0
  const token = async () => {
    if (asked++) throw new Error('the back end is down')
    return tokenFor('alice', end)
  }
  const { client, seen } = open(t, gateway, { token })
  await pass(10 * MINUTE - 20_000)
  const list = client.conversations()
  await pass(1)
  t.same(await list, {}, 'it is good for 20 s')
  const before = asked
  t.ok(before <= 3, `${before} times asked so far`)
  for (const path of ['/v1/conversations', '/v1/up/heartbeat', '/v1/down/events', '/v1/up/msg']) {
    gateway.answers.set(path, () => refusal('TOKEN_EXPIRED'))
  }
  await pass(30_000)
  const refused = client.conversations().catch((error: unknown) => error)
  const sending = client.send('bob', 'waits').catch(() => undefined)
  await pass(MINUTE)
  t.match(await refused, { code: 'TOKEN', message: /token\(\) failed: Error: the back end is down/, retryable: true })
  t.match(seen.outbox.at(-1), { state: 'waiting', error: { code: 'TOKEN' } })
  t.ok(asked < before + 20, `${asked} times in a minute and a half`)
  gateway.say(gateway.cmd('IRIS.BYE', { code: 4101, reason: 'token expired', reconnect: 'login' }))
  await pass(10 * MINUTE)
  t.match(client.state, { state: 'waiting', error: { code: 'TOKEN' } })
  t.ok(asked < 200, `${asked} times in ten minutes`)
  client.close()
  await sending
})

t.test('a back end that always gives the token that it has given: no loop while it lives, a plain word once it is refused', async t => {
  const gateway = createScripted()
  const end = Date.now() + 2 * MINUTE
  let asked = 0
  const { client } = open(t, gateway, {
    token () {
      asked++
      return tokenFor('alice', end)
    }
  })
  await pass(2 * MINUTE, 500)
  t.ok(asked < 10, `${asked} times`)
  gateway.answers.set('/v1/down/events', () => refusal('TOKEN_EXPIRED'))
  gateway.say(gateway.cmd('IRIS.BYE', { code: 4101, reason: 'token expired', reconnect: 'login' }))
  await pass(1)
  t.match(client.state, { state: 'closed', error: { code: 'TOKEN_EXPIRED', message: /fresh token is refused, too/ } })
  const before = asked
  await pass(60 * MINUTE, MINUTE)
  t.equal(asked, before)
  client.close()
})

t.test('a token that ends in the middle: what was under way goes on with the next one, over all ways', async t => {
  for (const way of ['sse', 'websocket', 'eventsource', 'poll'] as const) {
    let asked = 0
    const tokens = [tokenFor('alice', Date.now() + DAY), tokenFor('alice', Date.now() + 2 * DAY)]
    const { gateway, client, seen } = open(t, createScripted(), { transports: [way], token: () => tokens[asked++] })
    await pass(1)
    for (const path of ['/v1/conversations', '/v1/up/msg', '/v1/down/poll', '/v1/down/events', '/v1/down/tickets']) {
      gateway.answers.set(path, ({ token }) => {
        if (token === tokens[0]) return refusal('TOKEN_EXPIRED')
        gateway.answers.delete(path)
        return refusal('NOT_READY', { 'Retry-After': '1' })
      })
    }
    const both = Promise.all([client.send('bob', 'hi'), client.conversations()])
    gateway.lines[0]?.end()
    if (way === 'poll') client.reconnect()
    await pass(10_000)
    await both
    t.match(client.state, { state: 'live', transport: way })
    t.equal(asked, 2)
    t.equal(seen.message.length, 1)
    client.close()
  }
})
