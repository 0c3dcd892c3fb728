// Login policies: who goes when another terminal of the user attaches. docs/protocol.md section 7, [KICK-2].
import { EventSource } from 'eventsource'
import t, { type Test } from 'tap'
import { keys } from '../src/store/keys.js'
import { type Iris, startIris } from './helper/iris.js'
import { loginOf } from './helper/token.js'
import { createUser, granted, until, type User } from './helper/user.js'

const single = await startIris(t, { env: { IRIS_LOGIN_POLICY: 'single' } })
const second = await startIris(t, { env: { IRIS_LOGIN_POLICY: 'single' }, redisPath: single.redisPath })
const perPlatform = await startIris(t, { env: { IRIS_LOGIN_POLICY: 'one_per_platform' } })
let users = 0
const newUser = () => `policy-${++users}`

async function attached (user: User, terminalId: string, platform = 'web') {
  const stream = await user.listen({ terminalId, platform })
  await stream.next('IRIS.READY')
  return stream
}

t.test('[KICK-2] single: a newer login replaces the older one, which is told so and does not come back', async t => {
  const userId = newUser()
  const [older, newer] = [await loginOf(t, single, userId, { agoSec: 100 }), await loginOf(t, second, userId, { agoSec: 50 })]
  const first = await attached(older, 'phone', 'mobile')
  const stream = await attached(newer, 'desk', 'desktop')
  await first.ended
  t.match(first.events.slice(-2).map(({ data }) => data), [
    { kind: 'kick', content: { reason: 'replaced', reconnect: 'never' } },
    { name: 'IRIS.BYE', data: { code: 4302, reconnect: 'never' } }
  ])
  t.equal((await older.listen({ terminalId: 'phone' })).status, 204, 'its automatic reconnect is refused')
  t.match(await older.time({}, 'phone'), { status: 401, body: { code: 'KICKED', detail: 'replaced' } })
  t.equal(stream.isOver, false)
})

t.test('[KICK-2] an older login does not kick a newer one: it is refused itself, and may come when the newer one has gone', async t => {
  const userId = newUser()
  const [older, newer] = [await loginOf(t, single, userId, { agoSec: 100 }), await loginOf(t, single, userId, { agoSec: 50 })]
  const stream = await attached(newer, 'desk')
  t.equal((await older.listen({ terminalId: 'phone' })).status, 204)
  t.equal(stream.isOver, false)
  await stream.cut()
  await until(async () => (await single.redis.hlen(keys.routes(userId))) === 0 || undefined)
  await attached(older, 'phone')
})

t.test('[KICK-2] a reconnect of the same terminal never kicks, and several connections of one are all served', async t => {
  const userId = newUser()
  const [alice, late] = [await loginOf(t, single, userId), await loginOf(t, single, userId)]
  const [first, again] = [await attached(alice, 'desk'), await attached(alice, 'desk')]
  t.equal(first.isOver, false)
  await Promise.all([first.cut(), again.cut()])
  await until(async () => (await single.redis.hlen(keys.routes(userId))) === 0 || undefined)
  const other = await attached(late, 'phone')
  // the same token, but its terminal came first: it is the older login, although it attaches last
  t.equal((await alice.listen({ terminalId: 'desk' })).status, 204)
  t.equal(other.isOver, false)
})

t.test('[KICK-2] a replaced terminal that logs in anew replaces the other in turn', async t => {
  const userId = newUser()
  const first = await attached(await loginOf(t, single, userId, { agoSec: 100 }), 'phone')
  const desk = await attached(await loginOf(t, single, userId, { agoSec: 50 }), 'desk')
  await first.ended
  const phone = await attached(await loginOf(t, single, userId, { agoSec: 10 }), 'phone')
  t.match((await desk.next('IRIS.BYE')).data.data, { code: 4302 })
  t.equal(phone.isOver, false)
})

t.test('[KICK-2] one_per_platform: only a terminal of the same platform is replaced', async t => {
  const userId = newUser()
  const [older, newer] = [await loginOf(t, perPlatform, userId, { agoSec: 100 }), await loginOf(t, perPlatform, userId, { agoSec: 50 })]
  const [web, mobile] = [await attached(older, 'web-1'), await attached(older, 'phone', 'mobile')]
  await attached(newer, 'web-2')
  t.match((await web.next('IRIS.BYE')).data.data, { code: 4302 })
  t.equal(mobile.isOver, false)
  t.equal((await older.time({}, 'phone')).status, 200)
  t.equal((await older.time({}, 'web-1')).status, 401)
})

t.test('[KICK-2] multi is the default: nobody is replaced', async t => {
  const iris = await startIris(t)
  const alice = await iris.user(t)
  const [one, two] = [await attached(alice, 'one'), await attached(alice, 'two')]
  t.same([one.isOver, two.isOver], [false, false])
})

t.test('[KICK-2] a replaced terminal makes room where there is none', async t => {
  const iris = await startIris(t, { env: { IRIS_LOGIN_POLICY: 'single', IRIS_LIMIT_TERMINALS: '1' } })
  const alice = await iris.user(t)
  const one = await attached(alice, 'one')
  await attached(alice, 'two')
  t.match((await one.next('IRIS.BYE')).data.data, { code: 4302 })
})

/** A client that reconnects at once whenever its stream ends, until it is told to stay away. @returns how it stands. */
function stubborn (t: Test, user: User, terminalId: string) {
  const world = { hellos: 0, refused: false, isOpen: false, isOver: false }
  t.teardown(() => { world.isOver = true })
  const running = (async () => {
    while (!world.isOver && !world.refused) {
      const stream = await user.listen({ terminalId })
      world.refused = stream.status === 204
      if (world.refused) return
      world.isOpen = true
      await stream.ended
      world.isOpen = false
      // one that was about to attach when it was kicked gets its goodbye alone
      if (stream.events[0]?.data.name === 'IRIS.HELLO') world.hellos++
    }
  })()
  running.catch(() => undefined)
  return world
}

async function kickWar (t: Test, one: User, two: User) {
  const first = stubborn(t, one, 'one')
  await until(async () => first.isOpen || undefined)
  const rest = stubborn(t, two, 'two')
  await until(async () => first.refused || rest.refused || undefined)
  await until(async () => first.isOpen !== rest.isOpen || undefined)
  return { first, rest }
}

t.test('[KICK-2] kick war: two terminals that always reconnect settle after one kick, with one token and with two', async t => {
  for (const [agoSec, laterAgoSec] of [[100, 100], [100, 50]] as const) {
    const userId = newUser()
    const [alice, later] = [await loginOf(t, single, userId, { agoSec }), await loginOf(t, second, userId, { agoSec: laterAgoSec })]
    const { first, rest } = await kickWar(t, alice, later)
    t.match(first, { hellos: 1, refused: true, isOpen: false })
    t.match(rest, { hellos: 0, refused: false, isOpen: true })
  }
})

t.test('[KICK-2] eight terminals at once, on two nodes: one is left, and it is the newest login', async t => {
  const userId = newUser()
  const nodes: Iris[] = [single, second]
  const worlds = await Promise.all(Array.from({ length: 8 }, async (_, i) => {
    const { token } = await loginOf(t, single, userId, { agoSec: 100 - i })
    return stubborn(t, createUser(t, { url: nodes[i % 2]?.url ?? '', userId, token }), `t${i}`)
  }))
  await until(async () => worlds.filter(({ refused }) => refused).length === 7 || undefined)
  t.match(worlds[7], { refused: false })
  t.same(await single.redis.hkeys(keys.routes(userId)).then(routes => routes.map(route => route.split('/')[1])), ['t7'])
  t.ok(worlds.every(({ hellos }) => hellos <= 1), 'nobody came back after a kick')
})

t.test('[KICK-2] two native EventSources do not kick each other for ever', async t => {
  const alice = await loginOf(t, single, newUser())
  const open: EventSource[] = []
  for (const terminalId of ['one', 'two']) {
    const { body: { ticket } } = granted(await alice.post('/v1/down/tickets', { terminalId }, { 'terminal-id': terminalId }))
    const source = new EventSource(`${single.url}/v1/down/events?ticket=${String(ticket)}`)
    t.teardown(() => source.close())
    await until(async () => source.readyState === EventSource.OPEN || undefined)
    open.push(source)
  }
  await until(async () => open[0]?.readyState === EventSource.CLOSED || undefined)
  t.equal(open[1]?.readyState, EventSource.OPEN)
})
