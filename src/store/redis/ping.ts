// What a probe of the node asks of the store: whether it answers, may be worked with, and takes writes.
import { Problem } from '../../protocol/problem.js'
import { isFull } from './full.js'
import type { Redis } from './redis.js'
import { reasons } from './redis-errors.js'
import type { Trust } from './trust.js'

/**
 * @returns `ping()`, which throws STORE_UNAVAILABLE with the reason while the store does not answer, or cannot be worked with.
 *   A full one answers. [STORE-2]
 */
export function createPing (redis: Redis, { state }: Pick<Trust, 'state'>) {
  return async function ping (): Promise<void> {
    await redis.ping().catch((error: unknown) => {
      if (!isFull(error)) throw new Problem('STORE_UNAVAILABLE', { detail: state().reason ?? reasons.dead.why })
    })
    const { refusal } = state()
    if (refusal !== '') throw new Problem('STORE_UNAVAILABLE', { detail: refusal })
  }
}
