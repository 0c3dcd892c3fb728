// REST_READ_NUM_AND_LAST_MSG: the private marker. [REST-1] to [REST-3]
import t from 'tap'
import { startIris } from '../helper/iris.js'
import { between, dm, groupOf, pointers, three, two, type User } from '../helper/user.js'

const iris = await startIris(t)

async function sendTexts (from: User, to: string | User, count: number): Promise<void> {
  for (let i = 1; i <= count; i++) await from.send(to, `text ${i}`)
}

t.test('[REST-1] without readSeq everything is read; with it the marker rises and is clamped', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  await sendTexts(alice, bob, 4)
  await sendTexts(carol, bob, 3)
  const [one, other] = [dm(alice, bob), dm(bob, carol)]
  const first = await bob.rest({ items: [{ conversationId: other, readSeq: 2 }, { conversationId: one }] })
  t.equal(first.status, 200)
  t.match(first.body, {
    items: [
      { conversationId: other, readSeq: 2, unread: 1, headSeq: 3, unreadMark: false },
      { conversationId: one, readSeq: 4, unread: 0, headSeq: 4, unreadMark: false }
    ],
    totalUnread: 1
  })
  t.match((await bob.rest({ items: [{ conversationId: other, readSeq: 1 }] })).body, {
    items: [{ readSeq: 2, unread: 1 }],
    totalUnread: 1
  }, 'it never falls')
  t.match((await bob.rest({ items: [{ conversationId: other, readSeq: 0 }] })).body, { items: [{ readSeq: 2, unread: 1 }] })
  t.match((await bob.rest({ items: [{ conversationId: other, readSeq: 99 }] })).body, {
    items: [{ readSeq: 3, unread: 0 }],
    totalUnread: 0
  })
  t.match((await alice.conversations()).body, { items: [{ readSeq: 0, unread: 0 }] }, 'nobody else\'s marker moved')
  const fresh = await bob.listen()
  const ready = await fresh.next('IRIS.READY')
  t.strictSame(between(fresh, fresh.events[0] ?? ready, ready), [], 'the mailbox is empty')
  t.match((await bob.getReadMsg({ conversationId: one, deliver: 'inline' })).body, { count: 4, readSeq: 4 }, 'the history is not')
})

t.test('[REST-2] only the user\'s own other terminals are told', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await sendTexts(alice, bob, 3)
  const conversationId = dm(alice, bob)
  const [hers, asking, watching] = [
    await alice.listen({ terminalId: 'other' }), await bob.listen({ terminalId: 'phone' }), await bob.listen({ terminalId: 'desk' })
  ]
  const ready = [await hers.next('IRIS.READY'), await asking.next('IRIS.READY'), await watching.next('IRIS.READY')] as const
  const { body } = await bob.rest({ items: [{ conversationId, readSeq: 2 }] }, 'phone')
  const { event, data } = await watching.next('REST_READ_NUM_AND_LAST_MSG')
  const { cmdId, ts } = data
  t.strictSame([event, data], ['CMD_DOWN', {
    cmdId,
    op: 'do',
    name: 'REST_READ_NUM_AND_LAST_MSG',
    needComplete: false,
    traceId: body['traceId'],
    ts,
    conversationId,
    data: { conversationId, readSeq: 2, unread: 1, unreadMark: false }
  }])
  await bob.rest({ items: [{ conversationId, readSeq: 2 }] }, 'phone') // nothing moves
  await alice.send(bob, 'marker')
  for (const [stream, from] of [[hers, ready[0]], [asking, ready[1]], [watching,
    watching.events.find(({ data: { name } }) => name === 'REST_READ_NUM_AND_LAST_MSG') ?? ready[2]]] as const) {
    t.strictSame(between(stream, from, await stream.next(({ data: { seq } }) => seq === 4)), [])
  }
})

t.test('[REST-2] [READ-3] a private mark does not swallow the later public receipt', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await sendTexts(alice, bob, 3)
  const conversationId = dm(alice, bob)
  const stream = await alice.listen({ terminalId: 'other' })
  const ready = await stream.next('IRIS.READY')
  await bob.rest({ items: [{ conversationId }] })
  t.match(await bob.read({ conversationId, upToSeq: 3 }), { status: 200, body: { readSeq: 3, unread: 0 } })
  const receipt = await stream.next('READ')
  t.match(receipt.data.data, { conversationId, readerId: bob.userId, readSeq: 3 })
  t.strictSame(between(stream, ready, receipt), [], 'the private one was not told')
  await bob.read({ conversationId, upToSeq: 3 })
  await bob.rest({ items: [{ conversationId }] })
  await alice.send(bob, 'marker')
  t.strictSame(between(stream, receipt, await stream.next(({ data: { seq } }) => seq === 4)), [], 'and once is enough')
})

t.test('[REST-1] [REST-2] unreadMark is the user\'s own: kept until he changes it, told to his terminals', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await sendTexts(alice, bob, 2)
  const conversationId = dm(alice, bob)
  const watching = await bob.listen({ terminalId: 'desk' })
  t.match((await bob.rest({ items: [{ conversationId, unreadMark: true }] })).body, {
    items: [{ readSeq: 0, unread: 2, unreadMark: true }],
    totalUnread: 2
  }, 'alone it reads nothing')
  t.match((await watching.next('REST_READ_NUM_AND_LAST_MSG')).data.data, { readSeq: 0, unread: 2, unreadMark: true })
  t.match((await bob.rest({ items: [{ conversationId, unreadMark: false }] })).body, {
    items: [{ readSeq: 0, unread: 2, unreadMark: false }],
    totalUnread: 2
  }, 'nor when it is taken away')
  t.match((await watching.next('REST_READ_NUM_AND_LAST_MSG')).data.data, { readSeq: 0, unread: 2, unreadMark: false })
  t.match((await bob.rest({ items: [{ conversationId, readSeq: 2, unreadMark: true }] })).body, {
    items: [{ readSeq: 2, unread: 0, unreadMark: true }],
    totalUnread: 0
  })
  t.match((await watching.next('REST_READ_NUM_AND_LAST_MSG')).data.data, { readSeq: 2, unread: 0, unreadMark: true })
  await sendTexts(alice, bob, 1)
  t.match((await bob.rest({ items: [{ conversationId, readSeq: 0 }] })).body, {
    items: [{ unread: 1, unreadMark: true }]
  }, 'absent: as it was')
  t.match((await bob.conversations()).body, { items: [{ unread: 1, unreadMark: true }] })
  t.match((await bob.rest({ items: [{ conversationId, readSeq: 0, unreadMark: false }] })).body, {
    items: [{ readSeq: 2, unread: 1, unreadMark: false }]
  })
  t.match((await watching.next('REST_READ_NUM_AND_LAST_MSG')).data.data, { unread: 1, unreadMark: false })
  t.match((await alice.conversations()).body, { items: [{ unreadMark: false }] })
})

t.test('[REST-1] [READ-4] READ takes the mark away, also when nothing else moves, and the reader\'s own terminals learn it', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await sendTexts(alice, bob, 2)
  const conversationId = dm(alice, bob)
  const [hers, watching] = [await alice.listen({ terminalId: 'other' }), await bob.listen({ terminalId: 'desk' })]
  const ready = await hers.next('IRIS.READY')
  await bob.rest({ items: [{ conversationId, readSeq: 2, unreadMark: true }] })
  await bob.read({ conversationId, upToSeq: 2 })
  t.match((await watching.next('READ')).data.data, { readerId: bob.userId, readSeq: 2, unreadMark: false })
  const receipt = await hers.next('READ')
  t.notHas(receipt.data.data, { unreadMark: false }, 'the mark is his own')
  t.match((await bob.conversations()).body, { items: [{ unreadMark: false }] })
  for (const reading of [{ upToSeq: 1 }, { seqs: [1] }]) {
    await bob.rest({ items: [{ conversationId, unreadMark: true }] })
    t.match(await bob.read({ conversationId, ...reading }), { status: 200, body: { readSeq: 2 } })
    t.match((await bob.conversations()).body, { items: [{ unreadMark: false }] }, JSON.stringify(reading))
  }
  await alice.send(bob, 'marker')
  t.strictSame(between(hers, ready, await hers.next(({ data: { seq } }) => seq === 3)).map(({ data }) => data.name),
    ['READ'], 'to others nothing moved')
})

t.test('[REST-1] leaving takes the mark along: who comes back finds none', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const conversationId = await groupOf(iris, alice, bob)
  await bob.rest({ items: [{ conversationId, unreadMark: true }] })
  const members = `conversations/${conversationId}/members`
  await iris.server('POST', members, { remove: [bob.userId] })
  await iris.server('POST', members, { add: [{ userId: bob.userId }] })
  t.match((await bob.conversations()).body, { items: [{ conversationId, unreadMark: false, readSeq: 0 }] })
})

t.test('[REST-3] lastMsg is what the server knows, a tombstone once revoked', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await sendTexts(alice, bob, 2)
  const conversationId = dm(alice, bob)
  const lastMsg = async () =>
    ((await bob.rest({ items: [{ conversationId }] })).body['items'] as { lastMsg: Record<string, unknown> }[])[0]?.lastMsg
  const { msgId, ts, clientMsgId, traceId, ...rest } = await lastMsg() ?? {}
  t.strictSame(rest, { conversationId, seq: 2, from: alice.userId, type: 'text', content: { text: 'text 2' } })
  const { revokedAt } = (await alice.revoke({ conversationId, seq: 2, reason: 'typo' })).body
  const tombstone = {
    conversationId,
    seq: 2,
    msgId,
    ts,
    from: alice.userId,
    clientMsgId,
    type: 'revoked',
    revoked: { by: alice.userId, at: revokedAt, reason: 'typo' },
    traceId
  }
  t.strictSame(await lastMsg(), tombstone)
  t.match((await bob.conversations()).body, { items: [{ lastMsg: tombstone }] })
})

t.test('[REST-1] all or nothing: one unknown conversation and no marker moves', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  await sendTexts(alice, bob, 2)
  const conversationId = dm(alice, bob)
  const strange = await groupOf(iris, alice, carol)
  for (const other of [strange, 'g.nowhere']) {
    t.match(await bob.rest({ items: [{ conversationId }, { conversationId: other }] }), {
      status: 404,
      body: { code: 'CONVERSATION_NOT_FOUND' }
    })
  }
  t.match((await bob.conversations()).body, { items: [{ readSeq: 0, unread: 2 }], totalUnread: 2 })
  const bad: [body: object, pointer: string][] = [
    [{}, '/items'],
    [{ items: [] }, '/items'],
    [{ items: [{}] }, '/items/0/conversationId'],
    [{ items: [{ conversationId }, { conversationId }] }, '/items/1/conversationId'],
    [{ items: [{ conversationId, readSeq: -1 }] }, '/items/0/readSeq'],
    [{ items: [{ conversationId, lastMsg: {} }] }, '/items/0/lastMsg'],
    [{ items: [{ conversationId, unreadMark: 1 }] }, '/items/0/unreadMark'],
    [{ items: Array.from({ length: 101 }, (_, i) => ({ conversationId: `g.${i}` })) }, '/items']
  ]
  for (const [body, pointer] of bad) {
    const answer = await bob.rest(body)
    t.strictSame([answer.status, answer.body.code, pointers(answer)], [400, 'INVALID_BODY', [pointer]])
  }
})

t.test('[REST-3] a conversation without a message has no lastMsg', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const conversationId = await groupOf(iris, alice, bob)
  t.strictSame((await bob.rest({ items: [{ conversationId }] })).body['items'], [
    { conversationId, readSeq: 0, unread: 0, headSeq: 0, lastMsg: null, unreadMark: false }
  ])
})
