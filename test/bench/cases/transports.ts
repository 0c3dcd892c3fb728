// Case 7: 1:1 messages over the other transports: WebSocket up and down, and POST up with long-poll down.
import type { Sample } from '../iris.js'
import { named, SOCKETS } from '../plan.js'
import { type Row, summary } from '../report.js'
import { throughput, type World } from './messages.js'

/** Measures one transport after the other, with durability disk, at the scale of case 2. */
export async function measureTransports ({ bench, plan, base }: World): Promise<Row[]> {
  await bench.durability('disk')
  const rows: Row[] = []
  for (const transport of ['ws', 'poll'] as const) {
    const iris = await bench.startIris()
    const users = named(transport, plan.users)
    await iris.attach(users, transport)
    const send = async (seconds: number) =>
      await iris.run({ kind: 'direct', users, fanOut: 1, sockets: SOCKETS, seconds, byWebSocket: transport === 'ws' })
    await send(plan.warmup)
    const samples: Sample[] = []
    for (let i = 0; i < plan.groupRounds; i++) samples.push(await send(plan.seconds))
    await iris.stop()
    const [p50, p99] = [summary(samples, 'p50'), summary(samples, 'p99')]
    rows.push(
      {
        what: `7. 1:1 messages/s, ${transport === 'ws' ? 'WebSocket up and down' : 'POST up, long-poll down'}`,
        ...throughput(samples, base)
      },
      {
        what: '   the same, from command to event, p50 / p99',
        value: `${p50.median.toFixed(1)} / ${p99.median.toFixed(1)} ms`,
        spread: `${p50.spread} / ${p99.spread}`
      }
    )
  }
  return rows
}
