// The stream: GET /v1/down/events as Server-Sent Events. It only prints what the pump finds. docs/protocol.md section 4.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { errors } from '../protocol/errors.js'
import { Problem } from '../protocol/problem.js'
import type { Bye } from '../protocol/events.js'
import { downQuery } from '../protocol/stream.js'
import { farewell } from '../stream/say.js'
import { retryMsOf } from '../store/access/admission.js'
import { withDeadline } from '../store/deadline.js'
import { isUnavailable } from '../store/redis/redis.js'
import { cursorOf, type DownFloor, queryCheck } from './down.js'
import { createDetach } from './detach.js'
import { sseRetry, sseText } from './frames.js'
import { SseStream } from './sse-stream.js'

const checkQuery = queryCheck(downQuery)

/** Mounts the stream. */
export function mountSse (app: FastifyInstance, { hub, authenticate, now, onRefused }: DownFloor): void {
  const floor = { app, detach: createDetach(app.server) }
  app.get('/v1/down/events', { exposeHeadRoute: false, config: { answersOverLimit: true, showsTexts: true } }, async (request, reply) => {
    // [SSE-1] any status but 200 would end a browser's EventSource for ever
    if (request.isOverLimit) {
      request.isQuiet = true
      return new SseStream(reply, floor).end(sayBye('BUSY', request), 'BUSY')
    }
    checkQuery(request)
    const printer = new SseStream(reply, floor)
    try {
      const cursor = cursorOf(request)
      const connection = await withDeadline(async () => {
        const caller = await authenticate(request)
        return await hub.attach({ ...caller, traceId: request.traceId, printer, ...(cursor !== undefined && { cursor }) })
      })
      if (!connection) return printer.end(sayBye('TOO_MANY_TERMINALS', request), 'TOO_MANY_TERMINALS')
      if (!reply.sent) return reply.hijack() // gone before there was anything to say
      request.isQuiet = !connection.isBegun
    } catch (error) {
      // [KICK-1] the one answer after which a browser's EventSource does not come back; unless the kick's BYE was faster
      if (error instanceof Problem && error.code === 'KICKED') {
        if (reply.sent) return undefined
        request.code = error.code
        return await reply.code(204).send()
      }
      const bye = troubleOf(error)
      if (!bye) throw error
      request.isQuiet = bye === 'BUSY'
      printer.end(sayBye(bye, request, retryMsOf(error)), bye)
    }
  })

  function sayBye (bye: Bye, { traceId }: FastifyRequest, notBeforeMs = 0): string {
    onRefused(bye)
    return farewell(bye, { format: sseText, retry: sseRetry }, { now: now(), traceId, notBeforeMs })
  }
}

/** [SSE-1] @returns the goodbye of a trouble that passes; undefined for what is a verdict, or a bug. */
function troubleOf (error: unknown): Bye | undefined {
  if (isUnavailable(error)) return 'STORE_LOST'
  return error instanceof Problem && [429, 503].includes(errors[error.code].status) ? 'BUSY' : undefined
}
