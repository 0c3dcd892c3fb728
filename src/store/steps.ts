// Work on many at once, in steps: others get their turn in between, in Redis and in this process. [COST-1]
import { setTimeout as delay } from 'node:timers/promises'

/** So many of one request begin at once. */
const AT_ONCE = 25
/** A step that is not done by then, ms, waits for the way to Redis more than for its work: the next one begins beside it. */
const STEP_MS = 20

/** Does `work` for all, so many at a time. @returns the results in order; throws what the first failing one throws, and begins no more. */
export async function inSteps<T, R> (all: T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const steps: Promise<R[]>[] = []
  for (let i = 0; i < all.length; i += AT_ONCE) {
    steps.push(Promise.all(all.slice(i, i + AT_ONCE).map(work)))
    await Promise.race([Promise.all(steps), delay(STEP_MS)])
  }
  return (await Promise.all(steps)).flat()
}
