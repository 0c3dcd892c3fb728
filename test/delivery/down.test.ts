// What goes down, and how it reads on each terminal. docs/protocol.md section 4.
import t from 'tap'
import { startIris } from '../helper/iris.js'
import type { SseEvent } from '../helper/sse.js'
import { dm } from '../helper/user.js'

const iris = await startIris(t)

t.test('[DOWN-1] the terminal that sent gets ACK_DOWN, the sender\'s others and the receiver MSG_DOWN', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const sending = await alice.listen({ terminalId: 'a1' })
  const carbon = await alice.listen({ terminalId: 'a2' })
  const receiving = await bob.listen()
  await Promise.all([sending, carbon, receiving].map(stream => stream.next('IRIS.READY')))
  const { body } = await alice.send(bob, 'hi', { clientMsgId: 'c-1', terminalId: 'a1' })
  const ack = await sending.next('ACK_DOWN')
  const { traceId, ...result } = body
  t.same(ack.data, { ...result, traceId }, 'the ACK of the stream is the ACK of the answer')
  const copy = await carbon.next('MSG_DOWN')
  t.equal(copy.id, ack.id, 'one entry, two renderings')
  const { data } = await receiving.next('MSG_DOWN')
  t.same(data, copy.data)
  t.same(data, {
    conversationId: dm(alice, bob),
    seq: 1,
    msgId: body['msgId'],
    from: alice.userId,
    clientMsgId: 'c-1',
    type: 'text',
    content: { text: 'hi' },
    ts: body['ts'],
    traceId,
    source: 'live'
  })
  t.equal(sending.events.some(({ event }) => event === 'MSG_DOWN'), false)
})

t.test('[DOWN-1] a client that lost the HTTP answer learns the outcome from its stream, by replay too', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const stream = await alice.listen({ terminalId: 'a1' })
  await stream.next('IRIS.READY')
  await stream.cut()
  await alice.send(bob, 'lost', { clientMsgId: 'c-lost', terminalId: 'a1' })
  const again = await alice.listen({ terminalId: 'a1', cursor: stream.cursor })
  t.match((await again.next('ACK_DOWN')).data, { clientMsgId: 'c-lost', seq: 1, duplicate: false })
})

t.test('[DOWN-2] a replay renders what is true now: tombstones, no completed command, no completed notice', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  await stream.cut()
  await alice.send(bob, 'CANARY-1')
  const { body: sent } = await alice.command({ clientCmdId: 'k', name: 'nudge', to: { users: [bob.userId] }, mode: 'reliable' })
  await iris.server('POST', 'notices', { noticeId: `n-${bob.userId}`, users: [bob.userId], content: {} })
  await alice.revoke({ conversationId: dm(alice, bob), seq: 1, reason: 'oops' })
  await bob.cmdComplete({ ids: [sent['cmdId']] })
  await bob.noticeComplete({ ids: [`n-${bob.userId}`] })

  const replay = await bob.listen({ terminalId: 'b2', cursor: stream.cursor })
  await replay.next('IRIS.READY')
  const [, message, nudge, notice, revoke, done, seen] = replay.events
  t.match(message, {
    event: 'MSG_DOWN',
    data: { seq: 1, type: 'revoked', revoked: { by: alice.userId, reason: 'oops' }, source: 'replay' }
  })
  t.notOk('content' in (message?.data ?? {}))
  t.same([nudge?.event, notice?.event], [undefined, undefined], 'an id alone')
  t.match([revoke?.data.name, done?.data['op'], seen?.data['op']], ['REVOKE', 'complete', 'complete'])
  t.notMatch(JSON.stringify(replay.events), /CANARY/)
})

t.test('[DOWN-3] volatile events carry no id: history and online commands', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  await alice.send(bob, 'one')
  const stream = await bob.listen({ terminalId: 'b1' })
  await stream.next('IRIS.READY')
  await alice.command({ clientCmdId: 'typing', name: 'typing', to: { users: [bob.userId] } })
  t.equal((await stream.next('typing')).id, undefined)
  await bob.getReadMsg({ conversationId: dm(alice, bob), requestId: 'r' }, 'b1')
  t.equal((await stream.next(({ data }) => data['source'] === 'history')).id, undefined)
  t.equal((await stream.next('GET_READ_MSG_END')).id, undefined)
})

t.test('[DOWN-4] in every stream the messages of a conversation stand in rising, gapless seq', async t => {
  const users = await Promise.all(Array.from({ length: 4 }, () => iris.user(t)))
  const id = `g.${users[0]?.userId}`
  await iris.server('PUT', `conversations/${id}`, { members: users.map(({ userId }) => ({ userId, role: 'member' })) })
  const streams = await Promise.all(users.map(user => user.listen({ terminalId: 'listening' })))
  await Promise.all(streams.map(stream => stream.next('IRIS.READY')))
  await Promise.all(users.flatMap(user => Array.from({ length: 25 }, (_, i) => user.send(id, `${i}`))))
  for (const stream of streams) {
    await stream.next(({ data }) => data['seq'] === 100)
    t.same(seqs(stream.events), Array.from({ length: 100 }, (_, i) => i + 1))
  }
})

t.test('[DOWN-4] a new member\'s stream begins with his joining, a removed one\'s ends with his leaving', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const id = `g.j-${alice.userId}`
  await iris.server('PUT', `conversations/${id}`, { members: [{ userId: alice.userId, role: 'owner' }] })
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  await alice.send(id, 'before')
  await iris.server('POST', `conversations/${id}/members`, { add: [{ userId: bob.userId }] })
  for (const text of ['in', 'still in']) await alice.send(id, text)
  await iris.server('POST', `conversations/${id}/members`, { remove: [bob.userId] })
  await alice.send(id, 'after')
  await alice.send(bob, 'marker')
  await stream.next(({ data }) => data['conversationId'] === dm(alice, bob))
  t.same(seqs(stream.events.filter(({ data }) => data['conversationId'] === id)), [2, 3])
})

const seqs = (events: SseEvent[]) =>
  events.filter(({ event }) => event === 'MSG_DOWN' || event === 'ACK_DOWN').map(({ data }) => data['seq'])
