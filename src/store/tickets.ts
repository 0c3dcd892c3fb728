// Tickets for the down side, kept in Redis so that any node honours them. PROTOCOL.md section 3.
import { createHash, randomBytes } from 'node:crypto'
import { Problem } from '../protocol/problem.js'
import { keys } from './keys.js'
import type { Redis } from './redis.js'
import { defineScript } from './scripts.js'

/** A ticket must be used for the first time within so many seconds. */
const UNUSED_SEC = 60

const useTicket = defineScript('use-ticket', { keys: ['ticket'], args: ['terminal', 'platform'] })

/** Whom a ticket is for. `tokenIssuedAt`, `tokenExpiresAt`: the life of the token it was bought with, ms; it is revoked with it. */
export interface TicketFacts { userId: string, tokenIssuedAt: number, tokenExpiresAt: number, terminalId?: string, platform?: string }

/** Makes the tickets of a store. Redis knows only a ticket's digest: a dump of it opens nothing. */
export function createTickets (redis: Redis) {
  return {
    /** @returns a ticket that must be used within `expiresIn` seconds. */
    async create ({ userId, tokenIssuedAt, tokenExpiresAt, terminalId = '', platform = '' }: TicketFacts): Promise<{ ticket: string, expiresIn: number }> {
      const ticket = randomBytes(32).toString('base64url')
      const key = keyOf(ticket)
      await redis.multi()
        .hset(key, { user: userId, iat: tokenIssuedAt, exp: tokenExpiresAt, terminal: terminalId, platform })
        .expire(key, UNUSED_SEC)
        .exec()
      return { ticket, expiresIn: UNUSED_SEC }
    },

    /**
     * Uses a ticket: the first use binds it to its terminal and lets it live as long as the token.
     * Throws BAD_TICKET for one that is unknown, was not used in time, or belongs to another terminal.
     */
    async use (ticket: string, { terminalId = '', platform = '' }: { terminalId?: string, platform?: string }) {
      if (!/^[A-Za-z0-9_-]{43}$/.test(ticket)) throw new Problem('BAD_TICKET')
      const [, userId, tokenIssuedAt, tokenExpiresAt, terminal, boundPlatform] = await useTicket(redis, { ticket: keyOf(ticket) }, { terminal: terminalId, platform })
      return { userId: String(userId), tokenIssuedAt: Number(tokenIssuedAt), tokenExpiresAt: Number(tokenExpiresAt), terminalId: String(terminal), platform: String(boundPlatform) }
    }
  }
}

const keyOf = (ticket: string) => keys.ticket(createHash('sha256').update(ticket).digest('hex'))
