// Server API: joining, leaving, coming back and roles; what each does to a member's view. Section 8, [GET-3]
import t from 'tap'
import { startIris } from '../helper/iris.js'
import { between, granted, groupOf, pointers, three, two } from '../helper/user.js'

const iris = await startIris(t)
const change = async (id: string, body: object, node = iris) => await node.server('POST', `conversations/${id}/members`, body)
const view = (answer: { body: Record<string, never> }) =>
  (answer.body['members'] as unknown as { userId: string, role: string, joinedSeq: number }[])
    .map(({ userId, role, joinedSeq }) => [userId, role, joinedSeq])
    .sort()
const text = ({ data }: { data: Record<string, unknown> }) => (data['content'] as { text?: string } | undefined)?.text

t.test('[SERVER] [DOWN-4] a removed member gets nothing more; his unread is gone, his history ends at his leaving', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const id = await groupOf(iris, alice, bob, carol)
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  await alice.send(id, 'one')
  await alice.send(id, 'two')
  const two_ = await stream.next(message => text(message) === 'two')
  await carol.send(bob, 'elsewhere')
  t.match(await change(id, { remove: [bob.userId] }), { status: 200 })
  t.match((await bob.conversations()).body, { totalUnread: 1, items: [{ unread: 1, headSeq: 1 }] })
  await alice.send(id, 'three')
  await alice.revoke({ conversationId: id, seq: 3 })
  await carol.send(bob, 'marker')
  t.strictSame(between(stream, two_, await stream.next(message => text(message) === 'marker')).map(text), ['elsewhere'])
  const fresh = await bob.listen({ terminalId: 'fresh' })
  const [hello, ready] = [await fresh.next('IRIS.HELLO'), await fresh.next('IRIS.READY')]
  t.strictSame(between(fresh, hello, ready).map(text), ['elsewhere', 'marker'], 'nor is anything of it in his mailbox')
  t.match((await bob.getReadMsg({ conversationId: id, deliver: 'inline' })).body, { headSeq: 2, count: 2 })
  for (const answer of [
    await bob.send(id, 'x'), await bob.read({ conversationId: id, upToSeq: 1 }), await bob.rest({ items: [{ conversationId: id }] }),
    await bob.revoke({ conversationId: id, seq: 1 })
  ]) {
    t.match(answer, { status: 404, body: { code: 'CONVERSATION_NOT_FOUND' } })
  }
})

t.test('[SERVER] [DOWN-4] a new member sees from his joining on, without a gap', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const id = await groupOf(iris, alice)
  await alice.send(id, 'one')
  await alice.send(id, 'two')
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  t.strictSame(view(await change(id, { add: [{ userId: bob.userId }] })), [[alice.userId, 'owner', 1], [bob.userId, 'member', 3]].sort())
  t.match((await bob.conversations()).body, {
    items: [{ conversationId: id, headSeq: 2, unread: 0, lastMsg: null }],
    totalUnread: 0
  }, 'no message from before is shown to him')
  t.match((await bob.rest({ items: [{ conversationId: id }] })).body, { items: [{ lastMsg: null }] })
  for (const word of ['three', 'four']) await alice.send(id, word)
  t.strictSame([text(await stream.next('MSG_DOWN')), text(await stream.next('MSG_DOWN'))], ['three', 'four'])
  t.match((await bob.conversations()).body, { items: [{ headSeq: 4, unread: 2, lastMsg: { seq: 4 } }] })
  t.match(await bob.send(id, 'hi'), { status: 200, body: { seq: 5 } })
})

t.test('[SERVER] who comes back begins anew', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const id = await groupOf(iris, alice, bob)
  for (const word of ['one', 'two', 'three']) await alice.send(id, word)
  await bob.read({ conversationId: id, upToSeq: 1 })
  await change(id, { remove: [bob.userId] })
  await alice.send(id, 'four')
  t.strictSame(
    view(await change(id, { add: [{ userId: bob.userId, role: 'admin' }] })), [[alice.userId, 'owner', 1], [bob.userId, 'admin', 5]].sort()
  )
  await alice.send(id, 'five')
  t.match((await bob.conversations()).body, {
    items: [{ headSeq: 5, unread: 1 }],
    totalUnread: 1
  }, 'what he had not read before he left is not unread again')
  t.match((await bob.getReadMsg({ conversationId: id })).body, { minSeq: 5, firstSeq: 5, count: 1 })
  const fresh = await bob.listen()
  t.strictSame(between(fresh, await fresh.next('IRIS.HELLO'), await fresh.next('IRIS.READY')).map(text), ['five'])
  t.match(await bob.read({ conversationId: id, upToSeq: 5 }), { status: 200, body: { readSeq: 5, unread: 0 } })
})

t.test('[SERVER] adding a member again, removing a stranger and the same role change nothing', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const id = await groupOf(iris, alice, bob)
  await alice.send(id, 'one')
  const before = view(await iris.server('GET', `conversations/${id}`))
  for (const body of [
    { add: [{ userId: alice.userId }, { userId: bob.userId }] }, { remove: ['nobody'] },
    { role: [{ userId: alice.userId, role: 'owner' }] }, {}, { add: [], remove: [], role: [] }
  ]) {
    const answer = await change(id, body)
    t.strictSame([answer.status, view(answer)], [200, before], JSON.stringify(body))
  }
  t.match((await bob.conversations()).body, { totalUnread: 1 })
})

t.test('[SERVER] roles are changed, also together with members', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const id = await groupOf(iris, alice, bob)
  const answer = await change(id, {
    add: [{ userId: carol.userId, role: 'admin' }],
    remove: [alice.userId],
    role: [{ userId: bob.userId, role: 'owner' }]
  })
  t.strictSame(view(answer), [[bob.userId, 'owner', 1], [carol.userId, 'admin', 1]].sort())
  const stranger = await change(id, { role: [{ userId: bob.userId, role: 'member' }, { userId: alice.userId, role: 'admin' }] })
  t.strictSame([stranger.status, stranger.body['code'], pointers(stranger)], [400, 'INVALID_BODY', ['/role/1/userId']])
  t.strictSame(view(await iris.server('GET', `conversations/${id}`)), view(answer), 'all or nothing')
})

t.test('[SERVER] too many members are refused as a whole; who leaves makes room', async t => {
  const small = await startIris(t, { redisPath: iris.redisPath, env: { IRIS_LIMIT_MEMBERS: '3' } })
  const [alice, bob, carol] = await three(() => small.user(t))
  const id = await groupOf(small, alice, bob, carol)
  const before = view(await small.server('GET', `conversations/${id}`))
  t.match(await change(id, { add: [{ userId: 'd' }] }, small), { status: 409, body: { code: 'TOO_MANY_MEMBERS' } })
  t.match(await change(id, { add: [{ userId: 'd' }, { userId: 'e' }], remove: [bob.userId] }, small), { status: 409 })
  t.strictSame(view(await small.server('GET', `conversations/${id}`)), before)
  t.match(await change(id, { add: [{ userId: 'd' }, { userId: alice.userId }], remove: [bob.userId] }, small), { status: 200 })
  t.match(
    await small.server('PUT', `conversations/${id}-4`, { members: ['a', 'b', 'c', 'd'].map(userId => ({ userId, role: 'member' })) }),
    { status: 400 },
    'more than the limit in one body'
  )
})

t.test('[SERVER] joining while others send: no seq is missing, none comes twice', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const id = await groupOf(iris, alice)
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  const sends = Array.from({ length: 30 }, (_, i) => alice.send(id, `m${i}`))
  const joined = view(await change(id, { add: [{ userId: bob.userId }] })).find(([userId]) => userId === bob.userId)?.[2] as number
  await Promise.all(sends)
  const { body: { seq: last } } = granted(await alice.send(id, 'last'))
  await stream.next(({ data }) => data['seq'] === last)
  t.equal(last, 31)
  t.strictSame(stream.events.filter(({ event }) => event === 'MSG_DOWN').map(({ data }) => data['seq']),
    Array.from({ length: 32 - joined }, (_, i) => joined + i))
  t.equal((await bob.conversations()).body['totalUnread'], 32 - joined)
})

t.test('[SERVER] what is refused', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const id = await groupOf(iris, alice, bob)
  const bad: [body: object, pointer: string][] = [
    [{ add: ['x y'] }, '/add/0'], [{ add: [{ userId: 'a b' }] }, '/add/0/userId'],
    [{ add: [{ userId: 'x', role: 'king' }] }, '/add/0/role'],
    [{ remove: [{ userId: 'x', role: 'king' }] }, '/remove/0/role'], [{ role: [{ userId: alice.userId }] }, '/role/0/role'],
    [{ add: [{ userId: 'x' }], remove: ['x'] }, '/remove/0'], [{ remove: ['x', 'x'] }, '/remove/1'], [{ add: [{ userId: 'system' }] },
      '/add/0'], [{ members: [] }, '/members'], [{ remove: Array.from({ length: 501 }, (_, i) => `u${i}`) }, '/remove']
  ]
  for (const [body, pointer] of bad) {
    const answer = await change(id, body)
    t.strictSame([answer.status, answer.body['code'], pointers(answer)], [400, 'INVALID_BODY', [pointer]], JSON.stringify(body)
      .slice(0, 80))
  }
})
