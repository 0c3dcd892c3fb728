// Turns entries into events: the same entry reads differently on different terminals. [DOWN-1] [DOWN-2]
import type { EventName, Source } from '../protocol/events.js'
import type { Message } from '../protocol/message.js'
import type { Item, Reference } from '../store/user/entry.js'
import type { BoxName } from '../store/keys.js'
import type { Meter } from '../health/meter.js'
import type { Recalled } from './recalled.js'

/** What a transport prints. Without event and data: the cursor moves, nothing is said. [ATTACH-4] */
export interface Frame { event?: EventName, id?: string, data?: string }

type Rendered = Pick<Item, 'reference' | 'body' | 'waiting'> & { id?: string }

/** Whose eyes an entry is rendered for. */
export interface Viewer { userId: string, terminalId: string, platform: string }

/** The terminals that a command is for; `except` one. */
export interface TerminalFilter { ids?: string[], platforms?: string[], except?: string }

/** @returns whether a terminal is among those that a filter names; no filter names all. */
export function isAddressed (
  filter: TerminalFilter | undefined, { terminalId, platform }: { terminalId: string, platform: string }
): boolean {
  if (!filter) return true
  const { ids, platforms, except } = filter
  return terminalId !== except && (ids?.includes(terminalId) ?? true) && (platforms?.includes(platform) ?? true)
}

interface Facts {
  recalled: Recalled
  /** The clock, ms: an expired item is not shown. */
  now (): number
  printed?: Meter['printed']
  /** An item could not be read, and is skipped. */
  onUnreadable (place: string): void
  /** What needs no completion was printed from a stream. [BOX-1] */
  onSeen (box: BoxName, userId: string, id: string): void
}

/**
 * Makes the renderer. What it cannot read has nothing to say: one bad item never ends a stream.
 * @returns `entry(item, viewer, source)`: the event, or undefined when the entry has nothing to say to this viewer;
 *   it counts as printed. `shows(item, viewer)`: whether there would be an event. `message(body, source)`: a MSG_DOWN from a log's body.
 */
export function createRenderer ({ recalled, now, printed, onUnreadable, onSeen }: Facts) {
  // A fan-out renders one body for many members in a row: the last rendering is kept.
  let last = { body: '', source: '', data: '' }

  function message (body: string, source: Source): Frame {
    if (body !== last.body || source !== last.source) last = { body, source, data: `${body.slice(0, -1)},"source":"${source}"}` }
    return { event: 'MSG_DOWN', data: last.data }
  }

  function fromLog (
    reference: Extract<Reference, { kind: 'msg' }>, body: string | undefined, source: Source, viewer: Viewer
  ): Frame | undefined {
    const current = recalled.current(reference.conversationId, reference.seq, body)
    if (current === undefined) return undefined
    return reference.terminal === viewer.terminalId ? acknowledgement(current, reference.epoch ?? '') : message(current, source)
  }

  function fromBox ({ id, box, filter }: Extract<Reference, { kind: 'box' }>, { body, waiting }: {
    body: string | undefined
    waiting?: string | undefined
  }, viewer: Viewer): Frame | undefined {
    if (body === undefined || recalled.isGone(viewer, id)) return undefined
    if (waiting !== undefined && !waiting.includes(`,${viewer.terminalId},`)) return undefined
    if (filter !== undefined && !isAddressed(JSON.parse(filter) as TerminalFilter, viewer)) return undefined
    const { expiresAt } = JSON.parse(body) as { expiresAt?: number }
    if (expiresAt !== undefined && expiresAt <= now()) return undefined
    return { event: box === 'CMD_BOX' ? 'CMD_DOWN' : 'NOTICE_DOWN', data: body }
  }

  function render ({ reference, body, waiting }: Rendered, viewer: Viewer, source: Source): Frame | undefined {
    if (body === null) throw new Error('the body is not JSON')
    switch (reference.kind) {
      case 'msg': return fromLog(reference, body, source, viewer)
      case 'box': return fromBox(reference, { body, waiting }, viewer)
      case 'event':
        recalled.learn(viewer.userId, reference, reference.body)
        return reference.except === viewer.terminalId || body === undefined
          ? undefined
          : {
              event: reference.box === 'NOTICE_BOX' ? 'NOTICE_DOWN' : 'CMD_DOWN',
              data: body
            }
      case 'birth':
      case 'forgotten': return undefined
      case 'unknown': throw new Error('no such kind of entry')
    }
  }

  function attempt (item: Rendered, viewer: Viewer, source: Source): Frame | undefined {
    try {
      return render(item, viewer, source)
    } catch {
      onUnreadable(placeOf(item, viewer))
      return undefined
    }
  }

  return {
    message,
    shows: (item: Rendered, viewer: Viewer): boolean => attempt(item, viewer, 'mailbox') !== undefined,
    entry (item: Rendered, viewer: Viewer, source: Source): Frame | undefined {
      const { reference } = item
      const frame = attempt(item, viewer, source)
      if (printed) printed[source][frame?.event ?? 'SKIPPED']++
      if (frame && reference.kind === 'box' && source !== 'mailbox' && isOnce(frame)) onSeen(reference.box, viewer.userId, reference.id)
      return frame
    },

    /** @returns a frame that was rendered a while ago as it must be sent now; undefined when it has nothing to say any more. [DOWN-2] */
    still (frame: Frame, viewer: Viewer): Frame | undefined {
      if (!recalled.isAny || frame.data === undefined) return frame
      const { conversationId = '', seq = 0, source = 'live', op, cmdId, noticeId } = JSON.parse(frame.data) as Sent
      if (frame.event === 'MSG_DOWN') {
        const now = recalled.current(conversationId, seq, frame.data) ?? frame.data
        return now === frame.data ? frame : { ...frame, ...message(now, source) }
      }
      return (op === 'do' || op === 'show') && recalled.isGone(viewer, cmdId ?? noticeId ?? '') ? undefined : frame
    }
  }
}

/** What is looked at of an event's data. */
export interface Sent {
  conversationId?: string
  seq?: number
  source?: Source
  op?: string
  cmdId?: string
  noticeId?: string
  needComplete?: boolean
}

export type Renderer = ReturnType<typeof createRenderer>

function acknowledgement (body: string, epoch: string): Frame {
  const { clientMsgId, conversationId, seq, msgId, ts, traceId } = JSON.parse(body) as Message
  return { event: 'ACK_DOWN', data: JSON.stringify({ clientMsgId, conversationId, seq, msgId, epoch, ts, traceId, duplicate: false }) }
}

const isOnce = ({ data = '{}' }: Frame) => (JSON.parse(data) as { needComplete?: boolean }).needComplete === false

/** Where an item stands, for the log: never its text. */
function placeOf ({ reference, id = '' }: Rendered, { userId }: Viewer): string {
  if (reference.kind === 'msg') return `LOG:${reference.conversationId} ${reference.seq}`
  if (reference.kind === 'box') return `${reference.box}:${userId} ${reference.id}`
  return `DOWN:${userId} ${id}`
}
