// What a message leaves with a member, without a thousand groups: it is the only one of its group, and he has not read it.
import { keys, partition, unreadField } from '../../src/store/keys.js'
import type { Redis } from '../../src/store/redis/redis.js'

/** @param ts of the message, ms since 2^40. */
export function leaveUnread (
  pipeline: ReturnType<Redis['pipeline']>, { userId, group, ts = 1 }: { userId: string, group: string, ts?: number }
): void {
  const entry = Buffer.alloc(9)
  entry.writeUInt32BE(7, 0)
  entry.writeUIntBE(ts, 4, 5)
  pipeline.hset(keys.conversation(group), 'kind', 'group', 'headSeq', 1)
    .hset(keys.members(group), userId, `member 1 ${partition(userId)}`)
    .hset(keys.unread(userId), unreadField(group), 1)
    .set(keys.logIndex(group, 0), entry)
}
