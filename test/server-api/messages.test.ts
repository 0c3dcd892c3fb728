// Server API: messages as any user or as the system, and their revocation. Section 8, [MSG-2] [REVOKE-1]
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startIris } from '../helper/iris.js'
import { between, dm, groupOf, pointers, three, two } from '../helper/user.js'

const iris = await startIris(t)
const post = async (body: object) =>
  await iris.server('POST', 'messages', { clientMsgId: randomUUID(), type: 'text', content: { text: 'hi' }, ...body })

t.test('[SERVER] [DOWN-1] as a user: every terminal of his gets MSG_DOWN, and it is not unread for him', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const streams = [await alice.listen({ terminalId: 'server' }), await alice.listen(), await bob.listen()]
  await Promise.all(streams.map(stream => stream.next('IRIS.READY')))
  const { status, body } = await post({ from: alice.userId, to: bob.userId, clientMsgId: 's-1' })
  const { msgId, epoch, ts, traceId } = body
  t.strictSame([status, body], [
    200, { clientMsgId: 's-1', conversationId: dm(alice, bob), seq: 1, msgId, epoch, ts, duplicate: false, traceId }
  ])
  for (const stream of streams) {
    t.strictSame((await stream.next(({ data }) => data['seq'] === 1)), {
      event: 'MSG_DOWN',
      id: stream.cursor,
      data: {
        conversationId: dm(alice, bob),
        seq: 1,
        msgId,
        ts,
        from: alice.userId,
        clientMsgId: 's-1',
        type: 'text',
        content: { text: 'hi' },
        traceId,
        source: 'live'
      }
    })
  }
  t.match([(await alice.conversations()).body, (await bob.conversations()).body], [{ totalUnread: 0 }, { totalUnread: 1 }])
})

t.test('[MSG-2] it is idempotent by clientMsgId within the conversation and from, whoever sends it', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const sent = { from: alice.userId, to: bob.userId, clientMsgId: 's-1' }
  const [first, again] = [await post(sent), await post(sent)]
  t.strictSame([again.status, { ...again.body, traceId: '' }], [200, { ...first.body, duplicate: true, traceId: '' }])
  t.match(await alice.send(bob, 'hi', { clientMsgId: 's-1' }), {
    status: 200,
    body: { duplicate: true, msgId: first.body['msgId'] }
  }, 'the user\'s own retry is the same send')
  t.match(await post({ ...sent, content: { text: 'other' } }), { status: 409, body: { code: 'CLIENT_MSG_ID_CONFLICT' } })
  t.match(await post({ ...sent, from: bob.userId, to: alice.userId }), { status: 200, body: { duplicate: false, seq: 2 } })
})

t.test('[SERVER] as the system: it belongs to nobody, and is unread for every member', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const conversationId = await groupOf(iris, alice, bob)
  const stream = await alice.listen()
  t.match(await post({ from: 'system', conversationId, type: 'system', content: { event: 'joined', userId: bob.userId } }), {
    status: 200,
    body: { seq: 1 }
  })
  t.match((await stream.next('MSG_DOWN')).data, { from: 'system', type: 'system', content: { event: 'joined' } })
  t.match(await post({ from: 'system', conversationId }), { status: 200, body: { seq: 2 } }, 'any type may come from it')
  for (const user of [alice, bob]) t.match((await user.conversations()).body, { totalUnread: 2, items: [{ lastMsg: { from: 'system' } }] })
  t.match(await alice.revoke({ conversationId, seq: 1 }), { status: 200 }, 'an owner may revoke it')
  t.match(await bob.revoke({ conversationId, seq: 2 }), { status: 403, body: { code: 'REVOKE_FORBIDDEN' } })
  for (const body of [{ from: 'system', to: bob.userId }, { from: alice.userId, to: 'system' }, { from: alice.userId, to: alice.userId }]) {
    const answer = await post(body)
    t.strictSame([answer.status, answer.body['code'], pointers(answer)], [400, 'INVALID_BODY', ['/to']])
  }
})

t.test('[SERVER] as a user who is no member, or where nothing is: 404', async t => {
  const [alice, bob, eve] = await three(() => iris.user(t))
  const conversationId = await groupOf(iris, alice, bob)
  for (const body of [
    { from: eve.userId, conversationId }, {
      from: alice.userId,
      conversationId: 'g.none'
    }, { from: 'system', conversationId: 'g.none' }, { from: alice.userId, conversationId: dm(alice, bob) }
  ]) {
    t.match(await post(body), { status: 404, body: { code: 'CONVERSATION_NOT_FOUND' } })
  }
  t.match(await post({ from: alice.userId, conversationId, quote: { seq: 9 } }), { status: 404, body: { code: 'MESSAGE_NOT_FOUND' } })
  for (const [body, pointer] of [
    [{ to: 'x' }, '/from'], [{ from: 'a' }, '/to'], [{ from: 'a', to: 'b', conversationId }, '/conversationId'],
    [{ from: 'a', to: 'b', type: 'revoked' }, '/type'], [{ from: 'a', to: 'b', content: {} }, '/content/text'],
    [{ from: 'a', to: 'b', ts: 1 }, '/ts']
  ] as const) {
    const answer = await post(body)
    t.strictSame([answer.status, answer.body['code'], pointers(answer)], [400, 'INVALID_BODY', [pointer]])
  }
})

t.test('[REVOKE-1] [REVOKE-4] [REVOKE-5] messages/revoke: any message, any time, once', async t => {
  const hasty = await startIris(t, { redisPath: iris.redisPath, env: { IRIS_LIMIT_REVOKE_SEC: '1' } })
  const [alice, bob] = await two(() => hasty.user(t))
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  await alice.send(bob, 'oops')
  const conversationId = dm(alice, bob)
  const { status, body } = await hasty.server('POST', 'messages/revoke', { conversationId, seq: 1, reason: 'moderation' })
  t.strictSame([status, body], [
    200, { conversationId, seq: 1, revokedAt: body['revokedAt'], alreadyRevoked: false, traceId: body['traceId'] }
  ])
  const event = await stream.next('REVOKE')
  t.match(event.data, { traceId: body['traceId'], data: { conversationId, seq: 1, by: 'system', revokedAt: body['revokedAt'] } })
  t.match(await hasty.server('POST', 'messages/revoke', { conversationId, seq: 1, reason: 'again' }), {
    status: 200,
    body: { alreadyRevoked: true, revokedAt: body['revokedAt'] }
  })
  t.match((await bob.getReadMsg({ conversationId, deliver: 'inline' })).body, {
    messages: [{ type: 'revoked', revoked: { by: 'system', at: body['revokedAt'], reason: 'moderation' } }]
  })
  t.match((await bob.conversations()).body, { totalUnread: 0 })
  await alice.send(bob, 'marker')
  t.strictSame(between(stream, event, await stream.next('MSG_DOWN')), [])
  t.match(await hasty.server('POST', 'messages/revoke', { conversationId, seq: 3 }), { status: 404, body: { code: 'MESSAGE_NOT_FOUND' } })
  t.match(await hasty.server('POST', 'messages/revoke', { conversationId: 'g.none', seq: 1 }), {
    status: 404,
    body: { code: 'CONVERSATION_NOT_FOUND' }
  })
  const bad = await hasty.server('POST', 'messages/revoke', { conversationId })
  t.strictSame([bad.status, pointers(bad)], [400, ['/seq']])
})
