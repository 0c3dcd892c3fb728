// Tickets: a browser's EventSource and WebSocket cannot send headers. Section 3.
import { Type } from '@sinclair/typebox'
import { Platform, TerminalId, Time } from '../protocol/ids.js'
import { defineOperation } from '../fanout/context.js'

/** Exchanges a bearer token for a ticket that may stand in the down side's URL. */
export const createTicket = defineOperation({
  name: 'createTicket',
  method: 'POST',
  path: '/v1/down/tickets',
  tag: 'Down',
  auth: 'user',
  summary: 'Get a ticket for EventSource or WebSocket',
  description: 'A token is never taken from a URL. The ticket must be used before `expiresAt`; from then on it belongs to its ' +
    'terminal and serves the reconnects of the same URL while the token lives, and counts also beside an `Authorization` that is not ' +
    'a bearer. It can do nothing else. Twenty of a user may be unused; of those that were used the last 8 of a terminal are kept.',
  body: Type.Object({ terminalId: Type.Optional(TerminalId), platform: Type.Optional(Platform) }, { additionalProperties: false }),
  result: Type.Object({
    ticket: Type.String(),
    expiresAt: { ...Time, description: 'Until then it must be used, ms.' },
    expiresIn: Type.Integer({ description: 'The same in seconds from now on.' })
  }),
  errors: ['RATE_LIMITED'],
  example: {
    body: { terminalId: 'web-1', platform: 'web' },
    result: { ticket: 'Zk3v0mU2q8n1rT5wYb7cXe9aHd4jLf6gPs0oVi2uKtM', expiresAt: 1795442460123, expiresIn: 60 }
  },
  async handle ({ body, caller: { userId, issuedAt, expiresAt } }, { tickets, now }) {
    const { ticket, expiresIn } = await tickets.create({ userId, tokenIssuedAt: issuedAt, tokenExpiresAt: expiresAt, ...body })
    return { ticket, expiresAt: now() + expiresIn * 1000, expiresIn }
  }
})
