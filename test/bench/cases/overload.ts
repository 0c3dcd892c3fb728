// Case 10: more messages than the server can do: how many it does all the same, how late, and how soon it refuses the rest. [DEADLINE-2]
import { startChild } from '../child.js'
import type { Iris } from '../iris.js'
import type { NeighbourVerbs } from '../neighbour.js'
import { named, SOCKETS } from '../plan.js'
import { digits, type Row } from '../report.js'
import type { World } from './messages.js'

/** A connection for each request that is under way, or a few on which requests are sent without waiting for answers. */
type Form = 'apart' | 'pipelined'
const PIPES = 8

interface Load { times: number, form: Form, isBeside: boolean }
const loads: Load[] = [
  ...[0.5, 1, 2, 3].map(times => ({ times, form: 'apart' as const, isBeside: false })),
  ...[1, 2].map(times => ({ times, form: 'apart' as const, isBeside: true })),
  ...[1, 2].map(times => ({ times, form: 'pipelined' as const, isBeside: false }))
]

type Poured = Awaited<ReturnType<typeof pour>>

/** Measures what the server can do, then offers it parts and multiples of that, whatever it answers; at the end beside other work. */
export async function measureOverload ({ bench, plan, base }: World): Promise<Row[]> {
  await bench.durability('disk')
  const iris = await bench.startIris()
  const neighbour = await startChild<NeighbourVerbs>('neighbour.js')
  const users = named('over', plan.users)
  await iris.attach(users)
  const most = async (sockets: number, seconds: number) => (await iris.run({ kind: 'direct', users, fanOut: 1, sockets, seconds })).perSec
  await most(SOCKETS, plan.warmup)
  const seconds = plan.overload.seconds / 2
  const capacity = { apart: await most(SOCKETS, seconds), pipelined: await most(PIPES, seconds) }
  const rows: Row[] = [
    {
      what: '10. overload: 1:1 messages/s as fast as they are answered',
      value: digits(capacity.apart),
      ratio: (capacity.apart / base).toFixed(2)
    },
    { what: `11. the same over ${PIPES} connections`, value: digits(capacity.pipelined), ratio: (capacity.pipelined / base).toFixed(2) }
  ]
  for (const load of loads) {
    await iris.rests()
    if (load.isBeside) await neighbour.ask('start')
    const full = capacity[load.form]
    rows.push(...rowsOf(load, full, await pour(iris, { ...plan.overload, users, rate: load.times * full, form: load.form })))
    await neighbour.ask('stop')
  }
  await neighbour.stop()
  await iris.stop()
  return rows
}

async function pour (
  iris: Iris, { form, sockets, ...facts }: { users: string[], seconds: number, rate: number, sockets: number, form: Form }
) {
  const shape = form === 'apart' ? { sockets, depth: 1 } : { sockets: PIPES, depth: 1_000_000 }
  const { result, serverUs, redisUs } = await iris.costOf(() => iris.load.ask('pour', { ...facts, ...shape }))
  const { lost, phantoms, unanswered } = result
  if (lost + phantoms + unanswered > 0) {
    throw new Error(`overload: ${lost} of ${result.done} were lost, ${phantoms} came that were refused, ${unanswered} were not answered`)
  }
  return { ...result, serverUs, redisUs, shape }
}

function rowsOf (
  { times, form, isBeside }: Load,
  capacity: number,
  { done, shed, posted, seconds, failures, admittedMs, shedMs, serverUs, redisUs, loadUs, shape }: Poured
): Row[] {
  const perSec = done / seconds
  const failed = Object.entries(failures).map(([code, count]) => `${count} ${code}`).join(', ') || '0'
  const over = `${shape.sockets} connections${shape.depth > 1 ? ', pipelined' : ''}`
  return [
    {
      what: `   ${times} x of that offered, ${over}${isBeside ? ', beside a process that takes half of a core' : ''}: done/s`,
      value: digits(perSec),
      ratio: `${(perSec / capacity).toFixed(2)} of ${form === 'apart' ? 10 : 11}`,
      serverUs: `${digits(serverUs / posted)} an offer`,
      redisUs: digits(redisUs / done)
    },
    {
      what: '   p99 of the answers to what was let in; p50, p99 of refusals',
      value: `${digits(admittedMs.p99)} ms; ${shed > 0 ? `${digits(shedMs.p50)}, ${digits(shedMs.p99)}` : '-'} ms`
    },
    {
      what: '   refused / failed / lost; CPU of the load generator',
      value: `${(shed / posted * 100).toFixed(0)} % / ${failed} / 0; ${(loadUs / seconds / 1e4).toFixed(0)} % of a core`
    }
  ]
}
