// How long a connection may live.
import type { Bye } from '../protocol/events.js'
import type { Opening } from './opening.js'

/** Makes the lifetime of a connection. @param now the clock, ms. */
export function createLifetime ({ expiresAt }: Pick<Opening, 'expiresAt'>, now: () => number) {
  return {
    /** @returns the goodbye for which it is time, undefined while there is none. */
    due: (): Bye | undefined => expiresAt <= now() ? 'TOKEN_EXPIRED' : undefined
  }
}
