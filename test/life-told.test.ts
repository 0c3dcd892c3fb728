// A node is told that a lease has ended which its terminal has outlived. docs/protocol.md section 7, [LIFE-2].
// Leases last longer than a slow machine takes for the rest of a test.
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { keys, partition } from '../src/store/keys.js'
import { saidOf } from './helper/events.js'
import { type Iris, startIris } from './helper/iris.js'
import { alive, both, heartbeat, listening } from './helper/life.js'
import { startRedis } from './helper/redis.js'
import { layRedisWire } from './helper/redis-wire.js'
import { until, type User } from './helper/user.js'

const server = await startRedis(t)
const env = { IRIS_LIMIT_LEASE_SEC: '10', IRIS_LIMIT_GRACE_SEC: '5' }
const a = await startIris(t, { env: { ...env, IRIS_NODE_ID: 'a' }, redisPath: server.path })

const TIMED_OUT = 'terminal.disconnected TIMEOUT'

/** Somebody who listens at a node, and has given a sign of life. */
async function someoneAt (node: Iris, t: Test) {
  const bob = await node.user(t)
  const stream = await listening(bob)
  await heartbeat(bob)
  return { bob, stream }
}

/** Ends his lease in the store, until its end is noticed. He gives no sign of life meanwhile, so that none makes it last again. */
const leaseEnds = ({ userId }: User) => until(async () => {
  await server.redis.zadd(keys.leases(partition(userId)), 'XX', 1, `${userId}/default`)
  return (await saidOf(a, { userId })).includes(TIMED_OUT) || undefined
})

// no lease is found ended before the nodes have run for as long as one
await leaseEnds((await someoneAt(a, t)).bob)

t.test('[LIFE-2] a node is told of an end that its terminal has outlived: it is there again at once, without a sweep', async t => {
  const { bob, stream } = await someoneAt(a, t)
  await leaseEnds(bob)
  t.same(await until(async () => {
    const said = await saidOf(a, bob)
    return said.length >= 4 ? said : undefined
  }), [...both, TIMED_OUT, 'terminal.connected'])
  t.equal(stream.isOver, false)
})

t.test('[LIFE-2] the store is late just when a node is told of such an end: ' +
  'it tries again soon, and does not wait for the sweep', async t => {
  const wire = await layRedisWire(t, server.path)
  const { bob, stream } = await someoneAt(await startIris(t, { env: { ...env, IRIS_NODE_ID: 'c' }, redisPath: wire.url }), t)
  wire.commands.delayMs = 1_700 // longer than a command is waited for
  await leaseEnds(bob)
  await pause(1_800) // by then it was told, and has tried
  wire.commands.delayMs = 0
  await alive([() => heartbeat(bob)], () => until(async () => (await saidOf(a, bob)).at(-1) === 'terminal.connected' || undefined))
  t.equal(stream.isOver, false)
})
