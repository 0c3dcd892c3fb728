// Wherever a message is named: only to those who may see it, that is from their first seq on. [REVOKE-4] [READ-3] [MSG-3]
import t from 'tap'
import { startIris } from '../helper/iris.js'
import { between, granted, groupOf, three, two, type User } from '../helper/user.js'
import type { Stream } from '../helper/sse.js'

const iris = await startIris(t, { env: { IRIS_LIMIT_LOG_MESSAGES: '10', IRIS_LIMIT_DOWN_ENTRIES: '10' } })
const change = async (id: string, body: object) => await iris.server('POST', `conversations/${id}/members`, body)

/** What a member's stream names between READY and the message that is sent now. */
async function named (stream: Stream, sender: User, group: string) {
  const ready = stream.events.find(({ data }) => data.name === 'IRIS.READY')
  const { body } = await sender.send(group, 'marker')
  const marker = await stream.next(({ data }) => data['seq'] === body.seq)
  return ready ? between(stream, ready, marker) : []
}

t.test('[REVOKE-4] a newcomer is not told of a revocation of what he cannot see; the others are', async t => {
  const [alice, bob, newcomer] = await three(() => iris.user(t))
  const group = await groupOf(iris, alice, bob)
  await alice.send(group, 'before')
  await change(group, { add: [{ userId: newcomer.userId }] })
  await alice.send(group, 'after')
  const streams = await Promise.all([bob, newcomer].map(async user => await user.listen()))
  for (const stream of streams) await stream.next('IRIS.READY')
  for (const seq of [1, 2]) t.match(await alice.revoke({ conversationId: group, seq }), { status: 200 })
  const told = await Promise.all(streams.map(async stream =>
    (await named(stream, alice, group)).filter(({ data }) => data.name === 'REVOKE').map(({ data }) => data.data?.['seq'])))
  t.strictSame(told, [[1, 2], [2]])
  t.match((await newcomer.conversations()).body, { totalUnread: 2 }, 'the two markers')
})

t.test('[REVOKE-1] who is admin now may revoke what came before his joining; a member may not, though it was his own', async t => {
  const [alice, bob, late] = await three(() => iris.user(t))
  const group = await groupOf(iris, alice, bob)
  await bob.send(group, 'one')
  await bob.send(group, 'two')
  await change(group, { remove: [bob.userId] })
  await change(group, { add: [{ userId: bob.userId }, { userId: late.userId, role: 'admin' }] })
  t.match(await bob.revoke({ conversationId: group, seq: 1 }), { status: 404, body: { code: 'MESSAGE_NOT_FOUND' } })
  const stream = await late.listen()
  await stream.next('IRIS.READY')
  t.match(await late.revoke({ conversationId: group, seq: 1 }), { status: 200, body: { alreadyRevoked: false } })
  await change(group, { role: [{ userId: late.userId, role: 'owner' }] })
  t.match(await late.revoke({ conversationId: group, seq: 2 }), { status: 200, body: { alreadyRevoked: false } })
  t.match(await late.revoke({ conversationId: group, seq: 9 }), { status: 404, body: { code: 'MESSAGE_NOT_FOUND' } })
  t.strictSame(await named(stream, alice, group), [], 'he is not told of what he cannot see')
  t.match((await alice.getReadMsg({ conversationId: group, deliver: 'inline' })).body, {
    messages: [{ type: 'revoked' }, { type: 'revoked' }, { type: 'text' }]
  })
})

t.test('[READ-3] a receipt names no message to one who cannot see it', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const group = await groupOf(iris, alice, bob, carol)
  for (const sender of [carol, bob]) await sender.send(group, 'before') // 1, 2
  await change(group, { remove: [carol.userId] })
  await change(group, { add: [{ userId: carol.userId }] })
  for (const sender of [carol, bob]) await sender.send(group, 'after') // 3, 4
  const [hers, his] = [await carol.listen({ terminalId: 'other' }), await bob.listen({ terminalId: 'other' })]
  for (const stream of [hers, his]) await stream.next('IRIS.READY')
  await alice.read({ conversationId: group, upToSeq: 1 })
  await alice.read({ conversationId: group, seqs: [2, 3, 4] })
  await alice.read({ conversationId: group, upToSeq: 4 })
  const receipts = async (stream: Stream) => (await named(stream, alice, group))
    .filter(({ data }) => data.name === 'READ')
    .map(({ data: { data } }) => [data?.['readSeq'], (data?.['seqs'] as number[] | undefined)?.sort()])
  t.strictSame(await receipts(hers), [[0, [3, 4]], [4, undefined]], 'of what was read before her coming back nothing')
  t.strictSame(await receipts(his), [[1, [2, 3, 4]], [4, undefined]])
})

t.test('[MSG-1] a quote of what its sender cannot see is MESSAGE_NOT_FOUND', async t => {
  const [alice, newcomer] = await two(() => iris.user(t))
  const group = await groupOf(iris, alice)
  await alice.send(group, 'before')
  await change(group, { add: [{ userId: newcomer.userId, role: 'admin' }] })
  const { body: { seq } } = granted(await alice.send(group, 'after'))
  const quote = async (user: User, seq: number) => (await user.send(group, 'quoting', { quote: { seq } })).body.code ?? 'ok'
  const asServer = async (from: string, seq: number) => (await iris.server('POST', 'messages', {
    from, conversationId: group, clientMsgId: `s-${from}-${seq}`, type: 'text', content: { text: 'x' }, quote: { seq }
  })).body['code'] ?? 'ok'
  t.strictSame([await quote(newcomer, 1), await quote(newcomer, Number(seq)), await quote(alice, 1)],
    ['MESSAGE_NOT_FOUND', 'ok', 'ok'], 'from before his joining')
  t.strictSame([await quote(alice, 99), await asServer('system', 99), await asServer(newcomer.userId, 1), await asServer('system', 1)],
    ['MESSAGE_NOT_FOUND', 'MESSAGE_NOT_FOUND', 'MESSAGE_NOT_FOUND', 'ok'], 'beyond the head')
  await alice.revoke({ conversationId: group, seq: 1 })
  t.equal(await quote(alice, 1), 'ok', 'a tombstone can be seen')
  for (let i = 0; i < 10; i++) await alice.send(group, 'fill')
  t.equal(await quote(alice, 1), 'MESSAGE_NOT_FOUND', 'the log has it no more')
})
