// What a webhook is not told: in its time, or at all. [WEBHOOK-6] [WEBHOOK-7]
import type { ServerResponse } from 'node:http'
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { startIris } from '../helper/iris.js'
import { ALLOW, type Delivery, of } from '../helper/receiver.js'
import { until } from '../helper/user.js'
import { webhooksOf } from '../helper/webhooks.js'

const iris = await startIris(t, { env: { ...ALLOW, IRIS_LIMIT_WEBHOOK_PAUSE_SEC: '1', IRIS_LIMIT_WEBHOOK_RETRY_SEC: '1' } })
const { visit, webhook, show, deadLetters } = webhooksOf(iris)

t.test('[WEBHOOK-6] what is not taken in its time is a dead letter, and can be replayed', async t => {
  let status = 500
  const { id, receiver } = await webhook(t, { types: ['user.online'], reply: () => status })
  const bob = await iris.user(t)
  await visit(bob)
  const [letter] = await until(async () => { const found = await deadLetters(id); return found.length > 0 ? found : undefined })
  t.match(letter, { kind: 'failed', event: { type: 'user.online', userId: bob.userId }, reason: 'it answered 500', attempts: /[1-9]/ })
  await until(async () => { const { deadLetters, waiting } = await show(id); return (deadLetters === 1 && waiting === 0) || undefined })
  const tried = receiver.deliveries.length
  status = 200
  t.match(await iris.server('POST', `webhooks/${id}/replay`, { ids: [letter?.id] }), { status: 200, body: { replayed: 1, lost: 0 } })
  await until(async () => receiver.deliveries.length > tried || undefined)
  t.equal(receiver.deliveries.at(-1)?.id, receiver.deliveries[0]?.id, 'the same event')
  t.match(await deadLetters(id), [])
  await until(async () => (await show(id))['waiting'] === 0 || undefined)
  t.match(await iris.server('POST', `webhooks/${id}/replay`, {}), { status: 200, body: { replayed: 0 } })
})

t.test('[WEBHOOK-4] [WEBHOOK-6] what is replayed is in no order: while it is not taken, nothing that came later waits for it', async t => {
  const held: ServerResponse[] = []
  let isReplayed = false
  const { id, receiver } = await webhook(t, {
    types: ['terminal.connected'],
    reply: ({ id }) => id !== receiver.deliveries[0]?.id ? 200 : isReplayed ? { byHand: response => held.push(response) } : 500
  })
  const bob = await iris.user(t)
  await visit(bob)
  await until(async () => (await deadLetters(id))[0])
  isReplayed = true
  await iris.server('POST', `webhooks/${id}/replay`, {})
  await until(async () => held[0])
  await visit(bob)
  await receiver.got(2, of(bob))
  t.notOk(held[0]?.destroyed, 'it is still on its way')
  held[0]?.writeHead(200).end()
  await until(async () => (await show(id))['waiting'] === 0 || undefined)
  t.same(await deadLetters(id), [])
})

t.test('[SERVER-1] [WEBHOOK-6] dead letters are paged as every list is, also past one that cannot be read', async t => {
  const { id } = await webhook(t)
  const add = async (event: string) =>
    await iris.redis.xadd(keys.webhookDead(id), '*', 'kind', 'failed', 'at', 1, 'reason', 'x', 'attempts', 1, 'event', event)
  for (const event of ['{"n":1}', 'nothing', '{"n":2}', '{"n":3}']) await add(event)
  const pages: unknown[][] = []
  for (let after: string | undefined = ''; after !== undefined;) {
    const { status, body } = await iris.server('GET', `webhooks/${id}/dead-letters?limit=2${after && `&after=${after}`}`)
    t.equal(status, 200)
    pages.push((body['items'] as unknown as { event: { n: number } }[]).map(({ event }) => event.n))
    after = body['next']
  }
  t.same(pages, [[1], [2, 3]])
  await Promise.all(Array.from({ length: 120 }, (_, n) => add(`{"n":${n}}`)))
  t.match(await iris.server('POST', `webhooks/${id}/replay`, {}), { status: 200, body: { replayed: 0, lost: 123 } }, 'all, page by page')
  t.match(await iris.server('GET', `webhooks/${id}/dead-letters?limit=101`), { status: 400, body: { code: 'INVALID_QUERY' } })
})

t.test('[WEBHOOK-7] events that were trimmed before they were read are told of, and leave a dead letter', async t => {
  const { id, receiver } = await webhook(t)
  const bob = await iris.user(t)
  await visit(bob)
  await receiver.got(3, of(bob))
  await until(async () => (await show(id))['waiting'] === 0 || undefined)
  // as if nobody had read on while more came than is kept
  const multi = iris.redis.multi()
  for (let n = 0; n < 5; n++) multi.xadd('iris:events', '*', 'user.online', JSON.stringify({ userId: 'zoe', n: n + 1, ts: Date.now() }))
  await multi.xtrim('iris:events', 'MAXLEN', 2).exec()
  const [{ data } = {} as Delivery] = await receiver.got(1, ({ type }) => type === 'feed.reset')
  const lost = Number(data['lost'])
  t.ok(lost >= 3, `${lost} were lost: somebody of a test before may have gone meanwhile`)
  t.same((await receiver.got(2, ({ data }) => data['userId'] === 'zoe')).map(({ data }) => data['n']), [4, 5])
  t.match(await deadLetters(id), [{ kind: 'lost', event: { lost } }])
  t.match(await iris.server('POST', `webhooks/${id}/replay`, {}), { status: 200, body: { replayed: 0, lost: 1 } })
})

t.test('[WEBHOOK-7] a stream that was taken away is a gap, and what comes then is told', async t => {
  const { id, receiver } = await webhook(t, { types: ['user.online'] })
  await iris.redis.del('iris:events')
  await receiver.got(1, ({ type }) => type === 'feed.reset')
  const bob = await iris.user(t)
  await visit(bob)
  await receiver.got(1, of(bob))
  t.match(await deadLetters(id), [{ kind: 'lost' }])
  await until(async () => (await show(id))['waiting'] === 0 || undefined)
  await iris.redis.del('iris:events')
  await receiver.got(2, ({ type }) => type === 'feed.reset') // by another webhook-id: it is no repeat of the one before
})
