// How a connection begins: HELLO, RESET when its cursor cannot be served, and what is printed before READY. [ATTACH-1] [ATTACH-3]
import { formatCursor, parseCursor, type Position } from '../protocol/ids.js'
import type { createLists } from '../store/conversation/list.js'
import type { Attached } from '../store/user/attach.js'
import type { Mailbox } from '../store/user/unread.js'
import { deferredJob } from './deferred.js'
import type { MakeJob, Todo } from './jobs.js'
import type { Unfinished } from './kept.js'
import type { Opening, Start } from './opening.js'
import { HEARTBEAT_MS } from './outlet.js'
import type { Frame } from './render.js'
import { gatewayCommand } from './say.js'

/** RESET names so many conversations; the rest is paged. */
const RESET_CONVERSATIONS = 500

interface Floor { lists: Pick<ReturnType<typeof createLists>, 'standings'>, makeJob: MakeJob }

/** @returns IRIS.HELLO. `top`: the end of the stream; `from`: where the connection begins; `recovered`: absent when no cursor was given. */
function hello (
  { terminalId, expiresAt, traceId }: Opening,
  { now, top, from, recovered }: { now: number, top: Position, from: Position, recovered?: boolean }
): Frame {
  return gatewayCommand('IRIS.HELLO', {
    terminalId,
    ...(recovered !== undefined && { recovered }),
    replay: top.seq - from.seq,
    cursor: formatCursor(top),
    heartbeatSec: HEARTBEAT_MS / 1000,
    serverTime: now,
    expiresAt
  }, { now, traceId })
}

const mailboxTodo = ({ unread }: Mailbox): Todo =>
  ({ references: unread.map(({ conversationId, seq }) => ({ conversationId, seq })), source: 'mailbox' })

/** @returns `decideStart(opening, attached)`: where a connection begins, by what the store found at the instant of its attach. */
export function createStarts ({ lists, makeJob }: Floor) {
  return async function decideStart (opening: Opening, attached: Attached): Promise<Start> {
    const { verdict, top, serverTime } = attached
    const { userId, cursor, traceId } = opening
    const resumed = verdict === 'resumed'
    const from = resumed ? parseCursor(cursor ?? '') ?? top : top
    const greeting = [hello(opening, { now: serverTime, top, from, ...(verdict !== 'fresh' && { recovered: resumed }) })]
    if (verdict !== 'fresh' && verdict !== 'resumed') {
      const { items: conversations, more } = await lists.standings(userId, RESET_CONVERSATIONS)
      greeting.push(gatewayCommand('IRIS.RESET', {
        reason: verdict,
        cursor: formatCursor(top),
        conversations,
        ...(more && { more })
      }, { now: serverTime, traceId }))
    }
    const make = (mailbox: Mailbox) => makeJob(mailboxTodo(mailbox), opening)
    // an answer has all of it; a stream has its greeting at once, and the rest when it is known
    const mailbox = attached.mailbox ?? (opening.transport === 'poll' ? await attached.look() : undefined)
    const jobs = mailbox ? mailbox.unread.length > 0 ? [make(mailbox)] : [] : [deferredJob(attached.look, make)]
    const boxes: Todo[] = attached.pending ? [{ box: 'CMD_BOX', from }, { box: 'NOTICE_BOX', from }] : []
    jobs.push(...boxes.map(todo => makeJob(todo, opening)))
    return { position: from, target: top.seq, jobs, more: mailbox?.more ?? false, greeting, fresh: !resumed }
  }
}

interface Known { now (): number, maxBehind: number }

/**
 * @param top the end of the stream as it is known here.
 * @returns where a connection resumes, when that can be said without the store:
 *   nothing can have been trimmed behind a cursor so near the end.
 */
export function knownStart (opening: Opening, top: Position | undefined, { now, maxBehind }: Known): Start | undefined {
  const position = parseCursor(opening.cursor ?? '')
  if (!top || position?.epoch !== top.epoch || position.seq > top.seq || top.seq - position.seq > maxBehind) return undefined
  const greeting = [hello(opening, { now: now(), top, from: position, recovered: true })]
  return { position, target: top.seq, jobs: [], more: false, greeting, fresh: false }
}

/** @returns where a fresh attach goes on that could not bring all in one answer. */
export function unfinishedStart (
  opening: Opening, { position, todos, more }: Unfinished & { position: Position }, { now, makeJob }: { now (): number, makeJob: MakeJob }
): Start {
  const greeting = [hello(opening, { now: now(), top: position, from: position })]
  return { position, target: position.seq, jobs: todos.map(todo => makeJob(todo, opening)), more, greeting, fresh: true }
}
