// Whom a user has blocked: kept with him, and in the rows of the direct conversations that exist. [DIRECT-2]
import { dmId } from '../../protocol/ids.js'
import { keys } from '../keys.js'
import type { StoreContext } from '../life/context.js'
import { isWhole } from '../redis/readable.js'
import { defineScript } from '../script/scripts.js'

const blockUser = defineScript('block-user', {
  full: 'done',
  preludes: ['member', 'sight'],
  keys: ['blocked', 'members'],
  args: ['user', 'other', 'block', 'maxBlocked']
})

/** Somebody whom a user has blocked, and since when, ms. */
export interface Blocked { userId: string, since: number }

/** Makes the blocks of a store. */
export function createBlocks (store: StoreContext) {
  const { redis, limits } = store

  async function change (userId: string, other: string, block: boolean) {
    const [, since, changed] = await blockUser(redis, { blocked: keys.blocked(userId), members: keys.members(dmId(userId, other)) }, {
      user: userId, other, block: Number(block), maxBlocked: limits.blocked
    })
    return { since: Number(since), changed: changed === 1 }
  }

  return {
    /** From its answer on nothing that `other` sends reaches the user. Throws TOO_MANY_BLOCKED. @returns since when, and if that is new. */
    block: (userId: string, other: string) => change(userId, other, true),

    /** @returns whether he was blocked. */
    async unblock (userId: string, other: string): Promise<boolean> {
      return (await change(userId, other, false)).changed
    },

    /**
     * Pages whom a user has blocked, those of late first.
     * @param after the `next` of the page before: the time of its last item, which no two have.
     */
    async page (
      userId: string, { after, limit }: { after?: string | undefined, limit: number }
    ): Promise<{ items: Blocked[], next?: string }> {
      const from = after === undefined ? '+inf' : `(${after}`
      const flat = await redis.zrevrangebyscore(keys.blocked(userId), from, '-inf', 'WITHSCORES', 'LIMIT', 0, limit + 1)
      const found = Array.from({ length: flat.length / 2 }, (_, i) => ({ userId: flat[2 * i] as string, since: flat[2 * i + 1] as string }))
      const items = found.slice(0, limit)
      const last = items.at(-1)
      return {
        items: items.flatMap(({ userId: other, since }) => {
          if (isWhole(since)) return [{ userId: other, since: Number(since) }]
          store.onUnreadable?.(`BLOCKED:${userId} ${other}`)
          return []
        }),
        ...(last && found.length > limit && { next: last.since })
      }
    }
  }
}
