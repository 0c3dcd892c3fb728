// The unread messages that a fresh attach brings, oldest first over all conversations. [ATTACH-3]
import { whole } from '../redis/readable.js'

/** A message not read: where it stands, and when it was sent (ms). */
export interface Unread { conversationId: string, seq: number, ts: number }

/**
 * How many conversations were not looked at; then conversation, number of unread messages, the oldest of them as `seq:ts`;
 * and so on. See unread.lua.
 */
export type Waiting = (string | number | string[])[]

/** Whether more are unread than a mailbox brings: behind its last one, where they are known to be later, all of them. [DELIVERY-3] */
export type More = boolean | Unread

/** What a fresh attach brings: unread messages, oldest first; `more` stand behind them. */
export interface Mailbox { unread: Unread[], more: More }

/**
 * Merges the oldest unread messages of all conversations that were looked at; stops where one of them has more
 * that were not fetched, so that none is overtaken. What is not there stands behind `more`.
 */
export function oldestUnread ([beyond = 0, ...waiting]: Waiting, limit: number): Mailbox {
  const unread: Unread[] = []
  let total = Number(beyond) // one each, at least
  let horizon = Infinity
  for (let i = 0; i < waiting.length; i += 3) {
    const conversationId = waiting[i] as string
    const members = waiting[i + 2] as string[]
    const count = Number(waiting[i + 1])
    total += count
    for (const member of members) {
      const [seq, ts] = member.split(':').map(whole) as [number, number]
      unread.push({ conversationId, seq, ts })
    }
    if (members.length < count) horizon = Math.min(horizon, unread.at(-1)?.ts ?? Infinity)
  }
  const sorted = unread.filter(({ ts }) => ts <= horizon)
    .sort((a, b) => a.ts - b.ts || compare(a.conversationId, b.conversationId) || a.seq - b.seq)
    .slice(0, limit)
  // of conversations that were not looked at some may be older than the last one
  const behind: More = Number(beyond) > 0 || (sorted.at(-1) ?? true)
  return { unread: sorted, more: sorted.length < total && behind }
}

const compare = (a: string, b: string) => a < b ? -1 : Number(a > b)
