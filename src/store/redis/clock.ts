// The clock of Redis as this process knows it. Times of the wire are Redis's, so that several nodes agree. [TIME-1]
import { Problem } from '../../protocol/problem.js'
import type { Redis } from './redis.js'

const SAMPLES = 4
/** Two clocks go apart so fast at most while one of them is being slewed: chrony's `maxslewrate` of a careful setting, with room. */
const DRIFT = 0.001
/** What is less moves no lease by much. */
const STEP_MS = 500

/** What users hear until then. */
export const TIME_UNKNOWN = 'The store has not said yet what time it is: nothing was done'

export interface ClockFacts {
  /** Is told how long Redis took to answer, ms. */
  onRoundTrip?: (ms: number) => void
  /** Called when Redis' own clock was set: what holds until a time of it holds for longer, or no more. */
  onSet?: () => void
}

export type Clock = ReturnType<typeof createClock>

/**
 * Makes the clock: Redis' time, carried on by the monotonic clock of this process, which nobody sets. Until Redis was asked for the
 * first time it is this machine's, and `isKnown()` false: nothing may be refused by it.
 */
export function createClock (redis: Pick<Redis, 'time'>, { onRoundTrip, onSet }: ClockFacts = {}) {
  /** How far Redis is ahead of the monotonic clock: what this process takes it for, and the bounds that are proven, as of a time. ms */
  let offset = Date.now() - performance.now()
  let proven: { low: number, high: number, at: number } | undefined

  const now = () => Math.floor(performance.now() + offset)

  /**
   * Each answer proves bounds: Redis read its clock between question and answer. Together they are closer than each (Marzullo), so
   * that a slow round trip spoils nothing; what contradicts the bounds before shows that Redis' own clock was set.
   */
  function learn (theirs: number, asked: number, answered: number): void {
    const fresh = { low: theirs - answered, high: theirs - asked, at: answered }
    const slack = proven ? (answered - proven.at) * DRIFT : 0
    const both = proven
      ? { low: Math.max(fresh.low, proven.low - slack), high: Math.min(fresh.high, proven.high + slack), at: answered }
      : fresh
    if (!proven) offset = (fresh.low + fresh.high) / 2
    proven = both.low <= both.high ? both : fresh
    // no further than it must: time as this process tells it goes back only when Redis' own does
    const before = offset
    offset = Math.min(Math.max(offset, proven.low), proven.high)
    if (both.low > both.high && Math.abs(offset - before) > STEP_MS) onSet?.()
  }

  return {
    /** @returns ms since 1970, as Redis would say it within a round trip. */
    now,

    /** @returns `now()` for who asks what time it is. Throws STORE_UNAVAILABLE until Redis has said it. */
    time (): number {
      if (!proven) throw new Problem('STORE_UNAVAILABLE', { detail: TIME_UNKNOWN })
      return now()
    },

    /** @returns when Redis' clock had not come to a time yet, ms of `performance`; -Infinity when it was not asked yet. */
    notBefore: (theirs: number) => proven ? theirs - proven.high - (performance.now() - proven.at) * DRIFT : -Infinity,

    /** Whether Redis has ever said what time it is. */
    isKnown: () => proven !== undefined,

    /** @returns the time, as `now()`, when Redis has ever said it; else 0. */
    known: () => proven ? now() : 0,

    /**
     * Asks Redis for its time, a few times unless `samples` says otherwise:
     * every second once, so that nodes agree soon on a clock that was set.
     */
    async adjust (samples = SAMPLES): Promise<void> {
      for (let i = 0; i < samples; i++) {
        const asked = performance.now()
        const [seconds, micros] = await redis.time()
        const answered = performance.now()
        onRoundTrip?.(answered - asked)
        learn(Number(seconds) * 1000 + Number(micros) / 1000, asked, answered)
      }
    }
  }
}
