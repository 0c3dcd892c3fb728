// Webhooks: made, told of events in order, signed, tried again. [WEBHOOK-1] to [WEBHOOK-5]
import type { ServerResponse } from 'node:http'
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { startIris } from '../helper/iris.js'
import { ALLOW, type Delivery, of, type Reply, SECRET, secretOf, startReceiver } from '../helper/receiver.js'
import { three, two, until } from '../helper/user.js'
import { webhooksOf } from '../helper/webhooks.js'

const iris = await startIris(t, { env: { ...ALLOW, IRIS_LIMIT_WEBHOOK_PAUSE_SEC: '1' } })
const { visit, webhook, show } = webhooksOf(iris)
const visited = ['terminal.connected', 'user.online', 'terminal.disconnected']

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

t.test('[WEBHOOK-5] whatever is no 2xx is tried again, with the same id, and holds up only its own order', async t => {
  const [bob, carol] = await two(() => iris.user(t))
  let failures = 0
  const { receiver } = await webhook(t, {
    reply: ({ data }) => data['userId'] === bob.userId && data['n'] === 1 && failures++ < 2 ? 500 : 200
  })
  await visit(bob)
  await visit(carol)
  await receiver.got(3, of(carol))
  await receiver.got(3, of(bob))
  const ofBob = receiver.deliveries.filter(of(bob))
  t.same(ofBob.map(({ data }) => data['n']), [1, 1, 1, 2, 3])
  t.equal(new Set(ofBob.slice(0, 3).map(({ id }) => id)).size, 1)
  t.ok(receiver.deliveries.findIndex(of(carol)) < receiver.deliveries.indexOf(ofBob[3] as Delivery), 'others did not wait')
})

t.test('[WEBHOOK-5] answers of any kind: none of them is taken for yes, none holds anything up', async t => {
  const chunk = Buffer.alloc(65_536, 'x')
  const kinds: Record<string, (response: ServerResponse) => unknown> = {
    'a redirect': response => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    'no HTTP': response => response.socket?.end('SSH-2.0-OpenSSH_9.2\r\n'),
    'half an answer': response => response.socket?.end('HTTP/1.1 200 OK\r\ncontent-le'),
    nothing: response => response.socket?.destroy(),
    'another protocol': response => response.socket?.end('HTTP/9.9 200\r\n\r\n'),
    'a 500 of 10 MB': response => {
      response.writeHead(500)
      for (let i = 0; i < 160; i++) response.write(chunk)
      response.end()
    }
  }
  const fine: Record<string, (response: ServerResponse) => unknown> = {
    'a 200 of 10 MB': response => {
      response.writeHead(200)
      for (let i = 0; i < 160; i++) response.write(chunk)
      response.end()
    },
    'a 200 without an end': response => response.writeHead(200).write('{'),
    'a 204': response => response.writeHead(204).end()
  }
  let isBad = true
  const started = await Promise.all(Object.entries({ ...kinds, ...fine }).map(async ([kind, byHand]) => {
    const { receiver } = await webhook(t, { types: ['user.online'], reply: () => isBad || kind in fine ? { byHand } : 200 })
    return { kind, receiver }
  }))
  const [bob, carol] = await two(() => iris.user(t))
  await visit(bob)
  await Promise.all(started.map(async ({ kind, receiver }) => {
    await until(async () => receiver.deliveries.length > Number(kind in kinds) || undefined)
  }))
  isBad = false
  await visit(carol)
  for (const { kind, receiver } of started) {
    await receiver.got(1, of(carol))
    const tries = receiver.deliveries.filter(of(bob))
    t.equal(new Set(tries.map(({ id }) => id)).size, 1)
    t.ok(kind in fine ? tries.length === 1 : tries.length > 1, kind)
  }
})

t.test('[WEBHOOK-5] one that never answers holds up neither the chat nor another webhook', async t => {
  const { receiver: silent } = await webhook(t, { types: ['user.online'], reply: () => ({ byHand: () => undefined }) })
  const { receiver } = await webhook(t, { types: ['user.online'] })
  const users = await Promise.all(Array.from({ length: 10 }, () => iris.user(t)))
  await Promise.all(users.map(visit))
  await Promise.all(users.map(user => receiver.got(1, of(user))))
  t.ok(silent.deliveries.length <= 8, 'so many are under way at once')
})

t.test('[WEBHOOK-1] [WEBHOOK-5] a 410 from where it led before does not disable a webhook that was put meanwhile', async t => {
  const held: ServerResponse[] = []
  const types = ['user.online']
  const { id } = await webhook(t, { types, reply: () => ({ byHand: response => held.push(response) }) })
  const later = await startReceiver(t)
  const [bob, carol] = await two(() => iris.user(t))
  await visit(bob)
  await until(async () => held[0])
  const put = iris.server('PUT', `webhooks/${id}`, { url: later.url, types, secrets: [SECRET] })
  await until(async () => (await iris.redis.hget(keys.webhooks, id))?.includes(later.url) || undefined)
  held[0]?.writeHead(410).end()
  t.match(await put, { status: 200, body: { url: later.url } })
  await later.got(1, of(bob)) // it was not taken
  await visit(carol)
  await later.got(1, of(carol))
  const shown = await show(id)
  t.match(shown, { url: later.url })
  t.notOk('disabled' in shown)
})

t.test('[WEBHOOK-5] Retry-After is heeded, by all of its deliveries', async t => {
  const { receiver } = await webhook(t, {
    types: ['user.online'],
    reply: () => receiver.deliveries.length > 1 ? 200 : { byHand: response => response.writeHead(503, { 'retry-after': '1' }).end() }
  })
  const [bob, carol] = await two(() => iris.user(t))
  await visit(bob)
  await receiver.got(1)
  const began = performance.now()
  await visit(carol)
  await receiver.got(2)
  t.ok(performance.now() - began > 500)
})

t.test('[WEBHOOK-1] [WEBHOOK-5] trouble ends with what is taken, whoever has said it; what Iris itself has cut is none', async t => {
  let answer: () => Reply = () => 500
  const { id, receiver } = await webhook(t, { types: ['user.online'], reply: () => answer() })
  const put = async (...types: string[]) => await iris.server('PUT', `webhooks/${id}`, { url: receiver.url, types })
  const users = await Promise.all(Array.from({ length: 5 }, () => iris.user(t)))
  await Promise.all(users.map(visit))
  await until(async () => 'trouble' in await show(id) || undefined)
  answer = () => 200
  await put('user.online', 'user.offline') // what is changed begins anew, as on another node
  await until(async () => !('trouble' in await show(id)) || undefined)
  answer = () => ({ byHand: () => undefined })
  const before = receiver.deliveries.length
  const others = await Promise.all(Array.from({ length: 6 }, () => iris.user(t)))
  await Promise.all(others.map(visit))
  await until(async () => receiver.deliveries.length >= before + 6 || undefined)
  await put('user.online')
  await until(async () => receiver.deliveries.length >= before + 12 || undefined)
  t.notOk('trouble' in await show(id))
})

t.test('[WEBHOOK-1] [WEBHOOK-5] 410 disables a webhook, until it is put again: then it has no trouble any more', async t => {
  let status = 500
  const { id, receiver } = await webhook(t, { types: ['user.online'], reply: () => status })
  const [bob, carol] = await two(() => iris.user(t))
  await Promise.all((await Promise.all(Array.from({ length: 5 }, () => iris.user(t)))).map(visit))
  await until(async () => 'trouble' in await show(id) || undefined)
  status = 410
  const { disabled } = await until(async () => { const shown = await show(id); return 'disabled' in shown ? shown : undefined })
  t.match(disabled, { reason: 'it answered 410' })
  await visit(bob)
  status = 200
  const sent = receiver.deliveries.length
  const { body } = await iris.server('PUT', `webhooks/${id}`, { url: receiver.url, types: ['user.online'] })
  t.same(Object.keys(body).filter(name => name === 'disabled' || name === 'trouble'), [])
  await visit(carol)
  await receiver.got(1, of(carol))
  t.equal(receiver.deliveries.length, sent + 1, 'what happened meanwhile is not told')
})

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
