// Whether this node has more to do than it can: how many requests may be under way, by the delay that is measured. [DEADLINE-2]
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises'
import { outside } from '../store/deadline.js'
import type { Meter } from './meter.js'

/** So many requests may always be under way; with half of them nobody looks at delays. */
const FLOOR = 128
/** More are not, whatever is measured: they would wait for seconds before it is known. */
const CEILING = 2_000
/**
 * A delay that lasts is an overload from here on, ms; a garbage collection, or a long script, passes. A turn of the event loop is
 * what a refusal waits for, and what is let in waits for several.
 */
const TARGET_MS = { loop: 40, store: 100 }
/** In an overload so many requests may be under way as are done within this time, ms. */
const STAY_MS = 200
/** So many measures in a row make it last, with a pause between two. */
const MEASURES = 4
const PAUSE_MS = 25
/** What has not come back by then is late enough, ms. */
const LATE_MS = 150
/** While there is no delay more may be under way by this factor, with each measure. */
const GROWTH = 1.05

/** What holds requests up: this process, or what it asks. */
type Cause = 'loop' | 'store'

/** One measure: how long a turn of the event loop took, and a question to the store and back, by the same way as all others; ms. */
interface Measure { loopMs: number, storeMs: number, at: number, done: number }

/**
 * Makes the pressure of a node. Where answers come as they should, nothing is limited. Where a standing delay is seen, as many
 * requests may be under way as are done within a fifth of a second (Little's law): the rest is refused at once, and costs little.
 * @param ask asks the store something that costs it nothing.
 */
export function createPressure ({ ask, meter }: { ask (): Promise<unknown>, meter: Pick<Meter, 'shed'> }) {
  let underWay = 0
  let done = 0
  let limit = CEILING
  let cause: Cause = 'loop'
  let isWatching = false
  const isBusy = () => underWay > FLOOR / 2

  async function measure (): Promise<Measure> {
    await pause(PAUSE_MS)
    await turn()
    const began = performance.now()
    await turn()
    const asked = performance.now()
    await Promise.race([ask().catch(() => undefined), pause(LATE_MS, undefined, { ref: false })])
    return { loopMs: asked - began, storeMs: performance.now() - asked, at: performance.now(), done }
  }

  /** @returns what has been too slow in each of these measures. */
  function standing (last: Measure[]): Cause | undefined {
    if (last.length < MEASURES) return undefined
    if (last.every(({ loopMs }) => loopMs >= TARGET_MS.loop)) return 'loop'
    return last.every(({ storeMs }) => storeMs >= TARGET_MS.store) ? 'store' : undefined
  }

  function judge (last: Measure[]): void {
    const found = standing(last)
    if (found === undefined) {
      limit = isBusy() ? Math.min(CEILING, limit * GROWTH) : CEILING
      return
    }
    const [first, newest] = [last[0] as Measure, last.at(-1) as Measure]
    cause = found
    limit = Math.max(FLOOR, (newest.done - first.done) / (newest.at - first.at) * STAY_MS)
  }

  async function watch (): Promise<void> {
    const last: Measure[] = []
    // what was limited stays so until an answer comes in time, although nothing is under way
    while (isBusy() || limit < CEILING) {
      last.push(await measure())
      if (last.length > MEASURES) last.shift()
      judge(last)
    }
    isWatching = false
  }

  function begin (): void {
    underWay++
    if (!isBusy() || isWatching) return
    isWatching = true
    void outside(watch)
  }

  return {
    /** Whether there is too much to do for one more request; one that is refused is counted. */
    sheds (): boolean {
      if (underWay < limit) return false
      meter.shed[cause]++
      return true
    },

    /** Does what a request asks for; it counts as under way meanwhile. */
    async during<T> (work: () => Promise<T>): Promise<T> {
      begin()
      try {
        return await work()
      } finally {
        underWay--
        done++
      }
    }
  }
}

export type Pressure = ReturnType<typeof createPressure>
