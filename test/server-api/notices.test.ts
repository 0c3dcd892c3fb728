// Server API: notices, kept until a user has seen them. Section 8, [COMPLETE-3] [COMPLETE-4]
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startIris } from '../helper/iris.js'
import type { SseEvent } from '../helper/sse.js'
import { between, groupOf, pointers, three, two, type User } from '../helper/user.js'

const iris = await startIris(t)
const newId = () => `n:${randomUUID()}`
const post = async (body: object, node = iris) =>
  await node.server('POST', 'notices', { noticeId: newId(), content: { text: 'x' }, ...body })
const cancel = async (noticeId: string) => await iris.server('DELETE', `notices/${noticeId}`)

/** What a fresh terminal finds waiting. */
async function waiting (user: User, terminalId = randomUUID() as string): Promise<SseEvent[]> {
  const stream = await user.listen({ terminalId })
  const [hello, ready] = [await stream.next('IRIS.HELLO'), await stream.next('IRIS.READY')]
  await stream.cut()
  return between(stream, hello, ready)
}

t.test('[SERVER] to users: shown live with an id, kept for those who are away', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const stream = await alice.listen()
  await stream.next('IRIS.READY')
  const noticeId = newId()
  const notice = {
    noticeId,
    kind: 'message',
    title: 'Maintenance',
    content: { text: 'Tonight' },
    level: 'warning',
    actions: [{ title: 'More', url: 'https://status.example/' }, { title: 'Later', command: 'snooze' }]
  }
  const { status, body } = await post({ ...notice, users: [alice.userId, bob.userId], ttlSec: 60 })
  t.strictSame([status, body], [200, { noticeId, stored: 2, skipped: [], duplicate: false, traceId: body['traceId'] }])
  const { event, id, data } = await stream.next('NOTICE_DOWN')
  const { ts, expiresAt } = data
  t.strictSame([event, data], ['NOTICE_DOWN', { ...notice, needComplete: true, expiresAt, op: 'show', ts, traceId: body['traceId'] }])
  t.match(id, /^\d+-\d+$/)
  t.ok(Math.abs(Number(expiresAt) - Number(ts) - 60_000) < 50)
  const [first, ...more] = await waiting(bob, 'phone')
  // each user's item is of the instant at which it was stored for him
  const times = { ts: first?.data['ts'], expiresAt: first?.data['expiresAt'] }
  t.strictSame([first, ...more], [{ event: 'NOTICE_DOWN', data: { ...data, ...times } }])
  t.equal(Number(times.expiresAt) - Number(times.ts), 60_000)
  t.strictSame((await waiting(bob, 'phone')).map(again => again.data), [{ ...first?.data, redelivery: 1 }])
  t.match((await bob.noticeComplete({ ids: [noticeId] })).body, { results: [{ id: noticeId, state: 'completed' }] })
  t.strictSame(await waiting(bob), [])
  t.equal((await waiting(alice)).length, 1, 'each user completes for himself')
})

t.test('[SERVER] to the members of a conversation; kind and time to live have defaults', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const conversationId = await groupOf(iris, alice, bob)
  t.match(await post({ conversationId }), { status: 200, body: { stored: 2 } })
  const [found] = await waiting(bob)
  t.match(found?.data, { kind: 'notice', title: undefined, level: undefined, actions: undefined })
  t.ok(Math.abs(Number(found?.data['expiresAt']) - Number(found?.data['ts']) - 604_800_000) < 50)
  t.strictSame(await waiting(carol), [])
})

t.test('[SERVER] idempotent by noticeId: the same again is a duplicate, other content a conflict', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const stream = await alice.listen()
  const ready = await stream.next('IRIS.READY')
  const notice = { noticeId: newId(), users: [alice.userId, bob.userId] }
  const answers = await Promise.all(Array.from({ length: 10 }, () => post(notice)))
  t.strictSame(answers.map(({ status, body }) => [status, body['stored']]), answers.map(() => [200, 2]))
  t.equal(answers.filter(({ body }) => !body['duplicate']).length, 1)
  for (const change of [
    { content: { text: 'y' } }, { title: 'x' }, { users: [alice.userId] }, { ttlSec: 9 }, { needComplete: false }, { kind: 'message' }
  ]) {
    t.match(await post({ ...notice, ...change }), { status: 409, body: { code: 'NOTICE_ID_CONFLICT' } }, JSON.stringify(change))
  }
  await bob.send(alice, 'marker')
  t.same(between(stream, ready, await stream.next('MSG_DOWN')).map(({ event, data }) => [event, data['noticeId'], data['op']]),
    [['NOTICE_DOWN', notice.noticeId, 'show']], 'it was shown once')
})

t.test('[COMPLETE-4] a retry after the completion brings nothing back', async t => {
  const alice = await iris.user(t)
  const notice = { noticeId: newId(), users: [alice.userId] }
  await post(notice)
  await alice.noticeComplete({ ids: [notice.noticeId] })
  t.match(await post(notice), { status: 200, body: { duplicate: true, stored: 1 } })
  t.strictSame(await waiting(alice), [])
  t.match((await alice.noticeComplete({ ids: [notice.noticeId] })).body, { results: [{ state: 'already' }] })
})

t.test('[SERVER] cancel: those who have not completed it get op:"cancel", and it is not shown again', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const streams = [await alice.listen({ terminalId: 'phone' }), await alice.listen({ terminalId: 'desk' })]
  const cursors = await Promise.all(streams.map(async stream => (await stream.next('IRIS.READY')).id))
  const noticeId = newId()
  await post({ noticeId, users: [alice.userId, bob.userId, carol.userId], kind: 'message' })
  await carol.noticeComplete({ ids: [noticeId] })
  const { status, body } = await cancel(noticeId)
  t.strictSame([status, body], [200, { noticeId, cancelled: 2, traceId: body['traceId'] }])
  for (const stream of streams) {
    const { id, data } = await stream.next(({ data: { op } }) => op === 'cancel')
    t.strictSame(data, {
      noticeId, kind: 'message', op: 'cancel', content: {}, needComplete: false, ts: data['ts'], traceId: body['traceId']
    })
    t.match(id, /-2$/)
  }
  for (const user of [alice, bob, carol]) t.strictSame(await waiting(user), [])
  const replay = await alice.listen({ terminalId: 'late', cursor: cursors[0] })
  await replay.next('IRIS.READY')
  t.strictSame(replay.events.filter(({ event }) => event === 'NOTICE_DOWN').map(({ data: { op } }) => op),
    ['cancel'], 'a replay shows only that it is cancelled')
  t.match((await bob.noticeComplete({ ids: [noticeId] })).body, { results: [{ state: 'expired' }] })
  t.match(await cancel(noticeId), { status: 200, body: { cancelled: 0 } }, 'twice: nobody is left')
})

/** Holds a notice back on its way to the store: to everybody, or to one user. `asked`: it is looked for, to be taken back. */
function hold (noticeId: string, { userId }: { userId?: string }) {
  const { redis } = iris
  const send = redis.sendCommand.bind(redis)
  const [reached, asked, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  redis.sendCommand = (command, stream) => {
    const args = command.args.map(String)
    if (command.name === 'get' && args[0]?.includes(noticeId)) asked.resolve()
    const isIt = command.name.startsWith('eval') && args.includes(noticeId) && args.some(arg => arg.includes('"op":"show"'))
    if (!isIt || (userId !== undefined && !args.includes(userId))) return send(command, stream)
    reached.resolve()
    void released.promise.then(() => send(command, stream))
    return command.promise
  }
  return { reached: reached.promise, asked: asked.promise, release: () => { released.resolve() } }
}

t.test('[NOTICE-2] one that is taken back while its POST is under way reaches nobody from then on, however long that takes', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const users = [alice.userId, bob.userId]
  await Promise.all([{ users }, { everybody: true }].flatMap(to => [true, false].map(async isLate => {
    const what = `${Object.keys(to)[0]} ${isLate ? 'late' : 'soon'}`
    const noticeId = newId()
    const held = hold(noticeId, 'users' in to ? bob : {})
    const sent = post({ noticeId, ...to })
    await held.reached
    const taken = cancel(noticeId)
    await (isLate ? taken : held.asked)
    held.release()
    const [{ status, body }, back] = [await sent, await taken]
    t.strictSame([status, back.status], [200, 200], what)
    if (isLate) t.equal(body['stored'], 'users' in to ? 1 : 0, what)
    if (!isLate) t.equal(back.body['cancelled'], 'users' in to ? 2 : 1, what)
    t.match(await post({ noticeId, ...to }), { status: 200, body: { duplicate: true } }, what)
  })))
  t.same([await waiting(alice), await waiting(bob), await waiting(await iris.user(t))], [[], [], []])
})

t.test('[SERVER] needComplete:false is shown, and not redelivered', async t => {
  const alice = await iris.user(t)
  const stream = await alice.listen({ terminalId: 'phone' })
  const { id: cursor } = await stream.next('IRIS.READY')
  const { body } = await post({ users: [alice.userId], needComplete: false })
  t.match((await stream.next('NOTICE_DOWN')).data, { noticeId: body['noticeId'], needComplete: false })
  t.strictSame(await waiting(alice), [])
  const replay = await alice.listen({ terminalId: 'phone', cursor })
  t.match((await replay.next('NOTICE_DOWN')).data, { noticeId: body['noticeId'] }, 'who was cut off meanwhile still sees it')
})

t.test('[SERVER] a full box: the user is skipped with BOX_FULL, the others are not', async t => {
  const small = await startIris(t, { redisPath: iris.redisPath, env: { IRIS_LIMIT_NOTICE_BOX: '2' } })
  const [alice, bob] = await two(() => small.user(t))
  const [first] = [await post({ users: [alice.userId] }, small), await post({ users: [alice.userId] }, small)]
  const third = await post({ users: [alice.userId, bob.userId] }, small)
  t.strictSame([third.status, third.body['stored'], third.body['skipped']], [200, 1, [{ userId: alice.userId, reason: 'BOX_FULL' }]])
  t.equal((await waiting(alice)).length, 2)
  await alice.noticeComplete({ ids: [first.body['noticeId']] })
  t.match(await post({ users: [alice.userId] }, small), { status: 200, body: { stored: 1, skipped: { length: 0 } } })
})

t.test('[SERVER] what is not there is 404, and a refused notice leaves nothing behind', async t => {
  const alice = await iris.user(t)
  const noticeId = newId()
  t.match(await cancel(noticeId), { status: 404, body: { code: 'NOTICE_NOT_FOUND' } })
  t.match(await post({ noticeId, conversationId: 'g.none' }), { status: 404, body: { code: 'CONVERSATION_NOT_FOUND' } })
  t.match(await cancel(noticeId), { status: 404, body: { code: 'NOTICE_NOT_FOUND' } }, 'there is no such notice')
  t.match(await post({ noticeId, users: [alice.userId] }), { status: 200, body: { duplicate: false, stored: 1 } }, 'the id is free')
})

t.test('[SERVER] what is refused', async t => {
  const users = ['a']
  const bad: [body: object, pointer: string][] = [
    [{}, '/to'], [{ users, conversationId: 'g.x' }, '/conversationId'], [{ users: [] }, '/users'], [{ users: ['a', 'a'] }, '/users'],
    [{ users, noticeId: 'a b' }, '/noticeId'], [{ users, content: 'x' }, '/content'],
    [{ users, content: { text: 'x'.repeat(16_384) } }, '/content'],
    [{ users, kind: 'kick' }, '/kind'],
    [{ users, level: 'fatal' }, '/level'],
    [{ users, title: '' }, '/title'],
    [{ users, ttlSec: 0 }, '/ttlSec'],
    [{ users, actions: [{ url: 'https://x' }] }, '/actions/0/title'],
    [{ users, actions: [{ title: 'x', url: 'javascript:x' }] }, '/actions/0/url'],
    [{ users, actions: Array.from({ length: 11 }, () => ({ title: 'x' })) }, '/actions'],
    [{ users, op: 'show' }, '/op'],
    [{ users: Array.from({ length: 501 }, (_, i) => `u${i}`) }, '/users']
  ]
  for (const [body, pointer] of bad) {
    const answer = await post(body)
    t.strictSame([answer.status, answer.body['code'], pointers(answer)], [400, 'INVALID_BODY', [pointer]], JSON.stringify(body)
      .slice(0, 80))
  }
  t.match(await cancel('a%20b'), { status: 400, body: { code: 'INVALID_QUERY' } })
})
