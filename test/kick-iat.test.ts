// What a kick refuses, and what is welcome after it, whatever the tokens say of their times. docs/protocol.md section 7, [KICK-3].
import t, { type Test } from 'tap'
import { TOMBSTONE_MS } from '../src/store/access/kicks.js'
import { keys } from '../src/store/keys.js'
import { eventsOf } from './helper/events.js'
import { startIris } from './helper/iris.js'
import { pollOnce } from './helper/poll.js'
import { loginOf, tokenOf } from './helper/token.js'
import { createUser, granted, until, type User } from './helper/user.js'
import { openWs } from './helper/ws.js'

const iris = await startIris(t, { env: { IRIS_NODE_ID: 'a' } })
const other = await startIris(t, { env: { IRIS_NODE_ID: 'b' }, redisPath: iris.redisPath })
let users = 0
const newUser = () => `iat-${++users}`
const kick = async ({ userId }: { userId: string }, body: object = {}) => {
  const answer = await iris.server('POST', `users/${userId}/kick`, { reason: 'testing', ...body })
  return { ...answer, body: answer.body as unknown as { kicked: string[], tokensFrom: number } }
}
const endsOf = async ({ userId }: { userId: string }, field: string) =>
  Number(String(await iris.redis.hget(keys.kick(userId), field)).split(' ')[1])
const DAY_SEC = 86_400

/** The doors through which a token goes. @returns the status of each. */
async function doors (t: Test, user: User): Promise<Record<string, number>> {
  const headers = { authorization: `Bearer ${user.token}` }
  return {
    POST: (await user.time({})).status,
    SSE: (await user.listen()).status ?? 0,
    poll: (await pollOnce(`${iris.url}/v1/down/poll`, { headers, query: { timeoutMs: '0' } })).status,
    WebSocket: await openWs(`${iris.url}/v1/ws`, { headers }).then(async ws => {
      t.teardown(() => ws.socket.terminate())
      return await ws.next('IRIS.READY').then(() => 200, () => 401)
    }, (error: { status: number }) => error.status),
    ticket: (await user.post('/v1/down/tickets', {})).status,
    TOKEN: (await user.post('/v1/up/token', { token: user.token })).status
  }
}
const all = (status: number) => ({
  POST: status, SSE: status === 401 ? 204 : status, poll: status, WebSocket: status, ticket: status, TOKEN: status
})

t.test('[KICK-3] kicked, and a token minted at once: it is welcome at every door, 30 of 30; the old one at none', async t => {
  for (let round = 0; round < 30; round++) {
    const userId = newUser()
    const before = createUser(t, { url: iris.url, userId, token: await iris.token(userId) })
    await before.time({})
    await kick({ userId }, round % 2 ? { revokeTokens: true } : {})
    const after = createUser(t, { url: iris.url, userId, token: await iris.token(userId) })
    if (round > 2) t.same([(await after.time({})).status, (await before.time({})).status], [200, 401])
    else t.same([await doors(t, after), await doors(t, before)], [all(200), all(401)])
  }
})

for (const aheadSec of [0, 3, 55]) {
  t.test(`[KICK-3] what is connected is before the kick, also when its token was issued ${aheadSec} s ahead`, async t => {
    const alice = await loginOf(t, other, newUser(), { agoSec: -aheadSec })
    const stream = await alice.listen()
    const ws = await openWs(`${other.url}/v1/ws`, { headers: { authorization: `Bearer ${alice.token}` } })
    await Promise.all([stream.next('IRIS.READY'), ws.next('IRIS.READY')])
    const { body: { kicked, tokensFrom } } = granted(await kick(alice))
    t.same(kicked, ['default'])
    for (const open of [stream, ws]) t.match((await open.next('IRIS.BYE')).data.data, { code: 4301 })
    t.same(await doors(t, alice), all(401))
    t.ok(Number.isInteger(tokensFrom))
    const [early, late] = [await loginOf(t, iris, alice.userId), await loginOf(t, iris, alice.userId)]
      .map((user, i) => ({ user, iat: tokensFrom - 1 + i }))
    for (const { user: { userId }, iat } of [early, late] as { user: User, iat: number }[]) {
      const token = await tokenOf(userId, { agoSec: Math.floor(Date.now() / 1000) - iat })
      t.equal((await createUser(t, { url: iris.url, userId, token }).time({})).status,
        iat === tokensFrom ? 200 : 401, 'tokensFrom is the first that is welcome')
    }
    t.equal((await createUser(t, { url: iris.url, userId: alice.userId, token: await iris.token(alice.userId) }).time({})).status,
      200, 'and what is minted is')
  })
}

t.test('[KICK-3] a login that comes after the kick stays, though its token was issued as far ahead as that of the kicked one', async t => {
  const userId = newUser()
  const early = await loginOf(t, iris, userId, { agoSec: -20 })
  const late = await loginOf(t, iris, userId, { agoSec: -21 })
  const kicked = await early.listen({ terminalId: 'one' })
  await kicked.next('IRIS.READY')
  await kick({ userId }, { terminals: ['one'] })
  await kicked.ended
  const stream = await late.listen({ terminalId: 'one' })
  await stream.next('IRIS.READY')
  await iris.server('POST', `users/${userId}/kick`, { reason: 'testing', terminals: ['two'] })
  t.equal((await late.time({}, 'one')).status, 200)
  t.equal(stream.isOver, false)
  await kick({ userId }, { terminals: ['one'] })
  t.match((await stream.next('IRIS.BYE')).data.data, { code: 4301 }, 'until it is kicked itself')
  t.equal((await late.time({}, 'one')).status, 401)
})

t.test('[KICK-3] [TIME-1] what was minted since a kick is before the next one, ' +
  'though it was issued ahead: a token from ahead was kicked', async t => {
  const alice = await loginOf(t, iris, newUser(), { agoSec: -55 })
  await (await alice.listen()).next('IRIS.READY')
  await kick(alice, { revokeTokens: true })
  const minted = createUser(t, { url: iris.url, userId: alice.userId, token: await iris.token(alice.userId) })
  await kick(alice, { revokeTokens: true })
  t.equal((await minted.time({})).status, 401)
  t.equal((await createUser(t, { ...minted, url: iris.url, token: await iris.token(alice.userId) }).time({})).status,
    200, 'what is minted then is welcome')
})

t.test('[KICK-3] [TIME-1] after a kick of one who came by a clock that was an ' +
  'hour ahead what is minted, and what `tokensFrom` says, is welcome', async t => {
  const alice = await loginOf(t, iris, newUser(), { agoSec: 10 })
  await (await alice.listen()).next('IRIS.READY')
  // as it is kept when Redis' clock has been set back by an hour since
  const ahead = Date.now() + 3_600_000
  await iris.redis.hset(keys.terminals(alice.userId), 'default/login', `${ahead} ${ahead} ${ahead + DAY_SEC * 1000}`)
  const { body: { tokensFrom } } = granted(await kick(alice, { revokeTokens: true }))
  t.ok(tokensFrom * 1000 > ahead)
  const issued = async (iat: number) => createUser(t, {
    ...alice,
    url: iris.url,
    token: await tokenOf(alice.userId, { agoSec: Math.floor(Date.now() / 1000) - iat, endsInSec: 7_200 })
  })
  const minted = createUser(t, { ...alice, url: other.url, token: await iris.token(alice.userId, 7_200) })
  for (const user of [minted, await issued(tokensFrom)]) t.same(await doors(t, user), all(200))
  t.match([await (await issued(tokensFrom - 1)).time({}), await (await issued(tokensFrom + 1)).time({})], [
    { body: { code: 'KICKED' } }, { body: { code: 'BAD_TOKEN' } }
  ])
  const welcome = await issued(tokensFrom)
  await kick(alice, { revokeTokens: true })
  t.match([await minted.time({}), await welcome.time({})], [{ status: 401 }, { status: 401 }], 'until the next kick')
})

t.test('[KICK-3] a token handed in by TOKEN is kicked with its connection', async t => {
  const alice = await loginOf(t, iris, newUser())
  const stream = await alice.listen()
  await stream.next('IRIS.READY')
  const fresh = await tokenOf(alice.userId, { agoSec: -30, endsInSec: 90 * DAY_SEC })
  t.equal((await alice.post('/v1/up/token', { token: fresh })).status, 200)
  await kick(alice)
  t.match((await stream.next('IRIS.BYE')).data.data, { code: 4301 })
  t.same(await doors(t, createUser(t, { url: iris.url, userId: alice.userId, token: fresh })), all(401))
  t.ok(await endsOf(alice, 't:*') > Date.now() + 89 * DAY_SEC * 1000, 'for as long as that lives')
})

t.test('[KICK-3] a tombstone lasts as long as the tokens it refuses: of who is known, and of who shows up', async t => {
  const [known, unknown, plain] = [
    await loginOf(t, iris, newUser(), { endsInSec: 60 * DAY_SEC }),
    await loginOf(t, iris, newUser(), { endsInSec: 70 * DAY_SEC }),
    await loginOf(t, iris, newUser())
  ]
  const stream = await known.listen()
  await stream.next('IRIS.READY')
  await stream.cut()
  for (const [user, atLeast] of [[known, 60], [unknown, 30], [plain, 30]] as const) {
    await kick(user)
    const days = (await endsOf(user, 't:*') - Date.now()) / DAY_SEC / 1000
    t.ok(days > atLeast - 1 && days < atLeast + 1, `${atLeast} days`)
  }
  for (const [field, body] of [['t:*', {}], ['notBefore', { revokeTokens: true }]] as const) {
    await kick(unknown, body)
    t.equal((await unknown.time({})).status, 401)
    if (field === 't:*') t.ok(await endsOf(unknown, field) >= Date.now() + 70 * DAY_SEC * 1000 - 60_000)
  }
  t.equal((await unknown.listen()).status, 204)
  t.ok(await iris.redis.pttl(keys.kick(unknown.userId)) > TOMBSTONE_MS * 2, 'and the key does')
})

t.test('[KICK-3] a ban refuses what is minted, too, and is as long as it was meant, whatever tokens come', async t => {
  const alice = await loginOf(t, iris, newUser(), { endsInSec: 90 * DAY_SEC })
  const before = Math.floor(Date.now() / 1000)
  const { body: { tokensFrom } } = granted(await kick(alice, { banSec: 3600 }))
  t.ok(tokensFrom >= before + 3600 && tokensFrom <= before + 3660)
  t.equal((await createUser(t, { url: iris.url, userId: alice.userId, token: await iris.token(alice.userId) }).time({})).status, 401)
  t.equal((await alice.time({})).status, 401)
  t.ok(await endsOf(alice, 'ban:*') < Date.now() + 3_700_000)
})

t.test('[KICK-3] lifted: kicks, bans and revoked tokens; what is lifted is said, and twice is nothing', async t => {
  const alice = await loginOf(t, iris, newUser())
  const lift = async () => (await iris.server('DELETE', `users/${alice.userId}/kick`)).body['lifted'] as unknown as {
    kind: string
    terminalId?: string
    until: number
  }[]
  t.same(await lift(), [])
  await kick(alice, { terminals: ['one'], banSec: 3600 })
  await kick(alice, { revokeTokens: true })
  t.same(await doors(t, alice), all(401))
  const lifted = await lift()
  t.same(lifted.map(({ kind, terminalId }) => [kind, terminalId]).sort(),
    [['ban', 'one'], ['kick', undefined], ['kick', 'one'], ['tokens', undefined]].sort())
  t.ok(lifted.every(({ until }) => until > Date.now()))
  t.same(await doors(t, alice), all(200))
  t.equal((await alice.time({}, 'one')).status, 200)
  t.same(await lift(), [])
})

/** A command for all of a user's terminals, which waits until each has completed it. */
async function share (bob: User, alice: User, id: string) {
  return await bob.command({ clientCmdId: id, name: 'sign', to: { users: [alice.userId] }, mode: 'reliable', complete: 'all' })
}

/** A user with two terminals, a friend, and a command that waits for both. */
async function shared (t: Test) {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const [one, two] = [await alice.listen({ terminalId: 'one' }), await alice.listen({ terminalId: 'two' })]
  await Promise.all([one.next('IRIS.READY'), two.next('IRIS.READY')])
  await bob.send(alice, 'hi')
  const { body: { cmdId } } = granted(await share(bob, alice, 'c-1'))
  await alice.cmdComplete({ ids: [cmdId] }, 'two')
  return { alice, bob, one, two, cmdId, waiting: () => iris.redis.hlen(keys.boxPart('CMD_BOX', alice.userId, 'WAITING')) }
}

const removals: [what: string, remove: (userId: string) => Promise<unknown>, code: number][] = [
  ['DELETE of the terminal', userId => iris.server('DELETE', `users/${userId}/terminals/one`), 4102],
  ['a ban', userId => kick({ userId }, { terminals: ['one'], banSec: 60 }), 4301]
]
for (const [what, remove, code] of removals) {
  t.test(`[COMPLETE-5] ${what} removes it and its share: what waited for it alone is done, and nothing waits for it again`, async t => {
    const { alice, bob, one, two, waiting } = await shared(t)
    t.equal(await waiting(), 1)
    await remove(alice.userId)
    t.match((await one.next('IRIS.BYE')).data.data, { code })
    t.equal(await waiting(), 0)
    const { body } = await iris.server('GET', `users/${alice.userId}/terminals`)
    t.same((body['items'] as unknown as { terminalId: string }[]).map(({ terminalId }) => terminalId), ['two'])
    t.same(await iris.redis.hkeys(keys.routes(alice.userId)), ['a/two'])
    t.same((await iris.redis.hkeys(keys.terminals(alice.userId))).filter(field => field.endsWith('/login')), ['two/login'])
    const { body: { cmdId } } = granted(await share(bob, alice, 'c-2'))
    t.match(await alice.cmdComplete({ ids: [cmdId] }, 'two'), { body: { results: [{ state: 'completed' }] } })
    t.equal(two.isOver, false)
  })
}

t.test('[LIFE-1] a removed terminal is said to be gone once, twice is fine, and it may come back as a new one', async t => {
  const { alice, one } = await shared(t)
  const onB = createUser(t, { url: other.url, userId: alice.userId, token: alice.token })
  const far = await onB.listen({ terminalId: 'one' })
  await far.next('IRIS.READY')
  const remove = async () => (await iris.server('DELETE', `users/${alice.userId}/terminals/one`)).body
  t.match(await remove(), { terminalId: 'one', removed: true })
  for (const stream of [one, far]) {
    t.match((await stream.next('IRIS.BYE')).data.data, { code: 4102, reconnect: 'login' }, 'on whatever node')
  }
  t.match(await remove(), { terminalId: 'one', removed: false })
  const again = await alice.listen({ terminalId: 'one' })
  await again.next('IRIS.READY')
  const said = await until(async () => {
    const mine = (await eventsOf(iris, alice)).filter(({ terminalId, type }) => terminalId === 'one' && type.startsWith('terminal.'))
    return mine.length >= 3 ? mine : undefined
  })
  t.same(said.map(({ type, reason }) => reason ?? type), ['terminal.connected', 'LOGOUT', 'terminal.connected'])
  t.equal(again.isOver, false)
})
