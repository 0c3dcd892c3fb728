// One deadline a request, whatever the store does. docs/protocol.md section 3, "Answers".
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { operations } from '../src/app.js'
import { SERVER_KEY, startIris } from './helper/iris.js'
import { pollOnce } from './helper/poll.js'
import { startRedis } from './helper/redis.js'
import { openSse, upTo } from './helper/sse.js'
import { tokenOf } from './helper/token.js'
import { granted, until } from './helper/user.js'
import { startWay } from './helper/way.js'
import { openWs } from './helper/ws.js'

/** 2.5 s, and what a busy machine adds; without a deadline the longest take twelve, and a crowd of polls more than twenty. */
const IN_TIME_MS = 7_000
// they wait more than they work
t.jobs = 4

/** An Iris behind a way to its Redis that may become long. Alice and Bob talk, and have a group. */
async function setUp (t: Test, env: Record<string, string> = {}) {
  const store = await startRedis(t)
  const way = await startWay(t, store.path)
  const iris = await startIris(t, { redisPath: way.path, env })
  await until(async () => (await fetch(`${iris.url}/readyz`)).ok || undefined)
  const [alice, bob] = [await iris.user(t, 'alice'), await iris.user(t, 'bob')]
  await iris.server('PUT', 'conversations/g.support-7', {
    members: [{ userId: 'alice', role: 'owner' }, { userId: 'bob', role: 'member' }]
  })
  for (let i = 0; i < 3; i++) await alice.send(bob, `m${i}`)
  t.teardown(() => way.delay(0))
  return { way, iris, alice, bob, authorization: { authorization: `Bearer ${alice.token}` } }
}

/** @returns what it came to, and whether in time. */
async function timed<T> (work: Promise<T>): Promise<{ result: T, inTime: boolean }> {
  const began = performance.now()
  const result = await work
  return { result, inTime: performance.now() - began < IN_TIME_MS }
}

t.test('[DEADLINE-1] with a Redis at 1.4 s every operation is answered in time; what it refuses may be retried', {
  buffered: true
}, async t => {
  const { way, iris, alice } = await setUp(t)
  way.delay(1_400)
  const users = upTo(60).map(n => `u${n}`)
  const long: Record<string, object> = {
    IRIS_CMD_SEND: { clientCmdId: 'c-long', name: 'x', to: { users: ['bob', ...users] }, mode: 'reliable' },
    REST_READ_NUM_AND_LAST_MSG: { items: [{ conversationId: 'dm.alice.bob' }, { conversationId: 'g.support-7' }] },
    sendNotice: { noticeId: 'n-long', users, content: { text: 'x' } }
  }
  const asked = operations.filter(({ name }) => name !== 'listEvents').map(async ({ name, method, path, auth, body, example }) => {
    const place = path.replace('{id}', path.includes('notices') ? 'n-1' : path.includes('users') ? 'carol' : 'g.support-7')
      .replace('{terminalId}', 'web').replace('{otherId}', 'bob')
    const authorization = `Bearer ${auth === 'server' ? SERVER_KEY : alice.token}`
    const sent = body && { body: JSON.stringify(long[name] ?? example.body) }
    const { result, inTime } = await timed(fetch(iris.url + place, {
      method,
      headers: { authorization, ...(body && { 'content-type': 'application/json' }) },
      ...sent
    }))
    const answer = await result.json() as Record<string, unknown>
    const isFine = result.status < 500 || result.status === 501 ||
      (result.status === 503 && answer['retryable'] === true && Number(result.headers.get('retry-after')) > 0)
    return { name, inTime, isFine }
  })
  const answers = await Promise.all(asked)
  t.same(answers.filter(({ inTime, isFine }) => !inTime || !isFine), [])
})

t.test('[DEADLINE-1] a frame, too; and a send whose outcome is unknown is stored once', { buffered: true }, async t => {
  const { way, iris, alice, bob, authorization } = await setUp(t)
  const ws = await openWs(`${iris.url}/v1/ws`, { headers: authorization })
  t.teardown(() => ws.cut())
  await ws.next('IRIS.READY')
  way.delay(1_700) // a send is one round trip
  const command = {
    up: 'IRIS_CMD_SEND',
    requestId: 'r-1',
    body: { clientCmdId: 'c-1', name: 'x', to: { users: ['bob'] }, mode: 'reliable' }
  }
  const answered = new Promise<Record<string, unknown>>(resolve => ws.socket.on('message', data => {
    const frame = JSON.parse((data as Buffer).toString()) as { requestId?: string, error?: Record<string, unknown> }
    if (frame.requestId === 'r-1') resolve(frame.error ?? {})
  }))
  ws.socket.send(JSON.stringify(command))
  const [frame, sent] = await Promise.all([timed(answered), timed(alice.send(bob, 'once', { clientMsgId: 'once' }))])
  t.match(frame, { inTime: true, result: { status: 503, code: 'STORE_UNAVAILABLE', retryable: true } })
  t.match(sent, { inTime: true, result: { status: 503, body: { code: 'STORE_UNAVAILABLE', retryable: true } } })
  way.delay(0)
  await pause(300) // what was under way has arrived
  t.match(await alice.send(bob, 'once', { clientMsgId: 'once' }), { status: 200, body: { seq: 4 } })
  t.match(await alice.send(bob, 'once', { clientMsgId: 'once' }), { status: 200, body: { seq: 4, duplicate: true } })
})

t.test('[DEADLINE-1] while Redis stalls polls and attaches are answered in time, however many come at once', {
  buffered: true
}, async t => {
  const { way, iris, authorization } = await setUp(t, { IRIS_LIMIT_ATTACHES: '4' })
  way.delay(Infinity)
  const polls = Promise.all(upTo(60).map(async n => {
    const headers = { authorization: `Bearer ${await tokenOf(`p${n}`)}` }
    return await timed(pollOnce(`${iris.url}/v1/down/poll`, { headers, query: { timeoutMs: '0' } }))
  }))
  const stream = timed(openSse(`${iris.url}/v1/down/events`, { headers: authorization })
    .then(async stream => await stream.next('IRIS.BYE')))
  const ws = timed(openWs(`${iris.url}/v1/ws`, { headers: authorization }).then(async ws => await ws.next('IRIS.BYE')))
  for (const { result: { status, headers }, inTime } of await polls) {
    if (status === 503 && inTime && Number(headers.get('retry-after')) > 0) continue
    t.match({ status, inTime }, { status: 503, inTime: true })
    break
  }
  for (const { result: { data }, inTime } of await Promise.all([stream, ws])) {
    t.match({ data: data.data, inTime }, { data: { code: /^420[25]$/, reconnect: 'backoff' }, inTime: true })
  }
})

t.test('[DEADLINE-1] a read that failed is tried again at once, not with the next sweep; a stream outlives the deadline of its attach', {
  buffered: true
}, async t => {
  const { way, alice, bob } = await setUp(t)
  for (let i = 0; i < 60; i++) await alice.send(bob, `unread${i}`)
  way.delay(100)
  const stream = await bob.listen()
  await stream.next('IRIS.HELLO') // unread messages are read by 16: several round trips are still to come
  way.delay(Infinity)
  await pause(2_600) // longer than any command, and any request
  way.delay(0)
  const { inTime } = await timed(stream.next('IRIS.READY'))
  t.ok(inTime)
  await alice.send(bob, 'live')
  t.match((await stream.next(({ data }) => (data['content'] as { text?: string } | undefined)?.text === 'live')).data, { source: 'live' })
})

t.test('[DEADLINE-1] a WebSocket has one deadline, its upgrade and its attach together', { buffered: true }, async t => {
  const { way, iris, alice } = await setUp(t)
  const { body: { ticket } } = granted(await alice.post('/v1/down/tickets', {}))
  way.delay(1_150)
  const ws = await openWs(`${iris.url}/v1/ws?ticket=${String(ticket)}`)
  t.teardown(() => ws.cut())
  t.match((await ws.next('CMD_DOWN')).data, { name: 'IRIS.BYE', data: { code: 4202 } }, '1.15 s for the ticket leave 1.05 s')
})
