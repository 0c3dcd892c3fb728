// Case 4: what an idle connection of each transport costs in memory, and how fast they attach.
import type { Bench } from '../bench.js'
import type { Transport } from '../load.js'
import { named } from '../plan.js'
import type { Row } from '../report.js'
import { throughput, type World } from './messages.js'

/** So many connections come and go first, so that compiled code and grown pools do not count as theirs. */
const WARM_UP = 500

const names: Record<Transport, string> = { sse: 'SSE stream', ws: 'WebSocket', poll: 'waiting long-poll' }

/** Measures each transport on an Iris of its own, whose memory nothing else has touched. */
export async function measureIdle (world: World): Promise<Row[]> {
  await world.bench.durability('disk')
  const rows: Row[] = []
  for (const transport of ['sse', 'ws', 'poll'] as const) rows.push(...await measureTransport(transport, world))
  return rows
}

async function measureTransport (transport: Transport, { bench, plan: { idle }, base }: World): Promise<Row[]> {
  const iris = await bench.startIris()
  await iris.attach(named(`warm-${transport}-`, WARM_UP), transport)
  await iris.load.ask('detach')
  await iris.holds(transport, 0)
  const before = await iris.server.ask('memory')
  const redisBefore = await usedByRedis(bench)
  const attaching = await iris.attach(named(`idle-${transport}-`, idle), transport)
  await iris.holds(transport, idle)
  const after = await iris.server.ask('memory')
  const redisAfter = await usedByRedis(bench)
  await iris.holds(transport, idle)
  await iris.stop()
  const each = (bytes: number) => `${(bytes / idle / 1024).toFixed(1)} KB`
  return [
    { what: `4. memory of an idle ${names[transport]} of ${idle}: RSS`, value: each(after.rss - before.rss) },
    {
      what: '   of that: heapUsed / external',
      value: `${each(after.heapUsed - before.heapUsed)} / ${each(after.external - before.external)}`
    },
    { what: '   and in Redis', value: each(redisAfter - redisBefore) },
    { what: `   attaching them fresh, ${names[transport]}s/s`, ...throughput([attaching], base) }
  ]
}

async function usedByRedis ({ redis }: Bench): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1])
}
