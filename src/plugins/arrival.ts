// What every request gets as it comes in, in one hook: its trace [TRACE-1], the headers of its answer, and a look at its host.
import fp from 'fastify-plugin'
import { Problem } from '../protocol/problem.js'
import type { BareHeaders } from './security.js'
import { traceIdOf } from './trace.js'

/**
 * Registers the first hook of all.
 * @param headersOf makes the headers of an API, and those that a page of an origin needs to read a refusal.
 */
export const arrival = fp<{ headersOf: BareHeaders }>(async (app, { headersOf }) => {
  const headers = headersOf()
  app.decorateRequest('traceId', '')
  app.decorateRequest('userId', undefined)
  app.decorateRequest('terminalId', undefined)
  app.decorateRequest('subject', undefined)
  app.addHook('onRequest', (request, reply, done) => {
    const { raw } = request
    const traceId = traceIdOf(raw.headers)
    request.traceId = traceId
    reply.headers(headers).header('trace-id', traceId)
    // a WebSocket's handshake (upgrades.ts): when it is refused, its connection ends, and a proxy must not send the next request into it
    if (raw.headers.upgrade !== undefined) reply.raw.shouldKeepAlive = false
    // RFC 9112 3.2: HTTP/1.1 names the host
    if (raw.headers.host !== undefined || raw.httpVersion !== '1.1') return done()
    reply.headers(headersOf(raw.headers.origin))
    done(new Problem('INVALID_REQUEST'))
  })
}, { name: 'arrival' })
