// What this node does when another life of the store has begun: it says why, counts it, and forgets what was of the one before. [STORE-1]
import type { Begun, Why } from '../store/life/life.js'
import type { Meter } from './meter.js'

const ANOTHER_RUN = 'Redis was started again, or has changed its role'

/** What was found, in words. What every client will say by a RESET, its operator should know first. */
const found: Record<Why, string> = {
  lost: 'Redis has lost something that was acknowledged',
  record: 'The record of the life in Redis is gone, cannot be read, or is older than it was',
  unwitnessed: `${ANOTHER_RUN}, and nobody is left who knows whether something is missing`,
  silent: `${ANOTHER_RUN}, and a node that had worked with it does not come to say what it has seen`,
  elsewhere: 'Another node has found that Redis has lost something, or cannot prove that it has not'
}

interface Floor {
  meter: Pick<Meter, 'lives'>
  /** What this node remembers of a life. */
  memories (): { forgetAll (): void }[]
  log: { warn (facts: object, message: string): void }
}

/**
 * @returns `begun(life)`, to be called when another life has begun; `isOfThis(time)`:
 *   whether what was asked for then (ms of `performance`) is of the present one.
 */
export function createLives ({ meter, memories, log }: Floor) {
  let since = -Infinity
  return {
    begun ({ life, why }: Begun): void {
      meter.lives[why]++
      log.warn({ life, why }, `${found[why]}: another life has begun, and all readers begin anew`)
      // what has come in with this word is printed first, by what was known then;
      // what comes in later, and was asked for before, is asked for again
      setImmediate(() => {
        since = performance.now()
        for (const memory of memories()) memory.forgetAll()
      })
    },

    isOfThis: (time: number) => time >= since
  }
}
