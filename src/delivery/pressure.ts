// Whether this node has more to do than it can: so many requests are worked on at once, few wait, the rest is refused. [DEADLINE-2]
import { type EventLoopUtilization, performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { overloaded } from '../protocol/problem.js'
import { outside } from '../store/deadline.js'
import type { Meter } from './meter.js'

/**
 * So many requests are worked on at once while the event loop is busy: enough for it never to wait for the store, and few enough for
 * its turns to be short. A refusal waits for a turn.
 */
const AT_ONCE = 64
/** More are when the turns are long all the same, by refusals: in each of them as much is done. */
const BUSY_MOST = 128
const REFUSALS_FOR_ONE = 1.5
/** More are, too, while the event loop has time left and waits for the store: at most as many as are done within this time, ms. */
const STAY_MS = 1_000
const MOST = 2_000
/** By so much with each look. */
const GROWTH = 1.25
const LOOK_MS = 50
/** The parts of its time for which an event loop works that is busy, and one that has time left. */
const BUSY = 0.9
const IDLE = 0.8
/** Who would wait longer to be worked on is refused, ms: so many come together sometimes without an overload. */
const WAIT_MS = 250
/** Who has waited so long, ms, since things became slower after he came, is refused all the same. */
const LATE_MS = 2 * WAIT_MS
/** How soon one after another is done is told by this time, ms. It is longer than the way to a slow store, from which many answers come together. */
const WINDOW_MS = 1_000

/** @returns whether the event loop has always worked since then. */
export const isBusy = (since: EventLoopUtilization) => performance.eventLoopUtilization(since).utilization > BUSY

/** Somebody who waits to be worked on, since then. */
interface Waiter { since: number, begin (): void, refuse (error: unknown): void }

/** How many had been done, and refused, at an instant. */
interface Count { at: number, done: number, refused: number }

/**
 * Makes the pressure of a node. How long who comes would wait follows from how many wait, and from how soon one after another has
 * been done (Little's law): nobody is asked, and nothing is measured while nobody waits.
 */
export function createPressure ({ meter: { shed } }: { meter: Pick<Meter, 'shed'> }) {
  const waiting: Waiter[] = []
  /** At each look since somebody waits, of the last second. */
  const counts: Count[] = []
  let limit = AT_ONCE
  let underWay = 0
  let done = 0
  let doneAt = 0
  let refused = 0
  /** What holds requests up: this process, which always works, or the store, for which it waits. */
  let cause: keyof Pick<Meter['shed'], 'loop' | 'store'> = 'loop'
  let isWatching = false

  /** Lets in who waits, in order. Each counts from now on: others may come before he goes on. */
  function fill (): void {
    for (let next; underWay < limit && (next = waiting.shift());) {
      underWay++
      next.begin()
    }
  }

  function end (): void {
    done++
    doneAt = performance.now()
    underWay--
    fill()
  }

  function noteRefusal (): void {
    refused++
    shed[cause]++
  }

  /** How long it takes from one that is done to the next, while somebody waits, ms. */
  function eachMs (): number {
    const [first] = counts
    const ms = performance.now() - (first?.at ?? Infinity)
    return ms < LOOK_MS ? 0 : ms / Math.max(1, done - (first as Count).done)
  }

  function wouldWaitMs (): number {
    return waiting.length === 0 ? 0 : Math.max(waiting.length * eachMs(), performance.now() - doneAt)
  }

  /** How many should be worked on at once, by what has been done and refused since then. */
  function wanted (utilization: number, before: Count): number {
    if (utilization > BUSY) {
      const refusals = (refused - before.refused) / Math.max(1, done - before.done)
      if (refusals > REFUSALS_FOR_ONE) return Math.min(BUSY_MOST, limit * GROWTH)
      return refusals > REFUSALS_FOR_ONE / 2 ? Math.min(BUSY_MOST, limit) : limit / GROWTH
    }
    if (limit * eachMs() > STAY_MS) return limit / GROWTH
    return utilization < IDLE && performance.now() - doneAt < WAIT_MS ? limit * GROWTH : limit
  }

  function refuseLate (): void {
    const due = performance.now() - LATE_MS
    while ((waiting[0]?.since ?? Infinity) < due) {
      noteRefusal()
      waiting.shift()?.refuse(overloaded())
    }
  }

  async function watch (): Promise<void> {
    while (waiting.length > 0) {
      const before = { at: performance.now(), done, refused }
      counts.push(before)
      while ((counts[0] as Count).at < before.at - WINDOW_MS) counts.shift()
      const use = performance.eventLoopUtilization()
      await pause(LOOK_MS)
      const { utilization } = performance.eventLoopUtilization(use)
      cause = utilization > BUSY ? 'loop' : 'store'
      refuseLate()
      limit = Math.min(MOST, Math.max(AT_ONCE, wanted(utilization, before)))
      fill()
    }
    counts.length = 0
    isWatching = false
  }

  /** Waits to be worked on. Throws OVERLOADED. */
  async function enter (): Promise<void> {
    if (underWay < limit && waiting.length === 0) {
      underWay++
      return
    }
    if (waiting.length === 0) doneAt = performance.now()
    const turn = new Promise<void>((resolve, reject) => waiting.push({ since: performance.now(), begin: resolve, refuse: reject }))
    if (!isWatching) {
      isWatching = true
      void outside(watch)
    }
    await turn
  }

  return {
    /** Whether one more request would wait too long; one that is refused is counted. */
    sheds (): boolean {
      if (wouldWaitMs() <= WAIT_MS) return false
      noteRefusal()
      return true
    },

    /** Does what a request asks for, when it is its turn. Throws OVERLOADED when that does not come in time. */
    async during<T> (work: () => Promise<T>): Promise<T> {
      await enter()
      try {
        return await work()
      } finally {
        end()
      }
    }
  }
}

export type Pressure = ReturnType<typeof createPressure>
