// What a request may cause is counted, not the request. docs/protocol.md sections 2 and 9.
import t from 'tap'
import { operations } from '../src/app.js'
import { keys } from '../src/store/keys.js'
import { startIris } from './helper/iris.js'
import { upTo } from './helper/sse.js'
import { groupOf, type User } from './helper/user.js'

const BURST = 1000
const lines: string[] = []
const iris = await startIris(t, {
  env: { IRIS_LIMIT_UP_RATE: '1', IRIS_LIMIT_UP_BURST: String(BURST) },
  logs: { write: line => { lines.push(line) } }
})

/** Puts a user so many units into debt: no test depends on the time that passes. @returns when they are paid for, us. */
async function owe ({ userId }: User, units: number): Promise<number> {
  const arrival = (Date.now() + units * 1000) * 1000
  await iris.redis.set(keys.rate(userId), String(arrival))
  return arrival
}

/** @returns the status of a request, and what it took from the user's bucket. */
async function weightOf (user: User, send: () => Promise<{ status: number }>): Promise<[number, number]> {
  const before = await owe(user, BURST / 2)
  const { status } = await send()
  return [status, (Number(await iris.redis.get(keys.rate(user.userId))) - before) / 1e6]
}

const names = (n: number) => upTo(n).map(i => ({ userId: `m-${i}` }))

t.test('[COST-1] each operation weighs what it may cause; what is refused weighs one', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const [large, small] = [await groupOf(iris, alice, ...names(119)), await groupOf(iris, alice, ...names(9))]
  const users = names(60).map(({ userId }) => userId)
  const ids = upTo(23).map(i => `x-${i}`)
  await alice.send(bob, 'hi')
  let n = 0
  const command = (mode: string, to: object) => () => alice.command({ clientCmdId: `c-${++n}`, name: 'c', mode, to })
  const cases: [what: string, weight: number, send: () => Promise<{ status: number }>, status?: number][] = [
    ['MSG_UP to a user', 1, () => alice.send(bob, 'x')],
    ['MSG_UP to 10', 1, () => alice.send(small, 'x')],
    ['MSG_UP to 120', 3, () => alice.send(large, 'x')],
    ['MSG_UP of a stranger, who must not learn how many they are', 1, () => bob.send(large, 'x'), 404],
    ['REVOKE in 120', 3, () => alice.revoke({ conversationId: large, seq: 1 })],
    ['READ', 1, () => alice.read({ conversationId: large, upToSeq: 1 })],
    ['READ of 51 seqs', 2, () => alice.read({ conversationId: large, seqs: upTo(51) })],
    ['REST of 2', 1, () => alice.rest({ items: [{ conversationId: large }, { conversationId: small }] })],
    ['REST of 23', 12, () => alice.rest({ items: ids.map(conversationId => ({ conversationId })) }), 404],
    ['GET_READ_MSG', 1, () => alice.getReadMsg({ conversationId: large })],
    ['GET_READ_MSG, limit 100', 2, () => alice.getReadMsg({ conversationId: large, limit: 100 })],
    ['an online command to 60', 3, command('online', { users }), 200],
    ['a reliable command to 60', 20, command('reliable', { users: users.slice(0, 60) }), 200],
    ['an online command to 120', 5, command('online', { conversationId: large })],
    ['a reliable command to 120', 40, command('reliable', { conversationId: large })],
    ['a command to oneself', 1, command('reliable', { self: true })],
    ['CMD_COMPLETE of 23', 5, () => alice.cmdComplete({ ids })],
    ['NOTICE_COMPLETE of 23', 5, () => alice.noticeComplete({ ids })],
    ['the list', 1, () => alice.conversations()],
    ['the list, limit 100', 4, () => alice.conversations('?limit=100')],
    ['a heartbeat', 1, () => alice.post('/v1/up/heartbeat', {})],
    ['a ticket', 1, () => alice.post('/v1/down/tickets', {})],
    ['what breaks a rule', 1, () => alice.cmdComplete({ ids, colour: 1 }), 400]
  ]
  for (const [what, weight, send, status = 200] of cases) {
    const user = what.includes('stranger') ? bob : alice
    t.strictSame(await weightOf(user, send), [status, weight], what)
  }
})

t.test('[COST-1] a reading weighs by how many are told, as soon as that is known; again it weighs one', async t => {
  const alice = await iris.user(t)
  const users = names(120)
  const group = await groupOf(iris, alice, ...users)
  const id = (i: number) => ({ from: `m-${i}`, clientMsgId: `s-${i}`, conversationId: group, type: 'text', content: { text: 'x' } })
  for (const i of upTo(120)) await iris.server('POST', 'messages', id(i))
  const read = () => alice.read({ conversationId: group, upToSeq: 120 })
  t.strictSame(await weightOf(alice, read), [200, 3], '120 senders')
  t.strictSame(await weightOf(alice, read), [200, 1], 'nobody is told again')
})

t.test('[COST-1] who is not in debt is admitted whatever it weighs, and pays for it afterwards', async t => {
  const alice = await iris.user(t)
  const group = await groupOf(iris, alice, ...names(400))
  await owe(alice, BURST - 5)
  t.equal((await alice.send(group, 'x')).status, 200)
  const { status, body } = await alice.time({})
  t.equal(status, 429)
  const retryAfterSec = Number(body['retryAfterSec'])
  t.ok(retryAfterSec > 1 && retryAfterSec <= 5, `${retryAfterSec} s: nine units were taken, and five were left`)
})

t.test('[COST-1] who is too fast costs no script and no line in the log, but a number in the metrics', async t => {
  const alice = await iris.user(t)
  await owe(alice, BURST + 100)
  t.equal((await alice.time({})).status, 429, 'Redis says so')
  const scripts = async () => Number(/cmdstat_evalsha:calls=(\d+)/.exec(await iris.redis.info('commandstats'))?.[1])
  const before = await scripts()
  lines.length = 0
  const total = 300
  const answers = await Promise.all(upTo(total).map(() => alice.time({ t0: 1 })))
  t.ok(answers.every(({ status, body }) => status === 429 && body.code === 'RATE_LIMITED'))
  t.ok(await scripts() - before < total / 10, 'this node knows')
  const levels = lines.filter(line => line.includes(alice.userId)).map(line => (JSON.parse(line) as { level: number }).level)
  t.ok(levels.every(level => level <= 20), 'debug')
  const page = await (await fetch(`${iris.url}/metrics`, { headers: { authorization: `Bearer ${iris.serverKey}` } })).text()
  t.ok(Number(/iris_rate_limited_total\{operation="GET_SYSTEM_TIME"\} (\d+)/.exec(page)?.[1]) >= total)
})

t.test('[COST-1] every operation whose body or page may be long says what it weighs', async t => {
  const isLong = (schema: object | undefined) => /"(maxItems|limit)":/.test(JSON.stringify(schema ?? {}))
  for (const { name, auth, body, query, costs } of operations) {
    // mentions are counted with the members who read them
    if (auth !== 'user' || (!isLong(body) && !isLong(query))) continue
    t.ok(costs && costs.length > 0, name)
  }
})
