// Who calls: a user by bearer token, a terminal's down side by bearer or ticket, a back end by server key. Section 3, [AUTH-1].
import { hash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { SYSTEM_USER } from '../protocol/ids.js'
import type { Caller } from '../protocol/operation.js'
import { Problem } from '../protocol/problem.js'
import type { createTickets } from '../store/access/tickets.js'
import type { Identity } from './claims.js'
import type { Tokens } from './tokens.js'

const DEFAULT_TERMINAL = 'default'
const TERMINAL = /^[A-Za-z0-9_-]{1,64}$/

interface Floor {
  tokens: Pick<Tokens, 'identify' | 'verify'>
  tickets: Pick<ReturnType<typeof createTickets>, 'use'>
  serverKeys: string[]
}

/** Makes the three doors. Each throws a Problem, or rejects with it: 401, or 400 for a malformed `Terminal-Id`. */
export function createAuth ({ tokens, tickets, serverKeys }: Floor) {
  const digests = serverKeys.map(digest)

  return {
    /** A user's terminal, by bearer token and the `Terminal-Id` header. */
    user (request: FastifyRequest): Caller | Promise<Caller> {
      const identity = tokens.identify(bearer(request))
      return identity instanceof Promise ? identity.then(found => callerOf(request, found)) : callerOf(request, identity)
    },

    /** The application's back end. All keys are compared, each in constant time. */
    server (request: FastifyRequest): Caller {
      const given = digest(bearer(request))
      if (digests.filter(known => timingSafeEqual(known, given)).length === 0) throw new Problem('BAD_SERVER_KEY')
      return noted(request, { userId: SYSTEM_USER, terminalId: 'server', role: 'server', issuedAt: Infinity, expiresAt: Infinity })
    },

    /**
     * The down side: by bearer, else by ticket, whatever other `Authorization` a proxy or browser adds. A JWT is never taken from a URL.
     */
    async down (
      request: FastifyRequest
    ): Promise<{ userId: string, terminalId: string, platform: string, issuedAt: number, expiresAt: number, lease?: 'socket' }> {
      const { ticket, platform, terminalId: asked, lease } = request.query as {
        ticket?: string
        platform?: string
        terminalId?: string
        lease?: 'socket'
      }
      const terminalId = asked ?? terminalOf(request)
      if (bearerOf(request) === undefined && ticket !== undefined) {
        const { tokenIssuedAt, tokenExpiresAt, ...used } = await tickets.use(ticket, {
          ...(terminalId !== undefined && { terminalId }),
          ...(platform !== undefined && { platform })
        })
        return noted(request, { ...used, issuedAt: tokenIssuedAt, expiresAt: tokenExpiresAt, ...(lease && { lease }) })
      }
      const identity = await tokens.verify(bearer(request))
      const reader = { ...identity, terminalId: terminalId ?? DEFAULT_TERMINAL, platform: platform ?? 'web' }
      return noted(request, { ...reader, ...(lease && { lease }) })
    }
  }
}

function callerOf (request: FastifyRequest, { userId, issuedAt, expiresAt }: Identity): Caller {
  return noted(request, { userId, terminalId: terminalOf(request) ?? DEFAULT_TERMINAL, role: 'user', issuedAt, expiresAt })
}

/** Who asks stands in the line of the answer. [DELIVERY-4] */
function noted<Who extends { userId: string, terminalId: string }> (request: FastifyRequest, who: Who): Who {
  request.userId = who.userId
  request.terminalId = who.terminalId
  return who
}

export type Auth = ReturnType<typeof createAuth>

const digest = (key: string) => hash('sha256', key, 'buffer')

const bearerOf = ({ headers: { authorization } }: FastifyRequest) => /^Bearer +([^\s]+)$/i.exec(authorization ?? '')?.[1]

function bearer (request: FastifyRequest): string {
  const token = bearerOf(request)
  if (token === undefined) throw new Problem('UNAUTHENTICATED')
  return token
}

function terminalOf ({ headers }: FastifyRequest): string | undefined {
  const given = headers['terminal-id']
  if (given === undefined) return undefined
  if (typeof given !== 'string' || !TERMINAL.test(given)) {
    throw new Problem('INVALID_HEADER', { errors: [{ pointer: '/Terminal-Id', detail: `must match ${TERMINAL.source}` }] })
  }
  return given
}
