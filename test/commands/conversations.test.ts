// GET /v1/conversations: pages, most recent first. [REST-3]
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { startIris } from '../helper/iris.js'
import { dm, granted, groupOf, pointers, three, two, type User } from '../helper/user.js'

const iris = await startIris(t)
interface Page { items: { conversationId: string }[], next?: string, totalUnread: number }

async function walk (user: User, limit: number): Promise<{ ids: string[], sizes: number[], totals: number[] }> {
  const ids: string[] = []
  const [sizes, totals]: [number[], number[]] = [[], []]
  for (let after = ''; ;) {
    const { status, body } = await user.conversations(`?limit=${limit}${after && `&after=${encodeURIComponent(after)}`}`)
    if (status !== 200) throw new Error(JSON.stringify(body))
    const { items, next, totalUnread } = body as unknown as Page
    ids.push(...items.map(({ conversationId }) => conversationId))
    sizes.push(items.length)
    totals.push(totalUnread)
    if (next === undefined) return { ids, sizes, totals }
    after = next
  }
}

t.test('[REST-3] a row is what a list shows; the most recent message comes first', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  t.match(await alice.conversations(), { status: 200, body: { items: { length: 0 }, totalUnread: 0, next: undefined } })
  const group = await groupOf(iris, carol, alice)
  granted(await bob.send(alice, 'one'))
  const { body: { msgId, ts, epoch } } = granted(await alice.send(bob, 'two', { clientMsgId: 'c-2' }))
  const { body } = granted(await alice.conversations())
  const [row, ...others] = (body as unknown as { items: ({ conversationId: string } & Record<string, unknown>)[] }).items
  const { lastMsg, ...facts }: Record<string, unknown> = row ?? {}
  t.strictSame(facts, {
    conversationId: dm(alice, bob), kind: 'dm', epoch, headSeq: 2, readSeq: 0, unread: 1, unreadMark: false, peerReadSeq: 0
  })
  t.match(lastMsg, { seq: 2, msgId, ts, from: alice.userId, clientMsgId: 'c-2', type: 'text', content: { text: 'two' } })
  t.match(others, [{ conversationId: group, kind: 'group', headSeq: 0, unread: 0, lastMsg: null }])
  await carol.send(group, 'up')
  t.strictSame((await walk(alice, 30)).ids, [group, dm(alice, bob)])
  await bob.send(alice, 'up')
  t.strictSame((await walk(alice, 1)).ids, [dm(alice, bob), group])
  t.match((await alice.conversations()).body, { totalUnread: 3 })
})

t.test('[REST-3] 130 conversations are paged without loss or repetition, also where times are the same', async t => {
  const user = await iris.user(t)
  const others = Array.from({ length: 130 }, (_, i) => ({ userId: `${user.userId}-${String(i).padStart(3, '0')}` }))
  for (let i = 0; i < others.length; i += 25) {
    await Promise.all(others.slice(i, i + 25).map(({ userId }) =>
      iris.server('POST', 'messages', { from: userId, to: user.userId, clientMsgId: 's-1', type: 'text', content: { text: 'x' } })))
  }
  const [key = ''] = await iris.redis.keys(`*:CONVERSATIONS:${user.userId}`)
  const expected = others.map(other => dm(user, other)).sort().reverse()
  const orders: string[][] = []
  const real = await walk(user, 7)
  t.strictSame([...real.ids].sort().reverse(), expected)
  const times = new Map(real.ids.map(id => [id, 0]))
  for (const id of real.ids) times.set(id, Number(await iris.redis.zscore(key, id)))
  t.ok(real.ids.every((id, i) => i === 0 || Number(times.get(id)) <= Number(times.get(real.ids[i - 1] ?? ''))), 'most recent first')
  // ties: 120 with the same time, and 10 with another: larger than any page and any chunk that is read at once
  for (const [i, id] of expected.entries()) {
    const time = 1_000 + Math.floor(i / 120)
    await Promise.all([iris.redis.zadd(key, time, id), iris.redis.hset(keys.conversation(id), 'lastTs', time)])
  }
  for (const limit of [1, 7, 30, 100]) {
    const { ids, sizes, totals } = await walk(user, limit)
    orders.push(ids)
    t.equal(ids.length, 130, `limit ${limit}`)
    t.equal(new Set(ids).size, 130)
    t.ok(sizes.slice(0, -1).every(size => size === limit))
    t.ok(totals.every(total => total === 130))
  }
  t.ok(orders.every(order => order.join() === orders[0]?.join()), 'the order does not depend on the page size')
})

t.test('[REST-3] one who left does not see the conversation, nor its unread messages', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const group = await groupOf(iris, alice, bob)
  await alice.send(group, 'one')
  t.match((await bob.conversations()).body, { items: [{ conversationId: group, unread: 1 }], totalUnread: 1 })
  await iris.server('POST', `conversations/${group}/members`, { remove: [bob.userId] })
  t.match((await bob.conversations()).body, { items: { length: 0 }, totalUnread: 0 })
})

t.test('[REST-3] a broken address is 400 INVALID_QUERY', async t => {
  const user = await iris.user(t)
  for (const [query, pointer] of [
    ['?limit=0', '/limit'], ['?limit=101', '/limit'], ['?limit=x', '/limit'], ['?limit=1.5', '/limit'], ['?after=x', '/after'],
    ['?after=', '/after'], ['?after=1:a%20b', '/after'], ['?before=1', '/before']
  ] as const) {
    const answer = await user.conversations(query)
    t.strictSame([answer.status, answer.body.code, pointers(answer)], [400, 'INVALID_QUERY', [pointer]], query)
  }
  t.match(await user.conversations('?after=9999999999999999:g.x&limit=1'), { status: 200, body: { items: { length: 0 } } })
})
