// Long-poll: GET /v1/down/poll. The same pump as a stream, collected for one answer, in the session of its terminal.
// docs/protocol.md section 4.
import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Connection } from '../stream/connection.js'
import type { Served } from '../stream/opening.js'
import type { Frame } from '../stream/render.js'
import { Problem } from '../protocol/problem.js'
import { leftMs, REQUEST_MS, withDeadline } from '../store/deadline.js'
import { pollQuery } from '../protocol/stream.js'
import { byes } from '../protocol/events.js'
import { Collection } from './collect.js'
import { cursorOf, type DownFloor, queryCheck } from './down.js'
import { jsonFrame } from './frame-json.js'

const checkQuery = queryCheck(pollQuery)

/** Mounts the long-poll. */
export function mountPoll (app: FastifyInstance, { hub, authenticate }: DownFloor): void {
  app.get('/v1/down/poll', { exposeHeadRoute: false, config: { showsTexts: true } }, async (request, reply) => {
    checkQuery(request)
    const { timeoutMs } = request.query as { timeoutMs: number }
    return await withDeadline(async () => await answerTo(request, reply, timeoutMs), timeoutMs + REQUEST_MS)
  })

  /** A poll may wait, and look at the store behind that; what it needs before it waits has the deadline of any request. [DEADLINE-1] */
  async function answerTo (request: FastifyRequest, reply: FastifyReply, timeoutMs: number): Promise<FastifyReply> {
    const soon = <T>(work: () => T) => withDeadline(work, leftMs() - timeoutMs)
    const reader = await soon(() => authenticate(request))
    const { raw } = reply
    const poll = openPoll(request)
    const cursor = cursorOf(request)
    const { collection } = poll
    let isAnswered = false
    const printer = { ...collection.printer(), serve: (printing: Served) => onClose(raw, () => printing.gone()) }
    try {
      const { connection, session, isAdmitted } = soon(() =>
        hub.poll({ ...reader, traceId: request.traceId, printer, transport: 'poll', ...(cursor !== undefined && { cursor }) }))
      onClose(raw, () => {
        poll.finish()
        session.left(connection, isAnswered && raw.writableFinished)
      })
      if (!await isAdmitted) throw new Problem('TOO_MANY_TERMINALS')
      await poll.settled(connection)
      if (isHalf(connection, collection)) throw unread()
      await hub.ensure(collection.events, connection, collection.since)
      const sent = answer(request, reply, { collection, still: frames => hub.still(frames, connection), ...session.answer(connection) })
      isAnswered = true
      return sent
    } finally {
      poll.finish()
    }
  }
}

/** Calls back when the request is over: answered, or its client has gone; at once when that has happened. */
function onClose (raw: ServerResponse, over: () => void): void {
  if (raw.destroyed) over()
  else raw.on('close', over)
}

/** Starts to collect. `settled(connection)` resolves when there is something to answer, or the time is over; `finish()` ends it at once. */
function openPoll (request: FastifyRequest) {
  const { timeoutMs, limit } = request.query as { timeoutMs: number, limit: number }
  let finish: () => void = () => undefined
  const done = new Promise<void>(resolve => { finish = resolve })
  let connection: Connection | undefined
  // once a turn: what came together is answered together
  const collection = new Collection(limit, () => setImmediate(look))
  let isOver = false

  function look (): void {
    const { events, reset, isFull, bye } = collection
    // what was begun is finished first: a page of history has an end
    if (isFull || bye !== undefined || (connection?.isIdle && (isOver || events.length > 0 || reset))) finish()
  }

  const timer = setTimeout(() => {
    isOver = true
    look()
  }, timeoutMs)
  // so long the store may take to bring what is there; after that the poll says so. [DEADLINE-1]
  const limitTimer = setTimeout(finish, leftMs())
  void done.then(() => {
    clearTimeout(timer)
    clearTimeout(limitTimer)
  })

  async function settled (poll: Connection): Promise<void> {
    connection = poll
    look()
    await done
  }
  return { collection, settled, finish }
}

/**
 * Whether the time was over, or the store lost, before there was an answer:
 * a list that was begun anew has no cursor before its READY, and a page no END. What the stream brought is whole as far as it goes.
 */
function isHalf ({ isIdle, rest: { isUnready } }: Connection, { events, reset, isFull, bye }: Collection): boolean {
  if (isIdle || isFull || (bye !== undefined && bye !== byes.STORE_LOST.code)) return false
  return isUnready || reset !== undefined || !events.some(({ id }) => id !== undefined)
}

/** The stream could not be read: in time, or of the life that it was. */
const unread = () => new Problem('STORE_UNAVAILABLE', { detail: 'The store could not be read to the end: the next poll misses nothing' })

interface Found { collection: Collection, still (frames: Frame[]): Frame[], cursor: string | undefined, more: boolean }

function answer (request: FastifyRequest, reply: FastifyReply, { collection, still, cursor = cursorOf(request), more }: Found) {
  const { events, recovered, reset, ready, isFull, bye, retryAfterMs } = collection
  if (bye === byes.KICKED.code || bye === byes.REPLACED.code) throw new Problem('KICKED')
  // nobody kicked it: its place was taken
  if (bye === byes.TOO_MANY_TERMINALS.code) {
    throw new Problem('TOO_MANY_TERMINALS', { detail: 'Newer connections of the user have taken its place' })
  }
  // an empty answer would bring the next poll at once, and the terminal back
  if (bye === byes.REMOVED.code) throw new Problem('TOKEN_EXPIRED', { detail: 'The terminal was removed: log in again' })
  if (bye === byes.TOKEN_EXPIRED.code && events.length === 0) throw new Problem('TOKEN_EXPIRED')
  if (bye === byes.STORE_LOST.code && events.length === 0) throw unread()
  request.isQuiet = bye === byes.BUSY.code
  // not let in: an empty answer would bring the next poll at once, and again
  if (retryAfterMs !== undefined && !ready && events.length === 0) {
    throw new Problem('NOT_READY', { members: { retryAfterSec: Math.ceil(retryAfterMs / 1000) } })
  }
  // nothing was read, and nothing is known: not even where the next poll begins
  if (cursor === undefined) throw unread()
  const facts = JSON.stringify({ recovered, reset, ready, cursor, more: bye === undefined && (more || isFull), traceId: request.traceId })
  reply.header('cache-control', 'no-store').type('application/json')
  // what was collected may have been recalled since
  return reply.send(`{"events":[${still(events).map(jsonFrame).join(',')}],${facts.slice(1)}`)
}
