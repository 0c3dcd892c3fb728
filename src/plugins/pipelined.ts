// Requests that a client sends without waiting for answers: those of different callers are worked on at once, those of one caller one by
// one, so that they are done in order, and one answer at most waits for a caller who does not read. [SLOW-2] Who sends faster than he is
// served is refused what has waited too long. [DEADLINE-2]
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type EventLoopUtilization, performance } from 'node:perf_hooks'
import type { FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import { isBusy } from '../health/pressure.js'
import { overloaded } from '../protocol/problem.js'
import { outside } from '../store/deadline.js'
import type { BareHeaders } from './security.js'

/** So many requests of a connection are worked on at once, each of another caller. Fewer would hide from the pressure how many wait. */
const AT_ONCE = 128
/** So long a request may wait while those before it are worked on, ms: they wait for the store, one after the other, or for a busy process. */
const WAIT_MS = { store: 1_000, loop: 250 }
/** Few slow requests, polls above all, make nobody wait too long: it is many that do. */
const MOST_MS = 50
/** What one read of a socket brings at most, bytes. After such a read more may wait outside of this process. */
const READ_BYTES = 65_536

/** A request that is worked on, or whose answer is not taken yet. */
interface Begun { caller: string, answer: ServerResponse }

/** A request that waits for its turn. */
interface Waiting extends Begun { begin (): void, end (): void }

/**
 * The requests of a connection. `begun`: the answers that are not taken yet, and their callers. `underWay`: those that are worked on, and
 * since when. `workedMs`: how long any were, up to `workedTo`, as far as each counts. `bytesRead`: when the last one came; `together`: so
 * many came with that read; `unreadMs`: what had been worked when nothing else waited to be read.
 */
interface Line {
  begun: Begun[]
  waiting: Waiting[]
  underWay: Map<ServerResponse, number>
  workedMs: number
  workedTo: number
  bytesRead: number
  together: number
  unreadMs: number
  /** What is done when the connection ends. */
  onClose (): void
}

function createLine (): Line {
  const line: Line = { begun: [], waiting: [], underWay: new Map(), workedMs: 0, workedTo: 0, bytesRead: 0, together: 0, unreadMs: 0, onClose: () => end(line) }
  return line
}

/**
 * Notes that a request came. What comes with a read that is not full came while those before it were worked on; behind a full one, of
 * several requests, there was more, which had waited longer than anything here can tell.
 */
function note (line: Line, { bytesRead }: Socket): void {
  if (bytesRead === line.bytesRead) {
    line.together++
    return
  }
  if (bytesRead - line.bytesRead < READ_BYTES || line.together === 1) line.unreadMs = line.workedMs
  line.bytesRead = bytesRead
  line.together = 1
}

/** The answer to a request is there, whether it can be taken yet or not. */
function isThere (line: Line, answer: ServerResponse): void {
  const since = line.underWay.get(answer)
  if (since === undefined) return
  line.underWay.delete(answer)
  const to = Math.min(performance.now(), since + MOST_MS)
  line.workedMs += Math.max(0, to - Math.max(since, line.workedTo))
  line.workedTo = Math.max(line.workedTo, to)
}

/** There are few: to look at each is cheaper than to make a number of a token, whose text is new each time. */
const mayBegin = ({ begun }: Line, caller: string) => begun.length < AT_ONCE && !begun.some(one => one.caller === caller)

/** Lets begin who may, in order. */
function letBegin (line: Line): void {
  for (const next of line.waiting) {
    if (!mayBegin(line, next.caller)) continue
    line.waiting.splice(line.waiting.indexOf(next), 1)
    next.begin()
    return letBegin(line)
  }
}

/** The connection has ended: Node 22 tells only the answer that has the socket. */
function end (line: Line): void {
  const waiting = line.waiting.splice(0)
  for (const answer of [...line.begun, ...waiting].map(({ answer }) => answer)) {
    if (answer.closed || answer.socket) continue
    answer.destroyed = true
    answer.emit('close')
  }
  for (const { end } of waiting) end()
}

/** @returns whether a request has waited too long, by what this process did meanwhile. */
const isTooLate = (ms: number, since: EventLoopUtilization) => ms > WAIT_MS.store || (ms > WAIT_MS.loop && isBusy(since))

/** A request that comes while others are worked on, in the hook that holds it. */
interface Comer { line: Line, request: IncomingMessage, reply: FastifyReply, done (error?: Error): void }

declare module 'fastify' {
  interface FastifyReply {
    /** A stream will hold its connection for itself. @returns false when other requests of it are under way, or wait. */
    leaveLine (): boolean
  }
}

interface Floor {
  /** A refusal comes before the hook of CORS: a page must be able to read it all the same. */
  headersOf: BareHeaders
  /** Whether a request may be refused by a status. */
  mayShed (request: IncomingMessage): boolean
  /** One is refused. */
  onShed (): void
}

/** Registers the order of requests of one connection; while one waits, nothing is read behind it. */
export const pipelined = fp<Floor>(async (app, { headersOf, mayShed, onShed }) => {
  const lines = new WeakMap<Socket, Line>()

  function lineOf (socket: Socket): Line {
    const known = lines.get(socket)
    if (known) return known
    const line = createLine()
    lines.set(socket, line)
    socket.once('close', line.onClose)
    return line
  }

  app.decorateReply('leaveLine', function (this: FastifyReply) {
    const { raw, request: { raw: { socket } } } = this
    const { begun, waiting, onClose } = lineOf(socket)
    if (waiting.length > 0 || begun.some(({ answer }) => answer !== raw)) return false
    lines.delete(socket)
    socket.off('close', onClose)
    return true
  })

  app.addHook('onRequest', ({ raw: request }, reply, done) => {
    const { socket, headers: { authorization: caller = '' } } = request
    const line = lineOf(socket)
    const own = { caller, answer: reply.raw }
    note(line, socket)
    if (!mayBegin(line, caller) || line.waiting.some(one => one.caller === caller)) return wait(own, { line, request, reply, done })
    line.begun.push(own)
    line.underWay.set(own.answer, performance.now())
    done()
  })

  /** Waits for its turn; who has waited too long is refused then. */
  function wait (own: Begun, { line, request, reply, done }: Comer): void {
    const { socket, headers: { origin } } = request
    const { unreadMs } = line
    const use = performance.eventLoopUtilization()
    socket.pause()

    function goOn (): void {
      if (socket.destroyed) return void reply.hijack()
      // null: an upgrade has taken it out of HTTP, and reads it when it is its turn
      if (line.waiting.length === 0 && socket.readableFlowing === false) socket.resume()
      if (isTooLate(line.workedMs - unreadMs, use) && mayShed(request)) {
        onShed()
        reply.headers(headersOf(origin))
        return done(overloaded())
      }
      line.underWay.set(own.answer, performance.now())
      done()
    }
    line.waiting.push({
      ...own,
      begin () {
        line.begun.push(own)
        // it is called by the end of another request, whose deadline is not that of this one
        queueMicrotask(() => outside(goOn))
      },
      end: goOn
    })
  }

  app.onAnswered((_said, answer) => {
    const line = answer && lines.get(answer.req.socket)
    const place = line?.begun.findIndex(one => one.answer === answer) ?? -1
    if (!line || place < 0) return
    line.begun.splice(place, 1)
    isThere(line, answer)
    letBegin(line)
  })
  app.addHook('onSend', ({ raw: { socket } }, { raw: answer }, payload, done) => {
    const line = lines.get(socket)
    if (line) isThere(line, answer)
    done(null, payload)
  })
}, { name: 'pipelined' })
