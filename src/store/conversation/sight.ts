// Who may see whether somebody is there: decided here, and nowhere else. [SEE-3]
import { dmId } from '../../protocol/ids.js'
import { keys } from '../keys.js'
import type { StoreContext } from '../life/context.js'
import { together } from '../redis/redis.js'
import { hasWritten } from './acquaintance.js'

/** A look of one user, `by`, at another. */
export interface Look { userId: string, by: string }

/** Makes what decides. Looks across partitions: standalone Redis only. */
export function createSight ({ redis }: Pick<StoreContext, 'redis'>) {
  return {
    /**
     * Oneself; who shares a group with him; who has written in their direct conversation: whoever has had no answer learns nothing, as
     * of a command [CMD-5]. Not one who has blocked him. [DIRECT-4]
     * @returns for each look whether it is allowed.
     */
    async maySee (looks: readonly Look[]): Promise<boolean[]> {
      const [direct, groups, blocked] = await Promise.all([
        together(redis, looks, (pipeline, { userId, by }) =>
          pipeline.hget(keys.members(dmId(by, userId)), userId)) as Promise<(string | null | undefined)[]>,
        together(redis, looks, (pipeline, { userId, by }) => pipeline.sintercard(2, keys.groups(by), keys.groups(userId), 'LIMIT', 1)),
        together(redis, looks, (pipeline, { userId, by }) => pipeline.zscore(keys.blocked(userId), by))
      ])
      return looks.map(({ userId, by }, i) => userId === by || ((hasWritten(direct[i]) || groups[i] === 1) && blocked[i] === null))
    }
  }
}
