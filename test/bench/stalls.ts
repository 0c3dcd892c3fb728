// Why a process does not answer for a while: it collects, it works, it has no core to run on, or it waits for something else.
import { readFileSync } from 'node:fs'
import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks'

/** A time in which a thread did not do what it was asked to; ms, `at` since 1970. `of` says whose, `why` what it did instead. */
export interface Stall { of: string, why: Why, at: number, ms: number }
type Why = 'collection' | 'compaction' | 'its own work' | 'no core to run on' | 'waits'

/** It is asked so often, and what comes later than this by so much is a stall. */
const TICK_MS = 2
const LATE_MS = 5

/** What the kernel says of a process' first thread so far: ms on a core, and ms in the queue for one. */
export function scheduleOf (pid: number): { ran: number, queued: number } {
  const [ran = 0, queued = 0] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'latin1').split(' ').map(Number)
  return { ran: ran / 1e6, queued: queued / 1e6 }
}

type Schedule = ReturnType<typeof scheduleOf>

/** @returns what a thread mostly did in a stall. */
export function whyOf (ms: number, before: Schedule, after: Schedule): Why {
  if (after.queued - before.queued > ms / 2) return 'no core to run on'
  return after.ran - before.ran > ms / 2 ? 'its own work' : 'waits'
}

interface Collection { at: number, ms: number, isMajor: boolean }

/** Watches this thread from `start()` on; `stop()` tells what was found. */
export function createStallWatch (of: string) {
  const stalls: Stall[] = []
  const collections: Collection[] = []
  const observer = new PerformanceObserver(list => {
    // the types of Node do not say what an entry of the collector has
    for (const { startTime, duration, detail } of list.getEntries() as (PerformanceEntry & { detail?: { kind: number } })[]) {
      const isMajor = detail?.kind !== constants.NODE_PERFORMANCE_GC_MINOR
      collections.push({ at: performance.timeOrigin + startTime, ms: duration, isMajor })
    }
  })
  let timer: NodeJS.Timeout | undefined

  /** A stall that a collection fills for the most part is that. */
  function explained (stall: Stall): Stall {
    const inside = collections.filter(({ at, ms }) => at < stall.at + stall.ms && at + ms > stall.at)
    if (inside.reduce((sum, { ms }) => sum + ms, 0) < stall.ms / 2) return stall
    return { ...stall, why: inside.some(({ isMajor }) => isMajor) ? 'compaction' : 'collection' }
  }

  return {
    start (): void {
      stalls.length = collections.length = 0
      observer.observe({ entryTypes: ['gc'] })
      let last = performance.now()
      let before = scheduleOf(process.pid)
      timer = setInterval(() => {
        const now = performance.now()
        const after = scheduleOf(process.pid)
        const ms = now - last - TICK_MS
        if (ms > LATE_MS) stalls.push({ of, why: whyOf(ms, before, after), at: performance.timeOrigin + last, ms })
        last = now
        before = after
      }, TICK_MS)
    },

    /** `collections`: how many, and the longest, ms. */
    stop (): { stalls: Stall[], collections: { count: number, longest: number } } {
      clearInterval(timer)
      observer.disconnect()
      const longest = collections.reduce((most, { ms }) => Math.max(most, ms), 0)
      return { stalls: stalls.map(explained), collections: { count: collections.length, longest } }
    }
  }
}
