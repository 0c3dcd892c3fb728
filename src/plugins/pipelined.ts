// Requests that a client sends without waiting for answers: a connection is served one by one, so that one answer at most waits
// for who does not read. [SLOW-2] Who sends faster than he is served is refused what has waited too long. [DEADLINE-2]
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type EventLoopUtilization, performance } from 'node:perf_hooks'
import fp from 'fastify-plugin'
import { isBusy } from '../delivery/pressure.js'
import { overloaded } from '../protocol/problem.js'

/** So long a request may wait while those before it are worked on, ms: they wait for the store, one after the other, or for a busy process. */
const WAIT_MS = { store: 1_000, loop: 250 }
/** Few slow requests, polls above all, make nobody wait too long: it is many that do. */
const MOST_MS = 50
/** What one read of a socket brings at most, bytes. After such a read more may wait outside of this process. */
const READ_BYTES = 65_536

/** A request of a connection, and how the one behind it is let go. */
interface Turn { answer: ServerResponse, next?: () => void }

/**
 * The requests of a connection: the last one, and how long all have been worked on, ms. `bytesRead`: when the last one came; `together`: so many came with that read; `sinceMs`: what had been worked on when nothing else waited to be read.
 */
interface Line { last?: Turn, workedMs: number, bytesRead: number, together: number, sinceMs: number }

/**
 * Notes that a request came. What comes with a read that is not full came while those before it were worked on; behind a full one, of
 * several requests, there was more, which had waited longer than anything here can tell.
 */
function note (line: Line, { bytesRead }: Socket): void {
  if (bytesRead === line.bytesRead) {
    line.together++
    return
  }
  if (bytesRead - line.bytesRead < READ_BYTES || line.together === 1) line.sinceMs = line.workedMs
  line.bytesRead = bytesRead
  line.together = 1
}

/** @returns whether a request has waited too long, by what this process did meanwhile. */
const isTooLate = (ms: number, since: EventLoopUtilization) => ms > WAIT_MS.store || (ms > WAIT_MS.loop && isBusy(since))

interface Floor {
  /** Whether a request may be refused by a status. */
  mayShed (request: IncomingMessage): boolean
  /** One is refused. */
  onShed (): void
}

/** Registers the order of requests of one connection; while one waits, nothing is read behind it. */
export const pipelined = fp<Floor>(async (app, { mayShed, onShed }) => {
  const lines = new WeakMap<Socket, Line>()

  /** From now on a request is worked on, until its answer is handed over, taken or not. */
  function work (line: Line, answer: ServerResponse): void {
    const began = performance.now()
    answer.once('prefinish', () => { line.workedMs += Math.min(MOST_MS, performance.now() - began) })
  }

  app.addHook('onRequest', async (request, reply) => {
    const { raw: { socket } } = request
    const line = lines.get(socket) ?? { workedMs: 0, bytesRead: 0, together: 0, sinceMs: 0 }
    lines.set(socket, line)
    note(line, socket)
    const { sinceMs } = line
    const turn: Turn = { answer: reply.raw }
    const { last: before } = line
    line.last = turn
    if (!before || before.answer.writableFinished || before.answer.closed) return work(line, reply.raw)
    socket.pause()
    const use = performance.eventLoopUtilization()
    await new Promise<void>(resolve => {
      before.next = resolve
      before.answer.once('close', resolve)
    })
    if (socket.destroyed) {
      // an answer that never had the socket does not hear of its end
      turn.next?.()
      return reply.hijack()
    }
    if (line.last === turn) socket.resume()
    if (isTooLate(line.workedMs - sinceMs, use) && mayShed(request.raw)) {
      onShed()
      throw overloaded()
    }
    work(line, reply.raw)
  })
}, { name: 'pipelined' })
