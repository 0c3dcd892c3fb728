// What lists cost in Redis: few commands for each conversation, whatever asks for it; and pages that stay small. [COST-1] [SLOW-2]
import t, { type Test } from 'tap'
import { startIris } from '../helper/iris.js'
import { dm, groupOf, two, until, type User } from '../helper/user.js'

const COUNT = 100
const iris = await startIris(t, { env: { IRIS_LIMIT_CONTENT_BYTES: '60000' } })

/** All commands that Redis has run, those inside scripts included. */
async function calls (): Promise<number> {
  const stats = await iris.redis.info('commandstats')
  return [...stats.matchAll(/:calls=(\d+)/g)].reduce((sum, [, n]) => sum + Number(n), 0)
}

/** Look-ups in hashes, which nothing but a request does. */
async function lookups (): Promise<number> {
  const stats = await iris.redis.info('commandstats')
  return [...stats.matchAll(/cmdstat_hm?get:calls=(\d+)/g)].reduce((sum, [, n]) => sum + Number(n), 0)
}

/** Messages to a user from so many others, each with one text. */
async function befriended (t: Test, text: string): Promise<{ user: User, ids: string[] }> {
  const user = await iris.user(t)
  const others = Array.from({ length: COUNT }, (_, i) => ({ userId: `${user.userId}-${i}` }))
  for (const { userId } of others) {
    const { status } = await iris.server('POST', 'messages', {
      from: userId, to: user.userId, clientMsgId: 's-1', type: 'text', content: { text }
    })
    if (status !== 200) throw new Error(`refused: ${status}`)
  }
  return { user, ids: others.map(other => dm(user, other)) }
}

t.test('[COST-1] RESET, a page, and REST of 100 conversations cost a few commands for each', async t => {
  const { user, ids } = await befriended(t, 'hi')
  const get = async (path: string) => {
    const response = await fetch(iris.url + path, { headers: { authorization: `Bearer ${user.token}` } })
    return await response.json() as { reset?: { conversations: object[] }, items?: object[] }
  }
  const asked: [name: string, perConversation: number, ask: () => Promise<unknown>][] = [
    [
      'RESET of a poll', 6, async () => t.equal((await get('/v1/down/poll?lastEventId=1-1&timeoutMs=0')).reset?.conversations.length, COUNT)
    ],
    ['GET /v1/conversations', 6, async () => t.equal((await get('/v1/conversations?limit=100')).items?.length, COUNT)],
    ['REST', 12, async () => t.equal((await user.rest({ items: ids.map(conversationId => ({ conversationId, readSeq: 0 })) })).status, 200)]
  ]
  for (const [name, perConversation, ask] of asked) {
    // what the node does beside it is not counted, nor what it reads once more until it has heard others for a while: the least of some
    let least = Infinity
    await until(async () => {
      const before = await calls()
      await ask()
      least = Math.min(least, await calls() - before)
      return least <= (perConversation + 0.9) * COUNT || undefined
    }).catch(() => undefined)
    t.comment(`${name}: ${least} commands for ${COUNT} conversations`)
    t.ok(least <= (perConversation + 0.9) * COUNT, `${name}: ${least}`)
  }
})

t.test('[SLOW-2] a page ends at 1 MiB, and the next goes on behind it', async t => {
  const { user, ids } = await befriended(t, 'x'.repeat(30_000))
  const seen: string[] = []
  const sizes: number[] = []
  for (let after = ''; ;) {
    const { body } = await user.conversations(`?limit=100${after && `&after=${encodeURIComponent(after)}`}`)
    const { items, next } = body as unknown as { items: { conversationId: string }[], next?: string }
    seen.push(...items.map(({ conversationId }) => conversationId))
    sizes.push(JSON.stringify(body).length)
    if (next === undefined) break
    after = next
  }
  t.strictSame(seen.sort(), ids.sort(), 'each once')
  t.ok(sizes.every(size => size < 1_100_000), sizes.join())
  t.ok(sizes.length > 2)
})

t.test('[READ-3] a reading of very much in a group tells the newest senders, in few commands', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const group = await groupOf(iris, alice, bob)
  for (let i = 0; i < 300; i += 25) {
    await Promise.all(Array.from({ length: 25 }, () => alice.send(group, 'x', { options: { silent: true } })))
  }
  const stream = await alice.listen({ terminalId: 'other' })
  await stream.next('IRIS.READY')
  const before = await lookups()
  await bob.read({ conversationId: group, upToSeq: 300 })
  const cost = await lookups() - before
  t.match((await stream.next('READ')).data.data, { readSeq: 300 })
  t.ok(cost < 50, `${cost} look-ups for 300 messages`)
})
