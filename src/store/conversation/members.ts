// The members of a conversation as one of them sees them, and where he himself stands in it. [SEE-2]
import { keys, unreadField } from '../keys.js'
import { numberAt, type StoreContext } from '../life/context.js'
import { hashOf } from '../redis/hash.js'
import { whole } from '../redis/readable.js'
import type { View } from './conversation.js'
import { readMember } from './groups.js'
import { createReceipts } from './receipts.js'

/** Makes what shows the members of a conversation to one of them. */
export function createMembers (store: StoreContext) {
  const { redis, onUnreadable, now } = store
  const receipts = createReceipts(store)

  return {
    /**
     * Pages the members by their ids, each with his role and how far he says that he has read: nothing from before the viewer's joining
     * is named. [READ-3]
     * @param after the `next` of the page before. `count`: of all of them.
     */
    async page ({ conversationId, headSeq, joinedSeq }: View, { after = '', limit }: { after?: string | undefined, limit: number }) {
      const rows = [...await hashOf(redis, keys.members(conversationId))]
      const all = rows.flatMap(([userId, row]) =>
        readMember(userId, row, now()) ?? onUnreadable?.(`CONVERSATION:${conversationId}:MEMBERS ${userId}`) ?? [])
      const behind = all.filter(({ userId }) => userId > after).sort((a, b) => a.userId < b.userId ? -1 : 1)
      const shown = behind.slice(0, limit)
      const told = await receipts.of(shown.map(({ userId }) => ({ userId, conversationId, headSeq })))
      const members = shown.map(({ userId, role }, i) => ({ userId, role, readSeq: visible(told[i] ?? 0, joinedSeq) }))
      const last = behind.length > limit ? shown.at(-1) : undefined
      return { members, count: all.length, ...(last && { next: last.userId }) }
    },

    /** @returns where a member stands: his own marker and mark, and how much he has not read. */
    async standing (userId: string, conversationId: string) {
      const [marker, unread] = await Promise.all([
        redis.hget(keys.marker(userId), conversationId), redis.hget(keys.unread(userId), unreadField(conversationId))
      ])
      const [readSeq = 0, , mark] = (marker ?? '').split(' ').map(whole)
      return { readSeq, unread: numberAt(store, unread, `CHAT_MSG_BOX:${userId} ${conversationId}`), unreadMark: mark === 1 }
    }
  }
}

const visible = (readSeq: number, joinedSeq: number) => readSeq < joinedSeq ? 0 : readSeq
