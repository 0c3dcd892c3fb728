// A user's bucket in the memory of this node: asked before Redis, so that who is too fast costs it nothing. [COST-1]
import { createRecent } from '../recent.js'

/** So many users are remembered at most. */
const USERS = 50_000

/**
 * Makes buckets: `rate` units a second and user, `burst` at once. The same algorithm as in `rate.lua`: one number per user,
 * the theoretical arrival time of the unit after those that were taken.
 * @param clock ms, never going back.
 */
export function createBuckets ({ rate, burst }: { rate: number, burst: number }, clock = () => performance.now()) {
  const emissionMs = 1000 / rate
  const toleranceMs = emissionMs * burst
  const arrivals = createRecent<number>(USERS)

  const arrivalOf = (userId: string, now: number) => Math.max(now, arrivals.get(userId) ?? 0)

  return {
    /** @returns how long until the user has a unit, ms; 0: now. */
    waitMs (userId: string): number {
      const now = clock()
      return Math.max(0, arrivalOf(userId, now) + emissionMs - toleranceMs - now)
    },

    /** Takes units, more than there are if need be: then the user is in debt. Less than nothing gives them back. */
    take: (userId: string, units: number): void => arrivals.set(userId, arrivalOf(userId, clock()) + units * emissionMs),

    /** Redis, which knows of other nodes, has no unit for the user for so many ms. */
    hold (userId: string, ms: number): void {
      const now = clock()
      arrivals.set(userId, Math.max(arrivalOf(userId, now), now + ms + toleranceMs - emissionMs))
    }
  }
}
