// CMD_COMPLETE and NOTICE_COMPLETE: by exact id, once, for good. [COMPLETE-1] [COMPLETE-2] [COMPLETE-4]
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startIris } from '../helper/iris.js'
import { between, granted, pointers, two, until, type User } from '../helper/user.js'

const iris = await startIris(t)

/** A reliable command to oneself. @returns its cmdId. */
async function order (user: User, more: object = {}): Promise<string> {
  return String(
    granted(await user.command({ clientCmdId: randomUUID(), name: 'order', to: { self: true }, mode: 'reliable', ...more })).body['cmdId']
  )
}

async function notice (user: User, more: object = {}): Promise<string> {
  const noticeId = randomUUID()
  await iris.server('POST', 'notices', { noticeId, users: [user.userId], content: { text: 'x' }, ...more })
  return noticeId
}

/** The ids that a fresh terminal finds waiting in both boxes. */
async function waiting (user: User): Promise<unknown[]> {
  const stream = await user.listen({ terminalId: randomUUID() })
  const [hello, ready] = [await stream.next('IRIS.HELLO'), await stream.next('IRIS.READY')]
  await stream.cut()
  return between(stream, hello, ready).filter(({ event }) => event !== 'MSG_DOWN').map(({ data }) => data['cmdId'] ?? data['noticeId'])
}

const states = ({ body }: { body: Record<string, unknown> }) =>
  (body['results'] as { id: string, state: string }[]).map(({ state }) => state)

for (const [name, put, complete] of [['CMD_COMPLETE', order, 'cmdComplete'], ['NOTICE_COMPLETE', notice, 'noticeComplete']] as const) {
  t.test(`[COMPLETE-1] ${name}: by exact id, never cumulative, a state for each, always 200`, async t => {
    const [user, other] = await two(() => iris.user(t))
    const [a, b, c] = [await put(user), await put(user), await put(user)] as const
    const { status, body } = await user[complete]({ ids: [b, 'nothing', b.slice(0, -1)] })
    t.strictSame([status, body], [200, {
      results: [{ id: b, state: 'completed' }, { id: 'nothing', state: 'unknown' }, { id: b.slice(0, -1), state: 'unknown' }],
      traceId: body['traceId']
    }])
    t.strictSame((await waiting(user)).sort(), [a, c].sort())
    t.strictSame(states(await user[complete]({ ids: [b, c] })), ['already', 'completed'])
    t.strictSame(states(await other[complete]({ ids: [a] })), ['unknown'], 'another user\'s is unknown')
    t.strictSame(
      states(await user[complete === 'cmdComplete' ? 'noticeComplete' : 'cmdComplete']({ ids: [a] })), ['unknown'], 'it is in the other box'
    )
    t.strictSame(await waiting(user), [a])
    for (const [bad, pointer] of [
      [{}, '/ids'], [{ ids: [] }, '/ids'], [{ ids: ['x', 'x'] }, '/ids'], [{ ids: ['a b'] }, '/ids/0'], [{ ids: 'x' }, '/ids'],
      [{ ids: Array.from({ length: 101 }, (_, i) => `i${i}`) }, '/ids'], [{ ids: ['x'], upTo: 1 }, '/upTo']
    ] as const) {
      const answer = await user[complete](bad)
      t.strictSame([answer.status, answer.body.code, pointers(answer)], [400, 'INVALID_BODY', [pointer]])
    }
    t.strictSame(
      states(await user[complete]({ ids: Array.from({ length: 100 }, (_, i) => `i${i}`) })), Array.from({ length: 100 }, () => 'unknown')
    )
  })
}

t.test('[COMPLETE-2] any: the first terminal clears it, the others get an entry op:"complete" with the same id', async t => {
  const user = await iris.user(t)
  const [phone, desk] = [await user.listen({ terminalId: 'phone' }), await user.listen({ terminalId: 'desk' })]
  await Promise.all([phone.next('IRIS.READY'), desk.next('IRIS.READY')])
  const [cmdId, noticeId] = [await order(user), await notice(user, { kind: 'message' })]
  const shown = [await phone.next('NOTICE_DOWN'), await desk.next('NOTICE_DOWN')] as const
  const command = await user.cmdComplete({ ids: [cmdId] }, 'phone')
  const seen = await user.noticeComplete({ ids: [noticeId] }, 'phone')
  const [done, gone] = [await desk.next('CMD_DOWN'), await desk.next('NOTICE_DOWN')]
  t.strictSame(done.data, {
    cmdId, name: 'order', op: 'complete', data: {}, needComplete: false, ts: done.data['ts'], traceId: command.body['traceId']
  })
  t.strictSame(gone.data, {
    noticeId, kind: 'message', op: 'complete', content: {}, needComplete: false, ts: gone.data['ts'], traceId: seen.body['traceId']
  })
  t.strictSame([done, gone].map(({ id }) => Number(id?.split('-')[1])),
    [1, 2].map(n => Number(shown[1].id?.split('-')[1]) + n), 'entries of the stream')
  t.strictSame(states(await user.cmdComplete({ ids: [cmdId] }, 'desk')), ['already'])
  const marker = await order(user, { name: 'marker' })
  t.strictSame(between(phone, shown[0], await phone.next('marker')), [], 'the terminal that completed is not told')
  t.strictSame(await waiting(user), [marker])
})

t.test('[COMPLETE-2] twenty racing completions: one clears it, the others learn that it is done, one event', async t => {
  const user = await iris.user(t)
  const desk = await user.listen({ terminalId: 'desk' })
  const id = await order(user)
  await desk.next('order')
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => user.cmdComplete({ ids: [id] }, `t${i}`)))
  t.strictSame(answers.flatMap(states).sort(), [...Array.from({ length: 19 }, () => 'already'), 'completed'])
  const first = await desk.next(({ data }) => data['op'] === 'complete')
  await order(user, { name: 'marker' })
  t.strictSame(between(desk, first, await desk.next('marker')), [])
})

t.test('[CMD-2] notifyComplete: the sender is told who completed', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await alice.send(bob, 'acquaintance')
  const stream = await alice.listen({ terminalId: 'other' })
  await stream.next('IRIS.READY')
  const order = { clientCmdId: 'c-1', name: 'order', to: { users: [bob.userId] }, mode: 'reliable', notifyComplete: true }
  const { body: { cmdId } } = granted(await alice.command(order))
  const { body: { traceId } } = await bob.cmdComplete({ ids: [cmdId] })
  const { event, id, data } = await stream.next('CMD_COMPLETE')
  t.strictSame([event, data], ['CMD_DOWN', {
    cmdId: data['cmdId'],
    name: 'CMD_COMPLETE',
    op: 'do',
    needComplete: false,
    ts: data['ts'],
    traceId,
    data: { cmdId, clientCmdId: 'c-1', userId: bob.userId, completedAt: data['ts'] }
  }])
  t.match(id, /^\d+-\d+$/)
  await bob.cmdComplete({ ids: [cmdId] })
  await bob.send(alice, 'marker')
  t.strictSame(
    between(stream, stream.events.find(({ data: { name } }) => name === 'CMD_COMPLETE') ?? { data: {} }, await stream.next('MSG_DOWN')),
    [],
    'once'
  )
})

t.test('[COMPLETE-4] a completed one never comes back: on no node, terminal or cursor', async t => {
  const other = await startIris(t, { redisPath: iris.redisPath })
  const user = await iris.user(t)
  const elsewhere = await other.user(t, user.userId)
  const stream = await user.listen({ terminalId: 'phone' })
  const { id: cursor } = await stream.next('IRIS.READY')
  await stream.cut()
  const [cmdId, noticeId] = [await order(user), await notice(user)]
  t.strictSame((await waiting(user)).sort(), [cmdId, noticeId].sort())
  await user.cmdComplete({ ids: [cmdId] }, 'desk')
  await elsewhere.noticeComplete({ ids: [noticeId] }, 'desk')
  for (const reader of [user, elsewhere]) {
    t.strictSame(await waiting(reader), [])
    const replay = await reader.listen({ terminalId: 'phone', cursor })
    const [hello, ready] = [await replay.next('IRIS.HELLO'), await replay.next('IRIS.READY')]
    t.match(hello.data.data, { recovered: true, replay: 4 })
    t.strictSame(between(replay, hello, ready).map(({ data }) => data['op']), ['complete', 'complete'], 'only that they are done')
    t.equal(replay.events.filter(({ id }) => id !== undefined).length, 5, 'two ' +
      'blocks move the cursor past what has nothing to say [ATTACH-4]')
  }
  const { body: { duplicate, stored } } = await iris.server('POST', 'notices', { noticeId, users: [user.userId], content: { text: 'x' } })
  t.strictSame([duplicate, stored, await waiting(user)], [true, 1, []], 'nor does a retry of the notice bring it back')
})

t.test('[COMPLETE-3] after its ttl it is not redelivered, and its completion is answered expired', async t => {
  const user = await iris.user(t)
  const stream = await user.listen({ terminalId: 'phone' })
  const { id: cursor } = await stream.next('IRIS.READY')
  await stream.cut()
  const [cmdId, noticeId, kept] = [await order(user, { ttlSec: 1 }), await notice(user, { ttlSec: 1 }), await order(user, { ttlSec: 60 })]
  t.strictSame((await waiting(user)).sort(), [cmdId, noticeId, kept].sort())
  const left = await until(async () => {
    const ids = await waiting(user)
    return ids.length < 3 && !ids.includes(cmdId) && !ids.includes(noticeId) ? ids : undefined
  })
  t.strictSame(left, [kept])
  const replay = await user.listen({ terminalId: 'phone', cursor })
  const [hello, ready] = [await replay.next('IRIS.HELLO'), await replay.next('IRIS.READY')]
  t.strictSame(between(replay, hello, ready).map(({ data }) => data['cmdId'] ?? data['noticeId']), [kept])
  t.strictSame(states(await user.cmdComplete({ ids: [cmdId, kept] })), ['expired', 'completed'])
  t.strictSame(states(await user.noticeComplete({ ids: [noticeId] })), ['expired'])
})
