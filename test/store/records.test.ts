// What a log keeps of a message is short, and what is read of it is what was sent, member by member. [DOWN-2] [REVOKE-2]
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { startIris } from '../helper/iris.js'
import { dm, granted, two, until } from '../helper/user.js'

const iris = await startIris(t)
const { redis } = iris

/** Contents that are hard to tell from what stands around them. */
const odd = [
  { content: { text: ' a b  c ' } },
  { content: { text: '","traceId":"x","content":{}' }, ext: { traceId: 'y', content: { seq: 1 }, revoked: true } },
  { content: { text: '\u2028\u2029\n\r\t\\ "{}" \u{1F600}' }, mentions: ['@all'], quote: { seq: 1 }, options: { silent: false } },
  { content: { text: '\ud800' }, ext: { '': null, a: [1.5, -0, 1e21, { b: [] }] } },
  { type: 'custom', content: {} },
  { type: 'custom', content: { 2: 'b', 1: 'a', type: 'revoked' }, options: {} }
]

t.test('[DOWN-2] live, replayed, on another node and in history a message is the same text', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const id = dm(alice, bob)
  const other = await startIris(t, { redisPath: iris.redisPath })
  const [live, elsewhere] = [await bob.listen(), await (await other.user(t, bob.userId)).listen({ terminalId: 'elsewhere' })]
  const { id: cursor = '' } = await live.next('IRIS.READY')
  await elsewhere.next('IRIS.READY')
  await alice.send(bob, 'something to quote')
  for (const [i, parts] of odd.entries()) {
    const { status, body } = await alice.msgUp({ clientMsgId: `c:${i}.-_`, to: bob.userId, type: 'text', ...parts })
    t.equal(status, 200, JSON.stringify(body))
  }
  const replayed = await bob.listen({ terminalId: 'replayed', cursor })
  await replayed.next('IRIS.READY')
  const { body: { messages } } = granted(await bob.getReadMsg({ conversationId: id, deliver: 'inline' }))
  const history = (messages as object[]).map(message => JSON.stringify(message))
  t.equal(history.length, odd.length + 1)
  t.match(history[1], `"type":"text","content":${JSON.stringify(odd[0]?.content)},"traceId":`)
  for (const stream of [live, elsewhere, replayed]) {
    await until(async () => stream.events.some(({ data }) => data['seq'] === odd.length + 1) || undefined)
    const found = stream.events.flatMap(({ event, data: { source, ...message } }) =>
      event === 'MSG_DOWN' && source ? JSON.stringify(message) : [])
    t.strictSame(found, history)
  }
  const { body: { items } } = granted(await bob.conversations())
  t.equal(JSON.stringify((items as { lastMsg: object }[])[0]?.lastMsg), history.at(-1))
})

t.test('[REVOKE-2] a record does not say again what its key, its field and its msgId say, nor does a tombstone', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const id = dm(alice, bob)
  const { body: { seq, ts, msgId } } = granted(await alice.send(bob, 'x'.repeat(40), { clientMsgId: 'c-1' }))
  const { body: { messages } } = granted(await bob.getReadMsg({ conversationId: id, deliver: 'inline' }))
  const record = await redis.hget(keys.log(id), String(seq)) ?? ''
  t.ok(record.length + 120 + id.length < JSON.stringify(messages).length, record)
  await alice.revoke({ conversationId: id, seq, reason: 'a "b" / c' })
  const tombstone = await redis.hget(keys.log(id), String(seq)) ?? ''
  for (const text of [record, tombstone]) {
    for (const said of [id, String(ts), String(msgId), 'conversationId', 'traceId', 'clientMsgId']) t.notOk(text.includes(said), said)
  }
  t.match((await bob.getReadMsg({ conversationId: id, deliver: 'inline' })).body, {
    messages: [{
      conversationId: id,
      seq,
      msgId,
      ts,
      from: alice.userId,
      clientMsgId: 'c-1',
      type: 'revoked',
      revoked: { by: alice.userId, reason: 'a "b" / c' }
    }]
  })
  t.notMatch(tombstone, 'xxx')
})
