// How long a connection may live.
import type { Bye } from '../protocol/events.js'
import type { Opening } from './opening.js'

/** Connections that began together do not end together. */
const SHORTEST = 0.8

/** @returns when a connection that begins now is so old that it ends with BYE 4201, ms: after `rotateSec` x (0.8..1). */
export function rotationTime (now: number, rotateSec: number): number {
  return now + rotateSec * 1000 * (SHORTEST + (1 - SHORTEST) * Math.random())
}

/** Makes the lifetime of a connection. @param now the clock, ms. */
export function createLifetime ({ expiresAt, rotateAt = Infinity }: Pick<Opening, 'expiresAt' | 'rotateAt'>, now: () => number) {
  return {
    /** @returns the goodbye for which it is time, undefined while there is none. */
    due (): Bye | undefined {
      if (expiresAt <= now()) return 'TOKEN_EXPIRED'
      return rotateAt <= now() ? 'ROTATE' : undefined
    }
  }
}
