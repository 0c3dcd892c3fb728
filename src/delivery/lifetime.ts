// How long a connection may live: as long as the token it was opened with, or the one handed in since. PROTOCOL.md section 4.
import type { Bye } from '../protocol/events.js'
import type { Opening } from './opening.js'
import { gatewayCommand } from './say.js'

/** So long before the end of its token a terminal is asked for a fresh one. */
const ASK_MS = 60_000
/** A fresh token may come a little late. */
const GRACE_MS = 25_000

/** A token's life, ms. */
export interface TokenLife { issuedAt: number, expiresAt: number }

/**
 * Makes the lifetime of a connection.
 * @param floor the clock (ms), and the way into the socket.
 */
export function createLifetime ({ issuedAt, expiresAt, traceId, printer }: Opening, { now, write }: { now (): number, write (text: string): void }) {
  let isAsked = false
  return {
    /** When the token in force was issued, ms. */
    get issuedAt () { return issuedAt },

    /** Prints IRIS.AUTH once when it is time. @returns the goodbye for which it is time, undefined while there is none. */
    due (): Bye | undefined {
      const leftMs = expiresAt - now()
      if (leftMs <= -GRACE_MS) return 'TOKEN_EXPIRED'
      if (leftMs > ASK_MS || isAsked) return undefined
      isAsked = true
      write(printer.format(gatewayCommand('IRIS.AUTH', { expiresInSec: Math.max(0, Math.ceil(leftMs / 1000)) }, { now: now(), traceId })))
      return undefined
    },

    /** A fresh token was handed in; one that ends no later changes nothing. */
    renew (fresh: TokenLife): void {
      if (fresh.expiresAt <= expiresAt) return
      issuedAt = Math.max(issuedAt, fresh.issuedAt)
      expiresAt = fresh.expiresAt
      isAsked = false
    }
  }
}
