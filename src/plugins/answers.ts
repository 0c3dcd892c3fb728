// Every answer has an end: it is taken in time or cut [SLOW-2], and said once in the log and to who counts.
import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { ErrorCode } from '../protocol/errors.js'
import { type Bye, byes } from '../protocol/events.js'

const LOOK_MS = 1_000
/** Never sent: the client had gone, or did not take its answer. The number is nginx's. */
const CLIENT_GONE = 499

/** What is said of an answer when it has ended. A stream keeps it instead of its request. `began`: by `performance.now()`. */
interface Report {
  traceId: string
  method: string
  route: string
  userId: string | undefined
  terminalId: string | undefined
  subject: Subject | undefined
  status: number
  isQuiet: boolean
  code: ErrorCode | undefined
  bye: Bye | undefined
  began: number
}

/** Of which conversation an answer is, and of which message there. `duplicate`: that had been stored before. */
interface Subject { conversationId: string, seq: number | undefined, duplicate?: true }

/** `answer`: none of a stream that was taken out of HTTP. */
type Listener = (report: Report, answer?: ServerResponse) => void

declare module 'fastify' {
  interface FastifyInstance {
    /** Adds a listener of the ends of all answers; a stream ends with its connection. */
    onAnswered (listener: Listener): void
    /** What is to be said of a stream that is taken out of HTTP, as it is known now. */
    reportOf (reply: FastifyReply): Report
    /** It has ended. `isCut`: its client did not take its goodbye. */
    answered (report: Report, isCut: boolean): void
  }
  interface FastifyContextConfig { quiet?: boolean }
  interface FastifyRequest {
    /** It was refused since there is too much to do, or since its sender is too fast: a log line would cost more than that. [COST-1] */
    isQuiet?: boolean
    /** Why it was refused. */
    code?: ErrorCode
    /** The goodbye that its stream has ended with. */
    bye?: Bye
    subject: Subject | undefined
  }
}

/** Registers the deadline of answers, ms from when one is handed to the socket on; streams have their own. And their log lines. */
export const answers = fp<{ takenMs: number }>(async (app, { takenMs }) => {
  /** Answers that are on their way, and until when; undefined while another answer of the connection has its socket. */
  const sent = new Map<ServerResponse, number | undefined>()
  const listeners: Listener[] = [log]
  app.decorate('onAnswered', (listener: Listener) => { listeners.push(listener) })
  app.decorate('reportOf', reportOf)
  app.decorate('answered', (report: Report, isCut: boolean) => answered(isCut ? { ...report, status: CLIENT_GONE } : report))

  function answered (report: Report, answer?: ServerResponse): void {
    for (const listener of listeners) listener(report, answer)
  }

  /** A line without URL, query, token or body. One who had gone heard of no refusal. [DELIVERY-4] */
  function log ({ traceId, method, route, userId, terminalId, subject, status, isQuiet, code, bye, began }: Report): void {
    const heard = status === CLIENT_GONE ? undefined : code
    const facts = { traceId, method, route, status, code: heard, bye: bye && byes[bye].code, ms: Math.round(performance.now() - began) }
    app.log[isQuiet ? 'debug' : 'info']({ ...facts, userId, terminalId, ...subject }, 'answered')
  }

  app.addHook('onRequest', (_request, reply, done) => {
    const { raw } = reply
    let isOver = false
    // not onResponse: it is not called when the client has gone
    raw.on('close', () => {
      if (isOver) return
      isOver = true
      sent.delete(raw)
      answered(reportOf(reply), raw)
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

function reportOf (reply: FastifyReply): Report {
  const { request, elapsedTime } = reply
  // asked once: the framework makes them anew each time
  const { url: route = 'unknown', config: { quiet = request.isQuiet ?? false } } = request.routeOptions
  const { traceId, method, userId, terminalId, subject, code, bye } = request
  const asked = { traceId, method, route, userId, terminalId, subject, code, bye }
  return { ...asked, status: statusOf(request, reply), isQuiet: quiet, began: performance.now() - elapsedTime }
}

/** What the client got: of a stream, which has no end of its own, its beginning. */
function statusOf ({ raw: request }: FastifyRequest, { raw, sent, statusCode }: FastifyReply): number {
  if (raw.writableFinished || (raw.headersSent && !raw.writableEnded)) return statusCode
  const isWebSocket = (request as { upgrade?: boolean }).upgrade && sent && !raw.headersSent
  return isWebSocket ? 101 : CLIENT_GONE
}
