// Every refusal as an RFC 9457 problem, also those of the framework and of the HTTP parser. docs/protocol.md section 3.
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type ErrorCode, errors } from '../protocol/errors.js'
import { Problem, problemBody } from '../protocol/problem.js'
import { isUnavailable } from '../store/redis.js'
import { traceIdOf } from './trace.js'

const RETRY_AFTER_SEC = 1
/** A peer that does not take the last answer of its connection is cut off. */
const END_MS = 2_000

/** What Fastify's own errors mean here. */
const frameworkCodes: Record<string, ErrorCode> = {
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'INVALID_REQUEST',
  FST_ERR_CTP_BODY_TOO_LARGE: 'BODY_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
  FST_ERR_BAD_URL: 'INVALID_REQUEST',
  FST_ERR_MAX_PARAM_LENGTH: 'URI_TOO_LONG',
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT'
}

/** What a package (static files) refuses with a status alone. */
const statusCodes: Record<number, ErrorCode> = {
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  413: 'BODY_TOO_LARGE',
  414: 'URI_TOO_LONG',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  416: 'RANGE_NOT_SATISFIABLE'
}

function problemOf (error: FastifyError | Problem): Problem {
  if (error instanceof Problem) return error
  const code = frameworkCodes[error.code]
  if (code) return new Problem(code)
  if (isUnavailable(error)) return new Problem('STORE_UNAVAILABLE')
  const { statusCode: status = 500 } = error
  if (status < 400 || status >= 500) return new Problem('INTERNAL')
  return new Problem(statusCodes[status] ?? 'INVALID_REQUEST', statusCodes[status] || status === 400 ? {} : { status })
}

function send (problem: Problem, request: FastifyRequest, reply: FastifyReply) {
  const { status } = problem
  const traceId = request.traceId || traceIdOf(request.headers)
  reply.code(status).type('application/problem+json').header('trace-id', traceId).header('cache-control', 'no-store')
  if (status === 429 || status === 503) reply.header('retry-after', problem.facts.members?.['retryAfterSec'] ?? reply.getHeader('retry-after') ?? RETRY_AFTER_SEC)
  if (status === 401) reply.header('www-authenticate', 'Bearer')
  return reply.serializer(JSON.stringify).send(problemBody(problem, { instance: request.url.split('?', 1)[0] ?? '/', traceId }))
}

/** Prints errors; what is not a refusal is a bug, and logged, unless the client has gone: then it is what that looks like from here. */
export function frameworkErrors (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const problem = problemOf(error)
  if (problem.code === 'INTERNAL' && !reply.raw.destroyed) request.log.error({ traceId: request.traceId, err: error }, 'a request failed')
  void send(problem, request, reply)
}

/** Registers the error handler, and 404, or 405 with `Allow` for an address that knows other methods. */
export const problems = fp(async app => {
  const routes: { pattern: RegExp, method: string }[] = []
  app.addHook('onRoute', ({ url, method }) => {
    if (url.includes('*')) return
    const pattern = new RegExp(`^${url.replaceAll('.', '\\.').replaceAll(/:[a-z]+/gi, '[^/]+')}$`)
    routes.push(...[method].flat().map(name => ({ pattern, method: name })))
  })
  app.setErrorHandler(frameworkErrors)
  // RFC 9112 3.2: HTTP/1.1 names the host
  app.addHook('onRequest', async ({ headers, raw }) => {
    if (headers.host === undefined && raw.httpVersion === '1.1') throw new Problem('INVALID_REQUEST')
  })
  app.setNotFoundHandler(async (request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '/'
    const allowed = [...new Set(routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))]
    if (allowed.length > 0) reply.header('allow', allowed.join(', '))
    return send(new Problem(allowed.length > 0 ? 'METHOD_NOT_ALLOWED' : 'NOT_FOUND'), request, reply)
  })
}, { name: 'problems' })

/**
 * Answers what is not HTTP on the raw socket, and closes it. Behind an earlier request whose answer is still to come it would
 * be taken for that answer, or stand in the middle of a stream: then the connection is cut.
 */
export function clientErrorHandler (error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable || isOwed(socket)) return void socket.destroy()
  const problem = new Problem(frameworkCodes[error.code ?? ''] ?? 'INVALID_REQUEST')
  const { status, title } = errors[problem.code]
  const traceId = traceIdOf({})
  const body = JSON.stringify(problemBody(problem, { instance: '/', traceId }))
  socket.end(`HTTP/1.1 ${status} ${title}\r\nContent-Type: application/problem+json\r\nTrace-Id: ${traceId}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`)
  const timer = setTimeout(() => socket.destroy(), END_MS).unref()
  socket.on('close', () => clearTimeout(timer))
}

/** Whether a request that came in wholly waits for its answer, or an answer has begun. */
function isOwed (socket: Socket): boolean {
  const { _httpMessage: answer } = socket as { _httpMessage?: ServerResponse | null }
  return Boolean(answer && (answer.headersSent || answer.req.complete))
}
