// How far others have read, asked for at any time: a tick that survives another browser. [SEE-1] [SEE-2]
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { startIris } from '../helper/iris.js'
import { dm, groupOf, pointers, three, two, type User } from '../helper/user.js'

const iris = await startIris(t)

async function get (user: User, path: string) {
  const response = await fetch(`${iris.url}/v1/conversations${path}`, { headers: { authorization: `Bearer ${user.token}` } })
  return { status: response.status, body: await response.json() as Record<string, unknown> & { code?: string } }
}

const peerReadSeq = async (user: User) =>
  ((await user.conversations()).body['items'] as Record<string, unknown>[])[0]?.['peerReadSeq']
interface Member { userId: string, readSeq: number }
const readSeqs = async (user: User, id: string) =>
  ((await get(user, `/${id}`)).body['members'] as Member[]).map(({ userId, readSeq }) => [userId, readSeq])

t.test('[SEE-1] a row of a direct conversation says how far the other one has told by READ, whoever asks for the list', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  for (const text of ['one', 'two', 'three']) await alice.send(bob, text)
  t.equal(await peerReadSeq(alice), 0)
  await bob.read({ conversationId: dm(alice, bob), upToSeq: 2 })
  t.equal(await peerReadSeq(alice), 2)
  t.equal(await peerReadSeq(bob), 0, 'what one has sent is no receipt of his')
  const { body } = await iris.server('GET', `users/${alice.userId}/conversations`)
  t.match(body, { items: [{ peerReadSeq: 2 }] }, 'as the back end sees it')
})

t.test('[SEE-1] a private mark and what was taken singly are told to nobody', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  for (const text of ['one', 'two', 'three']) await alice.send(bob, text)
  const conversationId = dm(alice, bob)
  await bob.read({ conversationId, upToSeq: 1 })
  await bob.rest({ items: [{ conversationId, readSeq: 3 }] })
  await bob.rest({ items: [{ conversationId, unreadMark: true }] })
  t.equal(await peerReadSeq(alice), 1)
  t.match((await get(alice, `/${conversationId}`)).body, { members: { length: 2 }, readSeq: 0 })
  t.same(new Map(await readSeqs(alice, conversationId) as [string, number][]).get(bob.userId), 1)
  t.match((await get(bob, `/${conversationId}`)).body, { readSeq: 3, unread: 0, unreadMark: true }, 'his own marker is his')
  await bob.read({ conversationId, upToSeq: 3 })
  t.equal(await peerReadSeq(alice), 3)
})

t.test('[SEE-1] a receipt that cannot be read, or is beyond the newest message, ticks nothing', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await alice.send(bob, 'one')
  for (const [marker, expected] of [['1 99 0', 1], ['1 x 0', 0], ['nonsense', 0], ['1 1', 0], ['1 1e9 0', 0]] as const) {
    await iris.redis.hset(keys.marker(bob.userId), dm(alice, bob), marker)
    t.equal(await peerReadSeq(alice), expected, marker)
  }
})

t.test('[SEE-2] a conversation as its member sees it: his own state, and all members with role and receipt', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const id = await groupOf(iris, alice, bob, carol)
  await iris.server('PUT', `conversations/${id}`, {
    title: 'Order 7',
    ext: { secret: 1 },
    members: [alice, bob, carol].map(({ userId }, i) => ({ userId, role: i === 0 ? 'owner' : 'member' }))
  })
  await alice.send(id, 'one')
  await alice.send(id, 'two')
  await bob.read({ conversationId: id, upToSeq: 2 })
  await carol.read({ conversationId: id, upToSeq: 1 })
  const { status, body } = await get(carol, `/${id}`)
  const { epoch, traceId, members, ...facts } = body
  t.strictSame([status, facts], [200, {
    conversationId: id,
    kind: 'group',
    title: 'Order 7',
    headSeq: 2,
    minSeq: 1,
    readSeq: 1,
    unread: 1,
    unreadMark: false,
    role: 'member',
    memberCount: 3
  }])
  t.match([epoch, traceId], [/^\d+$/, /./])
  t.strictSame(members, [
    { userId: alice.userId, role: 'owner', readSeq: 0 }, { userId: bob.userId, role: 'member', readSeq: 2 },
    { userId: carol.userId, role: 'member', readSeq: 1 }
  ].sort((a, b) => a.userId < b.userId ? -1 : 1))
  await iris.server('DELETE', `conversations/${id}`)
  t.match((await get(carol, `/${id}`)).body, { closedAt: Number })
})

t.test('[SEE-2] nothing from before one\'s joining is named; who has left sees his bounds alone', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const id = await groupOf(iris, alice, bob)
  await alice.send(id, 'one')
  await bob.read({ conversationId: id, upToSeq: 1 })
  await iris.server('POST', `conversations/${id}/members`, { add: [{ userId: carol.userId }] })
  t.match((await get(carol, `/${id}`)).body, { minSeq: 2, headSeq: 1, unread: 0 })
  t.same((await readSeqs(carol, id)).map(([, seq]) => seq), [0, 0, 0])
  await alice.send(id, 'two')
  await bob.read({ conversationId: id, upToSeq: 2 })
  t.same(new Map(await readSeqs(carol, id) as [string, number][]).get(bob.userId), 2)
  await iris.server('POST', `conversations/${id}/members`, { remove: [carol.userId] })
  await alice.send(id, 'three')
  const { status, body: { traceId, ...body } } = await get(carol, `/${id}`)
  t.strictSame([status, body], [200, {
    conversationId: id,
    kind: 'group',
    epoch: body['epoch'],
    headSeq: 2,
    minSeq: 2,
    readSeq: 0,
    unread: 0,
    unreadMark: false,
    leftAt: body['leftAt'],
    members: []
  }])
  t.match([traceId, body['leftAt']], [/./, Number])
})

t.test('[SEE-2] a stranger\'s conversation and one that is not there are the same 404', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  await alice.send(bob, 'one')
  const [there, nowhere] = [await get(carol, `/${dm(alice, bob)}`), await get(carol, '/g.nowhere')]
  t.match([there.status, there.body.code], [404, 'CONVERSATION_NOT_FOUND'])
  t.match([nowhere.status, nowhere.body.code], [404, 'CONVERSATION_NOT_FOUND'])
  t.equal(there.body['detail'], nowhere.body['detail'])
})

t.test('[SEE-2] members are paged by their ids, each once; a broken address is 400 INVALID_QUERY', async t => {
  const owner = await iris.user(t)
  const others = Array.from({ length: 229 }, (_, i) => ({ userId: `${owner.userId}-${i}` }))
  const id = await groupOf(iris, owner, ...others)
  for (const [query, sizes] of [['limit=100', [100, 100, 30]], ['', [100, 100, 30]], ['limit=23', Array<number>(10).fill(23)]] as const) {
    const ids: string[] = []
    const found: number[] = []
    for (let after: string | undefined = ''; after !== undefined;) {
      const { body }: Awaited<ReturnType<typeof get>> = await get(owner, `/${id}?${query}${after && `&after=${after}`}`)
      const members = body['members'] as { userId: string }[]
      found.push(members.length)
      ids.push(...members.map(({ userId }) => userId))
      t.equal(body['memberCount'], 230)
      after = body['next'] as string | undefined
    }
    t.same(found, sizes)
    t.strictSame(ids, [owner, ...others].map(({ userId }) => userId).sort())
  }
  for (const [path, pointer] of [
    [`/${id}?limit=0`, '/limit'], [`/${id}?limit=101`, '/limit'], [`/${id}?after=`, '/after'], [`/${id}?after=a.b`, '/after'],
    [`/${id}?before=1`, '/before'], ['/a%20b', '/id']
  ] as const) {
    const answer = await get(owner, path)
    t.strictSame([answer.status, answer.body.code, pointers(answer)], [400, 'INVALID_QUERY', [pointer]], path)
  }
})
