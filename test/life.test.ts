// Who is there: connect and disconnect, and the grace between. docs/protocol.md section 7.
import t from 'tap'
import { keys } from '../src/store/keys.js'
import { eventsOf, saidOf, untilSaid } from './helper/events.js'
import { startIris } from './helper/iris.js'
import { alive, both, heartbeat, listening, startPair } from './helper/life.js'
import { pollOnce } from './helper/poll.js'
import { until } from './helper/user.js'

const { a, b, env, on, graceOver } = await startPair(t)

t.test('[LIFE-1] [LIFE-3] connect and disconnect are events: in order, with who, where and why, numbered per user', async t => {
  const bob = await a.user(t)
  const stream = await listening(bob, 'web-1')
  await stream.cut()
  t.same(await untilSaid(b, bob, 'user.offline'), [...both, 'terminal.disconnected LINK_CLOSE', 'user.offline'])
  const all = await eventsOf(b, bob)
  t.same(all.map(({ n }) => n), [1, 2, 3, 4])
  for (const event of all) {
    t.match(event, { userId: bob.userId, terminalId: 'web-1', platform: 'web', node: 'a', traceId: /^\S+$/, ts: Number })
  }
  t.equal(new Set(all.map(({ traceId }) => traceId)).size, 1, 'the trace of the attach')
  await listening(bob, 'web-1')
  t.same((await eventsOf(b, bob)).slice(4).map(({ type, n }) => [type, n]), [['user.online', 5], ['terminal.connected', 6]])
})

t.test('[LIFE-3] who comes back within the grace was never gone, on this node or another', async t => {
  const bob = await a.user(t)
  await (await listening(bob)).cut()
  await (await listening(bob)).cut()
  await listening(on(t, b, bob))
  await alive([() => heartbeat(bob)], () => graceOver(t))
  t.same(await saidOf(a, bob), both)
})

t.test('[LIFE-1] a terminal with two connections is there while one of them is', async t => {
  const bob = await a.user(t)
  const [one, , other] = [await listening(bob), await listening(bob), await listening(on(t, b, bob))]
  await one.cut()
  await other.cut()
  await alive([() => heartbeat(bob)], () => graceOver(t))
  t.same(await saidOf(a, bob), both)
})

t.test('[LIFE-3] a user of two terminals is offline after the last of them only', async t => {
  const bob = await a.user(t)
  const [one, two] = [await listening(bob, 'one'), await listening(on(t, b, bob), 'two')]
  await one.cut()
  await alive([() => heartbeat(bob, {}, 'two')], () => untilSaid(a, bob, 'terminal.disconnected LINK_CLOSE'))
  t.same(await saidOf(a, bob), [...both, 'terminal.connected', 'terminal.disconnected LINK_CLOSE'])
  await two.cut()
  t.same((await untilSaid(a, bob, 'user.offline')).slice(4), ['terminal.disconnected LINK_CLOSE', 'user.offline'])
})

t.test('[LIFE-1] a terminal that is removed in its grace is gone for good, once', async t => {
  const bob = await a.user(t)
  const few = await startIris(t, { env: { ...env, IRIS_NODE_ID: 'few', IRIS_LIMIT_TERMINALS: '1' }, redisPath: a.redisPath })
  const there = on(t, few, bob)
  await (await listening(there, 'one')).cut()
  await until(async () => await a.redis.hlen(keys.routes(bob.userId)) === 0 || undefined)
  await listening(there, 'two')
  await alive([() => heartbeat(bob, {}, 'two')], () => graceOver(t))
  t.same(await saidOf(a, bob), [...both, 'terminal.disconnected LINK_CLOSE', 'terminal.connected'])
})

t.test('[KICK-1] a terminal that is kicked between two polls is gone at once, and by that reason', async t => {
  const slow = await startIris(t, { env: { ...env, IRIS_NODE_ID: 'slow', IRIS_LIMIT_GRACE_SEC: '60' }, redisPath: a.redisPath })
  const bob = await slow.user(t)
  t.equal(
    (await pollOnce(`${slow.url}/v1/down/poll`, { headers: { authorization: `Bearer ${bob.token}` }, query: { timeoutMs: '0' } })).status,
    200
  )
  t.equal((await slow.server('POST', `users/${bob.userId}/kick`, { reason: 'testing' })).status, 200)
  t.same(await saidOf(a, bob), [...both, 'terminal.disconnected KICKED'])
})

t.test('[LIFE-3] a node that ends in order: its terminals are gone after the grace, unless they come back elsewhere', async t => {
  const c = await startIris(t, { env: { ...env, IRIS_NODE_ID: 'c' }, redisPath: a.redisPath })
  const [bob, carol] = [await c.user(t), await c.user(t)]
  const streams = [await listening(bob), await listening(carol)]
  await c.app.close()
  for (const stream of streams) t.match((await stream.next('IRIS.BYE')).data.data, { code: 4200 })
  const elsewhere = on(t, a, carol)
  await listening(elsewhere)
  t.same(await alive([() => heartbeat(elsewhere)], () => untilSaid(a, bob, 'user.offline')), [
    ...both, 'terminal.disconnected SERVER', 'user.offline'
  ])
  t.same(await saidOf(a, carol), both)
})
