// Requests that a client sends without waiting for answers: those of different callers are worked on at once, those of one caller one by
// one, so that they are done in order, and one answer at most waits for a caller who does not read. [SLOW-2] Who sends faster than he is
// served is refused what has waited too long. [DEADLINE-2] What shows texts begins when it can be answered. [DOWN-2]
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { type EventLoopUtilization, performance } from 'node:perf_hooks'
import type { FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import { isBusy } from '../health/pressure.js'
import { overloaded } from '../protocol/problem.js'
import { outside } from '../store/deadline.js'
import { type Begun, createLine, follow, hasPlace, hasRoom, isBehind, letBegin, type Line, type Waiting } from './line.js'
import type { BareHeaders } from './security.js'
import { begin, isThere, note } from './work.js'

/**
 * So long a request may wait while those before it are worked on, ms: they wait for the store, one after the other, or for a busy process.
 */
const WAIT_MS = { store: 1_000, loop: 250 }
/** @returns whether a request has waited too long, by what this process did meanwhile. */
const isTooLate = (ms: number, since: EventLoopUtilization) => ms > WAIT_MS.store || (ms > WAIT_MS.loop && isBusy(since))

/** A request that comes while others are worked on, in the hook that holds it. */
interface Comer { line: Line, request: IncomingMessage, reply: FastifyReply, done (error?: Error): void }

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Its answer may bring messages. */
    showsTexts?: boolean
  }
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

/** Registers the order of requests of one connection; while one waits for its caller's own, nothing is read behind it. */
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

  app.addHook('onRequest', (asked, reply, done) => {
    const { raw: request } = asked
    const { socket, headers: { authorization: caller = '' } } = request
    const { raw: answer } = reply
    const line = lineOf(socket)
    note(line.work, socket)
    // its route is asked for only where that matters: the framework makes it anew each time
    const showsTexts = answer.socket === null && asked.routeOptions.config.showsTexts === true
    const own = { caller, answer, number: line.work.came, showsTexts }
    const isHeld = !hasPlace(line, own) || line.waiting.some(one => one.caller === caller)
    if (isHeld || isBehind(own)) {
      if (isHeld || !hasRoom(line)) socket.pause()
      return wait(own, { line, request, reply, done })
    }
    line.begun.push(own)
    begin(line.work, own)
    done()
  })

  /** Waits for its turn; who has waited too long is refused then. */
  function wait (own: Begun, { line, request, reply, done }: Comer): void {
    const { socket, headers: { origin } } = request
    const { work } = line
    const { unreadMs } = work
    const use = performance.eventLoopUtilization()
    const waiting: Waiting = {
      ...own,
      laterMs: 0,
      begin () {
        line.begun.push(own)
        // it is called by the end of another request, whose deadline is not that of this one
        queueMicrotask(() => outside(goOn))
      },
      end: goOn
    }

    function goOn (): void {
      if (socket.destroyed) return void reply.hijack()
      // null: an upgrade has taken it out of HTTP, and reads it when it is its turn
      if (line.waiting.length === 0 && socket.readableFlowing === false) socket.resume()
      if (isTooLate(work.ms - unreadMs - waiting.laterMs, use) && mayShed(request)) {
        onShed()
        reply.headers(headersOf(origin))
        return done(overloaded())
      }
      begin(work, own)
      done()
    }
    line.waiting.push(waiting)
    if (own.showsTexts) follow(line, socket)
  }

  app.onAnswered((_said, answer) => {
    const line = answer && lines.get(answer.req.socket)
    const place = line?.begun.findIndex(one => one.answer === answer) ?? -1
    if (!line || place < 0) return
    line.begun.splice(place, 1)
    isThere(line.work, answer, line.waiting)
    letBegin(line)
  })
  app.addHook('onSend', ({ raw: { socket } }, { raw: answer }, payload, done) => {
    const line = lines.get(socket)
    if (line) isThere(line.work, answer, line.waiting)
    done(null, payload)
  })
}, { name: 'pipelined' })
