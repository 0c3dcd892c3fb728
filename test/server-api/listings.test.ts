// Server API: lists of conversations, all of them or a user's; pages go on where the one before ended. [SERVER-1] [SERVER-2] [SERVER-3]
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { startIris, type Iris } from '../helper/iris.js'
import { startRedis } from '../helper/redis.js'
import { upTo } from '../helper/sse.js'
import { dm, groupOf, pointers, two, until } from '../helper/user.js'

interface Page { items: { conversationId: string, [fact: string]: unknown }[], next?: string, totalUnread?: number }

const iris = await startIris(t)

async function get (path: string, node: Pick<Iris, 'server'> = iris): Promise<Page> {
  const { status, body } = await node.server('GET', path)
  if (status !== 200) throw new Error(`${path}: ${JSON.stringify(body)}`)
  return body as unknown as Page
}

/** Follows a list to its end. @returns its pages. */
async function walk (path: string, onPage: (n: number) => unknown = () => undefined): Promise<Page[]> {
  const pages: Page[] = []
  for (let after = ''; ;) {
    const page = await get(`${path}${after && `&after=${encodeURIComponent(after)}`}`)
    pages.push(page)
    if (page.next === undefined) return pages
    after = page.next
    await onPage(pages.length)
  }
}

const idsOf = (pages: Page[]) => pages.flatMap(({ items }) => items.map(({ conversationId }) => conversationId))

t.test('[SERVER-2] a user\'s list is the one that he has: counts, marks, last messages, also behind a recall', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const group = await groupOf(iris, alice, bob)
  for (const word of ['one', 'two', 'three']) await alice.send(bob, word)
  await alice.send(group, 'hi')
  await bob.read({ conversationId: dm(alice, bob), upToSeq: 1 })
  await bob.rest({ items: [{ conversationId: group, unreadMark: true }] })
  await alice.revoke({ conversationId: dm(alice, bob), seq: 3 })
  const own = (await bob.conversations()).body
  const { status, body } = await iris.server('GET', `users/${bob.userId}/conversations`)
  t.equal(status, 200)
  t.strictSame({ ...body, traceId: '' }, { ...own, traceId: '' })
  t.match(body, { items: [{ unreadMark: true, unread: 1 }, { unread: 1, readSeq: 1, lastMsg: { type: 'revoked' } }] })
  t.strictSame(idsOf(await walk(`users/${bob.userId}/conversations?limit=1`)), [group, dm(alice, bob)])
  t.match((await bob.conversations()).body, { totalUnread: 2 }, 'looking reads nothing')
  t.match(await get('users/nobody-at-all/conversations'), { items: { length: 0 }, totalUnread: 0 })
})

t.test('[SERVER-2] who joined later is shown nothing from before, who left no group', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const group = await groupOf(iris, alice)
  await alice.send(group, 'before')
  await iris.server('POST', `conversations/${group}/members`, { add: [{ userId: bob.userId }] })
  t.match(await get(`users/${bob.userId}/conversations`), { items: [{ conversationId: group, lastMsg: null, unread: 0 }] })
  await iris.server('POST', `conversations/${group}/members`, { remove: [bob.userId] })
  t.match(await get(`users/${bob.userId}/conversations`), { items: { length: 0 } })
  t.match(await get(`conversations?user=${bob.userId}`), { items: { length: 0 } })
})

t.test('[SERVER-3] all conversations: each once or twice, no page too long, whatever else comes into Redis meanwhile', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const members = [{ userId: alice.userId }]
  await Promise.all(upTo(120).map(i => iris.server('PUT', `conversations/g.all-${i}`, { title: `${i}`, members })))
  await alice.send(bob, 'hi')
  const expected = [...upTo(120).map(i => `g.all-${i}`), dm(alice, bob)]
  const lost = (pages: Page[]) => expected.filter(id => !idsOf(pages).includes(id))
  for (const limit of [1, 7, 100]) {
    const pages = await walk(`conversations?limit=${limit}`)
    t.same(lost(pages), [], `limit ${limit}`)
    t.ok(pages.every(({ items }) => items.length <= limit), `limit ${limit}`)
    t.ok(pages.some(({ items }) => items.length === limit), 'pages are filled')
  }
  let made = 0
  const crowd = async () => await iris.redis.mset(Object.fromEntries(upTo(700).map(() => [`elsewhere:${++made}`, 'x'])))
  const pages = await walk('conversations?limit=10', async n => { if (n < 8) await crowd() })
  t.same(lost(pages), [], 'Redis gave its keys other places in between')
  const few = await walk('conversations?limit=50')
  t.same(lost(few), [], 'most keys are no conversations')
})

t.test('[SERVER-3] a row says what the conversation itself says, and how many are in it; with `user` the newest first', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const first = await groupOf(iris, alice, bob)
  await iris.server('PUT', `conversations/${first}`, { title: 'First', ext: { order: 7 }, members: [{ userId: alice.userId }] })
  await alice.send(bob, 'hi')
  await iris.server('DELETE', `conversations/${first}`)
  for (const path of ['conversations?limit=100', `conversations?user=${alice.userId}`]) {
    for (const id of [first, dm(alice, bob)]) {
      const row = (await walk(path)).flatMap(({ items }) => items).find(({ conversationId }) => conversationId === id)
      const { members, traceId, ...facts } = (await iris.server('GET', `conversations/${id}`)).body
      t.ok(traceId)
      t.strictSame(row, { ...facts, memberCount: (members as unknown as unknown[]).length }, path)
    }
  }
  t.strictSame(idsOf(await walk(`conversations?user=${alice.userId}&limit=1`)), [dm(alice, bob), first])
})

t.test('[SERVER-3] what stands at a place of a conversation and is none is passed by', async t => {
  await iris.redis.set(keys.conversation('g.broken'), 'x')
  await iris.redis.hset(keys.conversation('g.odd'), 'kind', 'circle')
  const ids = idsOf(await walk('conversations?limit=100'))
  t.notOk(ids.includes('g.broken') || ids.includes('g.odd'))
  t.ok(ids.length > 100)
})

t.test('[SERVER-1] what is no page is 400, and says so', async t => {
  const { next = '' } = await get('conversations?limit=1')
  const { next: listed = '' } = await get('conversations?user=alice&limit=1')
  t.equal(listed, '')
  for (const [path, pointer] of [
    ['conversations?after=x', '/after'], ['conversations?after=1%3Ag.1', '/after'], [`conversations?user=alice&after=${next}`, '/after'],
    ['conversations?after=', '/after'], ['conversations?user=a%20b', '/user'], ['conversations?limit=0', '/limit'],
    ['conversations?limit=101', '/limit'], ['conversations?colour=red', '/colour'], [`conversations?after=${'0'.repeat(16)}-1`, '/after'],
    ['users/alice/conversations?after=x', '/after'], ['users/a%20b/conversations', '/id'], ['users/alice/conversations?user=b', '/user']
  ] as const) {
    const answer = await iris.server('GET', path)
    t.strictSame([answer.status, answer.body['code'], pointers(answer)], [400, 'INVALID_QUERY', [pointer]], path)
  }
})

t.test('[SERVER-3] a walk through a Redis that was started again begins anew, and does not leave out half of it', async t => {
  const store = await startRedis(t, ['--appendonly', 'yes', '--appendfsync', 'always'])
  const other = await startIris(t, { redisPath: store.path })
  await Promise.all(upTo(20).map(i => other.server('PUT', `conversations/g.again-${i}`, { members: [{ userId: 'alice' }] })))
  const { next } = await get('conversations?limit=5', other)
  t.ok(next)
  await store.kill()
  await store.start()
  await until(async () => (await fetch(`${other.url}/readyz`)).ok || undefined)
  const answer = await other.server('GET', `conversations?limit=5&after=${next}`)
  t.strictSame([answer.status, pointers(answer)], [400, ['/after']])
  t.match(answer.body, { errors: [{ detail: /begin without it/ }] })
  t.equal((await get('conversations?limit=100', other)).items.length, 20)
})
