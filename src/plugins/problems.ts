// Every refusal as an RFC 9457 problem, also those of the framework and of the HTTP parser. docs/protocol.md section 3.
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type ErrorCode, errors } from '../protocol/errors.js'
import { asError, failed, isOfLoad, Problem, problemBody } from '../protocol/problem.js'
import { isUnavailable } from '../store/redis/redis.js'
import { asUnavailable } from '../store/redis/unavailable.js'
import type { BareHeaders } from './security.js'
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
  412: 'PRECONDITION_FAILED',
  413: 'BODY_TOO_LARGE',
  414: 'URI_TOO_LONG',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  416: 'RANGE_NOT_SATISFIABLE'
}

/** @returns what an error refuses; undefined: nothing, it is a bug. */
function refusalOf (error: Error | FastifyError | Problem): Problem | undefined {
  if (error instanceof Problem) return error
  const { code: name = '', statusCode: status = 500 } = error as Partial<FastifyError>
  const code = frameworkCodes[name]
  if (code) return new Problem(code)
  if (isUnavailable(error)) return asUnavailable(error) as Problem
  if (status < 400 || status >= 500) return undefined
  return new Problem(statusCodes[status] ?? 'INVALID_REQUEST', statusCodes[status] || status === 400 ? {} : { status })
}

function send (problem: Problem, request: FastifyRequest, reply: FastifyReply) {
  const { status } = problem
  request.code = problem.code
  const traceId = request.traceId || traceIdOf(request.headers)
  reply.code(status).type('application/problem+json').header('trace-id', traceId).header('cache-control', 'no-store')
  if (status === 429 || status === 503) {
    reply.header('retry-after', problem.facts.members?.['retryAfterSec'] ?? reply.getHeader('retry-after') ?? RETRY_AFTER_SEC)
  }
  if (status === 401) reply.header('www-authenticate', 'Bearer')
  return reply.serializer(JSON.stringify).send(problemBody(problem, { instance: request.url.split('?', 1)[0] ?? '/', traceId }))
}

/**
 * Fastify ends the connection when a body was not as it should be; one that was read wholly hurts nothing that comes behind it. What
 * stands in the raw answer says that the server ends. (To remove a header that is not there keeps Node from saying that it closes.)
 */
const isEndedForBody = (reply: FastifyReply) => reply.hasHeader('connection') && !reply.raw.hasHeader('connection')

/** What is thrown when the client has gone is what that looks like from here. */
const nowhere = { error: () => undefined }

/** Prints errors; what is no refusal is a bug. */
function handleError (thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const error = asError(thrown)
  const hasGone = reply.raw.destroyed || request.raw.socket.destroyed
  const problem = refusalOf(error) ?? failed(error, hasGone ? nowhere : request.log, { traceId: request.traceId })
  if (isOfLoad(problem)) request.isQuiet = true // the metrics count it
  if (request.raw.complete && isEndedForBody(reply)) reply.removeHeader('connection')
  void send(problem, request, reply)
}

/** @returns what prints the errors of the router, which come before all hooks. */
export function createFrameworkErrors (headersOf: BareHeaders) {
  return function frameworkErrors (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
    reply.headers(headersOf(request.headers.origin))
    handleError(error, request, reply)
  }
}

/** Registers the error handler, and 404, or 405 with `Allow` for an address that knows other methods. */
export const problems = fp(async app => {
  const routes: { pattern: RegExp, method: string }[] = []
  app.addHook('onRoute', ({ url, method }) => {
    if (url.includes('*')) return
    const pattern = new RegExp(`^${url.replaceAll('.', '\\.').replaceAll(/:[a-z]+/gi, '[^/]+')}$`)
    routes.push(...[method].flat().map(name => ({ pattern, method: name })))
  })
  app.setErrorHandler(handleError)
  app.setNotFoundHandler(async (request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '/'
    const allowed = [...new Set(routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))]
    if (allowed.length > 0) reply.header('allow', allowed.join(', '))
    return send(new Problem(allowed.length > 0 ? 'METHOD_NOT_ALLOWED' : 'NOT_FOUND'), request, reply)
  })
}, { name: 'problems' })

/**
 * @returns what answers on the raw socket what is not HTTP, and closes it. Behind an earlier request whose answer is still to come it would
 * be taken for that answer, or stand in the middle of a stream: then the connection is cut.
 */
export function createClientErrorHandler (headersOf: BareHeaders) {
  return function clientErrorHandler (error: ClientError, socket: Socket): void {
    if (error.code === 'ECONNRESET' || !socket.writable || isOwed(socket)) return void socket.destroy()
    refuse(error, socket, headersOf(originFrom(error, socket)))
  }
}

/** What Node says of a request that it cannot read; `rawPacket`: the bytes in which it went wrong. */
type ClientError = Error & { code?: string, rawPacket?: unknown }

function refuse (error: ClientError, socket: Socket, headers: Record<string, string>): void {
  const problem = new Problem(frameworkCodes[error.code ?? ''] ?? 'INVALID_REQUEST')
  const { status, title } = errors[problem.code]
  const traceId = traceIdOf({})
  const body = JSON.stringify(problemBody(problem, { instance: '/', traceId }))
  const more = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('')
  socket.end(`HTTP/1.1 ${status} ${title}\r\nContent-Type: application/problem+json\r\nTrace-Id: ` +
    `${traceId}\r\n${more}Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`)
  const timer = setTimeout(() => socket.destroy(), END_MS).unref()
  socket.on('close', () => clearTimeout(timer))
}

const answerOf = (socket: Socket) => (socket as { _httpMessage?: ServerResponse | null })._httpMessage

/** The origin that a request names, as far as it can be read. */
function originFrom ({ rawPacket }: ClientError, socket: Socket): string | undefined {
  return answerOf(socket)?.req.headers.origin ??
    /\norigin:[ \t]*([\x21-\x7e]+)/i.exec(Buffer.isBuffer(rawPacket) ? rawPacket.toString('latin1') : '')?.[1]
}

/** Whether a request that came in wholly waits for its answer, or an answer has begun. */
function isOwed (socket: Socket): boolean {
  const answer = answerOf(socket)
  return Boolean(answer && (answer.headersSent || answer.req.complete))
}
