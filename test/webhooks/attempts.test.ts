// What is not taken is tried again: when, and what it holds up. [WEBHOOK-5]
import type { ServerResponse } from 'node:http'
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { startIris } from '../helper/iris.js'
import { ALLOW, type Delivery, of, type Reply, SECRET, startReceiver } from '../helper/receiver.js'
import { two, until } from '../helper/user.js'
import { webhooksOf } from '../helper/webhooks.js'

const iris = await startIris(t, { env: { ...ALLOW, IRIS_LIMIT_WEBHOOK_PAUSE_SEC: '1' } })
const { visit, webhook, show } = webhooksOf(iris)

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
