// Mounts operations as HTTP routes: authentication, then execute(), which validates for all transports. docs/protocol.md section 3.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { AnyOperation } from '../commands/execute.js'
import { type Caller, isRepeatable, type Lines, type Request } from '../protocol/operation.js'
import { asError, Problem } from '../protocol/problem.js'
import { REQUEST_MS, within } from '../store/deadline.js'
import { asUnavailable } from '../store/redis/unavailable.js'
import type { createIdempotent } from './idempotent.js'
import { acceptsLines, createLineAnswers } from './ndjson.js'
import { subjectOf } from './subject.js'

interface Floor<Context> {
  operations: readonly AnyOperation<Context>[]
  execute (name: string, request: Request): Promise<unknown>
  auth: Record<'user' | 'server', (request: FastifyRequest) => Caller | Promise<Caller>>
  /** Runs a write once per Idempotency-Key. */
  once: ReturnType<typeof createIdempotent>
  /** So long an answer in lines may take nothing, ms. */
  stuckMs: number
  now (): number
}

declare module 'fastify' {
  interface FastifyRequest { caller: Caller | null, receivedAt: number, knownMs: number }
}

const nobody: Caller = { userId: '', terminalId: '', role: 'user', issuedAt: 0, expiresAt: Infinity }

/** Mounts every operation. Nothing is awaited that is there already: each promise is a turn of the queue, and costs as much as a header. */
export function mountOperations<Context> (app: FastifyInstance, { operations, execute, auth, once, stuckMs, now }: Floor<Context>): void {
  const sendLines = createLineAnswers(app, { stuckMs })
  app.decorateRequest('caller', null)
  app.decorateRequest('receivedAt', 0)
  app.decorateRequest('knownMs', 0)

  function printLines (reply: FastifyReply, result: unknown): void {
    sendLines(reply, result as Lines).catch((error: unknown) => reply.send(asError(error)))
  }

  for (const { name, method, path, auth: door, body, isRead, waitMs, lines, isFinal, showsTexts = false } of operations) {
    const keyed = isRepeatable({ auth: door, method, isRead })
    const isInLines = lines ? acceptsLines : () => false
    const callerOf = door === 'none' ? () => nobody : auth[door]

    function run (request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
      const { body: sent, query: asked, params: named, caller, traceId, receivedAt } = request
      const inLines = isInLines(request)
      const execution = () =>
        execute(name, { body: sent, query: asked, params: named, caller: caller ?? nobody, traceId, receivedAt, inLines })
      // its body may have come slowly: that is not the node's time
      const leftMs = REQUEST_MS - request.knownMs + (waitMs?.(asked as never) ?? 0)
      return within(keyed ? () => onceOnly(request, reply, execution) : execution, leftMs)
    }

    async function onceOnly (request: FastifyRequest, reply: FastifyReply, execution: () => Promise<unknown>): Promise<unknown> {
      try {
        return await once(request, reply, { run: execution, ...(isFinal && { isFinal: result => isFinal(result as never) }) })
      } catch (error) {
        throw asUnavailable(error)
      }
    }

    app.route({
      method,
      url: path.replaceAll(/\{(\w+)\}/g, ':$1'),
      config: { showsTexts },
      // before the body is read: a stranger's body is not worth parsing
      onRequest: (request, _reply, done) => {
        request.receivedAt = now()
        identify(request, callerOf, done)
      },
      handler: (request, reply) => {
        if (body && request.body === undefined) throw new Problem('INVALID_JSON', { detail: 'The request has no body' })
        const print = isInLines(request) ? printLines : answer
        run(request, reply).then(result => print(reply, result), (error: unknown) => refuse(reply, error))
      }
    })
  }
}

/** Finds out whose a request is, and how long that took. */
function identify (
  request: FastifyRequest, callerOf: (request: FastifyRequest) => Caller | Promise<Caller>, done: (error?: Error) => void
): void {
  const began = performance.now()
  let caller: Caller | Promise<Caller>
  try {
    caller = callerOf(request)
  } catch (error) {
    return done(asError(error))
  }
  if (!(caller instanceof Promise)) {
    request.caller = caller
    return done()
  }
  caller.then(found => {
    request.caller = found
    request.knownMs = performance.now() - began
    done()
  }, (error: unknown) => done(asError(error)))
}

/** Hands an answer over; one that cannot be is said as a bug is. */
function answer (reply: FastifyReply, result: unknown): void {
  const { request } = reply
  request.subject = subjectOf(result, request.body)
  try {
    reply.header('cache-control', 'no-store').send({ ...result as object, traceId: request.traceId })
  } catch (error) {
    reply.send(asError(error))
  }
}

function refuse (reply: FastifyReply, error: unknown): void {
  const { request } = reply
  request.subject = subjectOf(undefined, request.body)
  reply.send(asError(error))
}
