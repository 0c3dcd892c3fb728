// Webhooks: made, told of events in order, signed, tried out. [WEBHOOK-1] [WEBHOOK-3] [WEBHOOK-4] [WEBHOOK-8]
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { startIris } from '../helper/iris.js'
import { ALLOW, type Delivery, of, SECRET, secretOf, startReceiver } from '../helper/receiver.js'
import { two, until } from '../helper/user.js'
import { visited, webhooksOf } from '../helper/webhooks.js'

const iris = await startIris(t, { env: { ...ALLOW, IRIS_LIMIT_WEBHOOK_PAUSE_SEC: '1' } })
const { visit, webhook, show } = webhooksOf(iris)

const types = (deliveries: Delivery[]) => deliveries.map(({ type }) => type)

t.test('[WEBHOOK-1] [WEBHOOK-3] [WEBHOOK-4] what happens is told, signed, in order', async t => {
  const { id, receiver } = await webhook(t)
  const bob = await iris.user(t)
  await visit(bob)
  const got = await receiver.got(3, of(bob))
  t.same(types(got).sort(), [...visited].sort())
  t.same(got.map(({ data }) => data['n']), [1, 2, 3])
  const [{ id: webhookId, timestamp, data, at } = {} as Delivery] = got
  t.equal(webhookId, `evt_${String(data['id'])}`)
  t.equal(new Date(timestamp).getTime(), data['ts'])
  t.ok(Math.abs(at - Date.now() / 1000) < 60)
  t.same(receiver.forged, [])
  t.match(await show(id), { webhookId: id, url: receiver.url, source: 'api', deadLetters: 0 })
  await until(async () => (await show(id))['waiting'] === 0 || undefined)
  t.notOk('secrets' in await show(id), 'they are not shown again')
})

t.test('[WEBHOOK-1] of other kinds than it asks for it is not told', async t => {
  const { receiver, id } = await webhook(t, { types: ['user.online'] })
  const bob = await iris.user(t)
  await visit(bob)
  await receiver.got(1, of(bob))
  await until(async () => { const { unread, waiting } = await show(id); return (unread === 0 && waiting === 0) || undefined })
  t.same(types(receiver.deliveries), ['user.online'])
  t.match(await iris.server('PUT', `webhooks/${id}`, { url: receiver.url, types: ['user.online', 'user.gone'] }), {
    status: 400, body: { errors: [{ pointer: '/types/1' }] }
  })
})

t.test('[WEBHOOK-3] by two secrets while they are rotated; one that Iris makes is shown once', async t => {
  const [old, fresh] = [SECRET, secretOf('n')]
  const { id, receiver } = await webhook(t)
  const later = await startReceiver(t, { secret: fresh })
  const put = async (body: object) => (await iris.server('PUT', `webhooks/${id}`, body)).body as Record<string, unknown>
  t.notOk('secrets' in await put({ url: receiver.url, secrets: [fresh, old] }))
  const [bob, carol] = await two(() => iris.user(t))
  await visit(bob)
  t.equal((await receiver.got(3, of(bob)))[0]?.signatures, 2)
  await put({ url: later.url })
  await visit(carol)
  await later.got(3, of(carol))
  t.same([...receiver.forged, ...later.forged], [])
  await iris.server('DELETE', `webhooks/${id}`)
  t.match((await put({ url: later.url }))['secrets'], [/^whsec_[A-Za-z0-9+/]{43}=$/])
  t.notOk(JSON.stringify(await iris.redis.hgetall('iris:{0}:WEBHOOKS')).includes('whsec_'), 'and is kept so that nobody reads it')
})

t.test('[WEBHOOK-4] [DOWN-2] an event that cannot be read, in the stream or beside it, holds up nothing', async t => {
  const { id, receiver } = await webhook(t, { types: ['user.online'] })
  const zoe = { userId: 'zoe', n: 1 }
  const add = async (facts: object) => await iris.redis.xadd(keys.events, '*', 'user.online', JSON.stringify(facts))
  const broken = [{ ...zoe, ts: Number.MAX_SAFE_INTEGER }, { ...zoe, ts: 'now' }]
  for (const facts of broken) await add(facts)
  await iris.redis.hset(keys.webhookAgain(id), {
    '1-1': 'nothing', '1-2': '0 {}', '1-3': `0 ${JSON.stringify({ id: '1-3', type: 'user.online', ...broken[0] })}`
  })
  await add({ ...zoe, n: 2, ts: Date.now() })
  await receiver.got(1, of(zoe))
  await until(async () => (await show(id))['waiting'] === 0 || undefined)
  t.same(receiver.deliveries.filter(of(zoe)).map(({ data }) => data['n']), [2])
})

t.test('[WEBHOOK-8] a webhook, or a URL, is tried at once; the answer says what came of it', async t => {
  const { id, receiver } = await webhook(t)
  const other = await startReceiver(t)
  const trial = async (body: object) => await iris.server('POST', 'webhooks/test', body)
  t.match(await trial({ id }), { status: 200, body: { delivered: true, status: 200, answer: 'ok', ms: Number } })
  t.match(receiver.deliveries, [{ type: 'webhook.test' }])
  t.match(await trial({ url: other.url }), { status: 200, body: { delivered: false, status: 400 } }, 'nobody\'s secret')
  await other.stop()
  t.match(await trial({ url: other.url }), { status: 200, body: { delivered: false, reason: 'nothing listens there' } })
  t.match(await trial({ url: 'http://10.0.0.1/' }), { status: 400, body: { code: 'INVALID_BODY', errors: [{ pointer: '/url' }] } })
  t.match(await trial({ id: 'none' }), { status: 404, body: { code: 'WEBHOOK_NOT_FOUND' } })
  t.match(await trial({}), { status: 400, body: { code: 'INVALID_BODY' } })
})

t.test('[WEBHOOK-8] one that was allowed when it was named, and is not any more, is told so', async t => {
  const { id } = await webhook(t)
  const other = await startIris(t, { redisPath: iris.redisPath })
  t.match(await other.server('POST', 'webhooks/test', { id }), {
    status: 200, body: { delivered: false, reason: /^its URL must be an https URL.* IRIS_WEBHOOK_ALLOW/ }
  })
})

t.test('[WEBHOOK-1] what is not one is refused, and says why', async t => {
  const put = async (id: string, body: object) => await iris.server('PUT', `webhooks/${id}`, body)
  t.match(await put('a', { url: 'https://127.0.0.1/' }), {
    status: 400, body: { errors: [{ pointer: '/url', detail: /IRIS_WEBHOOK_ALLOW/ }] }
  })
  t.match(await put('a', { url: 'https://example.com/', secrets: ['whsec_short'] }), {
    status: 400, body: { errors: [{ pointer: '/secrets/0' }] }
  })
  t.match(await put('configured', { url: 'https://example.com/' }), { status: 409, body: { code: 'WEBHOOK_CONFIGURED' } })
  t.match(await iris.server('GET', 'webhooks/none'), { status: 404, body: { code: 'WEBHOOK_NOT_FOUND' } })
  t.match(await iris.server('GET', 'webhooks/none/dead-letters'), { status: 404, body: { code: 'WEBHOOK_NOT_FOUND' } })
  t.match(await iris.server('DELETE', 'webhooks/none'), { status: 200, body: { removed: false } })
})
