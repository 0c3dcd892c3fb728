// Whether this node has more to do than it can: so many requests are worked on at once, few wait, the rest is refused. [DEADLINE-2]
import { type EventLoopUtilization, performance } from 'node:perf_hooks'
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises'
import { overloaded } from '../protocol/problem.js'
import { asideMs, noteAside, outside } from '../store/deadline.js'
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
const STAY_MS = 1_500
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
/**
 * How soon one after another is done is told by this time, ms.
 * It is longer than the way to a slow store, from which many answers come together.
 */
const WINDOW_MS = 1_000
/** How far one that is done moves the mean of how long they take. */
const WEIGHT = 1 / 16

/** @returns whether the event loop has always worked since then. */
export const isBusy = (since: EventLoopUtilization) => performance.eventLoopUtilization(since).utilization > BUSY

/** Somebody who waits to be worked on, since then. */
interface Waiter { since: number, begin (): void, refuse (error: unknown): void }

/** How many had been done, and refused, at an instant. */
interface Count { at: number, done: number, refused: number }

/**
 * Makes the pressure of a node: of requests and frames. (Attaches pass the gate besides, which paces what they read of the store.)
 * How long who comes would wait follows from how many wait, and from how soon one after another has been done (Little's law):
 * nobody is asked, and nothing is measured while few are worked on.
 */
export function createPressure ({ meter: { shed } }: { meter: Pick<Meter, 'shed'> }) {
  const waiting: Waiter[] = []
  /** At each look, of the last second. */
  const counts: Count[] = []
  let limit = AT_ONCE
  let underWay = 0
  /** The most that were worked on since the last look. */
  let peak = 0
  let done = 0
  let refused = 0
  /** How long a request takes of late, from when it is begun, ms. */
  let stayMs = 0
  /** How long it takes from one that is done to the next, by the last look; 0: not known yet. */
  let eachMs = 0
  /** For how long nothing has been done, by the last look. */
  let stillMs = 0
  /** Goes on with each look, and by little more than one at a time: that this process stood still is no sign that others are late. */
  let clock = 0
  /** What holds requests up: this process, which always works, or the store, for which it waits. */
  let cause: keyof Pick<Meter['shed'], 'loop' | 'store'> = 'loop'
  let isWatching = false

  /** A request counts from now on: others may come before it goes on. */
  function start (): void {
    underWay++
    peak = Math.max(peak, underWay)
  }

  /** Lets in who waits, in order. */
  function fill (): void {
    for (let next; underWay < limit && (next = waiting.shift());) {
      start()
      next.begin()
    }
  }

  function noteRefusal (): void {
    refused++
    shed[cause]++
  }

  /** A store that is far away answers late, but always; one that hangs, or is gone, does not. */
  const isStill = () => stillMs > WAIT_MS + stayMs

  function count (ms: number): Count {
    const before = counts.at(-1) as Count
    clock += Math.min(ms, 2 * LOOK_MS)
    counts.push({ at: clock, done, refused })
    while ((counts[0] as Count).at < clock - WINDOW_MS) counts.shift()
    const first = counts[0] as Count
    eachMs = done === first.done ? 0 : (clock - first.at) / (done - first.done)
    stillMs = done === before.done ? stillMs + clock - before.at : 0
    return before
  }

  /** How many should be worked on at once, by what has been done and refused since then. */
  function wanted (utilization: number, before: Count): number {
    if (utilization > BUSY) {
      const refusals = (refused - before.refused) / Math.max(1, done - before.done)
      if (refusals > REFUSALS_FOR_ONE) return Math.min(BUSY_MOST, limit * GROWTH)
      return refusals > REFUSALS_FOR_ONE / 2 ? Math.min(BUSY_MOST, limit) : limit / GROWTH
    }
    if (waiting.length === 0) return Math.max(limit / GROWTH, Math.min(limit, peak))
    if (limit * eachMs > STAY_MS) return limit / GROWTH
    return utilization < IDLE && !isStill() ? limit * GROWTH : limit
  }

  function refuseLate (): void {
    while ((waiting[0]?.since ?? Infinity) < clock - LATE_MS) {
      noteRefusal()
      waiting.shift()?.refuse(overloaded())
    }
  }

  async function look (): Promise<void> {
    const began = performance.now()
    const use = performance.eventLoopUtilization()
    await pause(LOOK_MS)
    await turn() // what has been answered meanwhile is read first
    const { utilization } = performance.eventLoopUtilization(use)
    const before = count(performance.now() - began)
    cause = utilization > BUSY ? 'loop' : 'store'
    limit = Math.min(MOST, Math.max(AT_ONCE, wanted(utilization, before)))
    peak = underWay
    fill()
    refuseLate()
  }

  async function watch (): Promise<void> {
    counts.push({ at: clock, done, refused })
    while (waiting.length > 0 || limit > AT_ONCE) await look()
    counts.length = eachMs = stillMs = 0
    isWatching = false
  }

  /** Waits to be worked on. Throws OVERLOADED. */
  async function wait (): Promise<void> {
    const begun = new Promise<void>((resolve, reject) => waiting.push({ since: clock, begin: resolve, refuse: reject }))
    if (!isWatching) {
      isWatching = true
      void outside(watch)
    }
    await begun
  }

  return {
    /** Whether one more request would wait too long; one that is refused is counted. */
    refuses (): boolean {
      const isLate = waiting.length > 0 && (waiting.length * eachMs > WAIT_MS || isStill() || waiting.length >= MOST)
      if (isLate) noteRefusal()
      return isLate
    },

    /** Does what a request asks for, when it is its turn. Throws OVERLOADED when that does not come in time. */
    async during<T> (work: () => Promise<T>): Promise<T> {
      if (underWay < limit && waiting.length === 0) start()
      else await wait()
      const began = performance.now()
      try {
        return await work()
      } finally {
        stayMs += (performance.now() - began - asideMs() - stayMs) * WEIGHT
        done++
        underWay--
        fill()
      }
    },

    /** Waits, within `during`, for what is not this node's work: others are worked on meanwhile, and nothing is measured by it. */
    async aside<T> (wait: () => Promise<T>): Promise<T> {
      const began = performance.now()
      underWay--
      fill()
      try {
        return await wait()
      } finally {
        start()
        noteAside(performance.now() - began)
      }
    }
  }
}

export type Pressure = ReturnType<typeof createPressure>
