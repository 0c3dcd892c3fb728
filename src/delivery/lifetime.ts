// How long a connection may live.
import type { Bye } from '../protocol/events.js'
import type { Opening } from './opening.js'

/** The lifetime of a connection. */
export class Lifetime {
  readonly #expiresAt: number

  constructor ({ expiresAt }: Pick<Opening, 'expiresAt'>) { this.#expiresAt = expiresAt }

  /** @returns the goodbye for which it is time, undefined while there is none. @param now the clock, ms. */
  due (now: number): Bye | undefined { return this.#expiresAt <= now ? 'TOKEN_EXPIRED' : undefined }
}
