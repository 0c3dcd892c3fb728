// Where late messages come from: at a rate far below the maximum, each late one is laid at the door of who stood still meanwhile.
import { setTimeout as pause } from 'node:timers/promises'
import type { Bench, Durability } from '../bench.js'
import { named } from '../plan.js'
import { digits, type Row } from '../report.js'
import { scheduleOf, type Stall, whyOf } from '../stalls.js'
import type { World } from './messages.js'

const SOCKETS = 128
/** No more than this part of the empty POSTs that the machine does just now: else all would be late, for want of a core. */
const MOST_PART = 0.25
/** An answer of Redis that takes longer is a stall, ms; it is asked so often. */
const [SLOW_MS, ASK_MS] = [5, 2]

interface Variant { what: string, durability: Durability, isRewritten?: boolean }

/** The first one meets a process that has done nothing yet, so its order matters. */
const variants: Variant[] = [
  { what: 'cold: the first messages of a fresh process, memory', durability: 'memory' },
  { what: 'warm, memory', durability: 'memory' },
  { what: 'warm, memory, while the append-only file is rewritten', durability: 'memory', isRewritten: true },
  { what: 'warm, disk', durability: 'disk' }
]

/** Sends at a rate, and asks all who take part whether they stood still. */
export async function measureTails ({ bench, plan: { users: count, tails: { rate: most, seconds } }, base }: World): Promise<Row[]> {
  const rate = Math.round(Math.min(most, base * MOST_PART))
  const iris = await bench.startIris()
  const users = named('tail', count)
  await iris.attach(users)
  await iris.rests()
  const rows: Row[] = [{ what: `12. tails: ${rate} messages/s, each ${seconds} s`, value: '' }]
  for (const { what, durability, isRewritten } of variants) {
    await bench.durability(durability)
    await iris.server.ask('watchStalls')
    const probe = watchRedis(bench, await bench.redisPid())
    if (isRewritten) await bench.redis.bgrewriteaof()
    const { latencies: { p50, p99 }, messages, lost, tail } =
      await iris.load.ask('run', { kind: 'direct', users, fanOut: 1, sockets: SOCKETS, isWatched: true, rate, seconds })
    if (lost !== 0 || !tail) throw new Error(`tails: ${lost} deliveries are missing`)
    const { late, max } = tail
    const { stalls, collections } = await iris.server.ask('stalls')
    const reasons = blame(late, [...stalls, ...await probe.stop(), ...tail.stalls])
    rows.push(
      { what: `   ${what}: p50 / p99 / the latest`, value: `${p50.toFixed(1)} / ${p99.toFixed(1)} / ${max.toFixed(0)} ms` },
      { what: '   later than 20 ms', value: `${late.length} of ${digits(messages)}` },
      ...reasons.map(([name, count]) => ({ what: `   - ${name}`, value: String(count) })),
      { what: '   collections of the server: how many, the longest', value: `${collections.count}, ${collections.longest.toFixed(1)} ms` }
    )
  }
  await iris.stop()
  return rows
}

/** @returns the causes, each with how many it is to blame for: the stalls of which overlap a message's time the most. */
function blame (late: { at: number, ms: number }[], stalls: Stall[]): [string, number][] {
  const counts = new Map<string, number>()
  for (const { at, ms } of late) {
    const shares = new Map<string, number>()
    for (const stall of stalls) {
      const overlap = Math.min(at + ms, stall.at + stall.ms) - Math.max(at, stall.at)
      const name = `${stall.of}: ${stall.why}`
      if (overlap > 0) shares.set(name, (shares.get(name) ?? 0) + overlap)
    }
    const [name = 'nobody for long: a queue'] = [...shares].sort(([, a], [, b]) => b - a)[0] ?? []
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return [...counts].sort(([, a], [, b]) => b - a)
}

/** Asks Redis all the time; what this process itself had no core for is no stall of Redis. */
function watchRedis ({ redis }: Bench, pid: number) {
  const stalls: Stall[] = []
  const ending = new AbortController()
  async function watch (): Promise<void> {
    while (!ending.signal.aborted) {
      const [asked, before, own] = [performance.now(), scheduleOf(pid), scheduleOf(process.pid)]
      await redis.ping()
      const ms = performance.now() - asked
      const isOwn = scheduleOf(process.pid).queued - own.queued > ms / 2
      if (ms > SLOW_MS && !isOwn) {
        stalls.push({ of: 'Redis', why: whyOf(ms, before, scheduleOf(pid)), at: performance.timeOrigin + asked, ms })
      }
      await pause(ASK_MS)
    }
  }
  const watching = watch()
  return {
    async stop (): Promise<Stall[]> {
      ending.abort()
      await watching
      return stalls
    }
  }
}
