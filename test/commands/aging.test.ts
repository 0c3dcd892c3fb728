// Messages that have had their time: shown by nothing, counted nowhere, and let go by whatever touches their conversation.
// docs/protocol.md section 2
import t from 'tap'
import { keys, unreadField } from '../../src/store/keys.js'
import { setBack } from '../helper/aging.js'
import { startIris } from '../helper/iris.js'
import { between, dm, groupOf, three, two, type User } from '../helper/user.js'

const lines: string[] = []
const iris = await startIris(t, { logs: { write: line => lines.push(line) } })
const { redis, server } = iris

const seqOf = ({ data }: { data: Record<string, unknown> }) => data['seq']
const logOf = async (id: string) => (await redis.hkeys(keys.log(id))).map(Number).sort((a, b) => a - b)

/** The seqs that a fresh attach of a user brings. */
async function mailboxOf (user: User): Promise<unknown[]> {
  const stream = await user.listen()
  const ready = await stream.next('IRIS.READY')
  await stream.cut()
  return between(stream, stream.events[0] ?? ready, ready).map(seqOf)
}

/** Alice has written so many messages to bob, in a group or not, and so many of them have had their time. */
async function aged ({ isGroup = true, sent = 4, upTo = 2, isOver = false }) {
  const [alice, bob] = await two(() => iris.user(t))
  const id = isGroup ? await groupOf(iris, alice, bob) : dm(alice, bob)
  for (let i = 1; i <= sent; i++) await alice.send(isGroup ? id : bob, `no. ${i}`)
  await setBack(redis, id, { upTo, isOver })
  return { alice, bob, id }
}

for (const isGroup of [true, false]) {
  const kind = isGroup ? 'a group' : 'a direct conversation'
  t.test(`[LOG-1] in ${kind} no look shows them: not an attach, a list, a page, READ`, async t => {
    const { bob, id } = await aged({ isGroup })
    t.strictSame(await mailboxOf(bob), [3, 4])
    t.match((await bob.conversations('?after=0:g.none')).body, { items: { length: 0 }, totalUnread: 2 }, 'also when its row is not shown')
    t.strictSame(await logOf(id), [1, 2, 3, 4], 'who has not looked there lets nothing go')
    t.match((await bob.conversations()).body, { items: [{ headSeq: 4, unread: 2, lastMsg: { seq: 4 } }], totalUnread: 2 })
    t.strictSame(await logOf(id), [3, 4])
    t.match((await bob.getReadMsg({ conversationId: id, deliver: 'inline' })).body, {
      minSeq: 3, count: 2, firstSeq: 3, hasMore: false, messages: [{ seq: 3 }, { seq: 4 }]
    })
    t.match((await bob.getReadMsg({ conversationId: id, anchor: 'unread', deliver: 'inline' })).body, { firstSeq: 3 })
    t.match((await bob.read({ conversationId: id, seqs: [2, 3] })).body, { readSeq: 0, unread: 1, totalUnread: 1 })
  })

  t.test(`[LOG-1] in ${kind} READ, a page of history or a message lets them go, each alone`, async t => {
    const read = await aged({ isGroup })
    t.match((await read.bob.read({ conversationId: read.id, seqs: [1, 3] })).body, { unread: 1, totalUnread: 1 })
    t.strictSame(await logOf(read.id), [3, 4])
    const page = await aged({ isGroup })
    t.match((await page.bob.getReadMsg({ conversationId: page.id, toSeq: 3, deliver: 'inline' })).body, {
      minSeq: 3,
      messages: [{ seq: 3 }]
    })
    t.strictSame(await logOf(page.id), [3, 4])
    const { alice, bob, id } = await aged({ isGroup })
    t.match(await alice.send(isGroup ? id : bob, 'another'), { status: 200, body: { seq: 5 } })
    t.strictSame(await logOf(id), [3, 4, 5])
    t.equal(await redis.hget(keys.unread(bob.userId), unreadField(id)), '3')
    t.equal((await redis.hmget(keys.conversation(id), 'firstSeq'))[0], '3')
  })
}

for (const isOver of [true, false]) {
  t.test('[LOG-1] a group that was quiet for so long is empty, and goes on counting; ' +
    `Redis ${isOver ? 'has' : 'has not'} ended its log yet`, async t => {
    const { alice, bob, id } = await aged({ upTo: 4, isOver })
    t.strictSame(await mailboxOf(bob), [])
    t.match((await bob.conversations('?after=0:g.none')).body, { totalUnread: 0 })
    t.match((await bob.getReadMsg({ conversationId: id, deliver: 'inline' })).body, {
      minSeq: 5, headSeq: 4, count: 0, firstSeq: null, messages: { length: 0 }
    })
    t.match((await bob.conversations()).body, { items: [{ conversationId: id, headSeq: 4, unread: 0, lastMsg: null }], totalUnread: 0 })
    t.match(await alice.send(id, 'again'), { status: 200, body: { seq: 5 } })
    t.match((await bob.conversations()).body, { items: [{ headSeq: 5, unread: 1, lastMsg: { seq: 5 } }], totalUnread: 1 })
    t.strictSame([await logOf(id), await mailboxOf(bob)], [[5], [5]])
  })

  t.test(`[LOG-1] a message to it counts alone; Redis ${isOver ? 'has' : 'has not'} ended its log yet`, async t => {
    const { alice, bob, id } = await aged({ upTo: 4, isOver })
    await bob.rest({ items: [{ conversationId: id, unreadMark: true }] })
    await alice.send(id, 'again')
    t.match((await bob.conversations()).body, { items: [{ headSeq: 5, unread: 1, unreadMark: true }], totalUnread: 1 })
    t.strictSame(await logOf(id), [5])
    t.ok(await redis.pttl(keys.log(id)) > 0, 'the log ends by itself when nobody touches it again')
    t.ok(await redis.pttl(keys.logIndex(id, 0)) > 0, 'so does its index')
    t.equal(await redis.pttl(keys.conversation(id)), -1, 'the group does not')
  })
}

t.test('[LOG-1] what has had its time is neither quoted nor revoked', async t => {
  const { alice, bob, id } = await aged({})
  const quote = (seq: number) =>
    bob.msgUp({ clientMsgId: `q${seq}`, conversationId: id, type: 'text', content: { text: 'x' }, quote: { seq } })
  t.match([
    await quote(2),
    await server('POST', 'messages/revoke', { conversationId: id, seq: 1 }),
    await alice.revoke({ conversationId: id, seq: 2 })
  ], [
    { status: 404, body: { code: 'MESSAGE_NOT_FOUND' } },
    { status: 404, body: { code: 'MESSAGE_NOT_FOUND' } },
    { status: 404, body: { code: 'MESSAGE_NOT_FOUND' } }
  ])
  t.match([await quote(3), await server('POST', 'messages/revoke', { conversationId: id, seq: 3 })], [{ status: 200 }, { status: 200 }])
})

for (const upTo of [2, 4]) {
  t.test(`[LOG-1] [MSG-5] of ${upTo} of 4 entries that lead to what has had its time a stream says the ids alone`, async t => {
    const [alice, bob] = await two(() => iris.user(t))
    const id = await groupOf(iris, alice, bob)
    const first = await bob.listen({ terminalId: 'away' })
    const { id: cursor } = await first.next('IRIS.READY')
    await first.cut()
    for (let i = 1; i <= 4; i++) await alice.send(id, `no. ${i}`)
    for (const isSettled of [false, true]) {
      if (isSettled) await bob.getReadMsg({ conversationId: id })
      else await setBack(redis, id, { upTo })
      const resumed = await bob.listen({ terminalId: 'away', cursor })
      t.strictSame(between(resumed, await resumed.next('IRIS.HELLO'), await resumed.next('IRIS.READY')).map(seqOf).filter(Boolean),
        [3, 4].slice(upTo - 2))
      await resumed.cut()
    }
    t.notMatch(lines.join(''), `LOG:${id}`, 'and nobody calls it unreadable')
  })
}

t.test('[LOG-1] [READ-2] of very many no script lets go more than a thousand, and every count is right meanwhile', async t => {
  const { alice, bob, id } = await aged({ sent: 1, upTo: 0 })
  const [head, gone] = [2_600, 2_500]
  const record = await redis.hget(keys.log(id), '1') ?? ''
  const entry = await redis.getBuffer(keys.logIndex(id, 0)) as Buffer
  for (let n = 0; n * 1_024 < head; n++) {
    await redis.set(keys.logIndex(id, n), Buffer.concat(Array<Buffer>(Math.min(1_024, head - n * 1_024)).fill(entry)))
  }
  await redis.hset(keys.log(id), ...Array.from({ length: head }, (_, i) => [String(i + 1), record]).flat())
  await redis.hset(keys.conversation(id), 'headSeq', head)
  await redis.hset(keys.unread(bob.userId), unreadField(id), head)
  await setBack(redis, id, { upTo: gone })
  await alice.send(id, 'one more')
  t.equal(await redis.hlen(keys.log(id)), head + 1 - 1_000)
  t.match((await bob.conversations('?after=0:g.none')).body, { totalUnread: head - gone + 1 })
  t.match((await bob.read({ conversationId: id, upToSeq: gone + 40 })).body, {
    unread: head - gone - 40 + 1,
    totalUnread: head - gone - 40 + 1
  })
  t.strictSame([
    await redis.hlen(keys.log(id)), await redis.exists(keys.logIndex(id, 0), keys.logIndex(id, 1)), await redis.exists(keys.logIndex(id, 2))
  ], [head - gone + 1, 0, 1])
})

t.test('[LOG-1] when fewer messages are kept than before, the others leave with the next', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const id = await groupOf(iris, alice, bob, carol)
  for (let i = 1; i <= 9; i++) await alice.send(id, `no. ${i}`)
  await bob.read({ conversationId: id, seqs: [2, 3] })
  const small = await startIris(t, { redisPath: iris.redisPath, env: { IRIS_LIMIT_LOG_MESSAGES: '4', IRIS_LIMIT_DOWN_ENTRIES: '4' } })
  await small.server('POST', 'messages', { from: alice.userId, conversationId: id, clientMsgId: 'x', type: 'text', content: { text: 'x' } })
  t.strictSame(await logOf(id), [7, 8, 9, 10])
  for (const user of [bob, carol]) t.match((await user.conversations()).body, { totalUnread: 4 })
  t.equal(await redis.exists(keys.taken(bob.userId, id)), 0)
})
