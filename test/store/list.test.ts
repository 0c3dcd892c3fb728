// The pages of a list while conversations move in it. docs/protocol.md section 6, "CONVERSATIONS".
import t from 'tap'
import { defaultLimits } from '../../src/protocol/limits.js'
import { eventKinds } from '../../src/protocol/server-events.js'
import { createLists } from '../../src/store/conversation/list.js'
import { keys } from '../../src/store/keys.js'
import { feedOf } from '../../src/store/feed.js'
import { createLife } from '../../src/store/life/life.js'
import { startRedis } from '../helper/redis.js'
import { upTo } from '../helper/sse.js'

const { redis } = await startRedis(t)
const life = createLife(redis, { known: () => 0 })
await life.begin()

/** Conversations are looked for so many at a time, see list.ts. */
const CHUNK = 100

t.test('[REST-3] one that moves to the top between two looks makes none come twice', async t => {
  const newest = Date.now()
  const ids = upTo(3 * CHUNK).map(i => `g.${i}`)
  for (const [i, id] of ids.entries()) {
    await redis.zadd(keys.conversations('bob'), newest - i, id)
    await redis.hset(keys.conversation(id), { kind: 'group', epoch: '1', headSeq: 0, lastTs: newest - i, createdAt: newest })
    await redis.hset(keys.members(id), 'bob', 'member 1 1')
  }
  let looks = 0
  const moving = Object.create(redis, {
    zrevrangebyscore: {
      async value (...args: Parameters<typeof redis.zrevrangebyscore>) {
        const found = await redis.zrevrangebyscore(...args)
        looks++
        await redis.zadd(keys.conversations('bob'), newest + looks, ids.at(-looks) ?? '')
        return found
      }
    }
  }) as typeof redis
  const fresh = async <T>(read: () => Promise<T>) => await read()
  const store = { redis: moving, node: 'a', limits: defaultLimits, feed: feedOf(eventKinds, defaultLimits), life, now: Date.now, fresh }
  const { items } = await createLists(store).page('bob', { limit: CHUNK })
  t.ok(looks > 1)
  t.equal(items.length, CHUNK)
  t.equal(new Set(items.map(({ conversationId }) => conversationId)).size, CHUNK)
})
