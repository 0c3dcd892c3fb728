// A user's bucket in the memory of this node: asked before Redis, so that who is too fast costs it nothing. [COST-1]

/** So many users are remembered; who was quiet longest is forgotten. */
const USERS = 50_000

/**
 * Makes buckets: `rate` units a second and user, `burst` at once. The same algorithm as in `rate.lua`: one number per user,
 * the theoretical arrival time of the unit after those that were taken.
 * @param clock ms, never going back.
 */
export function createBuckets ({ rate, burst }: { rate: number, burst: number }, clock = () => performance.now()) {
  const emissionMs = 1000 / rate
  const toleranceMs = emissionMs * burst
  const arrivals = new Map<string, number>()

  function set (userId: string, arrival: number): void {
    arrivals.delete(userId)
    arrivals.set(userId, arrival)
    const [quietest] = arrivals.keys()
    if (arrivals.size > USERS && quietest !== undefined) arrivals.delete(quietest)
  }

  const arrivalOf = (userId: string) => Math.max(clock(), arrivals.get(userId) ?? 0)

  return {
    /** @returns how long until the user has a unit, ms; 0: now. */
    waitMs: (userId: string): number => Math.max(0, arrivalOf(userId) + emissionMs - toleranceMs - clock()),

    /** Takes units, more than there are if need be: then the user is in debt. Less than nothing gives them back. */
    take: (userId: string, units: number): void => set(userId, arrivalOf(userId) + units * emissionMs),

    /** Redis, which knows of other nodes, has no unit for the user for so many ms. */
    hold: (userId: string, ms: number): void => set(userId, Math.max(arrivalOf(userId), clock() + ms + toleranceMs - emissionMs))
  }
}
