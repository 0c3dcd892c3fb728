// How far others have told by READ that they have read: the receipt among their markers, never what they keep to themselves. [SEE-1]
import { keys } from '../keys.js'
import type { StoreContext } from '../life/context.js'
import { isWhole, whole } from '../redis/readable.js'
import { together } from '../redis/redis.js'

/** Whose receipt, of which conversation; no receipt is beyond its `headSeq`. */
interface Asked { userId: string, conversationId: string, headSeq: number }
/** A conversation, as a list has it. */
interface Place { conversationId: string, kind: 'dm' | 'group', headSeq: number }

/** A marker, as mark-read.lua keeps it: `<readSeq> <receiptSeq> <unreadMark>`. */
const MARKER = /^\d+ (\d+) \d$/

/** Makes what reads receipts. */
export function createReceipts ({ redis, onUnreadable }: Pick<StoreContext, 'redis' | 'onUnreadable'>) {
  /** @returns the receipt of each, 0 where nothing was told. */
  async function of (asked: readonly Asked[]): Promise<number[]> {
    const markers = await together(redis, asked, (pipeline, { userId, conversationId }) =>
      pipeline.hget(keys.marker(userId), conversationId)) as (string | null | undefined)[]
    return asked.map(({ userId, conversationId, headSeq }, i) => {
      const marker = markers[i]
      const receipt = MARKER.exec(marker ?? '')?.[1]
      if (marker && !isWhole(receipt)) onUnreadable?.(`RESET_READ_NUM_AND_LAST_MSG:${userId} ${conversationId}`)
      return Math.min(whole(receipt), headSeq)
    })
  }

  return {
    of,

    /** @returns of those of the conversations that are direct the receipt of the other one, by conversation. */
    async ofPeers (userId: string, rows: readonly (Place | undefined)[]): Promise<Map<string, number>> {
      const direct = rows.filter(row => row?.kind === 'dm') as Place[]
      const found = await of(direct.map(row => ({ ...row, userId: peerIn(row.conversationId, userId) })))
      return new Map(direct.map(({ conversationId }, i) => [conversationId, found[i] ?? 0]))
    }
  }
}

/** The other one of a direct conversation: a user's id holds no dot. */
function peerIn (conversationId: string, userId: string): string {
  const [, a = '', b = ''] = conversationId.split('.')
  return a === userId ? b : a
}
