// The webhook that the environment names: there from the first event on, and again when the store has lost it. [WEBHOOK-1]
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { startIris } from '../helper/iris.js'
import { ALLOW, of, SECRET, startReceiver } from '../helper/receiver.js'
import { three, until } from '../helper/user.js'
import { visited, webhooksOf } from '../helper/webhooks.js'

t.test('[WEBHOOK-1] that of the environment is told of the first that its node does', async t => {
  const receiver = await startReceiver(t)
  const iris = await startIris(t, { env: { ...ALLOW, IRIS_WEBHOOK_URL: receiver.url, IRIS_WEBHOOK_SECRET: SECRET } })
  const bob = await iris.user(t)
  await webhooksOf(iris).visit(bob)
  await receiver.got(3, of(bob))
})

t.test('[WEBHOOK-1] [STORE-1] that of the environment is there again when the store has lost it', async t => {
  const receiver = await startReceiver(t)
  const iris = await startIris(t, { env: { ...ALLOW, IRIS_WEBHOOK_URL: receiver.url, IRIS_WEBHOOK_SECRET: SECRET } })
  const isThere = async () => (await iris.server('GET', 'webhooks/configured')).status === 200 || undefined
  await until(isThere)
  const [alice, bob, carol] = await three(() => iris.user(t))
  await alice.send(bob, 'a number that must not be given anew')
  await iris.redis.flushall()
  await until(isThere)
  await webhooksOf(iris).visit(bob)
  await receiver.got(3, of(bob))
  receiver.reply = () => 410
  await webhooksOf(iris).visit(carol)
  const isDisabled = async () => 'disabled' in (await iris.server('GET', 'webhooks/configured')).body || undefined
  await until(isDisabled)
  const before = await iris.redis.get(keys.life)
  await iris.redis.del(keys.life)
  await until(async () => { const life = await iris.redis.get(keys.life); return (life !== null && life !== before) || undefined })
  await webhooksOf(iris).webhook(t) // its look comes after that of the life
  t.ok(await isDisabled(), 'what wants nothing is not asked again by that')
})

t.test('[WEBHOOK-1] [STORE-2] that of the environment is one more; where it cannot be kept the others are told all the same', async t => {
  const receiver = await startReceiver(t)
  const env = { ...ALLOW, IRIS_LIMIT_WEBHOOKS: '1', IRIS_WEBHOOK_URL: receiver.url, IRIS_WEBHOOK_SECRET: SECRET }
  const first = await startIris(t, { env })
  await until(async () => (await first.server('GET', 'webhooks/configured')).status === 200 || undefined)
  const other = await startReceiver(t)
  const types = [...visited, 'user.kicked']
  t.match(await first.server('PUT', 'webhooks/one', { url: other.url, secrets: [SECRET], types }), { status: 200 })
  t.match(await first.server('PUT', 'webhooks/another', { url: other.url }), { status: 409, body: { code: 'TOO_MANY_WEBHOOKS' } })
  await first.server('DELETE', 'webhooks/configured')
  await first.app.close()
  await first.redis.config('SET', 'maxmemory', '1')
  const logs: string[] = []
  const second = await startIris(t, {
    env: { ...env, IRIS_EVENTS: visited.join(',') }, redisPath: first.redisPath, logs: { write: line => void logs.push(line) }
  })
  const bob = await second.user(t)
  await webhooksOf(second).visit(bob)
  await other.got(3, of(bob))
  t.match((await second.server('GET', 'webhooks')).body['items'], [{ webhookId: 'one' }])
  await first.redis.config('SET', 'maxmemory', '0')
  await until(async () => (await second.server('GET', 'webhooks/configured')).status === 200 || undefined)
  await webhooksOf(second).visit(await second.user(t))
  await receiver.got(1)
  t.match(logs.filter(line => line.includes('IRIS_EVENTS')).map(line => JSON.parse(line) as object), [
    { level: 40, webhook: 'one', types: ['user.kicked'] }
  ], 'of what is not written any more it is not told: that is said')
})
