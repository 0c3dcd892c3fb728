// Whether users are there, and since when: what `user.online` and `user.offline` have said last. [LIFE-1] [SEE-3]
import { keys } from '../keys.js'
import type { StoreContext } from '../life/context.js'
import { whole } from '../redis/readable.js'
import { together } from '../redis/redis.js'

/** `since`: when he came, or went, ms; it rises with each change of a user. Absent of one who was never there. */
export interface Presence { userId: string, online: boolean, since?: number }

/** As presence.lua publishes a change. */
const CHANGE = /^([A-Za-z0-9_-]{1,64}) ([01]) (\d{1,16})$/
const DELETED = /^([A-Za-z0-9_-]{1,64}) -$/

/** Makes what looks. */
export function createOnline ({ redis }: Pick<StoreContext, 'redis'>) {
  return {
    /** @returns the presence of each of these users, in their order. */
    async of (userIds: readonly string[]): Promise<Presence[]> {
      const found = await together(redis, userIds, (pipeline, userId) =>
        pipeline.hmget(keys.terminals(userId), '/online', '/gone')) as ([string | null, string | null] | undefined)[]
      return userIds.map((userId, i) => {
        const [came = null, went = null] = found[i] ?? []
        return presenceOf(userId, came !== null, whole(came ?? went))
      })
    }
  }
}

/** @returns who was deleted, as going.lua publishes it; undefined when nobody was. */
export const readDeleted = (text: string): string | undefined => DELETED.exec(text)?.[1]

/** @returns what was published of a user; undefined when it cannot be read. */
export function readChange (text: string): Presence | undefined {
  const [, userId, online, since] = CHANGE.exec(text) ?? []
  return userId === undefined ? undefined : presenceOf(userId, online === '1', whole(since))
}

const presenceOf = (userId: string, online: boolean, since: number): Presence => ({ userId, online, ...(since > 0 && { since }) })
