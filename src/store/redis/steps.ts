// Work on many at once, in steps: others get their turn in between, in Redis and in this process. [COST-1]
import { setTimeout as delay } from 'node:timers/promises'

/** So many of one request begin at once. */
const AT_ONCE = 25
/** Steps that are not done by then, ms, wait for the way to Redis more than for their work: the next one begins beside them. */
const STEP_MS = 20

/** @returns a list in parts of so many. */
export const inParts = <T>(all: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size))

/**
 * Does step after step; where Redis is far, one beside the other.
 * @returns the results in order; throws what the first failing one throws, and begins no more.
 */
export async function stepwise<R> (steps: (() => Promise<R>)[]): Promise<R[]> {
  const begun: Promise<R>[] = []
  for (const step of steps) {
    if (begun.length > 0) await Promise.race([Promise.all(begun), delay(STEP_MS)])
    begun.push(step())
  }
  return await Promise.all(begun)
}

/** Does `work` for all, so many at a time. @returns the results in order; throws as `stepwise`. */
export async function inSteps<T, R> (all: T[], work: (one: T) => Promise<R>): Promise<R[]> {
  return (await stepwise(inParts(all, AT_ONCE).map(some => async () => await Promise.all(some.map(work))))).flat()
}
