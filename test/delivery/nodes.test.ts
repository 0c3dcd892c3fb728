// Two nodes on one Redis: what is done on one is seen on the other. docs/protocol.md section 6, "Live delivery".
import t, { type Test } from 'tap'
import { keys, partition } from '../../src/store/keys.js'
import { startIris } from '../helper/iris.js'
import { seqsOf, upTo } from '../helper/sse.js'
import { beforeTheSweep, createUser, dm, until } from '../helper/user.js'

const env = { IRIS_LIMIT_CONTENT_BYTES: '400000', IRIS_LIMIT_BODY_BYTES: '500000' }
const a = await startIris(t, { env: { ...env, IRIS_NODE_ID: 'a' } })
const b = await startIris(t, { env: { ...env, IRIS_NODE_ID: 'b' }, redisPath: a.redisPath })

/** A sender on node b, and a reader who listens on node a. */
async function acrossNodes (t: Test) {
  const [alice, bob] = [await b.user(t), await a.user(t)]
  const stream = await bob.listen({ terminalId: 'on-a' })
  await stream.next('IRIS.READY')
  await until(async () => (await a.redis.pubsub('SHARDNUMSUB', keys.node(partition(bob.userId), 'a')))[1] === 1 || undefined)
  return { alice, bob, stream }
}

t.test('[ATTACH-3] a message sent through one node reaches a stream on another, in order and without the sweep', async t => {
  const { alice, bob, stream } = await acrossNodes(t)
  const carbon = await alice.listen({ terminalId: 'other' })
  await carbon.next('IRIS.READY')
  for (const text of ['one', 'two', 'three']) await alice.send(bob, text)
  const last = await beforeTheSweep(t, stream.next(({ data }) => data['seq'] === 3))
  t.match(last?.data, { content: { text: 'three' }, source: 'live' })
  t.same(seqsOf(stream.events, dm(alice, bob)), upTo(3))
  await carbon.next(({ data }) => data['seq'] === 3)
})

t.test('[CMD-1] [READ-3] [COMPLETE-2] online commands, receipts and completions cross nodes', async t => {
  const { alice, bob, stream } = await acrossNodes(t)
  await alice.send(bob, 'hi')
  await bob.send(alice, 'ho')
  const sender = await alice.listen({ terminalId: 'sender' })
  await sender.next('IRIS.READY')
  const { body } = await alice.command({ clientCmdId: 'typing', name: 'typing', to: { users: [bob.userId] } })
  t.match(body, { online: 1 })
  t.equal((await beforeTheSweep(t, stream.next('typing')))?.id, undefined)
  await bob.read({ conversationId: dm(alice, bob), upToSeq: 1 }, 'elsewhere')
  t.match((await beforeTheSweep(t, sender.next('READ')))?.data.data, { readSeq: 1, readerId: bob.userId })
  await alice.command({ clientCmdId: 'nudge', name: 'nudge', to: { users: [bob.userId] }, mode: 'reliable', notifyComplete: true })
  const nudge = await beforeTheSweep(t, stream.next('nudge'))
  await bob.cmdComplete({ ids: [nudge?.data['cmdId']] }, 'elsewhere')
  await beforeTheSweep(t, stream.next(({ data }) => data['op'] === 'complete' && data['cmdId'] === nudge?.data['cmdId']))
  await beforeTheSweep(t, sender.next('CMD_COMPLETE'))
})

t.test('[GET-1] a page of history is printed on the node that holds the terminal', async t => {
  const { alice, bob, stream } = await acrossNodes(t)
  for (const text of ['one', 'two']) await alice.send(bob, text)
  const onB = createUser(t, { url: b.url, userId: bob.userId, token: bob.token })
  const { body } = await onB.getReadMsg({ conversationId: dm(alice, bob), requestId: 'r-7' }, 'on-a')
  t.match(body, { count: 2, firstSeq: 1, lastSeq: 2 })
  t.notOk('messages' in body, 'they come down')
  const end = await beforeTheSweep(t, stream.next('GET_READ_MSG_END'))
  t.match(end?.data.data, { requestId: 'r-7', count: 2, hasMore: false })
  const page = stream.events.filter(({ data }) => data['source'] === 'history')
  t.same(page.map(({ id, data }) => [id, data['seq']]), [[undefined, 1], [undefined, 2]])
})

t.test('[DOWN-2] a REVOKE on one node takes the text out of the memory of the other', async t => {
  const { alice, bob, stream } = await acrossNodes(t)
  stream.pause()
  const total = 48 // of 350 kB: more than all sockets hold, less than the tail
  for (let i = 1; i <= total; i++) await alice.send(bob, `<${i}>` + 'x'.repeat(350_000))
  for (const seq of [total, total - 1]) t.equal((await alice.revoke({ conversationId: dm(alice, bob), seq })).status, 200)
  await alice.send(bob, 'end')
  stream.resume()
  await stream.next(({ data }) => (data['content'] as { text?: string } | undefined)?.text === 'end')
  const types = stream.events.filter(({ event }) => event === 'MSG_DOWN').map(({ data }) => data['type'])
  t.same(types, [...upTo(total - 2).map(() => 'text'), 'revoked', 'revoked', 'text'])
})

t.test('[ATTACH-3] two nodes publish to one stream at once: one order, nothing twice, nothing missing', async t => {
  const { alice, bob, stream } = await acrossNodes(t)
  const onA = createUser(t, { url: a.url, userId: alice.userId, token: alice.token })
  await alice.send(bob, 'first')
  await Promise.all(upTo(60).map(i => (i % 2 ? alice : onA).send(bob, `${i}`)))
  await beforeTheSweep(t, stream.next(({ data }) => data['seq'] === 61))
  t.same(seqsOf(stream.events, dm(alice, bob)), upTo(61))
})

t.test('[ATTACH-3] a node whose subscription was cut looks at its streams when it is back, not at the next sweep', async t => {
  const { alice, bob, stream } = await acrossNodes(t)
  const channel = keys.node(partition(bob.userId), 'a')
  await a.redis.hdel(keys.routes(bob.userId), 'a/on-a') // so that no hint is published: as if it was lost
  await alice.send(bob, 'missed')
  await a.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await until(async () => (await a.redis.pubsub('SHARDNUMSUB', channel))[1] === 1 || undefined)
  await beforeTheSweep(t, stream.next('MSG_DOWN'))
})

t.test('[ATTACH-3] an attach that sees more than the user\'s other terminals were told of wakes them', async t => {
  const { alice, bob, stream } = await acrossNodes(t)
  await a.redis.hdel(keys.routes(bob.userId), 'a/on-a') // so that no hint comes before the attach
  await alice.send(bob, 'overtaken')
  await bob.listen({ terminalId: 'newcomer' })
  await beforeTheSweep(t, stream.next('MSG_DOWN'))
})

t.test('[ATTACH-3] what is not a hint is no harm: the channel is only a hint', async t => {
  const { alice, bob, stream } = await acrossNodes(t)
  const channel = keys.node(partition(bob.userId), 'a')
  const { userId } = bob
  const odd = [
    '', 'x', '{', 'null', '7', '"text"', '[]', '{}', '[1,2,3]', `["${userId}"]`, `["${userId}","1-1"]`, `["${userId}","1-1",null,null]`,
    '{"volatile":null}', `{"volatile":{"userId":"${userId}"}}`, '{"history":{}}',
    `{"history":{"userId":"${userId}","terminalId":"on-a","page":null}}`, '\u0000'.repeat(100)
  ]
  for (const text of odd) t.equal(await a.redis.spublish(channel, text), 1)
  await alice.send(bob, 'still here')
  await beforeTheSweep(t, stream.next('MSG_DOWN'))
  t.equal(stream.isOver, false)
})

t.test('what another node says may be unreadable, or meet a bug: the process goes on, and a bug is in the log', async t => {
  const lines: string[] = []
  const c = await startIris(t, { env: { IRIS_NODE_ID: 'c' }, redisPath: a.redisPath, logs: { write: line => lines.push(line) } })
  const bob = await c.user(t)
  const channel = keys.node(partition(bob.userId), 'c')
  await until(async () => (await a.redis.pubsub('SHARDNUMSUB', channel))[1] === 1 || undefined)
  const ask = {
    id: 1,
    from: 'a',
    via: bob.userId,
    until: Date.now() + 60_000,
    kind: 'page',
    question: { userId: bob.userId, terminalId: 'x' }
  }
  for (const said of ['{"half', '', JSON.stringify({ ask: { ...ask, kind: 'unknown' } }), JSON.stringify({ ask })]) {
    await a.redis.spublish(channel, said)
  }
  const bugs = () => lines.filter(line => line.includes('a bug'))
  await until(async () => bugs().length === 2 || undefined)
  for (const bug of bugs()) t.match(JSON.parse(bug), { level: 50, err: { type: 'TypeError', stack: /nodes\.[jt]s/ } })
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  await (await b.user(t)).send(bob, 'goes on')
  await beforeTheSweep(t, stream.next('MSG_DOWN'))
})
