// Did he get it? What the store knows, and what the nodes know that hold his terminals, as one report. [DELIVERY-1] [DELIVERY-3]
import { byes } from '../protocol/events.js'
import { formatCursor, parseCursor, type Position } from '../protocol/ids.js'
import { Problem } from '../protocol/problem.js'
import type { createConversations } from '../store/conversation/conversation.js'
import type { createLists } from '../store/conversation/list.js'
import type { createMailbox } from '../store/user/mailbox.js'
import type { Mark, StoredDelivery } from '../store/user/delivery.js'
import type { createTerminals, Terminal } from '../store/user/terminals.js'
import type { Standing } from '../hub/standings.js'
import type { Nodes } from './nodes.js'

interface Floor {
  conversations: Pick<ReturnType<typeof createConversations>, 'view' | 'bodies'>
  delivery: StoredDelivery
  lists: Pick<ReturnType<typeof createLists>, 'totalUnread'>
  mailbox: Pick<ReturnType<typeof createMailbox>, 'glance'>
  terminals: ReturnType<typeof createTerminals>
  nodes: Pick<Nodes, 'ask'>
  now (): number
}

/** Which message is asked for: by its id, or by its place. */
export interface Asked { msgId?: string, conversationId?: string, seq?: number }

/**
 * A terminal as it is known: `standing` when the node that holds it has answered; `printedAt`: when the entry was printed there;
 * `brought`: where it began anew, and its mailbox brought all that was unread.
 */
interface Known {
  terminal: Terminal
  mark: Mark
  /** Whether some node holds a connection of it, as far as the store knows. */
  isHeld: boolean
  standing: Standing | undefined
  node: string | undefined
  printedAt: number | undefined
  brought: Position[]
}

/** What is read of a message. */
interface Body { msgId: string, from: string, type: string, ts: number, options?: { silent?: boolean } }

/** Where a message stands: `entry` in his stream, if it does. `isUnread`: his mailbox has it. */
interface Place { entry: Position | undefined, isUnread: boolean, message: { conversationId: string, seq: number, storedAt: number } }

/** Makes the reports. */
export function createReports ({ conversations, delivery, lists, mailbox, terminals, nodes, now }: Floor) {
  /** Asks each node on which a terminal is, or was last. One that does not answer in time knows nothing. */
  async function knownOf (userId: string, entry: Position | undefined): Promise<Known[]> {
    const [[found = []], marks, routes] = await Promise.all([
      terminals.of([userId]), delivery.marks(userId), terminals.routes(userId, now())
    ])
    const question = { userId, terminalIds: found.map(({ terminalId }) => terminalId), ...(entry && { entry }) }
    const names = [...new Set([...routes.map(({ node }) => node), ...found.map(({ node }) => node)])]
    const answers = await Promise.all(names.map(async node => ({ node, stood: await nodes.ask(userId, node, 'standing', question) })))
    return found.map(terminal => {
      const { terminalId } = terminal
      const held = answers.flatMap(({ node, stood }) => stood?.standings.filter(each => each.terminalId === terminalId)
        .map(standing => ({ node, standing })) ?? [])
      const [furthest] = held.sort((a, b) => seqOf(b.standing) - seqOf(a.standing))
      const times = answers.flatMap(({ stood }) => stood?.printedAt[terminalId] ?? [])
      const printedAt = times.length > 0 ? Math.min(...times) : undefined
      const isHeld = routes.some(route => route.terminalId === terminalId)
      const mark = marks.get(terminalId) ?? {}
      const brought = [mark.brought, ...held.map(({ standing }) => parseCursor(standing.brought ?? ''))].filter(each => each !== undefined)
      return { terminal, mark, isHeld, ...(furthest ?? { standing: undefined, node: undefined }), printedAt, brought }
    })
  }

  /** Throws CONVERSATION_NOT_FOUND when he never was in it, MESSAGE_NOT_FOUND. */
  async function messageOf (userId: string, { msgId: asked, conversationId = '', seq = 0 }: Asked) {
    const place = asked === undefined ? { conversationId, seq } : await delivery.find(userId, asked)
    if (!place) throw new Problem('MESSAGE_NOT_FOUND', { detail: 'Not found by its id alone: name `conversationId` and `seq`' })
    const view = await conversations.view(place.conversationId, userId)
    const [body] = await conversations.bodies(place.conversationId, [place.seq])
    if (!body) throw new Problem('MESSAGE_NOT_FOUND')
    const { msgId, from, type, ts, options } = JSON.parse(body) as Body
    const [entry, isRead] = await Promise.all([delivery.entryOf(userId, { ...place, msgId }), delivery.isRead(userId, place)])
    const isVisible = place.seq >= view.minSeq && place.seq <= view.headSeq
    // his marker goes with his membership
    const isKnown = view.leftAt === undefined && place.seq >= view.joinedSeq
    const message = { ...place, msgId, from, type, storedAt: ts, visible: isVisible, ...(from !== userId && isKnown && { read: isRead }) }
    const counts = from !== userId && type !== 'revoked' && !options?.silent
    return { message, entry, isUnread: isVisible && isKnown && counts && !isRead }
  }

  return {
    /** @returns the report of a user, and of one message when one is asked for. Throws what `messageOf` throws. */
    async report (userId: string, asked: Asked | undefined) {
      const found = asked && await messageOf(userId, asked)
      const [[glanced], oldest, unread, pending] = await Promise.all([
        mailbox.glance([userId]), delivery.oldest(userId), lists.totalUnread(userId), delivery.pending(userId)
      ])
      const end = glanced?.top
      const known = await knownOf(userId, found?.entry)
      return {
        userId,
        online: known.some(({ terminal }) => terminal.online),
        ...(end && { end: formatCursor(end) }),
        ...(oldest !== undefined && { oldest }),
        unread,
        pending,
        terminals: known.map(each => shownOf(each, end)),
        ...(found && {
          message: {
            ...found.message,
            ...(found.entry && { entryId: formatCursor(found.entry) }),
            terminals: known.map(each => ({ terminalId: each.terminal.terminalId, ...printedTo(each, found) }))
          }
        })
      }
    }
  }
}

export type Reports = ReturnType<typeof createReports>

const seqOf = ({ cursor }: Standing) => parseCursor(cursor)?.seq ?? 0

/** What is shown of a terminal. `cursor` is that of its node now, else as it was noted last, at `asOf`. */
function shownOf ({ terminal: { node, state, ...terminal }, mark, standing, node: at }: Known, end: Position | undefined) {
  const cursor = standing ? parseCursor(standing.cursor) : mark.printed?.cursor
  const transport = standing?.transport ?? mark.printed?.transport
  const lag = cursor && end?.epoch === cursor.epoch ? end.seq - cursor.seq : undefined
  return {
    ...terminal,
    platform: terminal.platform as 'web',
    state,
    ...(terminal.online && { node: at ?? node }),
    ...(transport !== undefined && { transport }),
    ...(standing && { connections: standing.connections, live: standing.isLive }),
    ...(mark.from && { from: formatCursor(mark.from) }),
    ...(cursor && { cursor: formatCursor(cursor) }),
    ...(!standing && mark.printed && { asOf: mark.printed.at }),
    ...(lag !== undefined && { lag }),
    ...(mark.bye && { goodbye: goodbyeOf(mark.bye) })
  }
}

function goodbyeOf ({ code, at }: { code: number, at: number }) {
  const bye = Object.values(byes).find(each => each.code === code)
  return { ...(bye && { code }), reason: bye?.reason ?? 'the link was closed', at }
}

/**
 * @returns whether a mailbox, which brings the oldest first, brought what is unread: one that brought all, behind it; where more was unread
 *   than it brings, as far as `upTo` of this connection says. That a terminal began anew proves nothing: it may have been cut off before.
 */
function broughtBy ({ brought, standing }: Known, entry: Position, { message: { conversationId, seq, storedAt } }: Place) {
  const isBehind = ({ epoch, seq }: Position) => epoch === entry.epoch && entry.seq <= seq
  if (brought.some(isBehind)) return { printed: 'yes', by: 'mailbox' } as const
  const { upTo } = standing ?? {}
  const isBeside = upTo?.conversationId === conversationId
  if (!upTo || (storedAt === upTo.ts && !isBeside)) return { printed: 'unknown' } as const
  const isBrought = storedAt === upTo.ts ? seq <= upTo.seq : storedAt < upTo.ts
  return { printed: isBrought ? 'yes' : 'no', by: 'mailbox' } as const
}

/**
 * Whether a terminal was printed a message. What it began behind came by its mailbox, if it was unread then, as it is if it is now.
 * [DELIVERY-3]
 */
function printedTo (known: Known, place: Place) {
  const { mark, isHeld, standing, printedAt } = known
  const { entry, isUnread } = place
  if (printedAt !== undefined) return { printed: 'yes', at: printedAt } as const
  const cursor = standing ? parseCursor(standing.cursor) : mark.printed?.cursor
  if (!entry || !cursor || cursor.epoch !== entry.epoch) return { printed: 'unknown' } as const
  const isBehind = mark.from?.epoch === entry.epoch && entry.seq <= mark.from.seq
  if (isBehind) return isUnread ? broughtBy(known, entry, place) : { printed: 'unknown' } as const
  if (cursor.seq >= entry.seq) return { printed: 'yes' } as const
  // noted when it left; or while it was connected, and it may have gone on since
  const isExact = standing !== undefined || (!isHeld && mark.bye !== undefined && mark.bye.at >= (mark.printed?.at ?? 0))
  return { printed: isExact ? 'no' : 'unknown' } as const
}
