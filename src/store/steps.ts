// Work on many at once, in steps: others get their turn in between, in Redis and in this process. [COST-1]

/** So many of one request are under way at once. */
const AT_ONCE = 25

/** Does `work` for all, so many at a time. @returns the results in order; throws what the first failing one throws, and begins no more. */
export async function inSteps<T, R> (all: T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const done: R[] = []
  for (let i = 0; i < all.length; i += AT_ONCE) done.push(...await Promise.all(all.slice(i, i + AT_ONCE).map(work)))
  return done
}
