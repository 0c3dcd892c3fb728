// The end of a direct conversation that was quiet: with all its keys, and what is left of it with its users. docs/protocol.md section 2
import t from 'tap'
import { keys, unreadField } from '../../src/store/keys.js'
import { startIris } from '../helper/iris.js'
import { between, dm, groupOf, three, two, until, type User } from '../helper/user.js'

const iris = await startIris(t, { env: { IRIS_LIMIT_LOG_SEC: '1' } })
const { redis } = iris

/** Until a direct conversation is forgotten. */
const forgotten = async (id: string) =>
  await until(async () => await redis.exists(keys.conversation(id), keys.members(id), keys.log(id)) === 0 || undefined)
/** The keys that name a user or conversation and have no end; dedupe keys have theirs in another test. */
async function endless (...names: string[]): Promise<string[]> {
  const found = (await Promise.all(names.map(async name => await redis.keys(`*${name}*`)))).flat()
  const ends = await Promise.all(found.map(async key => await redis.pexpiretime(key)))
  return [...new Set(found.filter((_, i) => ends[i] === -1))]
}
const text = ({ data }: { data: Record<string, unknown> }) => (data['content'] as { text?: string } | undefined)?.text

t.test('[REST-3] a direct conversation that was quiet is forgotten whole; taken up again it begins another life', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const id = dm(alice, bob)
  const stream = await bob.listen({ terminalId: 'old' })
  const { id: cursor } = await stream.next('IRIS.READY')
  await stream.cut()
  const { body: first } = await alice.send(bob, 'first life, one')
  await alice.send(bob, 'first life, two')
  await bob.read({ conversationId: id, upToSeq: 1 })
  await bob.rest({ items: [{ conversationId: id, unreadMark: true }] })
  await alice.revoke({ conversationId: id, seq: 2 })
  await alice.send(bob, 'first life, three')
  await forgotten(id)
  t.match((await bob.conversations()).body, { items: { length: 0 }, totalUnread: 0 }, 'no ghost is listed or counted')
  for (const answer of [
    await bob.getReadMsg({ conversationId: id }), await bob.read({ conversationId: id, upToSeq: 1 }), await bob.send(id, 'x'),
    await bob.rest({ items: [{ conversationId: id }] })
  ]) {
    t.match(answer, { status: 404, body: { code: 'CONVERSATION_NOT_FOUND' } })
  }
  const { body: second } = await alice.send(bob, 'second life, one')
  t.equal(second.seq, 1)
  t.ok(Number(second['epoch']) > Number(first['epoch']), 'another epoch')
  await alice.send(bob, 'second life, two')
  t.match((await bob.conversations()).body, {
    items: [{ conversationId: id, epoch: second['epoch'], headSeq: 2, readSeq: 0, unread: 2, unreadMark: false }],
    totalUnread: 2
  }, 'nothing of the former life counts')
  const resumed = await bob.listen({ terminalId: 'old', cursor })
  t.strictSame(between(resumed, await resumed.next('IRIS.HELLO'), await resumed.next('IRIS.READY')).map(text).filter(Boolean),
    ['second life, one', 'second life, two'], 'entries of the former life lead to no message of this one')
  t.match(await bob.read({ conversationId: id, upToSeq: 2 }), { status: 200, body: { readSeq: 2, unread: 0, totalUnread: 0 } })
})

t.test('[READ-2] [ATTACH-3] what was unread when it was forgotten is counted nowhere: not by READ, not at an attach', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const group = await groupOf(iris, carol, bob)
  await alice.send(bob, 'ghost')
  await forgotten(dm(alice, bob))
  await carol.send(group, 'there')
  t.match((await bob.read({ conversationId: group, seqs: [9] })).body, { unread: 1, totalUnread: 1 })
  const fresh = await bob.listen()
  const ready = await fresh.next('IRIS.READY')
  t.strictSame(between(fresh, fresh.events[0] ?? ready, ready).map(text), ['there'])
  t.strictSame(ready.data.data, {}, 'nor are there more')
  t.equal(await redis.hexists(keys.unread(bob.userId), unreadField(dm(alice, bob))), 0)
})

t.test('[REST-3] one that was closed is remembered, but no list and no RESET name it when it has ended', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const id = dm(alice, bob)
  const group = await groupOf(iris, alice, bob) // their own keys stay
  await alice.send(bob, 'one')
  t.equal((await iris.server('DELETE', `conversations/${id}`)).status, 200)
  await until(async () => await redis.exists(keys.members(id)) === 0 || undefined)
  t.equal((await bob.getReadMsg({ conversationId: id })).status, 404)
  const stream = await bob.listen({ cursor: '1-1' })
  const reset = await stream.next('IRIS.RESET')
  t.match(reset.data.data, { conversations: [{ conversationId: group }] })
  t.equal((reset.data.data as { conversations: unknown[] }).conversations.length, 1)
  t.match((await bob.conversations()).body, { items: [{ conversationId: group }], totalUnread: 0 })
  t.strictSame(await redis.zrange(keys.conversations(bob.userId), '0', '-1'), [group], 'its row is gone')
  t.ok(await redis.zscore(keys.conversations(alice.userId), id), 'of who never looked it is not')
  await until(async () => {
    await alice.send(await iris.user(t), 'another is opened')
    return await redis.zscore(keys.conversations(alice.userId), id) === null || undefined
  })
  t.equal((await alice.send(bob, 'two')).status, 409, 'it stays closed')
})

t.test('[LOG-1] the messages of a group that was quiet for so long end, and it stays', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const id = await groupOf(iris, alice, bob)
  await alice.send(id, 'one')
  t.match((await bob.conversations()).body, { items: [{ unread: 1 }] })
  await until(async () => await redis.exists(keys.log(id), keys.logIndex(id, 0)) === 0 || undefined)
  t.match((await bob.conversations()).body, { items: [{ conversationId: id, headSeq: 1, unread: 0, lastMsg: null }], totalUnread: 0 })
  t.match((await bob.getReadMsg({ conversationId: id, deliver: 'inline' })).body, { minSeq: 2, headSeq: 1, count: 0 })
  await alice.send(id, 'two')
  t.match((await bob.getReadMsg({ conversationId: id, deliver: 'inline' })).body, { minSeq: 2, count: 1, messages: [{ seq: 2 }] })
})

t.test('[REST-3] nothing of a message to a stranger is kept for ever', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  await alice.send(bob, 'one')
  await alice.send(bob, 'two')
  await bob.read({ conversationId: dm(alice, bob), seqs: [1] })
  await bob.read({ conversationId: dm(alice, bob), upToSeq: 2 })
  await alice.send(bob, 'three') // the emptied box and count begin anew
  await bob.send(carol, 'four')
  t.ok((await redis.keys(`*${alice.userId}*`)).some(key => key.includes(':LOG:')))
  const owners = [alice, bob, carol].map(({ userId }) => userId)
  t.strictSame((await endless(...owners)).filter(key => !key.includes(':TERMINALS:')), [])
  await until(async () => !(await redis.keys(`*${alice.userId}*`))
    .some(key => /:(CHAT_MSG_BOX|CONVERSATIONS?|RESET_READ_NUM_AND_LAST_MSG|LOG):/.test(key)) || undefined)
})

t.test('[REST-3] conversations that are used do not end, nor does the list of one who is in a group', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const [one, other] = [await groupOf(iris, carol, bob), await groupOf(iris, carol, bob)]
  await alice.send(bob, 'ghost')
  await carol.send(one, 'quiet since')
  await bob.read({ conversationId: one, upToSeq: 1 })
  const from = await redis.pexpiretime(keys.log(dm(alice, carol)))
  for (let i = 0; i < 4; i++) {
    const { body } = await alice.send(carol, 'again and again')
    await until(async () => Number((await redis.time())[0]) * 1000 > Number(body['ts']) || undefined)
  }
  t.ok(await redis.pexpiretime(keys.log(dm(alice, carol))) > from)
  t.equal((await carol.getReadMsg({ conversationId: dm(alice, carol), deliver: 'inline' })).body['headSeq'], 4)
  await forgotten(dm(alice, bob))
  t.match((await bob.conversations()).body, { items: [{ conversationId: String }, { conversationId: String }], totalUnread: 0 })
  t.equal(await redis.zscore(keys.conversations(bob.userId), dm(alice, bob)), null, 'a list that is read lets go of what has ended')
  t.strictSame((await endless(bob.userId)).map(key => key.split(':')[2]).filter(name => name !== 'TERMINALS').sort(), [
    'CONVERSATIONS', 'GROUPS', 'RESET_READ_NUM_AND_LAST_MSG'
  ])
  const leave = async (id: string) => await iris.server('POST', `conversations/${id}/members`, { remove: [bob.userId] })
  await leave(one)
  t.equal(await redis.pexpiretime(keys.conversations(bob.userId)), -1, 'he is in another still')
  await leave(other)
  await until(async () =>
    await redis.exists(keys.conversations(bob.userId), keys.groups(bob.userId), keys.marker(bob.userId)) === 0 || undefined)
})

t.test('[REST-3] of a user who never looks, the rows of ended conversations go when others are opened with him', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  await groupOf(iris, carol, bob)
  await alice.send(bob, 'ghost')
  await forgotten(dm(alice, bob))
  await until(async () => {
    await (await iris.user(t)).send(bob, 'opens another')
    return await redis.zscore(keys.conversations(bob.userId), dm(alice, bob)) === null || undefined
  })
  t.equal(await redis.hget(keys.unread(bob.userId), unreadField(dm(alice, bob))), null)
})

t.test('[SERVER] a direct conversation that was closed stays closed when its messages are forgotten', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await alice.send(bob, 'one')
  t.match(await iris.server('DELETE', `conversations/${dm(alice, bob)}`), { status: 200 })
  await until(async () => await redis.exists(keys.log(dm(alice, bob))) === 0 || undefined)
  for (const user of [alice, bob]) {
    t.match(await user.send(user === alice ? bob : alice, 'again'), { status: 409, body: { code: 'CONVERSATION_CLOSED' } })
  }
})

t.test('[SERVER] of very many who left a group those who left first lose their view', async t => {
  const small = await startIris(t, { redisPath: iris.redisPath, env: { IRIS_LIMIT_LEFT: '10' } })
  const owner = await small.user(t)
  const leavers: User[] = []
  for (let i = 0; i < 12; i++) leavers.push(await small.user(t))
  const group = await groupOf(small, owner, ...leavers)
  await owner.send(group, 'seen by all')
  for (const { userId } of leavers) await small.server('POST', `conversations/${group}/members`, { remove: [userId] })
  t.ok(await redis.hlen(keys.left(group)) <= 10)
  t.match(await leavers[0]?.getReadMsg({ conversationId: group }), { status: 404 })
  t.match(await leavers[11]?.getReadMsg({ conversationId: group }), { status: 200, body: { headSeq: 1 } })
})
