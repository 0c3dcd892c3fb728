// Case 4: what an idle stream costs in memory, and how fast streams attach.
import type { Bench } from '../bench.js'
import { named, type Plan } from '../plan.js'
import type { Row } from '../report.js'
import { throughput } from './messages.js'

/** So many streams come and go first, so that compiled code and grown pools do not count as theirs. */
const WARM_UP = 500

/** Measures on an Iris of its own, whose memory nothing else has touched. */
export async function measureIdle (bench: Bench, plan: Plan, base: number): Promise<Row[]> {
  await bench.durability('disk')
  const iris = await bench.startIris()
  await iris.load.ask('attach', named('w', WARM_UP))
  await iris.load.ask('detach')
  const before = await iris.server.ask('memory')
  const redisBefore = await usedByRedis(bench)
  const attaching = await iris.attach(named('i', plan.idle))
  const after = await iris.server.ask('memory')
  const redisAfter = await usedByRedis(bench)
  await iris.stop()
  const each = (bytes: number) => `${(bytes / plan.idle / 1024).toFixed(1)} KB`
  return [
    { what: `4. memory of an idle stream of ${plan.idle}: RSS`, value: each(after.rss - before.rss) },
    { what: '   of that: heapUsed / external', value: `${each(after.heapUsed - before.heapUsed)} / ${each(after.external - before.external)}` },
    { what: '   and in Redis', value: each(redisAfter - redisBefore) },
    { what: `   attaching ${plan.idle} streams, streams/s`, ...throughput([attaching], base) }
  ]
}

async function usedByRedis ({ redis }: Bench): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1])
}
