// What all ways down have in common: the query, the cursor, who reads. docs/protocol.md sections 3 and 4.
import type { FastifyRequest } from 'fastify'
import type { TSchema } from '@sinclair/typebox'
import { createValidators } from '../commands/validate.js'
import type { Hub } from '../hub/hub.js'
import type { Bye } from '../protocol/events.js'
import { defaultLimits } from '../protocol/limits.js'
import { Problem } from '../protocol/problem.js'

/** Who reads: the terminal, the life of its token, ms, and what is its sign of life beside heartbeats and commands. */
export interface Reader { userId: string, terminalId: string, platform: string, issuedAt: number, expiresAt: number, lease?: 'socket' }

/** What a way down is mounted with. */
export interface DownFloor {
  hub: Hub
  /** By bearer or ticket. Throws a Problem. */
  authenticate (request: FastifyRequest): Promise<Reader>
  now (): number
  /** A goodbye was said to somebody who never became a connection. */
  onRefused (bye: Bye): void
}

/**
 * @returns a check of a way's query, which fills in its defaults. Throws INVALID_QUERY: unknown names are refused, too, but for
 *   those that begin with `_`: clients put them there to get past caches. They are taken out.
 */
export function queryCheck (schema: TSchema): (request: FastifyRequest) => void {
  const check = createValidators(defaultLimits).text(schema)
  return request => {
    const query = request.query as Record<string, unknown>
    for (const name of Object.keys(query)) if (name.startsWith('_')) delete query[name]
    const broken = check(query)
    if (broken.length) throw new Problem('INVALID_QUERY', { errors: broken })
  }
}

/** @returns the cursor: the first that is present and not empty, header before query. */
export function cursorOf ({ headers, query }: FastifyRequest): string | undefined {
  const header = headers['last-event-id']
  const given = [typeof header === 'string' ? header : undefined, (query as { lastEventId?: string }).lastEventId]
  return given.find(cursor => cursor !== undefined && cursor !== '')
}
