// However much a user has, no call of a script holds Redis for long: what a call asks, by the command. Section 9. [COST-1]
import t from 'tap'
import { keys } from '../src/store/keys.js'
import { startIris } from './helper/iris.js'
import { pollOnce } from './helper/poll.js'
import { watchScripts } from './helper/script-calls.js'
import { upTo } from './helper/sse.js'
import { leaveUnread } from './helper/unread.js'

/** Redis does nothing else for about 2 ms. */
const MOST = 300

const iris = await startIris(t)
const { during } = await watchScripts(t, iris.redis)
const most = async (work: () => Promise<unknown>) => Math.max(...await during(work))

/** A user with unread messages in so many groups: of each the group's only one, sent in this order. */
async function busy (many: number) {
  const user = await iris.user(t)
  const pipeline = iris.redis.pipeline()
  for (const i of upTo(many)) {
    const group = `g.${user.userId}-${i}`
    leaveUnread(pipeline, { userId: user.userId, group, ts: i })
    pipeline.zadd(keys.conversations(user.userId), i, group).hset(keys.marker(user.userId), group, '0 0 0')
  }
  await pipeline.exec()
  return user
}

t.test('[COST-1] [ATTACH-5] an attach with 500 unread conversations goes in steps; so does RESET, by every way', async t => {
  const user = await busy(520)
  t.ok(await most(async () => {
    const stream = await user.listen()
    t.match((await stream.next('IRIS.READY')).data.data, { more: true })
  }) <= MOST)
  t.ok(await most(async () => {
    const stream = await user.listen({ terminalId: 'again', cursor: '1-1' })
    t.match((await stream.next('IRIS.READY')).data.data, { more: true })
  }) <= MOST)
  t.ok(await most(async () => {
    const { body } = await pollOnce(`${iris.url}/v1/down/poll?timeoutMs=0`, { headers: { authorization: `Bearer ${user.token}` } })
    t.match(body, { ready: { more: true } })
  }) <= MOST)
})

t.test('[COST-1] [REST-2] so does the total over 1,500 conversations, and it is exact', async t => {
  const user = await busy(1_500)
  t.ok(await most(async () => t.match((await user.conversations('?limit=1')).body, { totalUnread: 1_500 })) <= MOST)
  const conversationId = `g.${user.userId}-7`
  t.ok(await most(async () => {
    t.match((await user.read({ conversationId, upToSeq: 1 })).body, { unread: 0, totalUnread: 1_499 })
  }) <= MOST)
  t.ok(await most(async () => {
    t.match((await user.rest({ items: [{ conversationId, readSeq: 1 }] })).body, { totalUnread: 1_499 })
  }) <= MOST)
})
