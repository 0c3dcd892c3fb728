// What is remembered of a notice beside its copies in the boxes: whom it went to, so that it can be cancelled.
import type { StoreContext } from './context.js'
import { keys } from './keys.js'

/** Makes the notices of a store. The record itself is written by `once`, under `keys.notice`. */
export function createNotices ({ redis }: StoreContext) {
  return {
    /** @returns the users that a notice was stored for; undefined when there is no such notice (any more). */
    async usersOf (noticeId: string): Promise<string[] | undefined> {
      const record = await redis.get(keys.notice(noticeId))
      if (record === null) return undefined
      return (JSON.parse(record) as { result?: { users?: string[] } }).result?.users ?? []
    }
  }
}
