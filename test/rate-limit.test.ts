// The rate of a user's up-requests: 20 a second, 40 at once, all of them counted together. docs/protocol.md section 2.
import t from 'tap'
import { keys } from '../src/store/keys.js'
import { HOUR_MS } from './helper/clock.js'
import { startIris } from './helper/iris.js'
import { startRedis } from './helper/redis.js'
import { tokenOf } from './helper/token.js'
import { until, type User } from './helper/user.js'

const BURST = 1000
const slow = await startIris(t, { env: { IRIS_LIMIT_UP_RATE: '1', IRIS_LIMIT_UP_BURST: String(BURST) } })

/**
 * Puts a user so many requests into debt: the stored time of arrival is moved instead of the clock, so that no test depends on its speed.
 */
async function owe (user: User, requests: number): Promise<() => Promise<number>> {
  const arrival = (Date.now() + requests * 1000) * 1000
  await slow.redis.set(keys.rate(user.userId), String(arrival))
  return async () => (Number(await slow.redis.get(keys.rate(user.userId))) - arrival) / 1_000_000
}

t.test('[LIMITS] messages, commands, tickets and conversations count together, and what breaks a rule does, too', async t => {
  const [alice, bob] = [await slow.user(t), await slow.user(t)]
  const counted = await owe(alice, BURST / 2)
  t.equal((await alice.send(bob, 'one')).status, 200)
  t.equal((await alice.command({ clientCmdId: 'c', name: 'c', to: { users: [bob.userId] } })).status, 200)
  t.equal((await alice.post('/v1/down/tickets', {})).status, 200)
  t.equal((await alice.conversations()).status, 200)
  t.equal((await alice.msgUp({ nonsense: true })).status, 400)
  t.equal(await counted(), 5)
})

t.test('[LIMITS] above the burst: 429 with the seconds to wait, on every terminal; other users are not touched', async t => {
  const [alice, bob] = [await slow.user(t), await slow.user(t)]
  const counted = await owe(alice, BURST + 300)
  for (const refused of [
    await alice.send(bob, 'x'), await alice.time({}, 'other'), await alice.conversations(), await alice.post('/v1/down/tickets', {}),
    await alice.msgUp({ nonsense: true })
  ]) {
    t.match(refused, { status: 429, body: { code: 'RATE_LIMITED', retryable: true, retryAfterSec: Number } })
    t.ok(Number(refused.headers.get('retry-after')) >= 300, 'until the debt is paid')
  }
  const other = await tokenOf(alice.userId, { agoSec: 10 })
  t.equal((await fetch(`${slow.url}/v1/conversations`, { headers: { authorization: `Bearer ${other}` } })).status,
    429, 'another token of the user')
  t.equal(await counted(), 0, 'what is refused does not count')
  t.equal((await bob.time({})).status, 200)
  t.equal((await bob.conversations()).body['totalUnread'], 0, 'nothing was sent')
})

t.test('[LIMITS] a request is granted as soon as the debt allows', async t => {
  const alice = await slow.user(t)
  const counted = await owe(alice, BURST - 1)
  t.equal((await alice.time({})).status, 200)
  t.equal(await counted(), 1)
})

t.test('[COST-1] [TIME-1] a clock that went back locks nobody out, and what was taken before counts for nothing', async t => {
  const alice = await slow.user(t)
  const ahead = Date.now() + 2 * HOUR_MS
  await slow.redis.set(keys.rate(alice.userId), String(ahead * 1000), 'PX', 2 * HOUR_MS)
  for (const field of ['/attach', '/new']) await slow.redis.hset(keys.terminals(alice.userId), field, String(ahead * 1000))
  t.equal((await alice.time({})).status, 200)
  await (await alice.listen()).next('IRIS.READY')
  const due = [await slow.redis.get(keys.rate(alice.userId)), ...await slow.redis.hmget(keys.terminals(alice.userId), '/attach', '/new')]
  for (const us of due) t.ok(Number(us ?? NaN) / 1000 < Date.now() + 10_000, 'it is counted anew')
  t.ok(await slow.redis.pttl(keys.rate(alice.userId)) < 10_000)
})

t.test('[LIMITS] the wait is told in real seconds', async t => {
  const bob = await slow.user(t)
  await bob.time({})
  const ttl = await slow.redis.pttl(keys.rate(bob.userId))
  t.ok(ttl > 0 && ttl <= 1_000, 'the key ends with the debt')
})

t.test('[LIMITS] two hundred at once: exactly the burst is granted, on two nodes together', async t => {
  const env = { IRIS_LIMIT_UP_RATE: '1', IRIS_LIMIT_UP_BURST: '5' }
  const a = await startIris(t, { env })
  const b = await startIris(t, { env, redisPath: a.redisPath })
  const alice = await a.user(t)
  const began = Date.now()
  const answers = await Promise.all(Array.from({ length: 200 }, async (_, i) =>
    (await fetch(`${(i % 2 ? a : b).url}/v1/conversations`, { headers: { authorization: `Bearer ${alice.token}` } })).status))
  const granted = answers.filter(status => status === 200).length
  t.ok(granted >= 5 && granted <= 5 + Math.ceil((Date.now() - began) / 1000), `${granted} were granted`)
  t.equal(answers.filter(status => status === 429).length, 200 - granted)
})

t.test('[LIMITS] the server API is not counted, the clock without a token neither', async t => {
  const alice = await slow.user(t)
  const bob = await slow.user(t)
  const counted = await owe(alice, BURST + 300)
  for (let i = 0; i < 3; i++) {
    t.equal((await slow.server('POST', 'messages', {
      from: alice.userId, clientMsgId: `c-${i}`, to: bob.userId, type: 'text', content: { text: 'hi' }
    })).status, 200)
    t.equal((await fetch(`${slow.url}/v1/time`)).status, 200)
  }
  t.equal(await counted(), 0)
})

t.test('[LIMITS] the defaults are those of the protocol: 40 at once, then 20 a second', async t => {
  const iris = await startIris(t, { env: { IRIS_LIMIT_UP_RATE: '20', IRIS_LIMIT_UP_BURST: '40' } })
  const alice = await iris.user(t)
  const began = performance.now()
  let granted = 0
  for (let i = 0; i < 120; i++) if ((await alice.time({})).status === 200) granted++
  const seconds = (performance.now() - began) / 1000
  t.ok(granted >= 40 && granted <= 41 + 20 * seconds, `${granted} in ${seconds} s`)
})

t.test('[LIMITS] without Redis each node counts for itself: what needs the store is 503, what does not goes on', async t => {
  const store = await startRedis(t)
  const iris = await startIris(t, { env: { IRIS_LIMIT_UP_RATE: '1', IRIS_LIMIT_UP_BURST: '50' }, redisPath: store.path })
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  await store.kill()
  await until(async () => iris.redis.status !== 'ready' || undefined)
  for (let i = 0; i < 5; i++) {
    t.match(await alice.send(bob, 'x'), { status: 503, body: { code: 'STORE_UNAVAILABLE', retryable: true } })
    t.equal((await alice.time({})).status, 200)
  }
  const frames = await Promise.all(Array.from({ length: 200 }, () => bob.time({})))
  t.ok(frames.filter(({ status }) => status === 429).length >= 50, 'what needs no store is limited all the same')
})
