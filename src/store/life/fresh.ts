// What is read to be shown is true when it leaves, not when a slow store was asked for it. [DOWN-2]
import { reasons } from '../redis/redis-errors.js'
import { unavailable } from '../redis/unavailable.js'

/** What was recalled on another node so long ago, ms, is not shown any more: what the protocol grants, less a turn. */
export const RECALL_MS = 850
/** One late answer may be chance. */
const TRIES = 2

export type Fresh = ReturnType<typeof createFresh>

/**
 * @param isKnown whether this node knows, or is about to know, what others have recalled from `since` (ms of `performance`)
 *   until `RECALL_MS` ago.
 * @param isOfThisLife whether it knows what it has recalled itself since then: that ends with a life of the store.
 * @returns `fresh(ask)`: what `ask` reads, if that is so new, or what was recalled meanwhile is known.
 *   Else it is asked once more, so what it changes may be changed twice. Throws STORE_UNAVAILABLE when that comes too late as well.
 */
export function createFresh (isKnown: (since: number) => Promise<boolean>, isOfThisLife: (since: number) => boolean) {
  return async function fresh<T> (ask: () => Promise<T>): Promise<T> {
    for (let i = 0; i < TRIES; i++) {
      const asked = performance.now()
      const found = await ask()
      if ((performance.now() - asked <= RECALL_MS || await isKnown(asked)) && isOfThisLife(asked)) return found
    }
    throw unavailable(reasons.late.told, 'unknown')
  }
}
