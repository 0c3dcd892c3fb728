// TRACE_ID: taken or made, on every answer and in every log line. [TRACE-1] [TRACE-2]
import type { IncomingHttpHeaders } from 'node:http'
import { newTraceId } from '../store/random.js'

declare module 'fastify' {
  interface FastifyRequest {
    traceId: string
    /** Who asks, once that is known. */
    userId: string | undefined
    terminalId: string | undefined
  }
}

const TRACE_ID = /^[A-Za-z0-9._-]{1,64}$/
/** W3C Trace Context, 3.2: version, trace id, parent id, flags; an id of zeros is invalid. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/

/** @returns `Trace-Id` when it is well formed, else the trace of `traceparent`, else a new one. A malformed one is never echoed. */
export function traceIdOf (headers: IncomingHttpHeaders): string {
  const own = headers['trace-id']
  if (typeof own === 'string' && TRACE_ID.test(own)) return own
  const w3c = headers['traceparent']
  return (typeof w3c === 'string' ? TRACEPARENT.exec(w3c)?.[1] : undefined) ?? newTraceId()
}
