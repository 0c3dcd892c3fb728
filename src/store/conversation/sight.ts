// Who may see whether somebody is there: decided here, and nowhere else. [SEE-3]
import { dmId } from '../../protocol/ids.js'
import { keys } from '../keys.js'
import type { StoreContext } from '../life/context.js'
import { together } from '../redis/redis.js'
import { hasWritten } from './acquaintance.js'

/** A look of one user, `by`, at another. */
export interface Look { userId: string, by: string }

/**
 * Who may see each other may have changed. `of` a conversation: these users are its members no more (`isLost`), or from now on; `of` a
 * user: these learn nothing of him any more, or may again.
 */
export interface SightChange { of: string, isLost: boolean, users: string[] }

/** As sight.lua publishes it. */
const CHANGE = /^([A-Za-z0-9_.-]{1,140}) (lost|found) ([A-Za-z0-9_-]{1,64}(?: [A-Za-z0-9_-]{1,64})*)$/

/** @returns what was published; undefined when it is something else. */
export function readSightChange (text: string): SightChange | undefined {
  const [, of, word, users] = CHANGE.exec(text) ?? []
  return of === undefined || users === undefined ? undefined : { of, isLost: word === 'lost', users: users.split(' ') }
}

/** Makes what decides. Looks across partitions: standalone Redis only. */
export function createSight ({ redis }: Pick<StoreContext, 'redis'>) {
  /** Oneself; who shares a group with him; who has written in their direct conversation: whoever has had no answer learns nothing. */
  async function areAcquainted (looks: readonly Look[]): Promise<boolean[]> {
    const [direct, groups] = await Promise.all([
      together(redis, looks, (pipeline, { userId, by }) =>
        pipeline.hget(keys.members(dmId(by, userId)), userId)) as Promise<(string | null | undefined)[]>,
      together(redis, looks, (pipeline, { userId, by }) => pipeline.sintercard(2, keys.groups(by), keys.groups(userId), 'LIMIT', 1))
    ])
    return looks.map(({ userId, by }, i) => userId === by || hasWritten(direct[i]) || groups[i] === 1)
  }

  return {
    /** @returns for each look whether it is allowed but for a block, as an answer to a command is [CMD-5]. */
    areAcquainted,

    /** @returns for each look whether it is allowed: not to one who was blocked. [DIRECT-4] */
    async maySee (looks: readonly Look[]): Promise<boolean[]> {
      const [acquainted, blocked] = await Promise.all([
        areAcquainted(looks),
        together(redis, looks, (pipeline, { userId, by }) => pipeline.zscore(keys.blocked(userId), by))
      ])
      return looks.map(({ userId, by }, i) => acquainted[i] === true && (userId === by || blocked[i] === null))
    },

    /** @returns those of these users who are members of a conversation. */
    async membersAmong (conversation: string, users: readonly string[]): Promise<string[]> {
      const rows = users.length === 0 ? [] : await redis.hmget(keys.members(conversation), ...users)
      return users.filter((_, i) => rows[i] !== null)
    }
  }
}
