// A connection to Redis that is dead without a word, and a server that answers but is not the one. docs/protocol.md section 10.
import t from 'tap'
import { openDoor } from '../helper/door.js'
import { SERVER_KEY, startIris } from '../helper/iris.js'
import { startRedis } from '../helper/redis.js'
import { type Answer, sendUntilStored, until, type User } from '../helper/user.js'

const server = await startRedis(t)
const door = await openDoor(t, server.path)
const iris = await startIris(t, { redisPath: door.url })
const [alice, bob] = [await iris.user(t), await iris.user(t)]

const ready = async () => await (await fetch(`${iris.url}/readyz`)).json() as Record<string, unknown>
const sent = async () => await sendUntilStored(alice, bob, 'x')

/** A refusal that does not wait for Redis: the shortest of three, far below the time-out of a command. */
async function refused (from: User, to: User): Promise<{ answer: Answer, ms: number }> {
  let [answer, ms]: [Answer | undefined, number] = [undefined, Infinity]
  for (let i = 0; i < 3; i++) {
    const began = performance.now()
    answer = await from.send(to, 'x')
    ms = Math.min(ms, performance.now() - began)
  }
  return { answer: answer as Answer, ms }
}

t.test('[STORE-1] the way to Redis swallows bytes: 503 at once after 2 s, and another connection is tried until one answers', async t => {
  await sent()
  door.swallow(true)
  const before = door.connections
  t.match(await alice.send(bob, 'into the dark'), { status: 503, body: { detail: 'The store does not answer: the outcome is unknown' } })
  const details = new Set<unknown>()
  const dialled = async (n: number) => await until(async () => {
    details.add((await ready())['detail'])
    return door.connections > before + n || undefined
  })
  await dialled(0)
  const { answer, ms } = await refused(alice, bob)
  t.match(answer, {
    status: 503,
    body: { code: 'STORE_UNAVAILABLE', detail: 'The store does not answer: nothing was asked of it', retryable: true }
  })
  t.ok(ms < 1_000, `refused after ${Math.round(ms)} ms`)
  t.match(await ready(), { status: 503, code: 'STORE_UNAVAILABLE' })
  t.equal((await fetch(`${iris.url}/livez`)).status, 200)
  // one that was dialled into the dark is given up, too
  await dialled(1)
  t.same([...details], ['Redis does not answer'], 'one trouble has one name')
  door.swallow(false)
  await sent()
  t.match(await ready(), { status: 'ok' })
})

t.test('[ACK] a Redis that is busy for a while is waited for: whatever comes is a sign of life', async t => {
  await sent()
  const before = door.connections
  const busy = server.redis.eval(
    'local function at () local t = redis.call("TIME") return t[1] * 1e6 + t[2] end local ends = at() + 1.2e6 repeat until at() >= ends', 0
  )
  const { status } = await alice.send(bob, 'y')
  await busy
  t.equal(status, 200)
  t.equal(door.connections, before)
})

t.test('[STORE-1] the master becomes a replica under way: its address is dialled until a master is there', async t => {
  await sent()
  await server.redis.replicaof('127.0.0.1', 1)
  const before = door.connections
  t.equal((await alice.send(bob, 'x')).status, 503)
  await until(async () => (await ready())['detail'] === 'This Redis is a replica, which cannot be written to' || undefined)
  t.match(await alice.send(bob, 'x'), {
    status: 503,
    body: { code: 'STORE_UNAVAILABLE', detail: 'The store is not ready: nothing was asked of it' }
  })
  await until(async () => door.connections > before + 1 || undefined)
  await server.redis.replicaof('NO', 'ONE')
  await sent()
  t.match(await ready(), { status: 'ok' })
})

t.test('[STORE-1] a Redis that refuses to write for want of replicas: /readyz says what a command would meet', async t => {
  await sent()
  await server.redis.config('SET', 'min-replicas-to-write', '1')
  await until(async () => /^Redis refuses to write: NOREPLICAS/.test(String((await ready())['detail'])) || undefined)
  const refused = {
    status: 503,
    body: { code: 'STORE_UNAVAILABLE', detail: 'The store is not ready: it refused, and nothing was done', retryable: true }
  }
  t.match(await alice.send(bob, 'x'), refused)
  const notice = { noticeId: 'n', users: [alice.userId, bob.userId], content: { text: 'x' } }
  t.match(await iris.server('POST', 'notices', notice), refused)
  const keyed = await fetch(`${iris.url}/v1/server/notices`, {
    method: 'POST',
    headers: { authorization: `Bearer ${SERVER_KEY}`, 'content-type': 'application/json', 'idempotency-key': 'k' },
    body: JSON.stringify(notice)
  })
  t.match(await keyed.json(), refused.body, 'under a key')
  await server.redis.config('SET', 'min-replicas-to-write', '0')
  await until(async () => (await ready())['status'] === 'ok' || undefined)
  await sent()
})
