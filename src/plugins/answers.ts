// Every answer has an end: it is taken in time or cut [SLOW-2], and said once in the log and to who counts.
import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { ErrorCode } from '../protocol/errors.js'
import { type Bye, byes } from '../protocol/events.js'

const LOOK_MS = 1_000
/** Never sent: the client had gone, or did not take its answer. The number is nginx's. */
const CLIENT_GONE = 499

/** What the client got, and from where: the pattern of the route. A quiet one has no line above `debug`. */
interface Facts { status: number, route: string, isQuiet: boolean }

type Listener = (request: FastifyRequest, reply: FastifyReply, facts: Facts) => void

declare module 'fastify' {
  interface FastifyInstance {
    /** Adds a listener of the ends of all answers; a stream ends with its connection. */
    onAnswered (listener: Listener): void
  }
  interface FastifyContextConfig { quiet?: boolean }
  interface FastifyRequest {
    /** It was refused since there is too much to do, or since its sender is too fast: a log line would cost more than that. [COST-1] */
    isQuiet?: boolean
    /** Why it was refused. */
    code?: ErrorCode
    /** The goodbye that its stream has ended with. */
    bye?: Bye
  }
}

/** Registers the deadline of answers, ms from when one is handed to the socket on; streams have their own. And their log lines. */
export const answers = fp<{ takenMs: number }>(async (app, { takenMs }) => {
  /** Answers that are on their way, and until when; undefined while another answer of the connection has its socket. */
  const sent = new Map<ServerResponse, number | undefined>()
  const listeners: Listener[] = [log]
  app.decorate('onAnswered', (listener: Listener) => { listeners.push(listener) })

  app.addHook('onRequest', (request, reply, done) => {
    const { raw } = reply
    // not onResponse: it is not called when the client has gone
    raw.on('close', function over () {
      raw.off('close', over)
      sent.delete(raw)
      // asked once: the framework makes them anew each time
      const { url: route = 'unknown', config: { quiet = request.isQuiet ?? false } } = request.routeOptions
      const facts = { status: statusOf(request, reply), route, isQuiet: quiet }
      for (const listener of listeners) listener(request, reply, facts)
    })
    done()
  })
  app.addHook('onSend', (_request, { raw }, payload, done) => {
    if (!raw.destroyed) sent.set(raw, raw.socket ? performance.now() + takenMs : undefined)
    done(null, payload)
  })
  const timer = setInterval(() => {
    const now = performance.now()
    for (const [answer, until] of sent) {
      if (until === undefined && answer.socket) sent.set(answer, now + takenMs)
      else if (until !== undefined && until < now) answer.req.socket.destroy()
    }
  }, LOOK_MS).unref()
  app.addHook('onClose', async () => clearInterval(timer))
}, { name: 'answers' })

/** A line without URL, query, token or body. One who had gone heard of no refusal. */
function log (request: FastifyRequest, { elapsedTime }: FastifyReply, { status, route, isQuiet }: Facts): void {
  const { traceId, method, userId, code, bye, log } = request
  const why = { ...(code && status !== CLIENT_GONE && { code }), ...(bye && { bye: byes[bye].code }) }
  const facts = { traceId, method, route, status, ...why, ms: Math.round(elapsedTime), ...(userId !== undefined && { userId }) }
  log[isQuiet ? 'debug' : 'info'](facts, 'answered')
}

/** What the client got: of a stream, which has no end of its own, its beginning. */
function statusOf ({ raw: request }: FastifyRequest, { raw, sent, statusCode }: FastifyReply): number {
  if (raw.writableFinished || (raw.headersSent && !raw.writableEnded)) return statusCode
  const isWebSocket = (request as { upgrade?: boolean }).upgrade && sent && !raw.headersSent
  return isWebSocket ? 101 : CLIENT_GONE
}
