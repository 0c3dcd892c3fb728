// GET_READ_MSG in the answer: pages, bounds, anchors, and what a member may see. [GET-2] [GET-3] [GET-4]
import t, { type Test } from 'tap'
import { startIris } from '../helper/iris.js'
import { dm, groupOf, pointers, three, two, type User } from '../helper/user.js'

const iris = await startIris(t)
/** A node that keeps few messages. */
const small = await startIris(t, { redisPath: iris.redisPath, env: { IRIS_LIMIT_LOG_MESSAGES: '5', IRIS_LIMIT_DOWN_ENTRIES: '5' } })

/** Two users and ten messages of the first to the second. */
async function ten (t: Test) {
  const [alice, bob] = await two(() => iris.user(t))
  for (let i = 1; i <= 10; i++) await alice.send(bob, `text ${i}`)
  return { alice, bob, conversationId: dm(alice, bob) }
}

/** A page in short: its seqs, and whether there is more. */
async function page (user: User, body: object) {
  const { status, body: { messages, count, firstSeq, lastSeq, hasMore } } = await user.getReadMsg(body)
  if (status !== 200) return [status]
  const seqs = (messages as { seq: number }[]).map(({ seq }) => seq)
  if (count !== seqs.length || firstSeq !== (seqs[0] ?? null) || lastSeq !== (seqs.at(-1) ?? null)) {
    throw new Error(`${JSON.stringify({ count, firstSeq, lastSeq, seqs })} do not agree`)
  }
  return [seqs, hasMore]
}

const seqs = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

t.test('[GET-1] the answer holds the messages as they were sent, when no terminal is connected', async t => {
  const { alice, bob, conversationId } = await ten(t)
  await bob.read({ conversationId, upToSeq: 3 })
  const { status, body } = await bob.getReadMsg({ conversationId, toSeq: 2, limit: 1, requestId: 'r:1' })
  const { epoch, messages, traceId } = body
  t.strictSame([status, body], [200, {
    requestId: 'r:1',
    conversationId,
    epoch,
    count: 1,
    firstSeq: 2,
    lastSeq: 2,
    hasMore: true,
    headSeq: 10,
    readSeq: 3,
    minSeq: 1,
    messages,
    traceId
  }])
  const [message] = messages as Record<string, unknown>[]
  const { msgId, clientMsgId, ts, traceId: sent } = message ?? {}
  t.strictSame(messages, [
    { conversationId, seq: 2, msgId, ts, from: alice.userId, clientMsgId, type: 'text', content: { text: 'text 2' }, traceId: sent }
  ])
  t.equal((await alice.send(bob, 'next')).body['epoch'], epoch, 'the epoch is that of the log')
  t.match((await bob.getReadMsg({ conversationId, deliver: 'down' })).body, {
    requestId: /^.{8,}$/,
    messages: [{ seq: 1 }]
  }, 'nowhere to go down: in the answer')
})

t.test('[GET-4] older ends at toSeq or the newest, newer begins at fromSeq or minSeq, both bound it', async t => {
  const { bob, conversationId } = await ten(t)
  const older: [object, number[], boolean][] = [
    [{}, seqs(1, 10), false], [{ limit: 4 }, seqs(7, 10), true],
    [{ toSeq: 6, limit: 4 }, seqs(3, 6), true], [{ toSeq: 4, limit: 4 }, seqs(1, 4), false], [{ toSeq: 2, limit: 4 }, seqs(1, 2), false],
    [{ toSeq: 99, limit: 2 }, seqs(9, 10), true],
    [{ fromSeq: 3, toSeq: 8, limit: 4 }, seqs(5, 8), true],
    [{ fromSeq: 3, toSeq: 8 }, seqs(3, 8), false],
    [{ fromSeq: 9 }, seqs(9, 10), false],
    [{ fromSeq: 11 }, [], false],
    [{ fromSeq: 4, toSeq: 4, limit: 1 }, [4], false]
  ]
  for (const [body, expected, hasMore] of older) {
    t.strictSame(await page(bob, { conversationId, ...body }), [expected, hasMore], JSON.stringify(body))
  }
  const newer: [object, number[], boolean][] = [
    [{ limit: 4 }, seqs(1, 4), true], [{ fromSeq: 5, limit: 4 }, seqs(5, 8), true], [{ fromSeq: 7, limit: 4 }, seqs(7, 10), false],
    [{ fromSeq: 9, limit: 4 }, seqs(9, 10), false], [{ fromSeq: 11 }, [], false],
    [{ fromSeq: 3, toSeq: 8, limit: 4 }, seqs(3, 6), true],
    [{ toSeq: 3 }, seqs(1, 3), false],
    [{ fromSeq: 2, toSeq: 99, limit: 100 }, seqs(2, 10), false]
  ]
  for (const [body, expected, hasMore] of newer) {
    t.strictSame(await page(bob, { conversationId, direction: 'newer', ...body }), [expected, hasMore], `newer ${JSON.stringify(body)}`)
  }
  for (const direction of ['older', 'newer']) {
    const walked: number[] = []
    for (let bound: object = {}, more = true; more;) {
      const [found, hasMore] = await page(bob, { conversationId, direction, limit: 3, ...bound }) as [number[], boolean]
      if (direction === 'older') walked.unshift(...found)
      else walked.push(...found)
      more = hasMore
      bound = direction === 'older' ? { toSeq: Number(found[0]) - 1 } : { fromSeq: Number(found.at(-1)) + 1 }
    }
    t.strictSame(walked, seqs(1, 10), `paging ${direction} meets every message once`)
  }
})

t.test('[GET-4] anchor unread starts at the first unread message', async t => {
  const { bob, conversationId } = await ten(t)
  t.strictSame(await page(bob, { conversationId, anchor: 'unread', limit: 3 }), [[1, 2, 3], true])
  await bob.read({ conversationId, upToSeq: 4 })
  await bob.read({ conversationId, seqs: [5, 7] })
  t.strictSame(await page(bob, { conversationId, anchor: 'unread', limit: 3 }), [[6, 7, 8], true])
  t.strictSame(await page(bob, { conversationId, anchor: 'unread', direction: 'older', limit: 3 }), [[4, 5, 6], true])
  t.strictSame(await page(bob, { conversationId, anchor: 'latest', limit: 3 }), [[8, 9, 10], true])
  await bob.read({ conversationId, upToSeq: 10 })
  t.strictSame(await page(bob, { conversationId, anchor: 'unread', limit: 3 }), [[8, 9, 10], true], 'nothing is unread: the newest')
})

t.test('[GET-2] [GET-3] reading the history marks nothing read, and a tombstone keeps its place', async t => {
  const { alice, bob, conversationId } = await ten(t)
  await alice.revoke({ conversationId, seq: 5 })
  t.strictSame(await page(bob, { conversationId }), [seqs(1, 10), false])
  t.match((await bob.getReadMsg({ conversationId, fromSeq: 5, toSeq: 5 })).body, { messages: [{ seq: 5, type: 'revoked' }], readSeq: 0 })
  t.match((await bob.conversations()).body, { items: [{ unread: 9, readSeq: 0 }], totalUnread: 9 })
})

t.test('[GET-3] retention raises minSeq; below it is an empty page', async t => {
  const [alice, bob] = await two(() => small.user(t))
  for (let i = 1; i <= 12; i++) await alice.send(bob, `text ${i}`)
  const conversationId = dm(alice, bob)
  t.strictSame(await page(bob, { conversationId }), [seqs(8, 12), false])
  t.strictSame(await page(bob, { conversationId, direction: 'newer', limit: 2 }), [[8, 9], true])
  t.strictSame(await page(bob, { conversationId, direction: 'newer', fromSeq: 2, limit: 2 }), [[8, 9], true])
  t.strictSame(await page(bob, { conversationId, toSeq: 7 }), [[], false])
  t.match((await bob.getReadMsg({ conversationId, toSeq: 7 })).body, {
    count: 0, firstSeq: null, lastSeq: null, minSeq: 8, headSeq: 12, messages: { length: 0 }
  })
  t.match((await bob.conversations()).body, { items: [{ unread: 5 }], totalUnread: 5 }, 'what cannot be read any more is not unread')
  t.strictSame(await page(bob, { conversationId, anchor: 'unread', limit: 1 }), [[8], true])
})

t.test('[GET-3] a member sees from his joining on, one who left up to his leaving', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const conversationId = await groupOf(iris, alice, bob)
  const members = async (body: object) => await iris.server('POST', `conversations/${conversationId}/members`, body)
  for (const text of ['1', '2']) await alice.send(conversationId, text)
  await members({ add: [{ userId: carol.userId }] })
  t.match((await carol.getReadMsg({ conversationId })).body, { count: 0, minSeq: 3, headSeq: 2, messages: { length: 0 } })
  for (const text of ['3', '4']) await alice.send(conversationId, text)
  await members({ remove: [bob.userId] })
  for (const text of ['5', '6']) await alice.send(conversationId, text)
  t.strictSame(await page(carol, { conversationId }), [seqs(3, 6), false])
  t.strictSame(await page(carol, { conversationId, toSeq: 2 }), [[], false])
  t.strictSame(await page(bob, { conversationId }), [seqs(1, 4), false])
  t.strictSame(await page(bob, { conversationId, direction: 'newer', fromSeq: 5 }), [[], false])
  t.match((await bob.getReadMsg({ conversationId })).body, { headSeq: 4, minSeq: 1 })
  await members({ add: [{ userId: bob.userId }] })
  await alice.send(conversationId, '7')
  t.strictSame(await page(bob, { conversationId }), [[7], false], 'who comes back begins anew')
})

t.test('[GET-4] what is refused, and for whom there is no such conversation', async t => {
  const { bob, conversationId } = await ten(t)
  const eve = await iris.user(t)
  for (const id of [conversationId, 'g.nowhere']) {
    t.match(await eve.getReadMsg({ conversationId: id }), { status: 404, body: { code: 'CONVERSATION_NOT_FOUND' } })
  }
  for (const [body, pointer] of [
    [{ fromSeq: 3, toSeq: 2 }, '/fromSeq'], [{ fromSeq: 0 }, '/fromSeq'], [{ limit: 0 }, '/limit'], [{ limit: 101 }, '/limit'],
    [{ limit: '5' }, '/limit'], [{ anchor: 'first' }, '/anchor'], [{ direction: 'up' }, '/direction'], [{ deliver: 'push' }, '/deliver'],
    [{ requestId: 'a b' }, '/requestId'], [{ before: 1 }, '/before']
  ] as const) {
    const answer = await bob.getReadMsg({ conversationId, ...body })
    t.strictSame([answer.status, answer.body.code, pointers(answer)], [400, 'INVALID_BODY', [pointer]], JSON.stringify(body))
  }
})
