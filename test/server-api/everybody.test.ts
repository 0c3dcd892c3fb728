// Notices to everybody: stored once, whom each reaches, how it ends. docs/protocol.md section 8.
import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { keys } from '../../src/store/keys.js'
import { allEvents } from '../helper/events.js'
import { startIris } from '../helper/iris.js'
import { openPolls } from '../helper/poll.js'
import type { SseEvent } from '../helper/sse.js'
import { loginOf } from '../helper/token.js'
import { between, createUser, pointers, two, until, type User } from '../helper/user.js'
import { openWs } from '../helper/ws.js'

const env = { IRIS_EVENTS: 'all', IRIS_LIMIT_EVERYBODY: '3' }
const iris = await startIris(t, { env })
const other = await startIris(t, { env, redisPath: iris.redisPath })
const newId = () => `n-${randomUUID()}`

/** Tells everybody; it ends with the test. */
async function tell (t: Test, more: object = {}, node = iris): Promise<string> {
  const noticeId = newId()
  const { status, body } = await node.server('POST', 'notices', { noticeId, everybody: true, content: { text: 'to all' }, ...more })
  t.match([status, body], [200, { noticeId, stored: 1, skipped: [], duplicate: false }])
  t.teardown(() => cancel(noticeId))
  return noticeId
}
const cancel = async (noticeId: string) => await iris.server('DELETE', `notices/${noticeId}`)
const isOf = (noticeId: string, op: string) => ({ event, data }: SseEvent) =>
  event === 'NOTICE_DOWN' && data['noticeId'] === noticeId && data['op'] === op
const stateOf = async (user: User, noticeId: string, terminalId?: string) =>
  (await user.noticeComplete({ ids: [noticeId] }, terminalId)).body['results'] as { state: string }[]
const ids = (some: SseEvent[]) => some.flatMap(({ event, data }) => event === 'NOTICE_DOWN' ? [data['noticeId']] : [])

/** What a terminal finds that begins anew. */
async function waiting (user: User, terminalId: string = randomUUID()): Promise<SseEvent[]> {
  const stream = await user.listen({ terminalId })
  const [hello, ready] = [await stream.next('IRIS.HELLO'), await stream.next('IRIS.READY')]
  await stream.cut()
  return between(stream, hello, ready)
}

const transports: Record<string, (user: User) => Promise<Pick<Awaited<ReturnType<typeof openWs>>, 'next' | 'cut'>>> = {
  sse: async user => await user.listen({ terminalId: 'sse' }),
  ws: async ({ token }) => await openWs(`${iris.url}/v1/ws?terminalId=ws`, { headers: { authorization: `Bearer ${token}` } }),
  poll: async ({ token }) => await openPolls(`${iris.url}/v1/down/poll?terminalId=poll`, {
    headers: { authorization: `Bearer ${token}` }
  })
}

for (const [name, open] of Object.entries(transports)) {
  t.test(`[NOTICE-1] by ${name}: those who are connected, and who comes while it lasts, until each has completed it`, async t => {
    const [alice, bob] = await two(() => iris.user(t))
    const stream = await open(alice)
    t.teardown(() => stream.cut())
    await stream.next('IRIS.READY')
    const noticeId = await tell(t, { title: 'Maintenance', level: 'warning' })
    t.match((await stream.next(isOf(noticeId, 'show'))).data, { content: { text: 'to all' }, level: 'warning', needComplete: true })
    const late = await open(bob)
    t.teardown(() => late.cut())
    t.match((await late.next(isOf(noticeId, 'show'))).data, { content: { text: 'to all' } })
    t.match(await stateOf(alice, noticeId, 'elsewhere'), [{ state: 'completed' }])
    await stream.next(isOf(noticeId, 'complete'))
    t.match(await stateOf(alice, noticeId), [{ state: 'already' }])
    t.same(ids(await waiting(alice)), [], '[COMPLETE-4]')
    t.match(await waiting(bob), [{ data: { noticeId, redelivery: 1 } }], 'bob has not')
    t.same((await allEvents(iris)).filter(({ type, noticeId: id }) => type === 'notice.completed' && id === noticeId)
      .map(({ userId }) => userId), [alice.userId])
  })
}

t.test('[NOTICE-1] it is stored once; who is away costs nothing, and with who is there stands its place only', async t => {
  const [alice, away] = await two(() => iris.user(t))
  await waiting(away)
  const stream = await alice.listen()
  await stream.next('IRIS.READY')
  const noticeId = await tell(t)
  await stream.next(isOf(noticeId, 'show'))
  t.equal(await iris.redis.exists(keys.box('NOTICE_BOX', away.userId)), 0)
  t.notMatch(await iris.redis.hget(keys.box('NOTICE_BOX', alice.userId), noticeId), 'to all')
  t.match(await iris.redis.hget(keys.everybody, noticeId), 'to all')
  t.ok(await iris.redis.pttl(keys.everybody) > 0)
})

t.test('[NOTICE-1] a node that hears of it later tells those who are there; who resumes finds it behind his cursor', async t => {
  const [alice, bob] = await two(() => other.user(t))
  const stream = await alice.listen()
  await stream.next('IRIS.READY')
  const gone = await bob.listen({ terminalId: 'phone' })
  const { id: cursor } = await gone.next('IRIS.READY')
  await gone.cut()
  const noticeId = await tell(t)
  const { id } = await stream.next(isOf(noticeId, 'show'))
  t.match(id, /^\d+-\d+$/)
  const back = await bob.listen({ terminalId: 'phone', cursor })
  await back.next(isOf(noticeId, 'show'))
  t.notOk(back.events.some(({ data }) => data['name'] === 'IRIS.RESET'))
  t.equal(ids(back.events).length, 1)
})

t.test('[NOTICE-1] one that needs no completion is shown once', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const stream = await alice.listen()
  await stream.next('IRIS.READY')
  const noticeId = await tell(t, { needComplete: false })
  t.match((await stream.next(isOf(noticeId, 'show'))).data, { needComplete: false })
  t.same([ids(await waiting(bob)), ids(await waiting(bob))], [[noticeId], []])
  await until(async () => await iris.redis.zscore(keys.boxPart('NOTICE_BOX', alice.userId, 'ORDER'), noticeId) === null ? true : undefined)
  t.same(ids(await waiting(alice, 'second')), [])
})

t.test('[NOTICE-2] taken back it is shown nobody, wherever it has come', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const carol = await other.user(t)
  const streams = [await alice.listen(), await carol.listen()]
  for (const stream of streams) await stream.next('IRIS.READY')
  const noticeId = await tell(t)
  t.same(ids(await waiting(bob)), [noticeId], 'bob goes again, and has not completed it')
  for (const stream of streams) await stream.next(isOf(noticeId, 'show'))
  t.match(await cancel(noticeId), { status: 200, body: { noticeId, cancelled: 1 } })
  t.match(await cancel(noticeId), { status: 200, body: { cancelled: 0 } })
  for (const stream of streams) await stream.next(isOf(noticeId, 'cancel'))
  for (const user of [alice, bob, carol]) t.same(ids(await waiting(user)), [])
  t.match(await stateOf(alice, noticeId), [{ state: 'expired' }])
})

t.test('[NOTICE-2] who was away when it was taken back is told when he comes, and has its place no more', async t => {
  const alice = await iris.user(t)
  const stream = await alice.listen({ terminalId: 'phone' })
  await stream.next('IRIS.READY')
  const noticeId = await tell(t)
  const { id: cursor = '' } = await stream.next(isOf(noticeId, 'show'))
  await stream.cut()
  await cancel(noticeId)
  const back = await alice.listen({ terminalId: 'phone', cursor })
  await back.next(isOf(noticeId, 'cancel'))
  t.equal(await iris.redis.hexists(keys.box('NOTICE_BOX', alice.userId), noticeId), 0)
  t.same(ids(await waiting(await iris.user(t))), [], 'whom it had not reached is not told of it')
})

t.test('[NOTICE-1] several come in the order in which they were sent, to whoever comes', async t => {
  const sent: string[] = []
  const witness = await (await iris.user(t)).listen()
  await witness.next('IRIS.READY')
  for (const i of [1, 2, 3]) sent.push(await tell(t, { content: { text: 'x'.repeat(100 * i) } }))
  await witness.next(isOf(sent[2] ?? '', 'show'))
  const alice = await iris.user(t)
  t.same(ids(await waiting(alice)), sent)
  t.same(ids(await waiting(alice)), sent, 'and again')
})

t.test('[NOTICE-1] [USER-2] who may not attach has nothing kept for him; who was deleted and comes anew gets it', async t => {
  const { userId } = await iris.user(t)
  const old = await loginOf(t, iris, userId)
  const stream = await old.listen({ terminalId: 'phone' })
  await stream.next('IRIS.READY')
  const noticeId = await tell(t)
  await stream.next(isOf(noticeId, 'show'))
  t.match(await iris.server('DELETE', `users/${userId}`), { body: { done: true, removed: { notices: 1 } } })
  t.equal((await old.listen({ terminalId: 'phone' })).status, 204)
  t.same((await iris.redis.keys(`*:${userId}*`)).filter(key => /NOTICE_BOX|DOWN/.test(key)), [])
  const anew = await loginOf(t, iris, userId, { agoSec: -10 })
  t.same(ids(await waiting(anew)), [noticeId])
})

t.test('[USER-2] [COMPLETE-4] a new user has not completed what one who was deleted had, whichever node knows of that', async t => {
  const { userId } = await iris.user(t)
  const noticeId = await tell(t)
  for (const [node, agoSec] of [[iris, 0], [other, -10], [iris, -20]] as const) {
    const user = await loginOf(t, node, userId, { agoSec })
    const [stream, elsewhere] = await Promise.all([user, createUser(t, { ...user, url: (node === iris ? other : iris).url })]
      .map(each => each.listen({ terminalId: randomUUID() })))
    for (const each of [stream, elsewhere]) await each?.next(isOf(noticeId, 'show'))
    t.match(await stateOf(user, noticeId), [{ state: 'completed' }])
    for (const each of [stream, elsewhere]) await each?.next(isOf(noticeId, 'complete'))
    t.same(ids(await waiting(user)), [])
    t.match(await iris.server('DELETE', `users/${userId}`), { body: { done: true } })
  }
})

t.test('[NOTICE-2] it ends with its ttlSec, and takes no room then', async t => {
  const alice = await iris.user(t)
  const noticeId = await tell(t, { ttlSec: 1 })
  t.same(ids(await waiting(alice)), [noticeId])
  await until(async () => ids(await waiting(alice)).length === 0 ? true : undefined)
  t.same(ids(await waiting(await iris.user(t))), [])
  t.match(await stateOf(alice, noticeId), [{ state: 'expired' }])
})

t.test('[NOTICE-1] [DOWN-2] so many at once; a retry is one; bad input is named', async t => {
  await iris.redis.set(keys.everybody, 'of another type')
  const noticeId = await tell(t)
  for (const to of [{ everybody: true }, { to: { everybody: true } }]) {
    const again = await iris.server('POST', 'notices', { noticeId, content: { text: 'to all' }, ...to })
    t.match(again, { status: 200, body: { stored: 1, duplicate: true } })
  }
  t.match(await iris.server('POST', 'notices', { noticeId, everybody: true, content: {} }), { body: { code: 'NOTICE_ID_CONFLICT' } })
  for (let i = 0; i < 2; i++) await tell(t)
  const more = { noticeId: newId(), everybody: true, content: {} }
  t.match(await iris.server('POST', 'notices', more), { status: 409, body: { code: 'TOO_MANY_NOTICES' } })
  await cancel(noticeId)
  t.match(await iris.server('POST', 'notices', more), { status: 200 }, 'what was refused may be sent again')
  t.teardown(() => cancel(more.noticeId))
  for (const [body, pointer] of [
    [{ everybody: false }, '/everybody'], [{ to: { everybody: 1 } }, '/to/everybody'], [{ to: { everybody: true, users: ['a'] } }, '/to'],
    [{ everybody: true, users: ['a'] }, '/users']
  ] as const) {
    const answer = await iris.server('POST', 'notices', { noticeId: newId(), content: {}, ...body })
    t.match(answer, { status: 400, body: { code: 'INVALID_BODY' } }, JSON.stringify(body))
    t.ok(pointers(answer)?.includes(pointer), JSON.stringify(pointers(answer)))
  }
})

t.test('[NOTICE-1] [COST-1] while there is none, an attach asks for none', async t => {
  await iris.redis.del(keys.everybody)
  const asked: string[] = []
  let looks = 0
  const monitor = await iris.redis.monitor()
  t.teardown(() => monitor.disconnect())
  monitor.on('monitor', (_: string, args: string[]) => {
    const isLook = /^hkeys$/i.test(String(args[0]))
    if (args.includes(keys.everybody)) isLook ? looks++ : asked.push(args.join(' ').slice(0, 80))
  })
  await until(async () => looks >= 4 ? true : undefined) // both nodes know it
  await waiting(await iris.user(t))
  await iris.redis.echo('the end')
  t.same(asked, [])
})

t.test('[NOTICE-2] [STORE-2] at maxmemory one that is taken back is told as ever; a new one waits', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const open = await (await other.user(t)).listen()
  const gone = await bob.listen()
  for (const each of [open, gone]) await each.next('IRIS.READY')
  const noticeId = await tell(t)
  await open.next(isOf(noticeId, 'show'))
  const { id: cursor = '' } = await gone.next(isOf(noticeId, 'show'))
  await gone.cut()
  await iris.redis.config('SET', 'maxmemory', 1)
  t.teardown(async () => await iris.redis.config('SET', 'maxmemory', 0))
  t.match(await iris.server('POST', 'notices', { noticeId: newId(), everybody: true, content: {} }), { body: { code: 'STORE_FULL' } })
  t.match(await cancel(noticeId), { body: { cancelled: 1 } })
  await open.next(isOf(noticeId, 'cancel'))
  const again = await bob.listen({ cursor })
  await again.next(isOf(noticeId, 'cancel'))
  t.same(ids(await waiting(alice)), [], 'who attaches is served')
  await iris.redis.config('SET', 'maxmemory', 0)
})
