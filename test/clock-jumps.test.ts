// Nodes whose clock is wrong from the start, and jumps by two hours while they run: nothing happens. docs/protocol.md section 2, [TIME-1].
import t, { type Test } from 'tap'
import { keys, partition } from '../src/store/keys.js'
import { clockEnv, HOUR_MS, jump } from './helper/clock.js'
import { alive, heartbeat, listening } from './helper/life.js'
import { startSharedRedis } from './helper/process.js'
import { createRedis } from '../src/store/redis/redis.js'
import { createUser, until, type User } from './helper/user.js'

const LEASE_SEC = 3
/** Requests with another address are of another machine, and counted. */
const limited = { IRIS_LIMIT_ADDRESS_RATE: '1', IRIS_TRUST_PROXY: '127.0.0.1' }
/** So long an address may count as too fast. */
const WINDOW_SEC = 10
t.jobs = 2
const { path, start } = await startSharedRedis(t)
const redis = createRedis(path)
t.teardown(() => redis.disconnect())
const now = async () => Number((await redis.time())[0]) * 1000
/** Times of the same second count as the same. */
const SECOND_MS = 1_000

for (const [name, direction] of [['back', -1], ['forward', 1]] as const) {
  t.test(`[TIME-1] a clock that is wrong, and jumps ${name}`, { buffered: true }, async t => {
    const node = await start(t, {
      ...clockEnv({ shiftMs: -direction * HOUR_MS, jumpMs: 2 * direction * HOUR_MS }),
      ...limited,
      IRIS_LIMIT_LEASE_SEC: String(LEASE_SEC)
    })
    const [stays, silent] = [await node.user(`stays-${name}`), await node.user(`silent-${name}`)]
    const streams = [await listening(stays), await listening(silent)]
    await alive([() => heartbeat(stays)], async () => {
      await trial(t, node, `before-${name}`)
      const address = await tooFast(t, node)
      await jump(node)
      await rateIsSound(t, address)
      await trial(t, node, `after-${name}`)
      await leaseIsSound(t, node, stays)
      t.match((await streams[1]?.next('IRIS.BYE'))?.data.data, { code: 4204 }, 'a lease ends')
    })
    t.equal(streams[0]?.isOver, false, 'a stream goes on')
  })
}

type Node = Awaited<ReturnType<typeof start>>

/** What depends on time. */
async function trial (t: Test, node: Node, name: string): Promise<void> {
  await kicked(t, node, name)
  await shown(t, node, name)
}

/** @returns what asks from an address that has had what it may. */
async function tooFast (t: Test, { url }: Node): Promise<() => Promise<Response>> {
  const ask = async () => await fetch(`${url}/v1/time`, { headers: { 'x-forwarded-for': '203.0.113.7' } })
  for (let i = 0; i < WINDOW_SEC; i++) t.equal((await ask()).status, 200)
  t.equal((await ask()).status, 429)
  return ask
}

/** Who was too fast is so until his time is over, and no longer. */
async function rateIsSound (t: Test, ask: () => Promise<Response>): Promise<void> {
  const { status, headers } = await ask()
  t.equal(status, 429, 'the time is not over')
  const waitSec = Number(headers.get('retry-after'))
  t.ok(waitSec >= 1 && waitSec <= WINDOW_SEC, `it is in ${waitSec} s`)
}

/** Both lasts as long as the clock is wrong: what was kicked came in, and what logged in later did not. */
async function kicked (t: Test, node: Node, name: string): Promise<void> {
  const before = await node.user(`${name}-kicked`)
  const stream = await listening(before)
  t.equal((await node.server('POST', `users/${before.userId}/kick`, { reason: 'testing', revokeTokens: true })).status, 200)
  t.match((await stream.next('IRIS.BYE')).data.data, { code: 4301 })
  t.match(await before.time({}), { status: 401, body: { code: 'KICKED' } })
  t.equal((await before.listen({ terminalId: 'another' })).status, 204, 'on every terminal')
  const after = createUser(t, { ...before, url: node.url, token: (await node.user(before.userId)).token })
  t.equal((await after.time({})).status, 200, 'a new login is welcome')
  await listening(after)
}

/** What is kept for a time is shown for that time, and says when it ends. */
async function shown (t: Test, node: Node, name: string): Promise<void> {
  const bob = await node.user(`${name}-bob`)
  const [stream, ttlSec, began] = [await listening(bob), 60, await now()]
  await node.server('POST', 'notices', { noticeId: name, users: [bob.userId], content: { text: 'hi' }, ttlSec })
  await node.server('POST', 'commands', { clientCmdId: name, name: 'app.ping', to: { users: [bob.userId] }, mode: 'reliable', ttlSec })
  for (const what of ['NOTICE_DOWN', 'CMD_DOWN']) {
    const { data } = await stream.next(({ event, data }) => event === what && data.name !== 'IRIS.READY')
    const [ts, expiresAt] = [Number(data['ts']), Number(data['expiresAt'])]
    t.ok(ts >= began && ts <= await now() + SECOND_MS, `${what} says when`)
    t.equal(expiresAt, ts + ttlSec * 1000, `${what} says when it ends`)
  }
  const again = await bob.listen({ terminalId: 'another' })
  const pending = [await again.next(({ data }) => data.name === 'app.ping'), await again.next('NOTICE_DOWN')]
  t.equal(pending.length, 2, 'and both are shown from the box')
  t.ok(Math.abs(Number((await bob.time({})).body['serverTime']) - await now()) <= 2 * SECOND_MS, 'the time is that of Redis')
}

/** No lease is longer than a lease, and no sign of life later than now. */
async function leaseIsSound (t: Test, node: Node, user: User): Promise<void> {
  const terminal = async () =>
    ((await node.server('GET', `users/${user.userId}/terminals`)).body['items'] as unknown as { lastSeen: number }[])[0]
  const before = Number((await terminal())?.lastSeen)
  const seen = await until(async () => {
    const { lastSeen = 0 } = await terminal() ?? {}
    return lastSeen > before ? lastSeen : undefined
  })
  t.ok(seen <= await now() + SECOND_MS)
  t.ok(Number(await redis.zscore(keys.leases(partition(user.userId)), `${user.userId}/default`)) <= await now() +
    SECOND_MS + LEASE_SEC * 1000)
}
