// Keeps calls away from what does not answer: after some failures in a row one call at a time finds out whether it does again.
// [WEBHOOK-5]
import { pauseMs } from './pause.js'

/** So many failures in a row are no accident. */
const FAILURES = 5

export type Breaker = ReturnType<typeof createBreaker>

/** Makes a breaker. @param mostMs the longest time without a call. */
export function createBreaker (mostMs: number) {
  let failures = 0
  let quietUntil = 0

  const isOpen = () => failures >= FAILURES

  return {
    /** Whether too much has failed. */
    isOpen,

    /** How long nothing is called, ms; 0 or less: one may be. `underWay`: calls that were not answered yet. */
    waitMs (underWay: number): number {
      return isOpen() && underWay > 0 ? Infinity : quietUntil - performance.now()
    },

    /** @returns whether that ends a trouble. */
    succeeded (): boolean {
      const was = isOpen()
      failures = 0
      quietUntil = 0
      return was
    },

    /** @param forMs it asks to be left alone for so long. @returns whether a trouble begins with it. */
    failed (forMs = 0): boolean {
      failures++
      const ms = isOpen() ? pauseMs(failures - FAILURES + 1, mostMs) : 0
      quietUntil = Math.max(quietUntil, performance.now() + Math.max(ms, forMs))
      return failures === FAILURES
    }
  }
}
