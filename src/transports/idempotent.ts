// Idempotency-Key on what the application's back end writes. docs/protocol.md section 8.
import type { FastifyReply, FastifyRequest } from 'fastify'
import { fingerprint } from '../fanout/send-message.js'
import { idempotencyKey } from '../protocol/operation.js'
import { Problem } from '../protocol/problem.js'
import type { Effect, Idempotency } from '../store/once/idempotency.js'

const KEY = new RegExp(idempotencyKey.pattern)

/**
 * @returns `once(request, reply, effect)`: what it answers; with the header, the first answer again for the same request, marked by
 *   `Idempotent-Replayed`. Throws INVALID_HEADER for a malformed key, and what the store throws. Without the header it only runs.
 */
export function createIdempotent (answers: Idempotency) {
  return async function once (request: FastifyRequest, reply: FastifyReply, effect: Effect<unknown>): Promise<unknown> {
    const { headers: { 'idempotency-key': key }, method, url, body } = request
    if (key === undefined) return await effect.run()
    if (typeof key !== 'string' || !KEY.test(key)) {
      throw new Problem('INVALID_HEADER', { errors: [{ pointer: '/Idempotency-Key', detail: `must match ${KEY.source}` }] })
    }
    const { result, isReplay } = await answers.run({ key, fingerprint: fingerprint([method, url, body ?? null]) }, effect)
    if (isReplay) reply.header('idempotent-replayed', 'true')
    return result
  }
}
