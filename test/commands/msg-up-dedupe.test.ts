// MSG_UP sent again: stored once, answered the same. [MSG-2]
import t from 'tap'
import { startIris } from '../helper/iris.js'
import { between, dm, groupOf, three, two } from '../helper/user.js'

const iris = await startIris(t)
const without = ({ traceId: _, duplicate: __, ...rest }: Record<string, unknown>) => rest

t.test('[MSG-2] the same content again is the same ACK with duplicate:true, and nobody gets it twice', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const [his, hers] = [await bob.listen(), await alice.listen({ terminalId: 'other' })]
  await Promise.all([his.next('IRIS.READY'), hers.next('IRIS.READY')])
  const parts = { clientMsgId: 'c-1', ext: { a: 1 }, mentions: ['@all'], options: { silent: false } }
  const first = await alice.send(bob, 'once', parts)
  const again = await alice.send(bob, 'once', parts)
  const byId = await alice.send(dm(alice, bob), 'once', { ...parts, terminalId: 'other' })
  t.equal(first.body['duplicate'], false)
  for (const { status, body } of [again, byId]) {
    t.strictSame([status, body['duplicate']], [200, true])
    t.strictSame(without(body), without(first.body))
  }
  t.not(again.body['traceId'], first.body['traceId'], 'the trace is that of the retry')
  await alice.send(bob, 'marker')
  for (const stream of [his, hers]) {
    const one = await stream.next(({ data }) => data['seq'] === 1)
    t.strictSame(between(stream, one, await stream.next(({ data }) => data['seq'] === 2)), [])
  }
})

t.test('[MSG-2] other content under the same id is a conflict, whatever member differs', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const sent = {
    clientMsgId: 'c-1',
    to: bob.userId,
    type: 'custom',
    content: { text: 'a' },
    ext: { a: 1 },
    mentions: [bob.userId],
    options: { silent: false }
  }
  await alice.send(bob, 'something to quote')
  t.equal((await alice.msgUp({ ...sent, quote: { seq: 1 } })).body.seq, 2)
  const others = [
    { content: { text: 'b' } }, { content: { text: 'a', more: 1 } }, { type: 'card', content: { title: 'a' } }, { type: 'text' },
    { ext: { a: 2 } }, { ext: undefined },
    { mentions: ['@all'] }, { mentions: [] }, { options: { silent: true } }, { options: undefined }, { quote: undefined }
  ]
  for (const other of others) {
    const { status, body } = await alice.msgUp({ ...sent, quote: { seq: 1 }, ...other })
    t.strictSame([status, body.code, body['retryable']], [409, 'CLIENT_MSG_ID_CONFLICT', false], JSON.stringify(other))
  }
  t.equal((await alice.send(bob, 'next')).body.seq, 3, 'none of them took a number')
})

t.test('[MSG-2] the order of members in the JSON makes no difference', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const one = `{"clientMsgId":"c-1","to":"${bob.userId}","type":"custom","content":{"a":1,` +
    '"b":{"c":[1,2],"d":"x"}},"ext":{"y":1,"z":2},"options":{"silent":true}}'
  const two_ = '{"options":{"silent":true},"ext":{"z":2,"y":1}, "content":{"b":{"d":"\\u0078",' +
    `"c":[1,2.0]},"a":1},"type":"custom","to":"${bob.userId}","clientMsgId":"c-1"}`
  const other = one.replace('[1,2]', '[2,1]')
  const [first, again, changed] = [await alice.msgUp(one), await alice.msgUp(two_), await alice.msgUp(other)]
  t.strictSame([first.body['duplicate'], again.status, again.body['duplicate'], again.body['msgId']], [
    false, 200, true, first.body['msgId']
  ])
  t.strictSame([changed.status, changed.body.code], [409, 'CLIENT_MSG_ID_CONFLICT'], 'the order in an array does')
})

t.test('[MSG-2] twenty racing duplicates store one', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const other = await startIris(t, { redisPath: iris.redisPath })
  const elsewhere = await other.user(t, alice.userId)
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) =>
    (i % 2 ? alice : elsewhere).send(bob, 'race', { clientMsgId: 'c-1' })))
  t.strictSame(answers.map(({ status }) => status), answers.map(() => 200))
  t.equal(answers.filter(({ body }) => body['duplicate'] === false).length, 1)
  t.equal(new Set(answers.map(({ body }) => JSON.stringify(without(body)))).size, 1, 'they are told the same')
  t.match((await bob.conversations()).body, { items: [{ headSeq: 1, unread: 1 }], totalUnread: 1 })
  const [conflicts] = [await Promise.all(Array.from({ length: 10 }, (_, i) => alice.send(bob, `race ${i}`, { clientMsgId: 'c-2' })))]
  t.strictSame(
    conflicts.map(({ status }) => status).sort(), [200, ...Array.from({ length: 9 }, () => 409)], 'of ten different ones one wins'
  )
})

t.test('[MSG-2] the id counts per conversation and sender', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const group = await groupOf(iris, alice, bob)
  const answers = [
    await alice.send(bob, 'a', { clientMsgId: 'c-1' }), await bob.send(alice, 'b', { clientMsgId: 'c-1' }),
    await alice.send(carol, 'c', { clientMsgId: 'c-1' }), await alice.send(group, 'd', { clientMsgId: 'c-1' })
  ]
  t.strictSame(answers.map(({ body }) => [body['duplicate'], body.seq]), [[false, 1], [false, 2], [false, 1], [false, 1]])
})

t.test('[MSG-2] [REVOKE-2] a retry after a REVOKE is answered the same and brings nothing back', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const first = await alice.send(bob, 'oops', { clientMsgId: 'c-1' })
  await alice.revoke({ conversationId: dm(alice, bob), seq: 1 })
  const again = await alice.send(bob, 'oops', { clientMsgId: 'c-1' })
  t.strictSame([again.status, again.body['duplicate'], without(again.body)], [200, true, without(first.body)])
  const { body } = await bob.getReadMsg({ conversationId: dm(alice, bob) })
  t.match(body, { headSeq: 1, messages: [{ seq: 1, type: 'revoked' }] })
  t.notMatch(JSON.stringify(body), /oops/)
  t.equal((await bob.conversations()).body['totalUnread'], 0)
})

t.test('[MSG-2] a retry in a conversation closed meanwhile is answered; a new message is refused', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const group = await groupOf(iris, alice, bob)
  const first = await alice.send(group, 'in time', { clientMsgId: 'c-1' })
  t.equal((await iris.server('DELETE', `conversations/${group}`)).status, 200)
  const again = await alice.send(group, 'in time', { clientMsgId: 'c-1' })
  t.strictSame([again.status, again.body['duplicate'], without(again.body)], [200, true, without(first.body)])
  t.match(await alice.send(group, 'late'), { status: 409, body: { code: 'CONVERSATION_CLOSED' } })
  t.match(await alice.send(group, 'other', { clientMsgId: 'c-1' }), { status: 409, body: { code: 'CLIENT_MSG_ID_CONFLICT' } })
})
