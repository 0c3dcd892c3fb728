// What the log says of connections: one line when an attach is decided, one when a connection that was let in has ended. [DELIVERY-4]
import { type Bye, byes } from '../protocol/events.js'
import { formatCursor, parseCursor, parseUnfinished, type Position } from '../protocol/ids.js'
import type { AttachVerdict, Meter } from '../health/meter.js'
import type { Opening } from '../stream/opening.js'
import type { Held } from './waking.js'

/** What an attach found: where the connection begins, and where the stream ended at that instant. */
interface Found { from?: Position, top?: Position }

interface Floor {
  meter: Pick<Meter, 'attach' | 'goodbye'>
  log: Record<'info' | 'debug', (facts: object, message: string) => void>
}

/** Refused since there is too much to do, or since somebody is too fast: a line would cost more than that. [COST-1] */
const isOfLoad = (verdict: AttachVerdict) => verdict === 'busy' || verdict === 'rate_limited'

/** Makes the journal of a node's connections; what it is told is counted, too. */
export function createJournal ({ meter, log }: Floor) {
  return {
    /** An attach was decided. */
    attached (opening: Opening, verdict: AttachVerdict, { from, top }: Found = {}): void {
      meter.attach(verdict)
      const { traceId, userId, terminalId, platform, transport = 'sse', cursor, askedAt } = opening
      opening.from = from && formatCursor(from)
      const who = { traceId, userId, terminalId, platform, transport }
      const where = { cursor: cursorIn(cursor), from: opening.from, to: top && formatCursor(top) }
      const ms = askedAt && Math.round(performance.now() - askedAt)
      log[isOfLoad(verdict) ? 'debug' : 'info']({ ...who, verdict, ...where, ms }, 'attached')
    },

    /** A connection has ended, or the session of a terminal that polls. Of one that was never let in its attach has told all. */
    left ({ opening, position, transport, lifetime: { attachedAt } }: Held, bye: Bye | undefined, now: number): void {
      if (bye) meter.goodbye(bye)
      const { traceId, userId, terminalId, from } = opening
      if (from === undefined) return
      const { code, reason } = bye ? byes[bye] : { code: undefined, reason: 'the link was closed' }
      const where = { from, to: position.epoch === '' ? undefined : formatCursor(position) }
      log.info({ traceId, userId, terminalId, transport, ...where, bye: code, reason, ms: attachedAt && now - attachedAt }, 'left')
    }
  }
}

export type Journal = ReturnType<typeof createJournal>

/** @returns a cursor as a client has sent it; what is none may be anything, and is not repeated. */
function cursorIn (cursor: string | undefined): string | undefined {
  if (cursor === undefined || parseCursor(cursor) || parseUnfinished(cursor)) return cursor
  return 'malformed'
}
