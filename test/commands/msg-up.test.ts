// MSG_UP: sequenced, in every member's stream, and safe once it is answered. [MSG-1] [MSG-3] [MSG-4] [MSG-5] [DOWN-1]
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startIris } from '../helper/iris.js'
import { between, dm, groupOf, three, two } from '../helper/user.js'

const iris = await startIris(t)

t.test('[MSG-1] [DOWN-1] the first message to a user creates the conversation; ACK, carbon and message are one entry', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const [phone, desk, his] = [await alice.listen({ terminalId: 'phone' }), await alice.listen({ terminalId: 'desk' }), await bob.listen()]
  await Promise.all([phone, desk, his].map(stream => stream.next('IRIS.READY')))

  const parts = { ext: { a: [1, null] }, mentions: [bob.userId] }
  const { status, headers, body } = await alice.msgUp({
    clientMsgId: 'c:1', to: bob.userId, type: 'text', content: { text: 'é\n "hi" 你好' }, ...parts
  }, 'phone')
  t.equal(status, 200)
  const { conversationId, msgId, epoch, ts, traceId } = body
  t.strictSame(body, { clientMsgId: 'c:1', conversationId: dm(alice, bob), seq: 1, msgId, epoch, ts, duplicate: false, traceId })
  t.equal(headers.get('trace-id'), traceId)
  t.match({ msgId, epoch }, { msgId: /^[0-9a-f]{20,}$/, epoch: /^\d+$/ })
  t.ok(Math.abs(Number(ts) - Date.now()) < 5_000, 'the time is that of Redis')

  const message = {
    conversationId,
    seq: 1,
    msgId,
    ts,
    from: alice.userId,
    clientMsgId: 'c:1',
    type: 'text',
    content: { text: 'é\n "hi" 你好' },
    ...parts,
    traceId,
    source: 'live'
  }
  t.strictSame((await his.next('MSG_DOWN')).data, message)
  t.strictSame((await desk.next('MSG_DOWN')).data, message, 'a carbon on the other terminal')
  const ack = await phone.next('ACK_DOWN')
  t.strictSame(ack.data, { clientMsgId: 'c:1', conversationId, seq: 1, msgId, epoch, ts, traceId, duplicate: false })
  t.match(ack.id, /^\d+-1$/, 'it is an entry of his stream')
  t.equal(desk.cursor, phone.cursor, 'the same entry')
})

t.test('[MSG-1] a direct conversation sorts its ids by code unit', async t => {
  const id = randomUUID().slice(0, 8)
  const [upper, lower] = [await iris.user(t, `Z${id}`), await iris.user(t, `a${id}`)]
  t.equal((await lower.send(upper, 'one')).body.conversationId, `dm.Z${id}.a${id}`)
  const { body } = await upper.send(lower, 'two')
  t.strictSame([body.conversationId, body.seq], [`dm.Z${id}.a${id}`, 2], 'the same from both sides')
})

t.test('[MSG-3] every member gets exactly one entry, and the sender has nothing unread', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const group = await groupOf(iris, alice, bob, carol)
  const streams = await Promise.all([alice, bob, carol].map(user => user.listen({ terminalId: 'screen' })))
  const before = await Promise.all(streams.map(stream => stream.next('IRIS.READY')))
  await alice.send(group, 'first')
  await alice.send(group, 'marker')
  for (const [i, stream] of streams.entries()) {
    const last = await stream.next(({ data }) => data['seq'] === 2)
    t.strictSame(between(stream, before[i] as typeof last, last).map(({ event, data }) => [event, data['seq']]), [['MSG_DOWN', 1]])
    t.match(last.id, /-2$/)
  }
  for (const [user, unread] of [[alice, 0], [bob, 2], [carol, 2]] as const) {
    t.match((await user.conversations()).body, { items: [{ conversationId: group, unread }], totalUnread: unread })
  }
})

t.test('[MSG-3] a silent message is delivered and unread for nobody', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  const { body } = await alice.send(bob, 'psst', { options: { silent: true } })
  t.match((await stream.next('MSG_DOWN')).data, { seq: 1, options: { silent: true } })
  t.match((await bob.conversations()).body, { items: [{ headSeq: 1, unread: 0, lastMsg: { msgId: body['msgId'] } }], totalUnread: 0 })
  await alice.send(bob, 'marker', { options: { silent: false } })
  const fresh = await bob.listen({ terminalId: 'other' })
  t.equal((await fresh.next('MSG_DOWN')).data['seq'], 2, 'the mailbox brings only the loud one')
})

t.test('[MSG-4] after the ACK a dead node loses nothing: another one serves every member completely', async t => {
  const first = await startIris(t, { redisPath: iris.redisPath })
  const [alice, bob, carol] = await three(() => first.user(t))
  const group = await groupOf(first, alice, bob, carol)
  const stream = await bob.listen()
  const { id = '' } = await stream.next('IRIS.READY')
  await stream.cut()
  const sent = await Promise.all(Array.from({ length: 20 }, (_, i) => alice.send(group, `m${i}`)))
  await first.app.close()

  t.strictSame(sent.map(({ status }) => status), sent.map(() => 200))
  const order = sent.map(({ body }, i) => [body.seq, `m${i}`]).sort(([a], [b]) => Number(a) - Number(b))
  const next = await startIris(t, { redisPath: iris.redisPath })
  const resumed = await (await next.user(t, bob.userId)).listen({ cursor: id })
  t.match(await resumed.next('IRIS.HELLO'), { data: { data: { recovered: true, replay: 20 } } })
  await resumed.next('IRIS.READY')
  const shown = (list: typeof resumed.events) =>
    list.filter(({ event }) => event === 'MSG_DOWN').map(({ data }) => [data['seq'], (data['content'] as { text: string }).text])
  t.strictSame(shown(resumed.events), order)
  const fresh = await (await next.user(t, carol.userId)).listen()
  await fresh.next('IRIS.READY')
  t.strictSame(shown(fresh.events), order, 'also to one who was never connected')
  t.match((await (await next.user(t, carol.userId)).conversations()).body, { totalUnread: 20 })
})

t.test('[MSG-5] [DOWN-4] 200 sends at once from several senders get contiguous seqs, the same order for everybody', async t => {
  const senders = await Promise.all(Array.from({ length: 8 }, () => iris.user(t)))
  const reader = await iris.user(t)
  const group = await groupOf(iris, reader, ...senders)
  const streams = await Promise.all([reader, reader, senders[0] ?? reader].map((user, i) => user.listen({ terminalId: `t${i}` })))
  await Promise.all(streams.map(stream => stream.next('IRIS.READY')))
  const answers = await Promise.all(senders.flatMap(user => Array.from({ length: 25 }, (_, i) => user.send(group, `${i}`))))

  const sent = answers.map(({ body }) => body).sort((a, b) => Number(a.seq) - Number(b.seq))
  const all = Array.from({ length: 200 }, (_, i) => i + 1)
  t.strictSame(sent.map(({ seq }) => seq), all)
  t.equal(new Set(sent.map(({ msgId }) => msgId)).size, 200)
  t.strictSame(sent.map(({ msgId }) => msgId), sent.map(({ msgId }) => String(msgId)).sort(), 'msgId sorts as seq does')
  t.ok(sent.every(({ ts }, i) => i === 0 || Number(ts) >= Number(sent[i - 1]?.['ts'])), 'times never fall')
  for (const stream of streams) {
    await stream.next(({ data }) => data['seq'] === 200)
    const shown = stream.events.filter(({ event }) => event === 'MSG_DOWN').map(({ data }) => data)
    t.strictSame(shown.map(({ seq }) => seq), all)
    t.strictSame(shown.map(({ msgId }) => msgId), sent.map(({ msgId }) => msgId))
  }
})

t.test('[MSG-1] a stranger cannot tell a conversation that he is not in from one that is not there', async t => {
  const [alice, bob, eve] = await three(() => iris.user(t))
  const group = await groupOf(iris, alice, bob)
  await alice.send(bob, 'private')
  for (const conversationId of [group, dm(alice, bob), 'g.nowhere', dm(eve, bob)]) {
    const { status, body } = await eve.send(conversationId, 'knock')
    t.match({ status, ...body }, {
      status: 404,
      code: 'CONVERSATION_NOT_FOUND',
      title: 'There is no such conversation for the caller',
      retryable: false
    })
  }
  t.equal((await bob.send(group, 'hi')).body.seq, 1, 'the knocking took no number')
  t.equal((await bob.send(dm(alice, bob), 'hi')).body.seq, 2, 'a member may name the direct conversation')
})

t.test('[MSG-5] a quote is a reference, and a refused one takes no number', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const stream = await bob.listen({ terminalId: 'other' })
  t.match(await alice.send(bob, 'to nothing', { quote: { seq: 1 } }), { status: 404, body: { code: 'MESSAGE_NOT_FOUND' } })
  await alice.send(bob, 'one')
  t.match(await alice.send(bob, 'to the future', { quote: { seq: 2 } }), { status: 404, body: { code: 'MESSAGE_NOT_FOUND' } })
  t.equal((await bob.send(alice, 'two', { quote: { seq: 1 } })).body.seq, 2)
  const { data } = await stream.next(({ data }) => data['seq'] === 2)
  t.strictSame(data['quote'], { seq: 1 })
})
