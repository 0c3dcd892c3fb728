// Mounts operations as HTTP routes: authentication, then execute(), which validates for all transports. docs/protocol.md section 3.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { AnyOperation } from '../commands/execute.js'
import { type Caller, isRepeatable, type Request } from '../protocol/operation.js'
import { Problem } from '../protocol/problem.js'
import { REQUEST_MS, within } from '../store/deadline.js'
import { asUnavailable } from '../store/unavailable.js'
import type { createIdempotent } from './idempotent.js'

interface Floor<Context> {
  operations: readonly AnyOperation<Context>[]
  execute (name: string, request: Request): Promise<unknown>
  auth: Record<'user' | 'server', (request: FastifyRequest) => Promise<Caller>>
  /** Runs a write once per Idempotency-Key. */
  once: ReturnType<typeof createIdempotent>
  now (): number
}

declare module 'fastify' {
  interface FastifyRequest { caller: Caller | null, receivedAt: number, knownMs: number }
}

const nobody: Caller = { userId: '', terminalId: '', role: 'user', issuedAt: 0, expiresAt: Infinity }

/** Mounts every operation. */
export function mountOperations<Context> (app: FastifyInstance, { operations, execute, auth, once, now }: Floor<Context>): void {
  app.decorateRequest('caller', null)
  app.decorateRequest('receivedAt', 0)
  app.decorateRequest('knownMs', 0)

  for (const { name, method, path, auth: door, body, isRead, waitMs } of operations) {
    const keyed = isRepeatable({ auth: door, method, isRead })
    app.route({
      method,
      url: path.replaceAll(/\{(\w+)\}/g, ':$1'),
      serializerCompiler: () => JSON.stringify,
      // before the body is read: a stranger's body is not worth parsing
      onRequest: async request => {
        request.receivedAt = now()
        const began = performance.now()
        request.caller = door === 'none' ? nobody : await auth[door](request)
        request.knownMs = performance.now() - began
      },
      handler: async (request, reply) => {
        const { body: sent, query: asked, params: named, caller, traceId, receivedAt } = request
        if (body && sent === undefined) throw new Problem('INVALID_JSON', { detail: 'The request has no body' })
        const run = () => execute(name, { body: sent, query: asked, params: named, caller: caller ?? nobody, traceId, receivedAt })
        // its body may have come slowly: that is not the node's time
        const leftMs = REQUEST_MS - request.knownMs + (waitMs?.(asked as never) ?? 0)
        const result = await within(async () => await (keyed ? once(request, reply, run) : run()).catch((error: unknown) => { throw asUnavailable(error) }), leftMs)
        reply.header('cache-control', 'no-store')
        return { ...result as object, traceId }
      }
    })
  }
}
