// The stream: GET /v1/down/events as Server-Sent Events. It only prints what the pump finds. PROTOCOL.md section 4.
import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../protocol/problem.js'
import type { Bye } from '../protocol/events.js'
import { downQuery } from '../protocol/stream.js'
import { defaultLimits } from '../protocol/limits.js'
import { createValidators } from '../commands/validate.js'
import type { Printer } from '../delivery/opening.js'
import type { Hub } from '../delivery/hub.js'
import { goodbye } from '../delivery/say.js'
import { isUnavailable } from '../store/redis.js'
import { sseComment, sseRetry, sseText } from './frames.js'

/** A reader that does not take its goodbye is cut off. */
const END_MS = 2_000

interface Floor {
  hub: Hub
  /** Who reads: by bearer or ticket. Throws a Problem. */
  authenticate (request: FastifyRequest): Promise<{ userId: string, terminalId: string, platform: string, expiresAt: number }>
  now (): number
  /** A goodbye was said to somebody who never became a connection. */
  onRefused (bye: Bye): void
}

const checkQuery = createValidators(defaultLimits).text(downQuery)

/** Mounts the stream. */
export function mountSse (app: FastifyInstance, { hub, authenticate, now, onRefused }: Floor): void {
  app.get('/v1/down/events', { exposeHeadRoute: false, config: { answersOverLimit: true } }, async (request, reply) => {
    // [SSE-1] any status but 200 would end a browser's EventSource for ever
    if (request.isOverLimit) return void openStream(reply).end(sayBye('BUSY', request))
    const broken = checkQuery(request.query)
    if (broken.length) throw new Problem('INVALID_QUERY', { errors: broken })
    try {
      const caller = await authenticate(request)
      const printer = openStream(reply)
      const cursor = cursorOf(request)
      const opening = { ...caller, traceId: request.traceId, printer, ...(cursor !== undefined && { cursor }) }
      const connection = await hub.attach(opening)
      if (!connection) return end(reply.raw, sayBye('TOO_MANY_TERMINALS', request))
      reply.raw.on('drain', connection.drained)
    } catch (error) {
      if (!isUnavailable(error)) throw error
      if (!reply.sent) openStream(reply)
      end(reply.raw, sayBye('STORE_LOST', request))
    }
  })

  function sayBye (bye: Bye, { traceId }: FastifyRequest): string {
    onRefused(bye)
    return sseText(goodbye(bye, { now: now(), traceId }))
  }
}

/** The cursor: the first that is present and not empty, header before query. */
function cursorOf ({ headers, query }: FastifyRequest): string | undefined {
  const header = headers['last-event-id']
  const given = [typeof header === 'string' ? header : undefined, (query as { lastEventId?: string }).lastEventId]
  return given.find(cursor => cursor !== undefined && cursor !== '')
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
    end: text => end(raw, text),
    retry: sseRetry,
    onGone: gone => raw.destroyed ? gone() : raw.on('close', gone)
  }
}

function end (raw: ServerResponse, text: string): void {
  const { socket } = raw
  raw.end(text)
  if (!socket || socket.destroyed) return
  // a client may have stopped reading: its half of the connection would keep the server from closing
  const timer = setTimeout(() => socket.destroy(), END_MS)
  timer.unref()
  socket.on('close', () => clearTimeout(timer))
}
