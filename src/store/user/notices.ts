// What is remembered of a notice beside its copies in the boxes: whom it went to, so that it can be cancelled.
import { setTimeout } from 'node:timers/promises'
import { keys } from '../keys.js'
import type { StoreContext } from '../life/context.js'
import { parsed } from '../redis/readable.js'
import { setValue } from '../script/value.js'

/** A sending that is under way is waited for so long. */
const WAIT_MS = 1_000
const ASK_MS = 25

/** Whom a notice is for. */
export interface Audience { users?: string[] | undefined, conversationId?: string | undefined }

/** The record of `once`, under `keys.notice`. `about`: whom it is meant for, until it is known whom it was stored for. */
interface Record_ { fingerprint: string, id: string, about?: Audience, result?: { users?: string[] } }

/** Makes the notices of a store. */
export function createNotices ({ redis, onUnreadable }: StoreContext) {
  /** @returns the record of a notice, null when there is none (any more), undefined for what is none. */
  async function recordOf (noticeId: string): Promise<Record_ | null | undefined> {
    const text = await redis.get(keys.notice(noticeId))
    if (text === null) return null
    const record = parsed<Record_>(text)
    const users = record && (record.result?.users ?? record.about?.users ?? [])
    if (Array.isArray(users)) return record
    return void onUnreadable?.(`NOTICE:${noticeId}`)
  }

  return {
    /**
     * @returns whom a notice was stored for; of one whose sending was cut, whom it is meant for (`isCut`). undefined when there is no such
     *   notice (any more).
     */
    async find (noticeId: string): Promise<Audience & { isCut: boolean } | undefined> {
      for (const end = performance.now() + WAIT_MS; ; await setTimeout(ASK_MS)) {
        const record = await recordOf(noticeId)
        if (!record) return undefined
        if (record.result) return { users: record.result.users ?? [], isCut: false }
        if (performance.now() >= end) return { ...record.about, isCut: true }
      }
    },

    /** A sending that was cut is over: a retry is answered as if it had been stored for these. */
    async settle (noticeId: string, users: string[]): Promise<void> {
      const record = await recordOf(noticeId)
      if (!record || record.result) return
      const { fingerprint, id } = record
      await setValue(redis, keys.notice(noticeId), [JSON.stringify({ fingerprint, id, result: { users, skipped: [] } }), 'KEEPTTL', 'XX'])
    }
  }
}
