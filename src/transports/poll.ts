// Long-poll: GET /v1/down/poll. The same pump as a stream, collected for one answer. PROTOCOL.md section 4.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Connection } from '../delivery/connection.js'
import { Problem } from '../protocol/problem.js'
import { pollQuery } from '../protocol/stream.js'
import { byes } from '../protocol/events.js'
import { Collection } from './collect.js'
import { cursorOf, type DownFloor, queryCheck, type Reader } from './down.js'

/** So long the store may take to bring what is there, ms; after that the poll says so. */
const STORE_MS = 2_000

const checkQuery = queryCheck(pollQuery)

/** Mounts the long-poll. */
export function mountPoll (app: FastifyInstance, { hub, authenticate }: DownFloor): void {
  /** The poll of each terminal that is open here: a newer one ends it. */
  const open = new Map<string, () => void>()

  app.get('/v1/down/poll', { exposeHeadRoute: false }, async (request, reply) => {
    checkQuery(request)
    const reader = await authenticate(request)
    const terminal = `${reader.userId}/${reader.terminalId}`
    open.get(terminal)?.()
    const poll = openPoll(request, reply)
    open.set(terminal, poll.finish)
    try {
      const connection = await attach(request, reply, { reader, collection: poll.collection })
      await poll.done
      connection.gone()
    } finally {
      if (open.get(terminal) === poll.finish) open.delete(terminal)
    }
    return answer(request, reply, poll.collection)
  })

  async function attach (request: FastifyRequest, reply: FastifyReply, { reader, collection }: { reader: Reader, collection: Collection }): Promise<Connection> {
    const cursor = cursorOf(request)
    const connection = await hub.attach({ ...reader, traceId: request.traceId, printer: { ...collection.printer(), onGone: gone => { reply.raw.on('close', gone) } }, transport: 'poll', ...(cursor !== undefined && { cursor }) })
    if (!connection) throw new Problem('TOO_MANY_TERMINALS')
    return connection
  }
}

/** Starts to collect. `done` resolves when there is something to answer, or the time is over; `finish()` ends it at once. */
function openPoll (request: FastifyRequest, reply: FastifyReply) {
  const { timeoutMs, limit } = request.query as { timeoutMs: number, limit: number }
  let finish: () => void = () => undefined
  const done = new Promise<void>(resolve => { finish = resolve })
  const collection = new Collection(limit, () => setImmediate(look))
  let isOver = false

  /** Once a turn: what came together is answered together. */
  function look (): void {
    const { events, reset, isReady, isFull, bye } = collection
    if (isFull || bye !== undefined || (isReady && (isOver || events.length > 0 || reset))) finish()
  }

  const timer = setTimeout(() => {
    isOver = true
    look()
  }, timeoutMs)
  const limitTimer = setTimeout(finish, timeoutMs + STORE_MS)
  reply.raw.on('close', finish)
  void done.then(() => {
    clearTimeout(timer)
    clearTimeout(limitTimer)
  })
  return { collection, done, finish }
}

function answer (request: FastifyRequest, reply: FastifyReply, { events, cursor = cursorOf(request), recovered, reset, hasMore, isReady, bye, retryAfterMs }: Collection) {
  if (bye === byes.KICKED.code || bye === byes.REPLACED.code) throw new Problem('KICKED')
  if (bye === byes.TOKEN_EXPIRED.code && events.length === 0) throw new Problem('TOKEN_EXPIRED')
  if (bye === byes.STORE_LOST.code && events.length === 0) throw new Problem('STORE_UNAVAILABLE')
  // not let in: an empty answer would bring the next poll at once, and again
  if (retryAfterMs !== undefined && !isReady && events.length === 0) throw new Problem('NOT_READY', { members: { retryAfterSec: Math.ceil(retryAfterMs / 1000) } })
  // nothing was read, and nothing is known: not even where the next poll begins
  if (cursor === undefined) throw new Problem('STORE_UNAVAILABLE')
  const facts = JSON.stringify({ recovered, reset, cursor, more: hasMore, traceId: request.traceId })
  reply.header('cache-control', 'no-store').type('application/json')
  return reply.send(`{"events":[${events.join(',')}],${facts.slice(1)}`)
}
