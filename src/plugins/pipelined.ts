// Requests that a client sends without waiting for answers: a connection is served one by one, so that one answer at most waits
// for who does not read. [SLOW-2]
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import fp from 'fastify-plugin'

/** A request of a connection, and how the one behind it is let go. */
interface Turn { answer: ServerResponse, next?: () => void }

/** Registers the order of requests of one connection; while one waits, nothing is read behind it. */
export const pipelined = fp(async app => {
  const lastOf = new WeakMap<Socket, Turn>()
  app.addHook('onRequest', async ({ raw: { socket } }, reply) => {
    const turn: Turn = { answer: reply.raw }
    const before = lastOf.get(socket)
    lastOf.set(socket, turn)
    if (!before || before.answer.writableFinished || before.answer.closed) return
    socket.pause()
    await new Promise<void>(resolve => {
      before.next = resolve
      before.answer.once('close', resolve)
    })
    if (socket.destroyed) {
      // an answer that never had the socket does not hear of its end
      turn.next?.()
      return reply.hijack()
    }
    if (lastOf.get(socket) === turn) socket.resume()
  })
}, { name: 'pipelined' })
