// Long-poll: its answers, its limits, its ends. docs/protocol.md section 4.
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { startIris } from '../helper/iris.js'
import { pollOnce, waitingAt } from '../helper/poll.js'
import { seqsOf, upTo } from '../helper/sse.js'
import { dm, granted, until, type User } from '../helper/user.js'

const iris = await startIris(t)
const url = `${iris.url}/v1/down/poll?terminalId=p`
const poll = async (user: User, cursor?: string, query: Record<string, string> = {}) =>
  await pollOnce(url, { headers: { authorization: `Bearer ${user.token}` }, cursor, query })

t.test('[POLL-1] answered at once with timeoutMs 0, with the cursor at which the next one begins', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const first = await poll(bob, undefined, { timeoutMs: '0' })
  t.match([first.status, first.headers.get('cache-control'), first.headers.get('content-type')], [200, 'no-store', /^application\/json/])
  t.match(first.body, { events: [], cursor: /^\d+-0$/, more: false, traceId: first.headers.get('trace-id') })
  t.notOk('recovered' in first.body)
  await alice.send(bob, 'hi')
  const second = await poll(bob, first.body.cursor, { timeoutMs: '0' })
  t.match(second.body, { recovered: true, events: [{ event: 'MSG_DOWN', id: second.body.cursor, data: { seq: 1, source: 'replay' } }] })
  t.same((await poll(bob, second.body.cursor, { timeoutMs: '0' })).body.events, [])
})

t.test('[POLL-1] an event ends the wait; without one the answer is empty, with the same cursor', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const { body: { cursor } } = granted(await poll(bob, undefined, { timeoutMs: '0' }))
  const waiting = poll(bob, cursor)
  await until(async () => (await iris.redis.keys(`*TERMINALS:${bob.userId}:ROUTES`)).length > 0 || undefined)
  await alice.send(bob, 'now')
  const { body } = await waiting
  t.match(body.events, [{ event: 'MSG_DOWN', data: { content: { text: 'now' } } }])
  const empty = await poll(bob, body.cursor, { timeoutMs: '50' })
  t.match(empty.body, { events: [], cursor: body.cursor, recovered: true })
})

t.test('[POLL-1] [ATTACH-4] a limit cuts exactly: the next poll goes on behind it', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  let { body: { cursor } } = await poll(bob, undefined, { timeoutMs: '0' })
  for (const i of upTo(25)) await alice.send(bob, `${i}`)
  const seen: number[][] = []
  for (let more = true; more;) {
    const { body } = await poll(bob, cursor, { timeoutMs: '0', limit: '7' })
    seen.push(seqsOf(body.events, dm(alice, bob)))
    t.ok(body.events.length <= 7)
    ;({ cursor, more } = body)
  }
  t.same(seen.flat(), upTo(25))
  t.same(seen.slice(0, 3).map(({ length }) => length), [7, 7, 7])
})

t.test('[ATTACH-3] what is in the boxes does not count against the limit', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  for (const i of upTo(12)) await alice.send(bob, `${i}`)
  const { body } = await poll(bob, undefined, { timeoutMs: '0', limit: '1' })
  t.same(seqsOf(body.events, dm(alice, bob)), upTo(12))
  t.match(body, { more: false, cursor: /-12$/ })
})

t.test('[ATTACH-1] a cursor that cannot be served: `reset` says so, and what is unread comes', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  await alice.send(bob, 'unread')
  const { body } = await poll(bob, 'rubbish')
  t.match(body, {
    recovered: false,
    reset: { reason: 'malformed', conversations: [{ unread: 1 }] },
    events: [{ data: { source: 'mailbox' } }],
    cursor: /-1$/
  })
})

t.test('[POLL-1] several polls of one terminal are all served, those beyond the limit of connections end with an empty answer', async t => {
  const few = await startIris(t, { env: { IRIS_LIMIT_CONNECTIONS: '2' } })
  const [alice, bob] = [await few.user(t), await few.user(t)]
  const ask = async (cursor?: string, timeoutMs = '25000') => (await pollOnce(`${few.url}/v1/down/poll?terminalId=p`, {
    headers: { authorization: `Bearer ${bob.token}` },
    cursor,
    query: { timeoutMs }
  })).body
  const { cursor } = await ask(undefined, '0')
  const waiting = [ask(cursor), ask(cursor), ask(cursor)]
  t.match(await Promise.race(waiting), { events: [], cursor, more: false }, 'one of three')
  await alice.send(bob, 'hi')
  t.same((await Promise.all(waiting)).map(({ events }) => events.length).sort(), [0, 1, 1])
})

t.test('a client that leaves ends its poll, not its session', async t => {
  const bob = await iris.user(t)
  const { body: { cursor } } = granted(await poll(bob, undefined, { timeoutMs: '0' }))
  const { port } = iris.app.server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1', () => socket.write(
    `GET /v1/down/poll?terminalId=gone&lastEventId=${cursor} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${bob.token}\r\n\r\n`
  ))
  await until(async () => await waitingAt(iris) === 1 || undefined)
  socket.destroy()
  await until(async () => await waitingAt(iris) === 0 || undefined)
  t.equal(await iris.redis.hexists(
    keys.routes(bob.userId), (await iris.redis.hkeys(keys.routes(bob.userId))).find(route => route.endsWith('/gone')) ?? ''
  ), 1)
})

t.test('[SSE-1] the end of the server ends a poll with 200, nothing lost', async t => {
  const other = await startIris(t)
  const [alice, bob] = [await other.user(t), await other.user(t)]
  const ask = async (cursor?: string) => await pollOnce(`${other.url}/v1/down/poll`, {
    headers: { authorization: `Bearer ${bob.token}` },
    cursor,
    query: cursor === undefined ? { timeoutMs: '0' } : {}
  })
  const { body: { cursor } } = granted(await ask())
  await alice.send(bob, 'before')
  const waiting = ask((await ask(cursor)).body.cursor)
  await until(async () => await waitingAt(other) === 1 || undefined)
  await other.app.close()
  t.match(await waiting, { status: 200, body: { events: [] } })
})

t.test('bad queries name the field', async t => {
  const bob = await iris.user(t)
  for (const [name, value] of [
    ['timeoutMs', '-1'], ['timeoutMs', '30001'], ['timeoutMs', 'x'], ['limit', '0'], ['limit', '101'], ['colour', '1'], ['token', bob.token]
  ] as const) {
    t.match(await poll(bob, undefined, { [name]: value }), {
      status: 400,
      body: { code: 'INVALID_QUERY', errors: [{ pointer: `/${name}` }] }
    }, name)
  }
  t.equal((await fetch(url)).status, 401)
})
