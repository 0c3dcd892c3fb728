// READ: the public receipt. [READ-1] to [READ-5]
import t from 'tap'
import { startIris } from '../helper/iris.js'
import { between, dm, groupOf, pointers, three, two, type User } from '../helper/user.js'

const iris = await startIris(t)

async function sendTexts (from: User, to: string | User, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await from.send(to, `text ${i}`)
}

t.test('[READ-1] readSeq only rises and is clamped to the newest message', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  await sendTexts(alice, bob, 5)
  await sendTexts(carol, bob, 3)
  const conversationId = dm(alice, bob)
  for (const [upToSeq, readSeq, unread] of [[2, 2, 3], [1, 2, 3], [4, 4, 1], [Number.MAX_SAFE_INTEGER, 5, 0], [3, 5, 0]] as const) {
    const { status, body } = await bob.read({ conversationId, upToSeq })
    t.strictSame([status, body], [200, { conversationId, readSeq, unread, totalUnread: unread + 3, traceId: body['traceId'] }])
  }
  await alice.send(bob, 'one more')
  t.match(await bob.read({ conversationId, upToSeq: 5 }), {
    body: { readSeq: 5, unread: 1, totalUnread: 4 }
  }, 'clamping did not read the future')
  t.match((await bob.conversations()).body, {
    items: [{ conversationId, readSeq: 5, unread: 1 }, { conversationId: dm(bob, carol), readSeq: 0, unread: 3 }],
    totalUnread: 4
  })
})

t.test('[READ-2] what is read leaves the mailbox and stays in the history', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await sendTexts(alice, bob, 5)
  const conversationId = dm(alice, bob)
  await bob.read({ conversationId, upToSeq: 2 })
  await bob.read({ conversationId, seqs: [4] })
  const stream = await bob.listen()
  const ready = await stream.next('IRIS.READY')
  const [hello] = stream.events
  t.strictSame(hello && between(stream, hello, ready).map(({ id, data }) => [id, data['seq'], data['source']]), [
    [undefined, 3, 'mailbox'], [undefined, 5, 'mailbox']
  ])
  const { body } = await bob.getReadMsg({ conversationId, deliver: 'inline' })
  t.strictSame((body['messages'] as { seq: number }[]).map(({ seq }) => seq), [1, 2, 3, 4, 5])
})

t.test('[READ-3] [TRACE-2] the sender and the reader\'s other terminals are told, the terminal that read is not', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await sendTexts(alice, bob, 3)
  const conversationId = dm(alice, bob)
  const [hers, reading, watching] = [
    await alice.listen(), await bob.listen({ terminalId: 'phone' }), await bob.listen({ terminalId: 'desk' })
  ]
  const ready = await reading.next('IRIS.READY')
  await watching.next('IRIS.READY')
  const { body } = await bob.post('/v1/up/cmd/read', { conversationId, upToSeq: 2 }, {
    'terminal-id': 'phone',
    'trace-id': 'trace.of-READ'
  })
  t.equal(body['traceId'], 'trace.of-READ')
  for (const stream of [hers, watching]) {
    const { event, id, data } = await stream.next('READ')
    const { cmdId, ts } = data
    t.strictSame([event, data], ['CMD_DOWN', {
      cmdId,
      op: 'do',
      name: 'READ',
      needComplete: false,
      traceId: 'trace.of-READ',
      ts,
      conversationId,
      data: { conversationId, readerId: bob.userId, readSeq: 2, readAt: ts }
    }])
    t.match(id, /^\d+-\d+$/, 'it is an entry: it can be resumed')
  }
  await alice.send(bob, 'marker')
  const marker = await reading.next(({ data }) => data['seq'] === 4)
  t.strictSame(between(reading, ready, marker), [])
  const [again, other] = [
    await bob.listen({ terminalId: 'phone', cursor: ready.id }), await bob.listen({ terminalId: 'late', cursor: ready.id })
  ]
  t.strictSame(between(again, await again.next('IRIS.HELLO'), await again.next('IRIS.READY')).map(({ event }) => event),
    ['MSG_DOWN'], 'nor in a replay')
  await other.next('READ')
})

t.test('[READ-3] in a group only the senders of the covered messages are told', async t => {
  const [owner, bob, carol] = await three(() => iris.user(t))
  const dave = await iris.user(t)
  const group = await groupOf(iris, owner, bob, carol, dave)
  for (const sender of [owner, carol, bob, carol]) await sender.send(group, 'hi') // seq 1 2 3 4
  const streams = await Promise.all([owner, carol, dave].map(user => user.listen({ terminalId: 'screen' })))
  const ready = await Promise.all(streams.map(stream => stream.next('IRIS.READY')))
  await bob.read({ conversationId: group, upToSeq: 1 })
  await bob.read({ conversationId: group, upToSeq: 2 })
  await bob.read({ conversationId: group, seqs: [4] })
  await bob.send(group, 'marker')
  const told = await Promise.all(streams.map(async (stream, i) => {
    const marker = await stream.next(({ data }) => data['seq'] === 5)
    return between(stream, ready[i] as typeof marker, marker).map(({ data }) => ({ ...data.data, readAt: 0 }))
  }))
  const event = { conversationId: group, readerId: bob.userId, readAt: 0 }
  t.strictSame(told, [[{ ...event, readSeq: 1 }], [{ ...event, readSeq: 2 }, { ...event, readSeq: 2, seqs: [4] }], []])
})

t.test('[READ-4] nothing moved: the same answer and no event', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await sendTexts(alice, bob, 3)
  const conversationId = dm(alice, bob)
  const [hers, his] = [await alice.listen({ terminalId: 'other' }), await bob.listen({ terminalId: 'desk' })]
  await Promise.all([hers.next('IRIS.READY'), his.next('IRIS.READY')])
  await bob.read({ conversationId, upToSeq: 2 })
  const first = [await hers.next('READ'), await his.next('READ')] as const
  for (const body of [{ upToSeq: 2 }, { upToSeq: 1 }, { seqs: [1] }, { seqs: [2, 99] }]) {
    t.match(await bob.read({ conversationId, ...body }), { status: 200, body: { readSeq: 2, unread: 1, totalUnread: 1 } })
  }
  await alice.send(bob, 'marker')
  for (const [i, stream] of [hers, his].entries()) {
    const marker = await stream.next(({ data }) => data['seq'] === 4)
    t.strictSame(between(stream, first[i] as typeof marker, marker), [])
  }
})

t.test('[READ-4] seqs takes single messages out and does not move readSeq', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await sendTexts(alice, bob, 4)
  const conversationId = dm(alice, bob)
  const stream = await alice.listen()
  t.match(await bob.read({ conversationId, seqs: [4, 2] }), { status: 200, body: { readSeq: 0, unread: 2, totalUnread: 2 } })
  const { data } = (await stream.next('READ')).data
  t.strictSame({
    ...data,
    seqs: (data?.['seqs'] as number[]).sort()
  }, { conversationId, readerId: bob.userId, readSeq: 0, seqs: [2, 4], readAt: data?.['readAt'] })
  t.match(await bob.read({ conversationId, seqs: [2, 3] }), { body: { readSeq: 0, unread: 1 } })
  t.match((await stream.next('READ')).data.data, { readSeq: 0, seqs: [3] }, 'only what was taken out now')
  t.match(await bob.read({ conversationId, upToSeq: 4 }), { body: { readSeq: 4, unread: 0 } })
})

t.test('[READ-5] a receipt changes nobody else\'s unread count', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const group = await groupOf(iris, alice, bob, carol)
  await sendTexts(alice, group, 3)
  await bob.send(group, 'mine')
  await bob.read({ conversationId: group, upToSeq: 4 })
  for (const [user, unread] of [[alice, 1], [bob, 0], [carol, 4]] as const) {
    t.match((await user.conversations()).body, { items: [{ unread, readSeq: user === bob ? 4 : 0 }], totalUnread: unread })
  }
})

t.test('[READ-1] [REST-2] after a private mark the receipt tells others no more than the reader said publicly', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await sendTexts(alice, bob, 3)
  const conversationId = dm(alice, bob)
  const stream = await alice.listen()
  await bob.rest({ items: [{ conversationId }] })
  t.match(await bob.read({ conversationId, upToSeq: 1 }), { status: 200, body: { readSeq: 3, unread: 0 } }, 'his own marker does not fall')
  t.match((await stream.next('READ')).data.data, { readSeq: 1 }, 'the sender learns of the first message only')
})

t.test('[READ-1] what is refused, and for whom there is no such conversation', async t => {
  const [alice, bob, eve] = await three(() => iris.user(t))
  const group = await groupOf(iris, alice, bob)
  await sendTexts(alice, group, 1)
  const conversationId = group
  for (const [body, pointer] of [
    [{ upToSeq: 1 }, '/conversationId'], [{ conversationId }, '/upToSeq'], [{ conversationId, upToSeq: 1, seqs: [1] }, '/seqs'],
    [{ conversationId, upToSeq: 0 }, '/upToSeq'], [{ conversationId, seqs: [] }, '/seqs'],
    [{ conversationId, seqs: [1, 1] }, '/seqs'],
    [{ conversationId, seqs: [0] }, '/seqs/0'],
    [{ conversationId, seqs: Array.from({ length: 101 }, (_, i) => i + 1) }, '/seqs'],
    [{ conversationId, upToSeq: 1, readAt: 1 }, '/readAt']
  ] as const) {
    const answer = await bob.read(body)
    t.strictSame([answer.status, answer.body.code, pointers(answer)], [400, 'INVALID_BODY', [pointer]])
  }
  for (const id of [group, 'g.nowhere']) {
    t.match(await eve.read({ conversationId: id, upToSeq: 1 }), { status: 404, body: { code: 'CONVERSATION_NOT_FOUND' } })
  }
  await iris.server('POST', `conversations/${group}/members`, { remove: [bob.userId] })
  t.match(await bob.read({ conversationId, upToSeq: 1 }), { status: 404, body: { code: 'CONVERSATION_NOT_FOUND' } }, 'nor for one who left')
})
