// The life of a token and of the streams it opened: IRIS.AUTH, a fresh token, BYE 4101. docs/protocol.md section 4.
import t, { type Test } from 'tap'
import { Lifetime } from '../src/stream/lifetime.js'
import type { Frame } from '../src/stream/render.js'
import { keys, partition } from '../src/store/keys.js'
import { sseText } from '../src/transports/frames.js'
import { setAhead } from './helper/clock.js'
import { startIris } from './helper/iris.js'
import { loginOf, tokenOf } from './helper/token.js'
import { pollOnce } from './helper/poll.js'
import { beforeTheSweep, createUser, until, type User } from './helper/user.js'
import { openWs } from './helper/ws.js'

type Ws = Awaited<ReturnType<typeof openWs>>

const a = await startIris(t, { env: { IRIS_NODE_ID: 'a' } })
const b = await startIris(t, { env: { IRIS_NODE_ID: 'b' }, redisPath: a.redisPath })
let users = 0
const someone = (t: Test, { endsInSec = 3600 } = {}) => loginOf(t, a, `life-${++users}`, { endsInSec })

/** A lifetime of a token that ends at 100 s, its clock, and what it printed. */
function setUp () {
  const world = { now: 0, printed: [] as string[] }
  const lifetime = new Lifetime({ issuedAt: 7, expiresAt: 100_000 })
  const say = (frame: Frame) => world.printed.push(sseText(frame)) > 0
  return { world, lifetime, at: (now: number) => lifetime.due({ now, ticks: now, traceId: 'trace' }, say) }
}

t.test('[TOKEN] IRIS.AUTH 60 s before the end, once; BYE 4101 after 25 s of grace', async t => {
  const { world, at } = setUp()
  t.equal(at(39_999), undefined)
  t.same(world.printed, [])
  t.equal(at(40_000), undefined)
  t.match(world.printed, [/^event: CMD_DOWN\ndata: .*"name":"IRIS.AUTH","data":\{"expiresInSec":60\}/])
  t.notMatch(world.printed[0], /^id:/m, 'it does not move the cursor')
  for (const now of [41_000, 100_000, 124_999]) t.equal(at(now), undefined)
  t.equal(world.printed.length, 1)
  t.equal(at(125_000), 'TOKEN_EXPIRED')
})

t.test('[TOKEN] a fresh token moves the end, and is asked for again before its own', async t => {
  const { world, lifetime, at } = setUp()
  at(50_000)
  lifetime.renew({ issuedAt: 50_000, expiresAt: 300_000 })
  t.equal(lifetime.issuedAt, 50_000)
  t.equal(at(125_000), undefined)
  t.equal(world.printed.length, 1)
  at(240_000)
  t.equal(world.printed.length, 2)
  t.equal(at(325_000), 'TOKEN_EXPIRED')
})

t.test('[TOKEN] in the grace a fresh token still saves the stream; one that ends no later changes nothing', async t => {
  const { lifetime, at } = setUp()
  t.equal(at(124_000), undefined)
  lifetime.renew({ issuedAt: 3, expiresAt: 90_000 })
  t.equal(lifetime.issuedAt, 7)
  t.equal(at(125_000), 'TOKEN_EXPIRED')
  lifetime.renew({ issuedAt: 124_000, expiresAt: 200_000 })
  t.equal(at(125_000), undefined)
})

t.test('[TOKEN] a short token through HTTP: IRIS.AUTH, then a fresh one is handed in, and the stream outlives the old', async t => {
  const alice = await someone(t, { endsInSec: 3 })
  const stream = await alice.listen()
  const auth = await beforeTheSweep(t, stream.next('IRIS.AUTH'))
  t.ok(Number(auth?.data.data?.['expiresInSec']) <= 3)
  const fresh = await tokenOf(alice.userId, { endsInSec: 3600 })
  const { status, body } = await alice.post('/v1/up/token', { token: fresh })
  t.equal(status, 200)
  t.ok(Number(body['expiresAt']) > Date.now() + 3_500_000)
  await setAhead(t, [a, b], 60_000)
  let ticks = 0
  await until(async () => ++ticks > 60 || undefined) // 1.5 s: longer than a tick
  t.equal(stream.isOver, false)
  t.equal(stream.events.filter(({ data }) => data.name === 'IRIS.AUTH').length, 1, 'asked once')
})

t.test('[TOKEN] the fresh token reaches all connections of the terminal, on another node, too; no other terminal', async t => {
  const alice = await someone(t, { endsInSec: 6 })
  const onB = await loginOf(t, b, alice.userId, { endsInSec: 6 })
  const [here, there, other] = [
    await alice.listen({ terminalId: 'one' }), await onB.listen({ terminalId: 'one' }), await onB.listen({ terminalId: 'two' })
  ]
  for (const stream of [here, there, other]) await stream.next('IRIS.AUTH')
  await until(async () => (await b.redis.pubsub('SHARDNUMSUB', keys.node(partition(alice.userId), 'b')))[1] === 1 || undefined)
  const fresh = await tokenOf(alice.userId)
  t.equal((await alice.post('/v1/up/token', { token: fresh }, { 'terminal-id': 'one' })).status, 200)
  await setAhead(t, [a, b], 40_000) // the old token and its grace
  t.match((await beforeTheSweep(t, other.next('IRIS.BYE')))?.data.data, { code: 4101, reconnect: 'login' })
  t.same([here.isOver, there.isOver], [false, false])
})

t.test('[TOKEN] either token authorizes; that of another user, a bad one and one that has ended are refused', async t => {
  const alice = await someone(t)
  const fresh = await tokenOf(alice.userId)
  const late = await loginOf(t, a, alice.userId, { agoSec: 0 })
  t.equal((await alice.post('/v1/up/token', { token: fresh })).status, 200)
  t.equal((await late.post('/v1/up/token', { token: late.token })).status, 200)
  const refused = [
    [await tokenOf('somebody-else'), 403, 'TOKEN_OF_ANOTHER_USER'],
    ['garbage', 401, 'BAD_TOKEN'],
    [await tokenOf(alice.userId, { agoSec: 100, endsInSec: -50 }), 401, 'TOKEN_EXPIRED'],
    ['', 400, 'INVALID_BODY']
  ] as const
  const ended = await loginOf(t, a, alice.userId, { endsInSec: -50 })
  t.match(await ended.post('/v1/up/token', { token: fresh }), { status: 401, body: { code: 'TOKEN_EXPIRED' } }, 'by one that is valid')
  for (const [token, status, code] of refused) t.match(await alice.post('/v1/up/token', { token }), { status, body: { code } })
})

t.test('[TOKEN] one life for both directions of a WebSocket: whichever way the fresh token comes, frames and events go on', async t => {
  const ways: [string, (alice: User, socket: Ws, token: string) => Promise<unknown>][] = [
    ['a frame', (_alice, socket, token) => socket.up('TOKEN', { token })],
    ['a POST', (alice, _socket, token) => alice.post('/v1/up/token', { token })],
    ['a POST on another node', (alice, _socket, token) => createUser(t, { ...alice, url: b.url }).post('/v1/up/token', { token })]
  ]
  await until(async () => (await b.redis.pubsub('SHARDNUMSUB', keys.node(0, 'a')))[1] === 1 || undefined)
  const open = await Promise.all(ways.map(async ([way, renew]) => {
    const alice = await someone(t, { endsInSec: 30 })
    const socket = await openWs(`${a.url}/v1/ws`, { headers: { authorization: `Bearer ${alice.token}` } })
    t.teardown(() => socket.socket.terminate())
    await socket.next('IRIS.READY')
    await renew(alice, socket, await tokenOf(alice.userId))
    return { way, socket }
  }))
  const stale = await openWs(`${a.url}/v1/ws`, { headers: { authorization: `Bearer ${(await someone(t, { endsInSec: 30 })).token}` } })
  t.teardown(() => stale.socket.terminate())
  await stale.next('IRIS.READY')
  await setAhead(t, [a, b], 31_000)
  t.equal((await stale.up('GET_SYSTEM_TIME', {})).error, undefined, 'a little late is welcome')
  await setAhead(t, [a, b], 60_000)
  // each of a renewed token that had reached its connection by another node: asked until it has
  for (const { way, socket } of open) {
    await until(async () => (await socket.up('GET_SYSTEM_TIME', {})).error ? undefined : true)
      .catch(() => t.fail(way))
  }
  t.match((await beforeTheSweep(t, stale.next('IRIS.BYE')))?.data.data, { code: 4101 })
  for (const { way, socket } of open) t.equal(socket.isOver, false, way)
})

t.test('[TOKEN] as long as events are sent, a fresh token is taken up the same WebSocket, and nothing else is', async t => {
  const alice = await someone(t, { endsInSec: 30 })
  const socket = await openWs(`${a.url}/v1/ws`, { headers: { authorization: `Bearer ${alice.token}` } })
  t.teardown(() => socket.socket.terminate())
  await socket.next('IRIS.READY')
  const [fresh, foreign] = [await tokenOf(alice.userId), await tokenOf('somebody-else')]
  await setAhead(t, [a, b], 42_000)
  const late = async (up: string, body: object) => (await socket.up(up, body)).error?.code
  for (const up of ['GET_SYSTEM_TIME', 'HEARTBEAT', 'NOT_A_COMMAND']) t.equal(await late(up, {}), 'TOKEN_EXPIRED', up)
  t.equal(await late('TOKEN', { token: alice.token }), 'TOKEN_EXPIRED', 'the ended one itself')
  t.equal(await late('TOKEN', { token: foreign }), 'TOKEN_OF_ANOTHER_USER')
  t.equal(await late('TOKEN', { token: fresh }), undefined)
  t.equal(await late('GET_SYSTEM_TIME', {}), undefined, 'and it goes on')
})

t.test('[TOKEN] one tolerance at every door: 5 s after its end a token is refused, just before it is not', async t => {
  const [alice, fresh] = [await someone(t, { endsInSec: 0 }), await someone(t)]
  const end = (JSON.parse(Buffer.from(alice.token.split('.')[1] ?? '', 'base64url').toString()) as { exp: number }).exp * 1000
  const late = await tokenOf(fresh.userId, { endsInSec: 0 })
  const bearer = { authorization: `Bearer ${alice.token}` }
  for (const [after, expected] of [[1_000, 200], [7_000, 401]] as const) {
    await setAhead(t, [a], end + after - Date.now())
    const doors = {
      POST: (await alice.time({})).status,
      SSE: (await alice.listen()).status,
      poll: (await pollOnce(`${a.url}/v1/down/poll`, { headers: bearer, query: { timeoutMs: '0' } })).status,
      WebSocket: await openWs(`${a.url}/v1/ws`, { headers: bearer })
        .then(({ socket }) => { socket.terminate(); return 200 }, (error: { status: number }) => error.status),
      ticket: (await alice.post('/v1/down/tickets', {})).status,
      TOKEN: (await fresh.post('/v1/up/token', { token: late })).status
    }
    for (const [door, status] of Object.entries(doors)) t.equal(status, expected, `${door}, ${after} ms after the end`)
  }
})
