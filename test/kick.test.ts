// Kicks by the server API: the last word, the tombstone, tokens and bans. docs/protocol.md section 7, [KICK-1].
import { EventSource } from 'eventsource'
import t, { type Test } from 'tap'
import { keys } from '../src/store/keys.js'
import { type Iris, startIris } from './helper/iris.js'
import { loginOf, tokenOf } from './helper/token.js'
import { granted, until } from './helper/user.js'

const iris = await startIris(t)
let users = 0
/** Somebody who logged in a while ago. */
const someone = (t: Test) => loginOf(t, iris, `kick-${++users}`)
/** The same user, logged in after what happened until now. */
const again = (t: Test, { userId }: { userId: string }) => loginOf(t, iris, userId, { agoSec: -10 })
const kick = (user: { userId: string }, body: object, at: Iris = iris) =>
  at.server('POST', `users/${user.userId}/kick`, { reason: 'testing', ...body })

t.test('[KICK-1] the last event is the notice, then BYE 4301; the other terminals stay', async t => {
  const [alice, bob] = [await someone(t), await someone(t)]
  const [stream, second, other] = [
    await alice.listen({ terminalId: 'one' }), await alice.listen({ terminalId: 'one' }), await alice.listen({ terminalId: 'two' })
  ]
  for (const open of [stream, second, other]) await open.next('IRIS.READY')
  t.match(await kick(alice, { terminals: ['one'] }), { status: 200, body: { kicked: ['one'] } })
  for (const open of [stream, second]) {
    await open.ended
    const [notice, bye] = open.events.slice(-2)
    t.match(notice, {
      event: 'NOTICE_DOWN',
      id: undefined,
      data: { kind: 'kick', op: 'show', needComplete: false, content: { reason: 'testing', reconnect: 'never' } }
    })
    t.match(bye?.data, { name: 'IRIS.BYE', data: { code: 4301, reconnect: 'never' } })
  }
  await bob.send(alice, 'hi')
  t.match((await other.next('MSG_DOWN')).data, { content: { text: 'hi' } })
  t.equal((await alice.time({}, 'two')).status, 200)
})

t.test('[KICK-1] from the answer on nothing is accepted from the kicked terminal: 401 KICKED on every up-request', async t => {
  const [alice, bob] = [await someone(t), await someone(t)]
  await alice.send(bob, 'before', { terminalId: 'one' })
  await kick(alice, { terminals: ['one'] })
  const refused = [
    await alice.send(bob, 'after', { terminalId: 'one' }), await alice.time({}, 'one'),
    await alice.post('/v1/down/tickets', {}, { 'terminal-id': 'one' }), await alice.msgUp({ nonsense: 1 }, 'one')
  ]
  for (const answer of refused) {
    t.match(answer, { status: 401, body: { code: 'KICKED', retryable: false, detail: 'testing' } })
    t.equal(answer.headers.get('www-authenticate'), 'Bearer')
  }
  t.equal((await bob.conversations()).body['totalUnread'], 1)
})

t.test('[KICK-1] the answer to an EventSource is 204, with the bearer and with a ticket bought before', async t => {
  const alice = await someone(t)
  const { body: { ticket } } = granted(await alice.post('/v1/down/tickets', { terminalId: 'one' }))
  await kick(alice, { terminals: ['one'] })
  t.equal((await alice.listen({ terminalId: 'one' })).status, 204)
  const response = await fetch(`${iris.url}/v1/down/events?ticket=${String(ticket)}`)
  t.same([response.status, await response.text()], [204, ''])
})

t.test('[KICK-1] [SSE-1] a kicked native EventSource does not come back', async t => {
  const alice = await someone(t)
  const { body: { ticket } } = granted(await alice.post('/v1/down/tickets', { terminalId: 'one' }))
  const seen: string[] = []
  const statuses: number[] = []
  const source = new EventSource(`${iris.url}/v1/down/events?ticket=${String(ticket)}`, {
    async fetch (url, init) {
      const response = await fetch(url, init)
      statuses.push(response.status)
      return response
    }
  })
  t.teardown(() => source.close())
  for (const name of ['CMD_DOWN', 'NOTICE_DOWN']) {
    source.addEventListener(name, ({ data }) => {
      const { name, kind } = JSON.parse(String(data)) as { name?: string, kind?: string }
      seen.push(name ?? kind ?? '')
    })
  }
  await until(async () => seen.includes('IRIS.READY') || undefined)
  await kick(alice, { terminals: ['one'] })
  await until(async () => source.readyState === EventSource.CLOSED || undefined)
  t.same(seen.slice(-2), ['kick', 'IRIS.BYE'])
  t.same(statuses, [200, 204], 'it tried once')
})

t.test('[KICK-1] without terminals: all of the user, also one that was never seen and one that is offline', async t => {
  const alice = await someone(t)
  const [stream, offline] = [await alice.listen({ terminalId: 'one' }), await alice.listen({ terminalId: 'offline' })]
  await offline.cut()
  await stream.next('IRIS.READY')
  const { body } = await kick(alice, {})
  t.same([...body['kicked'] as unknown as string[]].sort(), ['offline', 'one'])
  await stream.ended
  for (const terminalId of ['one', 'offline', 'never-seen']) {
    t.equal((await alice.listen({ terminalId })).status, 204, terminalId)
    t.equal((await alice.time({}, terminalId)).body.code, 'KICKED', terminalId)
  }
})

t.test('[KICK-1] a later login is welcome on the kicked terminal; the earlier one stays refused', async t => {
  const alice = await someone(t)
  await kick(alice, { terminals: ['one'] })
  const fresh = await again(t, alice)
  const stream = await fresh.listen({ terminalId: 'one' })
  await stream.next('IRIS.READY')
  t.equal((await fresh.time({}, 'one')).status, 200)
  t.equal((await alice.listen({ terminalId: 'one' })).status, 204)
  t.equal((await alice.time({}, 'one')).status, 401)
  t.equal(stream.isOver, false)
})

t.test('[KICK-1] revokeTokens: every token issued until now, on every terminal, and its tickets', async t => {
  const alice = await someone(t)
  const stream = await alice.listen({ terminalId: 'two' })
  await stream.next('IRIS.READY')
  const { body: { ticket } } = granted(await alice.post('/v1/down/tickets', { terminalId: 'three' }))
  const { body } = await kick(alice, { terminals: ['one'], revokeTokens: true })
  t.same([...body['kicked'] as unknown as string[]].sort(), ['one', 'two'])
  t.match((await stream.next('IRIS.BYE')).data.data, { code: 4301 })
  for (const terminalId of ['one', 'two', 'four']) t.equal((await alice.time({}, terminalId)).body.code, 'KICKED')
  t.equal((await fetch(`${iris.url}/v1/down/events?ticket=${String(ticket)}`)).status, 204)
  t.equal((await (await again(t, alice)).time({}, 'two')).status, 200)
})

t.test('[KICK-1] banSec: a later login is refused, too, until the ban ends', async t => {
  const alice = await someone(t)
  await kick(alice, { banSec: 3600 })
  await kick(alice, {}) // a later kick does not lift the ban
  const fresh = await again(t, alice)
  t.equal((await fresh.time({})).body.code, 'KICKED')
  t.equal((await fresh.listen()).status, 204)
  const field = 'ban:*'
  const stone = String(await iris.redis.hget(keys.kick(alice.userId), field))
  await iris.redis.hset(keys.kick(alice.userId), field, stone.replace(/ \d+ /, ' 1 '))
  t.equal((await fresh.time({})).status, 200)
  t.equal((await alice.time({})).status, 401, 'the token from before the kick is refused all the same')
})

t.test('[KICK-1] a ban of one terminal is of that one', async t => {
  const alice = await someone(t)
  await kick(alice, { terminals: ['one'], banSec: 3600 })
  const fresh = await again(t, alice)
  t.equal((await fresh.time({}, 'one')).status, 401)
  t.equal((await fresh.time({}, 'two')).status, 200)
})

t.test('[KICK-1] a fresh token of the terminal does not renew what is kicked', async t => {
  const alice = await someone(t)
  await kick(alice, { terminals: ['one'] })
  const fresh = await again(t, alice)
  t.match(await fresh.post('/v1/up/token', { token: alice.token }, { 'terminal-id': 'one' }), { status: 401, body: { code: 'KICKED' } })
  t.equal((await fresh.post('/v1/up/token', { token: await tokenOf(alice.userId, { agoSec: -20 }) }, { 'terminal-id': 'one' })).status, 200)
})

t.test('[KICK-1] tombstones are bounded and end', async t => {
  const alice = await someone(t)
  for (let i = 0; i < 3; i++) await kick(alice, { terminals: Array.from({ length: 100 }, (_, n) => `t-${i}-${n}`) })
  t.ok(await iris.redis.hlen(keys.kick(alice.userId)) <= 200)
  t.equal((await alice.time({}, 't-2-99')).status, 401)
  const ttl = await iris.redis.pttl(keys.kick(alice.userId))
  t.ok(ttl > 0 && ttl <= 2_592_000_000)
})

t.test('[KICK-1] what breaks a rule is refused', async t => {
  for (const body of [{ reason: '' }, { terminals: [] }, { terminals: ['a b'] }, { banSec: 0 }, { reason: 'x'.repeat(201) }]) {
    t.match(await kick({ userId: 'nobody' }, body), { status: 400, body: { code: 'INVALID_BODY' } })
  }
})
