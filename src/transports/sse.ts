// The stream: GET /v1/down/events as Server-Sent Events. It only prints what the pump finds. docs/protocol.md section 4.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { errors } from '../protocol/errors.js'
import { Problem } from '../protocol/problem.js'
import type { Bye } from '../protocol/events.js'
import { downQuery } from '../protocol/stream.js'
import type { Printer } from '../stream/opening.js'
import { farewell } from '../stream/say.js'
import { retryMsOf } from '../store/admission.js'
import { withDeadline } from '../store/deadline.js'
import { isUnavailable } from '../store/redis.js'
import { cursorOf, type DownFloor, queryCheck } from './down.js'
import { sseComment, sseRetry, sseText } from './frames.js'

/** A reader that does not take its goodbye is cut off. */
const END_MS = 2_000

const checkQuery = queryCheck(downQuery)

/** Mounts the stream. */
export function mountSse (app: FastifyInstance, { hub, authenticate, now, onRefused }: DownFloor): void {
  app.get('/v1/down/events', { exposeHeadRoute: false, config: { answersOverLimit: true } }, async (request, reply) => {
    // [SSE-1] any status but 200 would end a browser's EventSource for ever
    if (request.isOverLimit) {
      request.isQuiet = true
      return openStream(reply).end(sayBye('BUSY', request), 'BUSY')
    }
    checkQuery(request)
    try {
      const printer = openLater(reply)
      const cursor = cursorOf(request)
      const connection = await withDeadline(async () => {
        const caller = await authenticate(request)
        return await hub.attach({ ...caller, traceId: request.traceId, printer, ...(cursor !== undefined && { cursor }) })
      })
      if (!connection) return printer.end(sayBye('TOO_MANY_TERMINALS', request), 'TOO_MANY_TERMINALS')
      if (!reply.sent) return reply.hijack() // gone before there was anything to say
      request.isQuiet = !connection.isBegun
      reply.raw.on('drain', () => connection.wake())
    } catch (error) {
      // [KICK-1] the one answer after which a browser's EventSource does not come back; unless the kick's BYE was faster
      if (error instanceof Problem && error.code === 'KICKED') {
        if (reply.sent) return undefined
        request.code = error.code
        return await reply.code(204).send()
      }
      const bye = troubleOf(error)
      if (!bye) throw error
      if (!reply.sent) openStream(reply)
      request.isQuiet = bye === 'BUSY'
      end(reply, sayBye(bye, request, retryMsOf(error)), bye)
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

/** A stream that is opened by its first text: until then, the answer may still be another. */
function openLater (reply: FastifyReply): Printer {
  let opened: Printer | undefined
  const open = () => {
    opened ??= openStream(reply)
    return opened
  }
  return {
    format: sseText,
    comment: sseComment,
    write: text => open().write(text),
    backlog: () => reply.raw.writableLength,
    end: (text, bye) => open().end(text, bye),
    retry: sseRetry,
    onGone: gone => reply.raw.destroyed ? gone() : reply.raw.on('close', gone)
  }
}

/**
 * Takes the response over from Fastify. It ends with the connection instead of being chunked: one string a write instead
 * of three parts.
 */
function openStream (reply: FastifyReply): Printer {
  const { raw } = reply
  const headers = reply.getHeaders()
  reply.hijack()
  raw.useChunkedEncodingByDefault = false
  raw.shouldKeepAlive = false
  raw.writeHead(200, {
    ...headers as Record<string, string>,
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-store, no-transform',
    'x-accel-buffering': 'no'
  })
  // by themselves: joined with a body, the header would stay in memory in the forty pieces it was made of
  raw.flushHeaders()
  raw.write(sseRetry())
  return {
    format: sseText,
    comment: sseComment,
    write: text => { raw.write(text) },
    backlog: () => raw.writableLength,
    end: (text, bye) => end(reply, text, bye)
  }
}

function end ({ raw, request }: FastifyReply, text: string, bye: Bye): void {
  const { socket } = raw
  request.bye = bye
  raw.end(text)
  if (!socket || socket.destroyed) return
  // a client may have stopped reading: its half of the connection would keep the server from closing
  const timer = setTimeout(() => socket.destroy(), END_MS)
  timer.unref()
  socket.on('close', () => clearTimeout(timer))
}
