// Where a WebSocket's page came from. Browsers say so; a page of another site would come with the user's own network behind it.
import type { FastifyRequest } from 'fastify'
import { originProblem, strangerOf } from '../protocol/origin.js'

/**
 * Lets in the server's own origin, and those that are allowed. None: not a browser. Own is the `Host` that was asked for, or
 * `X-Forwarded-Host` of a proxy that is trusted. Throws ORIGIN_NOT_ALLOWED, which says what was compared.
 */
export function refuseOrigin ({ headers: { origin }, host, log, traceId }: FastifyRequest, allowed: string[]): void {
  const stranger = origin === undefined ? undefined : strangerOf({ origin, host }, allowed)
  if (!stranger) return
  log.warn({ traceId, ...stranger }, 'a WebSocket was refused: its Origin is neither that of the Host nor one of IRIS_ALLOWED_ORIGINS')
  throw originProblem(stranger)
}
