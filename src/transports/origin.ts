// Where a WebSocket's page came from. Browsers say so; a page of another site would come with the user's own network behind it.
import type { FastifyRequest } from 'fastify'
import { originOf } from '../protocol/origin.js'
import { Problem } from '../protocol/problem.js'

/**
 * Lets in the server's own origin, and those that are allowed. None: not a browser. Own is the `Host` that was asked for, or
 * `X-Forwarded-Host` of a proxy that is trusted, by http or https: TLS may end in front of Iris.
 * Throws ORIGIN_NOT_ALLOWED, which says what was compared.
 */
export function refuseOrigin ({ headers: { origin }, host, log, traceId }: FastifyRequest, allowed: string[]): void {
  if (origin === undefined) return
  const meant = originOf(origin)
  if (meant !== undefined && [...allowed, originOf(`http://${host}`), originOf(`https://${host}`)].includes(meant)) return
  const compared = { origin: origin.slice(0, 200), host: host.slice(0, 200) }
  log.warn({ traceId, ...compared }, 'a WebSocket was refused: its Origin is neither that of the Host nor one of IRIS_ALLOWED_ORIGINS')
  throw new Problem('ORIGIN_NOT_ALLOWED', {
    detail: `The origin ${compared.origin} is neither that of the host ${compared.host} nor one of IRIS_ALLOWED_ORIGINS`
  })
}
