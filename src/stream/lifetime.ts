// How long a connection may live: as long as the token it was opened with, or the one handed in since. docs/protocol.md section 4.
import type { Bye } from '../protocol/events.js'
import type { Frame } from './render.js'
import { gatewayCommand } from './say.js'

/** So long before the end of its token a terminal is asked for a fresh one. */
const ASK_MS = 60_000
/** A fresh token may come a little late. */
const GRACE_MS = 25_000

/** Connections that began together do not end together. */
const SHORTEST = 0.8

/**
 * @returns when a connection that begins at `ticks` is so old that it ends with BYE 4201, both by the monotonic clock, ms:
 *   after `rotateSec` x (0.8..1).
 */
export function rotationTime (ticks: number, rotateSec: number): number {
  return ticks + rotateSec * 1000 * (SHORTEST + (1 - SHORTEST) * Math.random())
}

/** A token's life, ms. */
export interface TokenLife { issuedAt: number, expiresAt: number }

/** The lifetime of a connection. */
export class Lifetime {
  /** When the token that it was opened with was issued, ms: whatever was handed in since, a kick closes what it found. [KICK-3] */
  readonly loggedInAt: number
  /** When the store let it in, ms. */
  attachedAt: number | undefined
  #issuedAt: number
  #expiresAt: number
  #isAsked = false
  readonly #rotateAt: number

  constructor ({ issuedAt, expiresAt, rotateAt = Infinity }: TokenLife & { rotateAt?: number }) {
    this.loggedInAt = issuedAt
    this.#issuedAt = issuedAt
    this.#expiresAt = expiresAt
    this.#rotateAt = rotateAt
  }

  /** Whether it was opened with a token issued until then, and let in until then, ms. */
  isBefore ({ issuedUpTo = Infinity, attachedUpTo = Infinity }: {
    issuedUpTo: number | undefined
    attachedUpTo: number | undefined
  }): boolean {
    return this.loggedInAt <= issuedUpTo && (attachedUpTo === Infinity || (this.attachedAt ?? Infinity) <= attachedUpTo)
  }

  /** When the token in force was issued, ms. */
  get issuedAt (): number { return this.#issuedAt }
  /** When the token in force ends, ms. */
  get expiresAt (): number { return this.#expiresAt }

  /**
   * Says IRIS.AUTH once when it is time.
   * @param now the time, ms: tokens end by it.
   * @param ticks the monotonic clock, ms: a jump of the time makes nobody old [TIME-1].
   * @param say whether it was taken: else it is tried again.
   * @returns the goodbye for which it is time, undefined while there is none.
   */
  due ({ now, ticks, traceId }: { now: number, ticks: number, traceId: string }, say: (frame: Frame) => boolean): Bye | undefined {
    const leftMs = this.#expiresAt - now
    if (leftMs <= -GRACE_MS) return 'TOKEN_EXPIRED'
    if (this.#rotateAt <= ticks) return 'ROTATE'
    if (leftMs > ASK_MS || this.#isAsked) return undefined
    this.#isAsked = say(gatewayCommand('IRIS.AUTH', { expiresInSec: Math.max(0, Math.ceil(leftMs / 1000)) }, { now, traceId }))
    return undefined
  }

  /** A fresh token was handed in; one that ends no later changes nothing. */
  renew (fresh: TokenLife): void {
    if (fresh.expiresAt <= this.#expiresAt) return
    this.#issuedAt = Math.max(this.#issuedAt, fresh.issuedAt)
    this.#expiresAt = fresh.expiresAt
    this.#isAsked = false
  }
}
