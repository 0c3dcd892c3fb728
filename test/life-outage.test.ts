// An outage of the store is no absence of people: signs of life count when they came. docs/protocol.md section 7, [LIFE-2].
import t from 'tap'
import { keys, partition } from '../src/store/keys.js'
import { eventsOf, saidOf, untilSaid } from './helper/events.js'
import { startIris } from './helper/iris.js'
import { alive, both, heartbeat, listening } from './helper/life.js'
import { pollOnce } from './helper/poll.js'
import { startRedis, timeOf } from './helper/redis.js'
import { granted, until, type User } from './helper/user.js'
import { openWs } from './helper/ws.js'

const env = { IRIS_LIMIT_LEASE_SEC: '4', IRIS_LIMIT_GRACE_SEC: '1', IRIS_LIMIT_CONTENT_BYTES: '400000', IRIS_LIMIT_BODY_BYTES: '500000' }
const LEASE_MS = 4_000
const server = await startRedis(t)
const a = await startIris(t, { env: { ...env, IRIS_NODE_ID: 'a' }, redisPath: server.path })
const b = await startIris(t, { env: { ...env, IRIS_NODE_ID: 'b' }, redisPath: server.path })

/**
 * Ends the lease of somebody at b, as if b could not tell, and could not be told. He gives no sign of life meanwhile: leases are renewed
 * and reaped every second, and where the one always came just before the other, his was never seen to have ended.
 */
async function lapse ({ userId }: User): Promise<void> {
  await server.redis.hdel(keys.routes(userId), 'b/default')
  await until(async () => {
    await server.redis.zadd(keys.leases(partition(userId)), 'XX', 1, `${userId}/default`)
    return (await saidOf(a, { userId })).includes('terminal.disconnected TIMEOUT') || undefined
  })
}

/** Polls again and again, as a client does. */
const polling = ({ token }: User, cursor: string) => async () =>
  await pollOnce(`${a.url}/v1/down/poll`, {
    headers: { authorization: `Bearer ${token}` },
    query: { timeoutMs: '200', lastEventId: cursor }
  })

t.test('[LIFE-2] the store is away for longer than a lease: ' +
  'who gave signs of life was never gone, who gave none has a lease more', async t => {
  const [http, ws, poll, socket, silent, once] = await Promise.all([a, b, a, a, b, b].map(node => node.user(t))) as [
    User, User, User, User, User, User
  ]
  const open = [await listening(http), await listening(silent), await listening(once)]
  const web = await openWs(`${b.url}/v1/ws`, { headers: { authorization: `Bearer ${ws.token}` } })
  const held = await openWs(`${a.url}/v1/ws?lease=socket`, { headers: { authorization: `Bearer ${socket.token}` } })
  t.teardown(() => Promise.all([web.cut(), held.cut()]))
  await Promise.all([web.next('IRIS.READY'), held.next('IRIS.READY')])
  const first = await pollOnce(`${a.url}/v1/down/poll`, { headers: { authorization: `Bearer ${poll.token}` }, query: { timeoutMs: '0' } })
  const people = [http, ws, poll, socket]
  const beats = [
    () => heartbeat(http),
    async () => { await web.up('HEARTBEAT', {}); return { status: 200 } },
    polling(poll, String(first.body['cursor']))
  ]
  await alive(beats, async () => {
    const before = await timeOf(server.redis)
    // as if it were so long that routes end
    await server.redis.pexpire(keys.routes(ws.userId), 1_000)
    process.kill(server.pid, 'SIGSTOP')
    const stopped = performance.now()
    await until(async () => performance.now() - stopped > 1.1 * LEASE_MS || undefined)
    t.equal((await heartbeat(once)).status, 503, 'it is refused, and counts')
    process.kill(server.pid, 'SIGCONT')
    const back = await until(async () => await timeOf(server.redis).catch(() => undefined))
    await until(async () => (await fetch(`${a.url}/readyz`)).ok || undefined)
    const everybody = [...people, silent, once].map(({ userId }) => userId)
    const { items } = (await a.server('POST', 'presence', { users: everybody })).body as unknown as { items: { online: boolean }[] }
    t.same(items.map(({ online }) => online), everybody.map(() => true), 'nobody is gone of whom that was not said')
    // long before the sweep that comes after 25 s
    await until(async () => await server.redis.hexists(keys.routes(ws.userId), 'b/default') === 1 || undefined)
    t.equal((await http.send(ws, 'hi')).status, 200)
    t.match((await web.next('MSG_DOWN')).data, { content: { text: 'hi' } }, 'other nodes are heard')
    // one that has no outage behind it
    const fresh = await startIris(t, { env: { ...env, IRIS_NODE_ID: 'fresh' }, redisPath: server.path })
    t.same(await untilSaid(fresh, silent, 'user.offline'), [...both, 'terminal.disconnected TIMEOUT', 'user.offline'])
    t.match((await open[1]?.next('IRIS.BYE'))?.data.data, { code: 4204 })
    const ended = (await eventsOf(fresh, silent)).find(({ reason }) => reason === 'TIMEOUT')?.ts
    t.ok(Number(ended) - back >= LEASE_MS - 500, `a lease after it, but for what the answer took: ${Number(ended) - back} ms`)
    const [terminal] = (await fresh.server('GET', `users/${once.userId}/terminals`)).body['items'] as unknown as { lastSeen: number }[]
    t.ok(Number(terminal?.lastSeen) > before, 'he was seen during the outage')
    for (const [i, user] of people.entries()) t.same(await saidOf(fresh, user), both, `${i} was never gone`)
  })
  t.same([open[0]?.isOver, web.isOver, held.isOver], [false, false, false])
})

t.test('[LIFE-2] a node that was cut off by itself: who was there is there again when it is back, and no stream has ended', async t => {
  const [bob, alice] = [await b.user(t), await a.user(t)]
  const stream = await listening(bob)
  await lapse(bob)
  await alive([() => heartbeat(bob)], async () => {
    await untilSaid(a, bob, 'user.offline')
    b.redis.disconnect(true) // a reconnect is followed by a sweep
    t.same(await until(async () => {
      const said = await saidOf(a, bob)
      return said.length >= 6 ? said : undefined
    }), [...both, 'terminal.disconnected TIMEOUT', 'user.offline', ...both])
    t.equal(stream.isOver, false)
    await until(async () => await server.redis.hexists(keys.routes(bob.userId), 'b/default') === 1 || undefined)
    await alice.send(bob, 'hi')
    t.match((await stream.next('MSG_DOWN')).data, { content: { text: 'hi' } })
  })
})

t.test('[LIFE-2] [SLOW-1] a node that was cut off by itself: who has not read yet what he missed is there again, too', async t => {
  const [bob, alice] = [await b.user(t), await a.user(t)]
  const first = await bob.listen()
  const { id: cursor = '' } = await first.next('IRIS.READY')
  await first.cut()
  for (let i = 0; i < 50; i++) await alice.send(bob, 'x'.repeat(300_000))
  const stream = await bob.listen({ cursor })
  stream.pause()
  await lapse(bob)
  await alive([() => heartbeat(bob)], async () => {
    t.equal((await heartbeat(bob)).status, 200)
    b.redis.disconnect(true)
    await until(async () => await server.redis.hexists(keys.routes(bob.userId), 'b/default') === 1 || undefined)
    t.equal((await saidOf(a, bob)).at(-1), 'terminal.connected')
  })
  t.notOk(stream.events.some(({ data }) => data.name === 'IRIS.READY'), 'he has not')
  t.equal(stream.isOver, false)
})

t.test('[LIFE-2] a store that refuses its user hears later what it could not be told, whatever the words of its refusal', async t => {
  const bob = await b.user(t)
  await listening(bob)
  const before = await timeOf(server.redis)
  await server.redis.call('ACL', 'SETUSER', 'default', '-@scripting')
  const refused = performance.now()
  t.ok((await heartbeat(bob)).status >= 500)
  await until(async () => performance.now() - refused > 1_200 || undefined) // it is told every second
  await server.redis.call('ACL', 'SETUSER', 'default', '+@all')
  await until(async () => {
    const { body: { items } } = granted(await a.server('GET', `users/${bob.userId}/terminals`))
    return Number((items as unknown as { lastSeen: number }[] | undefined)?.[0]?.lastSeen) > before || undefined
  })
})

t.test('[LIFE-2] a terminal that was forgotten while its node did not hear so: its stream ends, whatever is seen of it', async t => {
  const bob = await b.user(t)
  const stream = await listening(bob)
  await heartbeat(bob)
  await server.redis.hdel(keys.routes(bob.userId), 'b/default') // so that nobody is told
  t.match((await a.server('DELETE', `users/${bob.userId}/terminals/default`)).body, { removed: true })
  b.redis.disconnect(true) // a reconnect is followed by a sweep
  t.match((await stream.next('IRIS.BYE')).data.data, { code: 4204, reconnect: 'backoff', retryAfterMs: Number })
})
