// The streams are compared with the store when an answer of it was lost:
// not when it was not even asked, and not again and again. Section 6.
import { mock } from 'node:test'
import t from 'tap'
import { createSweeper } from '../../src/health/sweeper.js'
import { withDeadline } from '../../src/store/deadline.js'
import { createRedis } from '../../src/store/redis/redis.js'
import { quiet, startGateway } from '../helper/gateway.js'
import { startRedis } from '../helper/redis.js'
import { until } from '../helper/user.js'
import { startWay } from '../helper/way.js'

t.test('[DOWN-2] of many lost answers the first brings a sweep at once, the others one together', async t => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  let sweeps = 0
  const sweeper = createSweeper({ sweep: async () => { sweeps++ }, log: quiet })
  for (let i = 0; i < 10; i++) sweeper.lost()
  mock.timers.tick(1)
  t.equal(sweeps, 1)
  await new Promise(resolve => setImmediate(resolve))
  for (let i = 0; i < 10; i++) sweeper.lost()
  mock.timers.tick(4_000)
  t.equal(sweeps, 1)
  mock.timers.tick(1_000)
  t.equal(sweeps, 2)
  sweeper.stop()
})

t.test('[DEADLINE-1] [DOWN-2] a write that was refused before it was sent costs no sweep, one without an answer does', async t => {
  const server = await startRedis(t)
  const way = await startWay(t, server.path)
  const redis = createRedis(way.path)
  t.teardown(() => redis.disconnect())
  const { context: { deliver }, meter } = await startGateway(t, redis)
  const put = async (ms: number) => await withDeadline(async () => await deliver.item('CMD_BOX', 'bob', {
    id: `k${ms}`, draft: '{"cmdId":"k","name":"n"}', meta: { name: 'n' }, ttlMs: 60_000, everyTerminal: false, from: ''
  }), ms)
  t.equal(await put(2_000), 'stored')
  const before = meter.sweeps
  for (let i = 0; i < 3; i++) await t.rejects(put(0), { code: 'STORE_UNAVAILABLE' })
  way.delay(Infinity)
  await t.rejects(put(50), { message: 'Command timed out' })
  way.delay(0)
  await until(async () => meter.sweeps > before || undefined)
  t.equal(meter.sweeps, before + 1)
})
