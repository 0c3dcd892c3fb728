// The clock of a log: sets the times of its messages back, as if they had been sent long ago, by hand in the store.
import { keys } from '../../src/store/keys.js'
import type { Redis } from '../../src/store/redis/redis.js'

/** When messages were sent that have had their time: their seq counts on from here, ms. */
export const LONG_AGO = 2 ** 40

/** Messages of a block of the index, see index.lua. */
const BLOCK = 1024

/**
 * Sets back the times of the messages of a conversation up to a seq. When there is none behind it, the conversation has been quiet
 * since: then `isOver` says whether Redis has ended its log already.
 */
export async function setBack (
  redis: Redis, conversationId: string, { upTo, isOver = false }: { upTo: number, isOver?: boolean }
): Promise<void> {
  const [conversation, log] = [keys.conversation(conversationId), keys.log(conversationId)]
  const head = Number(await redis.hget(conversation, 'headSeq'))
  for (let seq = 1; seq <= Math.min(upTo, head); seq++) {
    const time = Buffer.alloc(5)
    time.writeUIntBE(seq, 0, 5)
    const index = keys.logIndex(conversationId, Math.floor((seq - 1) / BLOCK))
    if (await redis.exists(index)) await redis.setrange(index, (seq - 1) % BLOCK * 9 + 4, time)
    const record = await redis.hget(log, String(seq))
    if (record !== null) await redis.hset(log, String(seq), (LONG_AGO + seq).toString(16).padStart(11, '0') + record.slice(11))
  }
  await redis.hset(conversation, 'firstTs', LONG_AGO)
  if (upTo < head) return
  await redis.hset(conversation, 'lastTs', LONG_AGO + head)
  for (const user of await redis.hkeys(keys.members(conversationId))) {
    await redis.zadd(keys.conversations(user), 'XX', LONG_AGO + head, conversationId)
  }
  if (isOver) await redis.del(log, ...await redis.keys(`${log}:INDEX:*`))
}
