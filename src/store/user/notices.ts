// What is remembered of a notice beside its copies in the boxes: whom it went to, so that it can be cancelled.
import { keys } from '../keys.js'
import type { StoreContext } from '../life/context.js'
import { parsed } from '../redis/readable.js'

/** Makes the notices of a store. The record itself is written by `once`, under `keys.notice`. */
export function createNotices ({ redis, onUnreadable }: StoreContext) {
  return {
    /** @returns the users that a notice was stored for; undefined when there is no such notice (any more). */
    async usersOf (noticeId: string): Promise<string[] | undefined> {
      const place = `NOTICE:${noticeId}`
      const record = await redis.get(keys.notice(noticeId))
      if (record === null) return undefined
      const kept = parsed<{ result?: { users?: string[] } }>(record)
      const users = kept && (kept.result?.users ?? [])
      if (Array.isArray(users)) return users
      onUnreadable?.(place)
      return undefined
    }
  }
}
