// How a connection begins: HELLO, RESET when its cursor cannot be served, and what is printed before READY. [ATTACH-1] [ATTACH-3]
import { formatCursor } from '../protocol/ids.js'
import type { Attached } from '../store/mailbox.js'
import type { createLists } from '../store/list.js'
import type { Job, Jobs } from './jobs.js'
import type { Opening, Start } from './opening.js'
import { HEARTBEAT_MS } from './outlet.js'
import { gatewayCommand } from './say.js'

/** RESET names so many conversations; the rest is paged. */
const RESET_CONVERSATIONS = 500

interface Floor { lists: Pick<ReturnType<typeof createLists>, 'standings'>, jobs: Jobs }

/** @returns `decideStart(opening, attached)`: where a connection begins, by what the store found at the instant of its attach. */
export function createStarts ({ lists, jobs }: Floor) {
  return async function decideStart (opening: Opening, attached: Attached): Promise<Start> {
    const { verdict, top, serverTime } = attached
    const { userId, terminalId, cursor, expiresAt, traceId } = opening
    const facts = { now: serverTime, traceId }
    const resumed = verdict === 'resumed'
    const from = resumed ? { epoch: top.epoch, seq: Number(cursor?.slice(cursor.indexOf('-') + 1)) } : top
    const hello = gatewayCommand('IRIS.HELLO', {
      terminalId,
      ...(verdict !== 'fresh' && { recovered: resumed }),
      replay: top.seq - from.seq,
      cursor: formatCursor(top),
      heartbeatSec: HEARTBEAT_MS / 1000,
      serverTime,
      expiresAt
    }, facts)
    const greeting = [hello]
    if (verdict !== 'fresh' && verdict !== 'resumed') {
      const { items: conversations, more } = await lists.standings(userId, RESET_CONVERSATIONS)
      greeting.push(gatewayCommand('IRIS.RESET', { reason: verdict, cursor: formatCursor(top), conversations, ...(more && { more }) }, facts))
    }
    const waiting: Job[] = attached.unread.length > 0 ? [jobs.messages(attached.unread, 'mailbox')] : []
    if (attached.pending) waiting.push(jobs.pending('CMD_BOX', opening, from), jobs.pending('NOTICE_BOX', opening, from))
    return { position: from, target: top.seq, jobs: waiting, more: attached.more, greeting, fresh: !resumed }
  }
}
