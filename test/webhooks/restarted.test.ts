// Redis begins again by its append-only file, or a replica takes over: how far a webhook was told is what it was. [WEBHOOK-7]
import t, { type Test } from 'tap'
import { startIris } from '../helper/iris.js'
import { isBack } from '../helper/lives.js'
import { ALLOW, of } from '../helper/receiver.js'
import { startRedis } from '../helper/redis.js'
import { until } from '../helper/user.js'
import { webhooksOf } from '../helper/webhooks.js'

const server = await startRedis(t, ['--appendonly', 'yes'])
const iris = await startIris(t, { redisPath: server.path, env: { ...ALLOW, IRIS_LIMIT_GRACE_SEC: '1' } })
const { visit, webhook, show, deadLetters } = webhooksOf(iris)

/** A webhook that has been told of what happened before Redis was started again. */
async function setUp (t: Test) {
  const { id, receiver } = await webhook(t)
  const bob = await iris.user(t)
  await visit(bob)
  await receiver.got(3, of(bob))
  await until(async () => (await show(id))['waiting'] === 0 || undefined)
  await server.kill()
  await server.start()
  await isBack(iris)
  return { id, receiver }
}

t.test('[WEBHOOK-1] what a webhook was told before Redis was started again is not unread', async t => {
  const { id } = await setUp(t)
  t.match(await show(id), { unread: 0, waiting: 0 })
})

t.test('[WEBHOOK-1] a number that is not that of the place is mended where there is nothing to read', async t => {
  const { id, receiver } = await webhook(t)
  const bob = await iris.user(t)
  await visit(bob)
  await receiver.got(3, of(bob))
  await until(async () => (await show(id))['waiting'] === 0 || undefined)
  const [[last] = ['']] = await iris.redis.xrevrange('iris:events', '+', '-', 'COUNT', 1)
  await iris.redis.call('XGROUP', 'SETID', 'iris:events', `webhook:${id}`, last, 'ENTRIESREAD', '0')
  await until(async () => (await show(id))['unread'] === 0 || undefined)
})

t.test('[WEBHOOK-7] what it was told before is not lost when it is trimmed, and what it was not told is counted', async t => {
  const { id, receiver } = await setUp(t)
  await iris.redis.xtrim('iris:events', 'MAXLEN', 1)
  const carol = await iris.user(t)
  await visit(carol)
  await receiver.got(3, of(carol))
  t.same(await deadLetters(id), [])
  const multi = iris.redis.multi()
  for (let n = 0; n < 5; n++) multi.xadd('iris:events', '*', 'user.online', JSON.stringify({ userId: 'zoe', n: n + 1, ts: Date.now() }))
  await multi.xtrim('iris:events', 'MAXLEN', 2).exec()
  await receiver.got(1, ({ type }) => type === 'feed.reset')
  t.match(await deadLetters(id), [{ kind: 'lost', event: { lost: 3 } }])
})
