// REVOKE: who may, and what everybody sees. [REVOKE-1] to [REVOKE-5]
import t from 'tap'
import { startIris } from '../helper/iris.js'
import { between, dm, granted, groupOf, pointers, three, two, until, type User } from '../helper/user.js'

const iris = await startIris(t)
/** A node on which a sender may revoke for one second. */
const hasty = await startIris(t, { redisPath: iris.redisPath, env: { IRIS_LIMIT_REVOKE_SEC: '1' } })

/** Until a message is so old by the clock of the server. */
async function aged (user: User, ts: unknown, ms: number): Promise<void> {
  await until(async () => Number((await user.time({})).body['serverTime']) - Number(ts) > ms ? true : undefined)
}

t.test('[REVOKE-1] a sender may within the window; then he is told the window and the age', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const late = await hasty.user(t, alice.userId)
  await alice.send(bob, 'one')
  const conversationId = dm(alice, bob)
  const { body: { ts } } = granted(await alice.send(bob, 'two'))
  t.match(await alice.revoke({ conversationId, seq: 1 }), { status: 200, body: { conversationId, seq: 1, alreadyRevoked: false } })
  await aged(alice, ts, 1_300)
  const { status, body } = await late.revoke({ conversationId, seq: 2 })
  t.match({ status, ...body }, { status: 403, code: 'REVOKE_WINDOW_PASSED', windowSec: 1, ageSec: 1, retryable: false })
  t.match(await late.revoke({ conversationId, seq: 1 }), {
    status: 200,
    body: { alreadyRevoked: true }
  }, 'what is revoked stays so after the window')
  t.match(await alice.revoke({ conversationId, seq: 2 }), { status: 200 }, 'under the default window it is early still')
})

t.test('[REVOKE-1] in a group owner and admin may any time, a member only his own', async t => {
  const [owner, admin, member] = await three(() => hasty.user(t))
  const other = await hasty.user(t)
  const conversationId = await groupOf(hasty, owner, admin, member, other)
  await hasty.server('POST', `conversations/${conversationId}/members`, { role: [{ userId: admin.userId, role: 'admin' }] })
  const sent = []
  for (const sender of [owner, other, other, other, admin]) sent.push(await sender.send(conversationId, 'hi'))
  t.match(await member.revoke({ conversationId, seq: 2 }), { status: 403, body: { code: 'REVOKE_FORBIDDEN' } })
  t.match(await other.revoke({ conversationId, seq: 1 }), { status: 403, body: { code: 'REVOKE_FORBIDDEN' } })
  await aged(owner, sent.at(-1)?.body['ts'], 1_200)
  t.match(await other.revoke({ conversationId, seq: 2 }), { status: 403, body: { code: 'REVOKE_WINDOW_PASSED' } })
  t.match(await owner.revoke({ conversationId, seq: 2 }), { status: 200, body: { alreadyRevoked: false } })
  t.match(await admin.revoke({ conversationId, seq: 1 }), { status: 200, body: { alreadyRevoked: false } }, 'an admin even the owner\'s')
  t.match(await admin.revoke({ conversationId, seq: 5 }), { status: 200 }, 'and his own without a window')
  t.match(await iris.server('POST', 'messages/revoke', { conversationId, seq: 3, reason: 'law' }), {
    status: 200,
    body: { conversationId, seq: 3, alreadyRevoked: false }
  }, 'the server API any time')
  const { body } = await member.getReadMsg({ conversationId })
  t.strictSame((body['messages'] as { type: string, revoked?: { by: string } }[]).map(({ type, revoked }) => [type, revoked?.by]), [
    ['revoked', admin.userId], ['revoked', owner.userId], ['revoked', 'system'], ['text', undefined], ['revoked', admin.userId]
  ])
})

t.test('[REVOKE-2] the log keeps a tombstone with the same seq, and nothing of the body', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await alice.send(bob, 'before')
  const { body: { msgId, ts, traceId } } = await alice.send(bob, 'gone', {
    clientMsgId: 'c-2', ext: { a: 1 }, mentions: [bob.userId], quote: { seq: 1 }, options: { silent: false }
  })
  const conversationId = dm(alice, bob)
  const { body: { revokedAt } } = granted(await alice.revoke({ conversationId, seq: 2 }))
  const { body } = await bob.getReadMsg({ conversationId })
  t.strictSame((body['messages'] as object[])[1], {
    conversationId,
    seq: 2,
    msgId,
    ts,
    from: alice.userId,
    clientMsgId: 'c-2',
    type: 'revoked',
    revoked: { by: alice.userId, at: revokedAt },
    traceId
  })
  t.equal((await alice.send(bob, 'after')).body.seq, 3)
})

t.test('[REVOKE-3] unread falls for those who had not read it, for nobody else', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const conversationId = await groupOf(iris, alice, bob, carol)
  for (const text of ['one', 'two', 'three']) await alice.send(conversationId, text)
  await carol.send(bob, 'elsewhere')
  await bob.read({ conversationId, upToSeq: 2 })
  await carol.read({ conversationId, seqs: [3] })
  await alice.revoke({ conversationId, seq: 2 })
  const unread = async (user: User) => {
    const { items, totalUnread } = (await user.conversations()).body as {
      items?: { conversationId: string, unread: number }[]
      totalUnread?: number
    }
    return [items?.find(item => item.conversationId === conversationId)?.unread, totalUnread]
  }
  t.strictSame([await unread(alice), await unread(bob), await unread(carol)], [[0, 0], [1, 2], [1, 1]])
  const fresh = await carol.listen()
  const ready = await fresh.next('IRIS.READY')
  t.strictSame(between(fresh, fresh.events[0] ?? ready, ready).map(({ data }) => data['seq']), [1], 'it is in no mailbox')
  await alice.revoke({ conversationId, seq: 1 })
  t.strictSame(await unread(carol), [0, 0])
})

t.test('[REVOKE-4] every member\'s stream is told after the message itself, live and in a replay', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const conversationId = await groupOf(iris, alice, bob, carol)
  const start = await bob.listen()
  const { id: cursor = '' } = await start.next('IRIS.READY')
  const streams = await Promise.all([alice, alice, bob, carol].map((user, i) => user.listen({ terminalId: `t${i}` })))
  await Promise.all(streams.map(stream => stream.next('IRIS.READY')))
  const { body: { msgId } } = granted(await alice.send(conversationId, 'oops', { terminalId: 't0' }))
  const { body: { revokedAt, traceId } } = granted(await alice.revoke({ conversationId, seq: 1, reason: 'typo' }, 't0'))
  for (const stream of streams) {
    const message = await stream.next(({ data }) => data['seq'] === 1)
    const { event, id, data } = await stream.next('REVOKE')
    t.strictSame([event, data], ['CMD_DOWN', {
      cmdId: data['cmdId'],
      op: 'do',
      name: 'REVOKE',
      needComplete: false,
      traceId,
      ts: revokedAt,
      conversationId,
      data: { conversationId, seq: 1, msgId, by: alice.userId, revokedAt }
    }])
    t.equal(Number(id?.split('-')[1]), Number(message.id?.split('-')[1]) + 1)
  }
  const replay = await bob.listen({ terminalId: 'late', cursor })
  t.match((await replay.next('MSG_DOWN')).data, {
    seq: 1,
    source: 'replay',
    type: 'revoked',
    content: undefined,
    revoked: { by: alice.userId, at: revokedAt, reason: 'typo' }
  })
  t.match((await replay.next('REVOKE')).data.data, { seq: 1 })
})

t.test('[REVOKE-5] twice is 200 alreadyRevoked, with the first time and no second event', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const stream = await bob.listen()
  await alice.send(bob, 'oops')
  const conversationId = dm(alice, bob)
  const answers = await Promise.all(Array.from({ length: 5 }, () => alice.revoke({ conversationId, seq: 1 })))
  answers.push(await alice.revoke({ conversationId, seq: 1, reason: 'another' }))
  t.strictSame(answers.map(({ status }) => status), answers.map(() => 200))
  t.equal(answers.filter(({ body }) => body['alreadyRevoked'] === false).length, 1)
  t.equal(new Set(answers.map(({ body }) => body['revokedAt'])).size, 1)
  t.match(await iris.server('POST', 'messages/revoke', { conversationId, seq: 1 }), {
    status: 200,
    body: { alreadyRevoked: true, revokedAt: answers[0]?.body['revokedAt'] }
  })
  await alice.send(bob, 'marker')
  const first = await stream.next('REVOKE')
  t.strictSame(between(stream, first, await stream.next(({ data }) => data['seq'] === 2)), [])
})

t.test('[REVOKE-1] what is not there, and what is not seen', async t => {
  const [alice, bob, eve] = await three(() => iris.user(t))
  const conversationId = await groupOf(iris, alice, bob)
  await alice.send(conversationId, 'before eve')
  t.match(await eve.revoke({ conversationId, seq: 1 }), { status: 404, body: { code: 'CONVERSATION_NOT_FOUND' } })
  t.match(await eve.revoke({ conversationId: 'g.nowhere', seq: 1 }), { status: 404, body: { code: 'CONVERSATION_NOT_FOUND' } })
  t.match(await alice.revoke({ conversationId, seq: 2 }), { status: 404, body: { code: 'MESSAGE_NOT_FOUND' } })
  await iris.server('POST', `conversations/${conversationId}/members`, { add: [{ userId: eve.userId }] })
  t.match(await eve.revoke({ conversationId, seq: 1 }), {
    status: 404,
    body: { code: 'MESSAGE_NOT_FOUND' }
  }, 'what came before his joining')
  for (const [body, pointer] of [
    [{ conversationId }, '/seq'], [{ seq: 1 }, '/conversationId'], [{ conversationId, seq: 0 }, '/seq'],
    [{ conversationId, seq: 1, reason: 'x'.repeat(201) }, '/reason'], [{ conversationId, seq: 1, by: 'me' }, '/by']
  ] as const) {
    const answer = await alice.revoke(body)
    t.strictSame([answer.status, answer.body.code, pointers(answer)], [400, 'INVALID_BODY', [pointer]])
  }
})
