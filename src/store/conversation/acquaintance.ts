// Who may reach whom beside messages: who shares a conversation, has blocked, or has answered. Sections 5 and 8. [CMD-3] [CMD-5] [DIRECT-4]
import { dmId } from '../../protocol/ids.js'
import { keys } from '../keys.js'
import type { StoreContext } from '../life/context.js'
import { hashOf } from '../redis/hash.js'
import { together } from '../redis/redis.js'
import { type Bar, barOf } from './bar.js'

/** Makes what knows of acquaintances. It looks into the partitions of both: standalone Redis only. */
export function createAcquaintance ({ redis }: Pick<StoreContext, 'redis'>) {
  /** @returns of each whether he has blocked the user: asked of those of whom no row says so. */
  async function blockedBy (userId: string, users: string[]): Promise<boolean[]> {
    // most have blocked nobody: one look says so of all
    if (users.length === 0 || await redis.exists(...users.map(keys.blocked)) === 0) return users.map(() => false)
    const found = await together(redis, users, (pipeline, user) => pipeline.zscore(keys.blocked(user), userId))
    return found.map(since => since !== null && since !== undefined)
  }

  return {
    /**
     * Whom a user may reach, and who of them has blocked him. [CMD-3] [DIRECT-4]
     * @returns those of `users` that share a conversation with him, himself included, and whether each has blocked him.
     */
    async acquainted (userId: string, users: string[]): Promise<Map<string, Pick<Bar, 'isBlocked'>>> {
      const [direct, groups] = await Promise.all([
        together(redis, users, (pipeline, user) => pipeline.hget(keys.members(dmId(userId, user)), userId)) as Promise<(string | null)[]>,
        together(redis, users, (pipeline, user) => pipeline.sintercard(2, keys.groups(userId), keys.groups(user), 'LIMIT', 1))
      ])
      const found = new Map(users.flatMap((user, i) => direct[i] ? [[user, barOf(direct[i])] as const] : []))
      const others = users.filter((user, i) => user !== userId && !found.has(user) && groups[i] === 1)
      const blocked = await blockedBy(userId, others)
      others.forEach((user, i) => found.set(user, { isBlocked: blocked[i] === true, mutedUntil: 0 }))
      if (users.includes(userId)) found.set(userId, { isBlocked: false, mutedUntil: 0 })
      return found
    },

    /** @returns the members of a conversation, and what bars each; undefined when there is none. */
    async seats (conversationId: string): Promise<Map<string, Bar> | undefined> {
      const [there, members] = await Promise.all([
        redis.exists(keys.conversation(conversationId)), hashOf(redis, keys.members(conversationId))
      ])
      return there ? new Map([...members].map(([userId, row]) => [userId, barOf(row)])) : undefined
    },

    /**
     * Whose presence a user may learn of: somebody who has never answered is not told to be there.
     * @returns those of `users` who have written in a conversation that they share with `userId`, himself included.
     *   [CMD-5] Standalone Redis only.
     * @param isGroup they are members of a group, and may have blocked him: those are left out. [DIRECT-4]
     */
    async answering (userId: string, users: string[], isGroup: boolean): Promise<Set<string>> {
      const [direct, groups, blocked] = await Promise.all([
        together(redis, users, (pipeline, user) => pipeline.hget(keys.members(dmId(userId, user)), user)) as Promise<(string | null)[]>,
        together(redis, users, (pipeline, user) => pipeline.sintercard(2, keys.groups(userId), keys.spoken(user), 'LIMIT', 1)),
        isGroup ? blockedBy(userId, users) : []
      ])
      return new Set(users.filter((user, i) => user === userId || (!blocked[i] && (hasWritten(direct[i]) || groups[i] === 1))))
    }
  }
}

/** Whether a member's row says that he has written. */
export const hasWritten = (member: string | null | undefined) => member?.split(' ')[2]?.includes('w') === true
