// Tickets for the down side, kept in Redis so that any node honours them. docs/protocol.md section 3.
import { createHash, randomBytes } from 'node:crypto'
import { TOLERANCE_MS } from '../../protocol/login.js'
import { Problem } from '../../protocol/problem.js'
import { keys, partition, PARTITIONS } from '../keys.js'
import type { StoreContext } from '../life/context.js'
import { defineScript } from '../script/scripts.js'

/** A ticket must be used for the first time within so many seconds. */
const UNUSED_SEC = 60
/** Used tickets of a terminal that are kept: more than the six connections that a browser opens to one origin by HTTP/1.1. */
const OF_TERMINAL = 8

const createTicket = defineScript('create-ticket', {
  full: 'done',
  keys: ['ticket', 'tickets'],
  args: ['digest', 'user', 'issuedAt', 'expiresAt', 'terminal', 'platform', 'unusedMs', 'toleranceMs', 'maxUnused']
})
const useTicket = defineScript('use-ticket', {
  full: 'done',
  keys: ['ticket'],
  args: ['terminal', 'platform', 'toleranceMs', 'maxOfTerminal', 'maxUsed']
})

/** Whom a ticket is for. `tokenIssuedAt`, `tokenExpiresAt`: the life of the token it was bought with, ms; it is revoked with it. */
export interface TicketFacts { userId: string, tokenIssuedAt: number, tokenExpiresAt: number, terminalId?: string, platform?: string }

/** Makes the tickets of a store. Redis knows only a ticket's digest: a dump of it opens nothing. */
export function createTickets ({ redis, limits }: StoreContext) {
  return {
    /** @returns a ticket that must be used within `expiresIn` seconds. Throws RATE_LIMITED when too many of the user's are not used. */
    async create ({
      userId, tokenIssuedAt, tokenExpiresAt, terminalId = '', platform = ''
    }: TicketFacts): Promise<{ ticket: string, expiresIn: number }> {
      const ticket = newTicket(partition(userId))
      const digest = digestOf(ticket)
      const [, verdict, retryMs] = await createTicket(redis, {
        ticket: keys.ticket(partition(userId), digest),
        tickets: keys.tickets(userId)
      }, {
        digest,
        user: userId,
        issuedAt: tokenIssuedAt,
        expiresAt: tokenExpiresAt,
        terminal: terminalId,
        platform,
        unusedMs: UNUSED_SEC * 1000,
        toleranceMs: TOLERANCE_MS,
        maxUnused: limits.tickets
      })
      if (verdict === 'ok') return { ticket, expiresIn: UNUSED_SEC }
      throw new Problem('RATE_LIMITED', {
        detail: `${limits.tickets} tickets are not used yet`,
        members: { retryAfterSec: Math.ceil(Number(retryMs) / 1000) }
      })
    },

    /**
     * Uses a ticket: the first use binds it to its terminal and lets it live as long as the token, or until newer ones of
     * the terminal have taken its place. Throws BAD_TICKET for one that is unknown, was not used in time, or belongs to another terminal.
     */
    async use (ticket: string, { terminalId = '', platform = '' }: { terminalId?: string, platform?: string }) {
      if (!/^[A-Za-z0-9_-]{43}$/.test(ticket)) throw new Problem('BAD_TICKET')
      const [, userId, tokenIssuedAt, tokenExpiresAt, terminal, boundPlatform] = await useTicket(redis, {
        ticket: keys.ticket(partitionOf(ticket), digestOf(ticket))
      }, {
        terminal: terminalId,
        platform,
        toleranceMs: TOLERANCE_MS,
        maxOfTerminal: OF_TERMINAL,
        maxUsed: OF_TERMINAL * limits.terminals
      })
      return {
        userId: String(userId),
        tokenIssuedAt: Number(tokenIssuedAt),
        tokenExpiresAt: Number(tokenExpiresAt),
        terminalId: String(terminal),
        platform: String(boundPlatform)
      }
    }
  }
}

/** Chance, but for the partition of its user: his tickets stand together, where one script can count them. */
function newTicket (p: number): string {
  const bytes = randomBytes(32)
  bytes[0] = p
  return bytes.toString('base64url')
}

const partitionOf = (ticket: string) => (Buffer.from(ticket, 'base64url')[0] ?? 0) % PARTITIONS

const digestOf = (ticket: string) => createHash('sha256').update(ticket).digest('hex')
