// Turns entries into events: the same entry reads differently on different terminals. [DOWN-1] [DOWN-2]
import type { EventName, Source } from '../protocol/events.js'
import type { Message } from '../protocol/message.js'
import type { Item, Reference } from '../store/entry.js'
import type { Meter } from './meter.js'
import type { Recalled } from './recalled.js'

/** What a transport prints. Without event and data: the cursor moves, nothing is said. [ATTACH-4] */
export interface Frame { event?: EventName, id?: string, data?: string }

type Rendered = Pick<Item, 'reference' | 'body' | 'waiting'>

/** Whose eyes an entry is rendered for. */
export interface Viewer { userId: string, terminalId: string, platform: string }

/** The terminals that a command is for; `except` one. */
export interface TerminalFilter { ids?: string[], platforms?: string[], except?: string }

/** @returns whether a terminal is among those that a filter names; no filter names all. */
export function isAddressed (filter: TerminalFilter | undefined, { terminalId, platform }: { terminalId: string, platform: string }): boolean {
  if (!filter) return true
  const { ids, platforms, except } = filter
  return terminalId !== except && (ids?.includes(terminalId) ?? true) && (platforms?.includes(platform) ?? true)
}

/**
 * Makes the renderer.
 * @param now the clock, ms: an expired item is not shown.
 * @returns `entry(item, viewer, source)`: the event, or undefined when the entry has nothing to say to this viewer;
 *   it counts as printed. `shows(item, viewer)`: whether there would be an event. `message(body, source)`: a MSG_DOWN from a log's body.
 */
export function createRenderer (recalled: Recalled, now: () => number, printed?: Meter['printed']) {
  // A fan-out renders one body for many members in a row: the last rendering is kept.
  let last = { body: '', source: '', data: '' }

  function message (body: string, source: Source): Frame {
    if (body !== last.body || source !== last.source) last = { body, source, data: `${body.slice(0, -1)},"source":"${source}"}` }
    return { event: 'MSG_DOWN', data: last.data }
  }

  function fromLog (reference: Extract<Reference, { kind: 'msg' }>, body: string | undefined, source: Source, viewer: Viewer): Frame | undefined {
    const current = recalled.tombstone(reference.conversationId, reference.seq) ?? body
    if (current === undefined) return undefined
    return reference.terminal === viewer.terminalId ? acknowledgement(current, reference.epoch ?? '') : message(current, source)
  }

  function fromBox ({ id, box, filter }: Extract<Reference, { kind: 'box' }>, { body, waiting }: Pick<Item, 'body' | 'waiting'>, viewer: Viewer): Frame | undefined {
    if (body === undefined || recalled.isGone(viewer.userId, id)) return undefined
    if (waiting !== undefined && !waiting.includes(`,${viewer.terminalId},`)) return undefined
    if (filter !== undefined && !isAddressed(JSON.parse(filter) as TerminalFilter, viewer)) return undefined
    const { expiresAt } = JSON.parse(body) as { expiresAt?: number }
    if (expiresAt !== undefined && expiresAt <= now()) return undefined
    return { event: box === 'CMD_BOX' ? 'CMD_DOWN' : 'NOTICE_DOWN', data: body }
  }

  function render (item: Rendered, viewer: Viewer, source: Source): Frame | undefined {
    const { reference, body } = item
    switch (reference.kind) {
      case 'msg': return fromLog(reference, body, source, viewer)
      case 'box': return fromBox(reference, item, viewer)
      case 'event': return reference.except === viewer.terminalId ? undefined : { event: reference.box === 'NOTICE_BOX' ? 'NOTICE_DOWN' : 'CMD_DOWN', data: reference.body }
      case 'birth': return undefined
    }
  }

  return {
    message,
    shows: (item: Rendered, viewer: Viewer): boolean => render(item, viewer, 'mailbox') !== undefined,
    entry (item: Rendered, viewer: Viewer, source: Source): Frame | undefined {
      const frame = render(item, viewer, source)
      if (printed) printed[source][frame?.event ?? 'SKIPPED']++
      return frame
    }
  }
}

export type Renderer = ReturnType<typeof createRenderer>

function acknowledgement (body: string, epoch: string): Frame {
  const { clientMsgId, conversationId, seq, msgId, ts, traceId } = JSON.parse(body) as Message
  return { event: 'ACK_DOWN', data: JSON.stringify({ clientMsgId, conversationId, seq, msgId, epoch, ts, traceId, duplicate: false }) }
}
