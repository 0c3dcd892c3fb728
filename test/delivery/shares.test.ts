// Who may fill whose box, and what leaves it by itself. [CMD-7] [BOX-1]
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startIris } from '../helper/iris.js'
import type { SseEvent } from '../helper/sse.js'
import { between, groupOf, three, two, until, type User } from '../helper/user.js'

const iris = await startIris(t, { env: { IRIS_LIMIT_CMD_BOX: '10', IRIS_LIMIT_NOTICE_BOX: '3' } })

interface Answer { body: Record<string, unknown> }
const order = (to: object) => ({ clientCmdId: randomUUID() as string, name: 'order', to, mode: 'reliable' })
const fromServer = (user: User): Promise<Answer> => iris.server('POST', 'commands', order({ users: [user.userId] }))
const stored = async (send: () => Promise<Answer>, times: number) => {
  const answers = []
  for (let i = 0; i < times; i++) answers.push((await send()).body['stored'])
  return answers
}
const ones = (n: number) => Array.from({ length: n }, () => 1)

async function notice (users: User[], more: object = {}) {
  const noticeId = `n-${randomUUID()}`
  const { body } = await iris.server('POST', 'notices', {
    noticeId,
    users: users.map(({ userId }) => userId),
    content: { text: 'x', needComplete: false },
    ...more
  })
  return { noticeId, body: body as Record<string, unknown> }
}
const passing = (users: User[]) => notice(users, { needComplete: false })

/** What stands between HELLO and READY of a terminal. */
async function waiting (
  user: User, { terminalId = randomUUID(), cursor }: { terminalId?: string, cursor?: string | undefined } = {}
): Promise<SseEvent[]> {
  const stream = await user.listen({ terminalId, cursor })
  const [hello, ready] = [await stream.next('IRIS.HELLO'), await stream.next('IRIS.READY')]
  await stream.cut()
  return between(stream, hello, ready)
}
const ids = (events: SseEvent[]) => events.map(({ data }) => data['noticeId'] ?? data['cmdId'])

t.test('[CMD-7] a stranger fills a fifth of the box, all of them together the whole, ' +
  'the server and he himself have room of their own', async t => {
  const bob = await iris.user(t)
  const others = await Promise.all(Array.from({ length: 6 }, () => iris.user(t)))
  await groupOf(iris, bob, ...others)
  const [alice] = others as [User, ...User[]]
  t.strictSame(await stored(() => alice.command(order({ users: [bob.userId] })), 3), [1, 1, 0])
  t.match((await alice.command(order({ users: [bob.userId] }))).body, {
    accepted: 0,
    skipped: [{ userId: bob.userId, reason: 'BOX_FULL' }]
  })
  t.strictSame(await stored(() => fromServer(bob), 11), [...ones(10), 0], 'the server\'s own room')
  for (const other of others.slice(1, 5)) t.strictSame(await stored(() => other.command(order({ users: [bob.userId] })), 3), [1, 1, 0])
  t.strictSame(await stored(() => (others[5] as User).command(order({ users: [bob.userId] })), 1), [0], 'all users together')
  t.strictSame(
    await stored(() => bob.command(order({ self: true })), 11), [...ones(10), 0], 'his own room: nobody shuts him out of his box'
  )
  t.equal((await waiting(bob)).length, 30)
})

t.test('[CMD-7] his own box a user may fill; a completion, an expiry and a replacement give the place back to its share', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await groupOf(iris, alice, bob)
  t.strictSame(await stored(() => bob.command(order({ self: true })), 11), [...ones(10), 0])
  t.strictSame(await stored(() => alice.command(order({ users: [bob.userId] })), 3), [1, 1, 0], 'which leaves the others theirs')
  await bob.cmdComplete({ ids: ids((await waiting(bob)).slice(10)) })
  const [first, second] = await waiting(bob)
  await bob.cmdComplete({ ids: ids([first, second] as SseEvent[]) })
  const keyed = () => alice.command({ ...order({ users: [bob.userId] }), collapseKey: 'k' })
  t.strictSame(await stored(keyed, 4), ones(4), 'each replaces the one before')
  t.strictSame(await stored(() => alice.command({ ...order({ users: [bob.userId] }), ttlSec: 1 }), 1), [1])
  t.strictSame(await stored(() => alice.command(order({ users: [bob.userId] })), 1), [0])
  await until(async () => (await alice.command(order({ users: [bob.userId] }))).body['stored'] === 1 || undefined)
  t.strictSame(await stored(() => alice.command(order({ users: [bob.userId] })), 1), [0])
})

t.test('[CMD-7] an online command leaves its dedupe memory for five minutes, a short one, and the retry has the same answer', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await alice.send(bob, 'acquaintance')
  const strangers = Array.from({ length: 99 }, (_, i) => `stranger-${randomUUID()}-${i}`)
  const keysNow = async () =>
    (await iris.redis.keys('*')).filter(key => key.includes(alice.userId) || key.includes(bob.userId) || key.includes('stranger-'))
  const before = new Set(await keysNow())
  const command = { clientCmdId: 'c-1', name: 'typing', to: { users: [bob.userId, ...strangers] } }
  const [first, again] = [await alice.command(command), await alice.command(command)]
  t.strictSame(again.body, { ...first.body, duplicate: true, traceId: again.body['traceId'] })
  t.strictSame((first.body['skipped'] as { userId: string }[]).map(({ userId }) => userId), strangers)
  const left = (await keysNow()).filter(key => !before.has(key) && !key.includes(':RATE:'))
  t.equal(left.length, 1)
  const key = left[0] as string
  const [ttl, bytes] = [await iris.redis.ttl(key), (await iris.redis.get(key))?.length ?? 0]
  t.ok(ttl > 0 && ttl <= 300, `${ttl} s`)
  t.ok(bytes < 1_000, `${bytes} bytes`)
})

t.test('[BOX-1] what needs no completion is shown once to who was away, then leaves the box', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const { noticeId } = await passing([bob])
  const { noticeId: kept } = await notice([bob])
  const [shown] = await waiting(bob, { terminalId: 'phone' })
  t.match(shown?.data, { noticeId, needComplete: false, op: 'show', redelivery: undefined })
  for (const terminalId of ['phone', 'desk']) t.strictSame(ids(await waiting(bob, { terminalId })), [kept])
  t.match((await bob.noticeComplete({ ids: [noticeId] })).body, { results: [{ state: 'already' }] })
  t.match((await iris.server('DELETE', `notices/${noticeId}`)).body, { cancelled: 0 })
  t.strictSame(await waiting(alice), [])
})

t.test('[BOX-1] who is connected gets it live, and it is not pending any more; who resumes before it gets it from the stream', async t => {
  const bob = await iris.user(t)
  const away = await bob.listen({ terminalId: 'away' })
  const { id: cursor } = await away.next('IRIS.READY')
  await away.cut()
  const desk = await bob.listen({ terminalId: 'desk' })
  await desk.next('IRIS.READY')
  const { noticeId } = await passing([bob])
  t.match(await desk.next('NOTICE_DOWN'), { data: { noticeId } })
  t.strictSame(await waiting(bob), [], 'a fresh terminal')
  const replayed = await waiting(bob, { terminalId: 'away', cursor })
  t.strictSame(replayed.map(({ id, data }) => [typeof id, data['noticeId']]), [['string', noticeId]])
  t.match((await iris.server('DELETE', `notices/${noticeId}`)).body, { cancelled: 1 })
  t.match(await desk.next('NOTICE_DOWN'), { data: { noticeId, op: 'cancel' } })
  t.strictSame((await waiting(bob, { terminalId: 'away', cursor })).map(({ data }) => data['op']), ['cancel'])
})

t.test('[BOX-1] a resume shows it as well: a fresh terminal afterwards does not', async t => {
  const bob = await iris.user(t)
  const phone = await bob.listen({ terminalId: 'phone' })
  const { id: cursor } = await phone.next('IRIS.READY')
  await phone.cut()
  const { noticeId } = await passing([bob])
  t.strictSame(ids(await waiting(bob, { terminalId: 'phone', cursor })), [noticeId])
  t.strictSame(await waiting(bob), [])
})

t.test('[BOX-1] it never fills the box for what needs completion; beyond its own room the oldest goes', async t => {
  const [bob, carol] = await two(() => iris.user(t))
  const all = []
  for (let i = 0; i < 5; i++) all.push((await passing([bob])).noticeId)
  const needed = []
  for (let i = 0; i < 4; i++) needed.push(await notice([bob, carol]))
  t.strictSame(needed.map(({ body }) => body['stored']), [2, 2, 2, 0])
  t.strictSame(ids(await waiting(bob)).sort(), [...all.slice(2), ...needed.slice(0, 3).map(({ noticeId }) => noticeId)].sort())
  t.equal((await passing([bob])).body['stored'], 1)
})

t.test('[BOX-1] [COMPLETE-4] completed or taken back before it was shown, it is not shown; sent twice, it is shown once', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const again = { noticeId: `n-${randomUUID()}`, users: [carol.userId], content: { text: 'x' }, needComplete: false }
  t.match((await iris.server('POST', 'notices', again)).body, { duplicate: false })
  t.match((await iris.server('POST', 'notices', again)).body, { duplicate: true })
  const [taken, done] = [await passing([alice]), await passing([bob])]
  t.match((await iris.server('DELETE', `notices/${taken.noticeId}`)).body, { cancelled: 1 })
  t.match((await bob.noticeComplete({ ids: [done.noticeId] })).body, { results: [{ state: 'completed' }] })
  t.strictSame([ids(await waiting(alice)), ids(await waiting(bob))], [[], []])
  t.strictSame([ids(await waiting(carol)), ids(await waiting(carol))], [[again.noticeId], []])
  t.match((await iris.server('POST', 'notices', again)).body, { duplicate: true })
  t.strictSame(ids(await waiting(carol)), [])
})
