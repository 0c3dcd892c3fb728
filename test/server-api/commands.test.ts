// Server API: commands to anybody. Section 8, [CMD-1] to [CMD-6]
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startIris } from '../helper/iris.js'
import { between, groupOf, pointers, three, two } from '../helper/user.js'

const iris = await startIris(t)
const post = async (body: object) => await iris.server('POST', 'commands', { clientCmdId: randomUUID(), name: 'order.refresh', ...body })

t.test('[CMD-3] to anybody, acquainted or not; it comes from system', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const [hers, his] = [await alice.listen(), await bob.listen()]
  await Promise.all([hers.next('IRIS.READY'), his.next('IRIS.READY')])
  const { status, body } = await post({ clientCmdId: 'o-7', to: { users: [alice.userId, bob.userId, 'nobody'] }, data: { orderId: 7 } })
  const { cmdId, traceId } = body
  t.strictSame([status, body], [
    200, { cmdId, clientCmdId: 'o-7', accepted: 3, online: 2, stored: 0, skipped: [], duplicate: false, traceId }
  ])
  for (const stream of [hers, his]) {
    const { event, id, data } = await stream.next('order.refresh')
    t.strictSame([event, id, data], ['CMD_DOWN', undefined, {
      cmdId,
      clientCmdId: 'o-7',
      op: 'do',
      name: 'order.refresh',
      data: { orderId: 7 },
      from: 'system',
      needComplete: false,
      ts: data['ts'],
      traceId
    }])
  }
})

t.test('[CMD-2] reliable: kept until completed; to every member of a conversation', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const conversationId = await groupOf(iris, alice, bob, carol)
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  const { body } = await post({ to: { conversationId }, mode: 'reliable', ttlSec: 60, notifyComplete: true })
  t.match(body, { accepted: 3, online: 1, stored: 3, skipped: { length: 0 } })
  const { id, data } = await stream.next('order.refresh')
  t.match(data, { conversationId, needComplete: true, from: 'system' })
  t.match(id, /^\d+-\d+$/)
  t.match((await bob.cmdComplete({ ids: [body['cmdId']] })).body, { results: [{ state: 'completed' }] })
  for (const [user, waits] of [[alice, 1], [bob, 0]] as const) {
    const fresh = await user.listen({ terminalId: 'fresh' })
    const [hello, ready] = [await fresh.next('IRIS.HELLO'), await fresh.next('IRIS.READY')]
    t.equal(between(fresh, hello, ready).length, waits)
  }
})

t.test('[CMD-6] collapseKey replaces the server\'s own pending command', async t => {
  const alice = await iris.user(t)
  const to = { users: [alice.userId] }
  for (const n of [1, 2, 3]) await post({ to, mode: 'reliable', collapseKey: 'order:7', data: { n } })
  const stream = await alice.listen()
  const [hello, ready] = [await stream.next('IRIS.HELLO'), await stream.next('IRIS.READY')]
  t.strictSame(between(stream, hello, ready).map(({ data }) => data.data), [{ n: 3 }])
})

t.test('[CMD-1] idempotent by clientCmdId, in the server\'s own scope', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await alice.send(bob, 'acquaintance')
  const clientCmdId = randomUUID()
  const command = { clientCmdId, to: { users: [bob.userId] } }
  const [first, again] = [await post(command), await post(command)]
  t.strictSame([again.status, { ...again.body, traceId: '' }], [200, { ...first.body, duplicate: true, traceId: '' }])
  t.match(await post({ ...command, data: { other: 1 } }), { status: 409, body: { code: 'CLIENT_CMD_ID_CONFLICT' } })
  t.match(await alice.command({ ...command, name: 'hers' }), { status: 200, body: { duplicate: false } }, 'a user\'s ids are her own')
})

t.test('[CMD-1] what is refused', async t => {
  t.match(await post({ to: { conversationId: 'g.none' } }), { status: 404, body: { code: 'CONVERSATION_NOT_FOUND' } })
  t.match(await post({ to: { users: ['a'] }, name: 'IRIS.BYE' }), { status: 403, body: { code: 'RESERVED_NAME' } })
  for (const [body, pointer] of [
    [{ to: { self: true } }, '/to/self'], [{ to: {} }, '/to'], [{}, '/to'], [{ to: { users: [] } }, '/to/users'],
    [{ to: { users: ['a'] }, ttlSec: 1 }, '/ttlSec'], [{ to: { users: ['a'] }, from: 'b' }, '/from'],
    [{ to: { users: Array.from({ length: 101 }, (_, i) => `u${i}`) } }, '/to/users']
  ] as const) {
    const answer = await post(body)
    t.strictSame([answer.status, answer.body['code'], pointers(answer)], [400, 'INVALID_BODY', [pointer]])
  }
})
