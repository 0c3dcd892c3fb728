// Cases 1, 2, 5, 6: the empty POST, and 1:1 messages from POST to stream: how many, how late, how durable.
import type { BareVerbs } from '../bare.js'
import type { Bench, Durability } from '../bench.js'
import { startChild } from '../child.js'
import type { Cost, Iris, Sample } from '../iris.js'
import { named, type Plan, SOCKETS } from '../plan.js'
import { digits, type Row, summary } from '../report.js'

/** What every case is given. `base`: empty POSTs answered a second. */
export interface World { bench: Bench, plan: Plan, base: number }

const emptyOf = (iris: Iris, users: string[]) =>
  async (seconds: number) => await iris.run({ kind: 'empty', users, fanOut: 0, sockets: SOCKETS, seconds })

/** Starts Fastify alone. @returns what posts to it by a load generator, and what each costs its server. */
async function startBare (iris: Iris, users: string[]) {
  const server = await startChild<BareVerbs>('bare.js')
  const load = await iris.startLoad(await server.ask('port'))
  return {
    async post (seconds: number): Promise<{ serverUs: number }> {
      const before = await server.ask('cpu')
      const { posted } = await load.ask('run', { kind: 'empty', users, fanOut: 0, sockets: SOCKETS, seconds })
      return { serverUs: (await server.ask('cpu') - before) / posted }
    },
    stop: server.stop
  }
}

/** Measures the empty POST alone, for ratios where case 1 is not wanted. @returns how many are answered a second. */
export async function measureBase (bench: Bench, plan: Plan): Promise<number> {
  const iris = await bench.startIris()
  const empty = emptyOf(iris, named('d', plan.users))
  await empty(plan.warmup)
  const samples: Sample[] = []
  for (let i = 0; i < plan.rounds; i++) samples.push(await empty(plan.seconds))
  await iris.stop()
  return summary(samples, 'perSec').median
}

/** Measures in alternation. @returns the rows, and how many empty POSTs are answered a second: the base of all ratios. */
export async function measureMessages (bench: Bench, plan: Plan): Promise<{ rows: Row[], base: number }> {
  const iris = await bench.startIris()
  const users = named('d', plan.users)
  const attaching = await iris.attach(users)
  const empty = emptyOf(iris, users)
  const direct = async (durability: Durability, seconds: number, rate?: number) => {
    await bench.durability(durability)
    return await iris.run({ kind: 'direct', users, fanOut: 1, sockets: SOCKETS, seconds, rate })
  }
  const bare = await startBare(iris, users)
  await empty(plan.warmup)
  await bare.post(plan.warmup)
  await direct('disk', plan.warmup)

  const samples: Record<'empty' | Durability, Sample[]> = { empty: [], disk: [], memory: [] }
  const alone: { serverUs: number }[] = []
  for (let i = 0; i < plan.rounds; i++) {
    samples.empty.push(await empty(plan.seconds))
    alone.push(await bare.post(plan.seconds))
    samples.disk.push(await direct('disk', plan.seconds))
    samples.memory.push(await direct('memory', plan.seconds))
  }
  const base = summary(samples.empty, 'perSec').median
  const late = await measureLatency(direct, plan, {
    disk: summary(samples.disk, 'perSec').median,
    memory: summary(samples.memory, 'perSec').median
  })
  await bare.stop()
  await iris.stop()
  const times = samples.empty.map(({ serverUs }, i) => ({ serverUs: serverUs / (alone[i]?.serverUs ?? NaN) }))
  return {
    base,
    rows: [
      { what: '1. empty POST, requests/s', ...throughput(samples.empty, base) },
      {
        what: '   times the server CPU of Fastify alone',
        value: digits(summary(times, 'serverUs').median),
        spread: summary(times, 'serverUs').spread,
        serverUs: digits(summary(alone, 'serverUs').median)
      },
      { what: `2. 1:1 messages/s, ${plan.users} streams, durability disk`, ...throughput(samples.disk, base) },
      { what: '6. the same, durability memory', ...throughput(samples.memory, base) },
      ...late,
      { what: `   attaching ${plan.users} streams, cold, streams/s`, ...throughput([attaching], base) }
    ]
  }
}

/** Case 5: from POST to event at a part of the measured maximum. */
async function measureLatency (
  direct: (durability: Durability, seconds: number, rate: number) => Promise<Sample>, plan: Plan, maximum: Record<Durability, number>
): Promise<Row[]> {
  const variants = (['disk', 'memory'] as const)
    .flatMap(durability => [0.2, 0.5].map(part => ({ durability, part, samples: [] as Sample[] })))
  for (let i = 0; i < plan.latencyRounds; i++) {
    for (const { durability, part, samples } of variants) samples.push(await direct(durability, plan.seconds, maximum[durability] * part))
  }
  return variants.map(({ durability, part, samples }) => {
    const [p50, p99] = [summary(samples, 'p50'), summary(samples, 'p99')]
    return {
      what: `5. POST to event at ${part * 100} % of the maximum, ${durability}, p50 / p99`,
      value: `${p50.median.toFixed(1)} / ${p99.median.toFixed(1)} ms`,
      spread: `${p50.spread} / ${p99.spread}`,
      ...costs(samples)
    }
  })
}

/** Throughput as cells of the table. */
export function throughput (samples: Cost[], base: number) {
  const rate = summary(samples, 'perSec')
  return {
    value: digits(rate.median),
    spread: rate.spread,
    ratio: (rate.median / base).toFixed(rate.median < base / 10 ? 3 : 2),
    ...costs(samples)
  }
}

function costs (samples: Cost[]) {
  return { serverUs: digits(summary(samples, 'serverUs').median), redisUs: digits(summary(samples, 'redisUs').median) }
}
