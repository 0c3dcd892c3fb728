// Leases: what renews them, and what happens when they end. docs/protocol.md section 7.
import t from 'tap'
import { keys, partition } from '../src/store/keys.js'
import { HOUR_MS } from './helper/clock.js'
import { eventsOf, saidOf, untilSaid } from './helper/events.js'
import { startIris } from './helper/iris.js'
import { alive, both, heartbeat, listening, startPair } from './helper/life.js'
import { upTo } from './helper/sse.js'
import { until } from './helper/user.js'
import { openWs } from './helper/ws.js'

const { a, b, on, graceOver } = await startPair(t)

t.test('[LIFE-2] without heartbeat or command the terminal is offline, however open its socket looks: BYE 4204', async t => {
  const bob = await a.user(t)
  const stream = await listening(bob)
  t.match((await stream.next('IRIS.BYE')).data.data, { code: 4204, reconnect: 'backoff', retryAfterMs: Number })
  await stream.ended
  t.same(await untilSaid(b, bob, 'user.offline'), [...both, 'terminal.disconnected TIMEOUT', 'user.offline'])
  const [, , gone, offline] = await eventsOf(b, bob)
  t.ok(Number(offline?.ts) - Number(gone?.ts) >= 1_000, 'the grace lies between')
})

t.test('[LIFE-2] the pongs of a WebSocket hold nobody: a browser sends them whether anybody is there or not', async t => {
  const bob = await a.user(t)
  const { socket, next, cut } = await openWs(`${a.url}/v1/ws`, { headers: { authorization: `Bearer ${bob.token}` } })
  t.teardown(cut)
  const pongs = setInterval(() => socket.pong(), 200)
  t.match((await next('IRIS.BYE')).data.data, { code: 4204 })
  clearInterval(pongs)
  t.same(await untilSaid(b, bob, 'user.offline'), [...both, 'terminal.disconnected TIMEOUT', 'user.offline'])
})

t.test('[LIFE-3] who comes back after a timeout before the grace is over was never offline', async t => {
  const bob = await a.user(t)
  const stream = await listening(bob)
  await stream.next('IRIS.BYE')
  await listening(on(t, b, bob))
  await alive([() => heartbeat(bob)], () => graceOver(t))
  t.same(await saidOf(a, bob), [...both, 'terminal.disconnected TIMEOUT', 'terminal.connected'])
})

t.test('[LIFE-2] a heartbeat on any node, and any other command, renew the lease', async t => {
  const [bob, carol, dave] = [await a.user(t), await a.user(t), await a.user(t)]
  await Promise.all([bob, carol, dave].map(user => listening(user)))
  const answer = await heartbeat(on(t, b, bob))
  t.match(answer, { status: 200, body: { leaseSec: 3, serverTime: Number } })
  await alive([() => heartbeat(on(t, b, bob)), () => carol.time({})], () => untilSaid(a, dave, 'terminal.disconnected TIMEOUT'))
  for (const user of [bob, carol]) t.same(await saidOf(a, user), both)
})

t.test('[LIFE-2] signs of life do not hold who has closed his last connection', async t => {
  const bob = await a.user(t)
  await (await listening(bob)).cut()
  await alive([() => heartbeat(bob)], () => untilSaid(a, bob, 'user.offline'))
  t.same(await saidOf(a, bob), [...both, 'terminal.disconnected LINK_CLOSE', 'user.offline'])
  await heartbeat(bob)
  await graceOver(t)
  t.equal((await saidOf(a, bob)).length, 4, 'nor does a heartbeat connect')
})

t.test('[LIFE-2] a sweep closes the stream of a terminal whose lease is gone, should its close have been lost', async t => {
  const bob = await a.user(t)
  const stream = await listening(bob)
  await a.redis.zrem(keys.leases(partition(bob.userId)), `${bob.userId}/default`)
  a.redis.disconnect(true) // it sweeps when it is back
  t.match((await stream.next('IRIS.BYE')).data.data, { code: 4204 })
})

t.test('[LIFE-2] 500 heartbeats are told in one pipeline per interval, a ZADD per terminal', async t => {
  const counted = await startIris(t, { env: { IRIS_LIMIT_LEASE_SEC: '8' } }) // told every 2 s
  const users = await Promise.all(upTo(10).map(() => counted.user(t)))
  for (const user of users) await listening(user)
  const calls = async () => Number(/cmdstat_zadd:calls=(\d+)/.exec(await counted.redis.info('commandstats'))?.[1])
  const leases = async () =>
    await Promise.all(users.map(({ userId }) => counted.redis.zscore(keys.leases(partition(userId)), `${userId}/default`)))
  const [before, first, began] = [await calls(), await leases(), Date.now()]
  for (let i = 0; i < 50; i++) await Promise.all(users.map(user => heartbeat(user)))
  await until(async () => (await leases()).every((end, i) => Number(end) > Number(first[i])) || undefined)
  const intervals = Math.ceil((Date.now() - began) / 2_000) + 1
  t.ok(await calls() - before <= intervals * users.length, 'not one per heartbeat')
})

t.test('[LIFE-2] [LIFE-3] [TIME-1] a lease from before Redis\' clock went ' +
  'back ends as one that begins now, and so does a grace', async t => {
  const [bob, carol, dave] = [await a.user(t), await a.user(t), await a.user(t)]
  await Promise.all([bob, carol, dave].map(user => listening(user)))
  for (const { userId } of [bob, carol, dave]) {
    await a.redis.zadd(keys.leases(partition(userId)), 'XX', Date.now() + HOUR_MS, `${userId}/default`)
  }
  // as the reaper finds it then
  await a.redis.set(keys.reaper, `${Date.now() + HOUR_MS} ${Date.now() - HOUR_MS}`)
  await alive([() => heartbeat(dave)], async () => {
    for (const user of [bob, carol]) {
      t.same(await untilSaid(b, user, 'user.offline'), [...both, 'terminal.disconnected TIMEOUT', 'user.offline'])
    }
  })
  t.same(await saidOf(a, dave), both)
  t.ok(Number(await a.redis.zscore(keys.leases(partition(dave.userId)), `${dave.userId}/default`)) < Date.now() + 10_000,
    'who is seen has a lease like any other')
})
