// Users see whether others are there: those who share a conversation, asked for or watched, on whatever node. [SEE-3] [SEE-4]
import t, { type Test } from 'tap'
import { keys, partition } from '../../src/store/keys.js'
import { untilSaid } from '../helper/events.js'
import { type Iris, startIris } from '../helper/iris.js'
import { listening } from '../helper/life.js'
import { openPolls, pollOnce } from '../helper/poll.js'
import { openWs } from '../helper/ws.js'
import { beforeTheSweep, createUser, groupOf, pointers, three, two, until, type User } from '../helper/user.js'

const env = { IRIS_LIMIT_GRACE_SEC: '1' }
const a = await startIris(t, { env: { ...env, IRIS_NODE_ID: 'a' } })
const b = await startIris(t, { env: { ...env, IRIS_NODE_ID: 'b' }, redisPath: a.redisPath })
const onB = (t: Test, { userId, token }: User) => createUser(t, { url: b.url, userId, token })

interface Seen { userId: string, online: boolean, since?: number }

const ask = (user: User, users: { userId: string }[], { watch, terminalId = 'default' }: { watch?: boolean, terminalId?: string } = {}) =>
  user.post('/v1/presence', { users: users.map(each => each.userId), ...(watch !== undefined && { watch }) }, { 'terminal-id': terminalId })
const itemsOf = async (...asked: Parameters<typeof ask>) => (await ask(...asked)).body['items'] as Seen[]

/** What a reader is told of somebody. */
const word = ({ userId }: { userId: string }, online: boolean) => ({ data }: { data: { name?: string, data?: object } }) =>
  data.name === 'PRESENCE' && (data.data as Seen).userId === userId && (data.data as Seen).online === online
const wordsOf = (reader: { events: { data: { name?: string, data?: object } }[] }) =>
  reader.events.flatMap(({ data }) => data.name === 'PRESENCE' ? [data.data as Seen] : [])

/** Two users who have a group, and a third who has none with them. */
async function acquainted (t: Test) {
  const [alice, bob, carol] = await three(() => a.user(t))
  await groupOf(a, alice, bob)
  return { alice, bob, carol }
}

t.test('[SEE-3] who shares a group, or has written in the direct conversation, is seen; of anybody else nothing is learnt', async t => {
  const { alice, bob, carol } = await acquainted(t)
  const nobody = { userId: `${alice.userId}-nobody` }
  for (const user of [alice, bob, carol]) await listening(user)
  await alice.send(carol, 'who are you?')
  const seen = await itemsOf(alice, [carol, bob, nobody, alice])
  t.match(seen, [{}, { userId: bob.userId, online: true, since: Number }, {}, { userId: alice.userId, online: true, since: Number }])
  t.strictSame([seen[0], seen[2]], [carol, nobody].map(({ userId }) => ({ userId, online: false })), 'the same answer')
  t.strictSame((await itemsOf(carol, [alice]))[0]?.online, true, 'who was written to sees who wrote')
  await carol.send(alice, 'nobody in particular')
  t.match(await itemsOf(alice, [carol]), [{ userId: carol.userId, online: true, since: Number }])
})

t.test('[SEE-3] [DIRECT-4] one whom a user has blocked, or with whom he shares nothing any more, learns nothing of him', async t => {
  const { alice, bob, carol } = await acquainted(t)
  await alice.send(carol, 'hi')
  await carol.send(alice, 'hi')
  const stream = await listening(alice)
  await ask(alice, [bob, carol], { watch: true })
  for (const user of [bob, carol]) await listening(user)
  for (const user of [bob, carol]) await until(async () => wordsOf(stream).some(({ userId }) => userId === user.userId) || undefined)
  await a.server('PUT', `users/${bob.userId}/blocked/${alice.userId}`)
  t.same(await itemsOf(alice, [bob]), [{ userId: bob.userId, online: false }])
  t.match(await itemsOf(bob, [alice]), [{ online: true }], 'it goes one way')
  await stream.next(word(bob, false))
  await a.server('DELETE', `users/${bob.userId}/blocked/${alice.userId}`)
  t.match(await itemsOf(alice, [bob]), [{ online: true }])
  await stream.next(word(bob, true))
  await a.server('PUT', `users/${bob.userId}/blocked/${alice.userId}`)
  await stream.next(word(bob, false))
  for (const user of [bob, carol]) await a.server('DELETE', `users/${user.userId}/terminals/default`)
  await stream.next(word(carol, false))
  await untilSaid(a, bob, 'user.offline')
  // told in one round with carol's, or before it: bob went first
  const ofBob = wordsOf(stream).filter(({ userId }) => userId === bob.userId)
  t.strictSame(ofBob.map(({ online }) => online), [true, false, true, false], 'blocked, not any more, and again: nothing of his going')
  t.equal(new Set(ofBob.map(({ since }) => since)).size, 1, 'nor when it was')
})

t.test('[SEE-4] who may be seen no more is seen to go, and who may be seen again to be there; a stranger learns nothing', async t => {
  const [alice, bob, carol] = await three(() => a.user(t))
  const [first, second] = await two(() => groupOf(a, alice, bob))
  const watching = async (user: User, users: User[], terminalId: string) => {
    const stream = await listening(user, terminalId)
    t.match((await ask(user, users, { watch: true, terminalId })).body, { watching: true })
    return stream
  }
  const [bobs, here, there] = [
    await watching(onB(t, bob), [alice], 'b'), await watching(alice, [bob], 'a'), await watching(onB(t, alice), [bob], 'b')
  ]
  const stranger = await watching(carol, [alice, bob], 'c')
  await bobs.next(word(alice, true))
  const [{ since } = {}] = await itemsOf(alice, [bob])
  const without = async (group: string) => await a.server('PUT', `conversations/${group}`, { members: [alice.userId] })
  await without(first)
  await a.server('PUT', `users/${bob.userId}/blocked/${carol.userId}`)
  t.match(await itemsOf(alice, [bob]), [{ online: true }], 'they share another group')
  await without(second)
  for (const stream of [here, there]) t.same((await stream.next(word(bob, false))).data.data, { userId: bob.userId, online: false, since })
  await bobs.next(word(alice, false))
  await a.server('POST', `conversations/${first}/members`, { add: [bob.userId] })
  for (const stream of [here, there]) t.same((await stream.next(word(bob, true))).data.data, { userId: bob.userId, online: true, since })
  await bobs.next(word(alice, true))
  const said = wordsOf(here).map(({ online }) => online)
  t.strictSame(said.filter((online, i) => online !== said[i - 1]), [false, true], 'and no other')
  t.same(wordsOf(stranger), [])
})

t.test('[SEE-4] a connection is told when one whom it watches comes and goes, wherever both are, and no other terminal is', async t => {
  const { alice, bob } = await acquainted(t)
  const [stream, other] = [await listening(alice), await listening(alice, 'other')]
  const before = await ask(onB(t, alice), [bob], { watch: true })
  t.strictSame([before.status, before.body['items'], before.body['watching']], [200, [{ userId: bob.userId, online: false }], true])
  const bobs = await listening(onB(t, bob))
  const came = await beforeTheSweep(t, stream.next(word(bob, true)))
  t.strictSame([came?.id, came?.event], [undefined, 'CMD_DOWN'], 'stored nowhere [DOWN-3]')
  const [now] = await itemsOf(alice, [bob])
  t.same(came?.data.data, now, 'the answer says the same')
  await bobs.cut()
  const went = await stream.next(word(bob, false))
  t.ok(Number((went.data.data as unknown as Seen).since) > Number(now?.since), 'since rises')
  t.same(await itemsOf(alice, [bob]), [went.data.data], 'and is kept: when he went')
  t.same(wordsOf(other), [])
})

for (const door of ['ws', 'poll'] as const) {
  t.test(`[SEE-4] by ${door} as by Server-Sent Events`, async t => {
    const { alice, bob } = await acquainted(t)
    const headers = { authorization: `Bearer ${alice.token}` }
    const reader = door === 'ws'
      ? await openWs(`${a.url}/v1/ws?terminalId=t`, { headers })
      : await openPolls(`${a.url}/v1/down/poll?terminalId=t`, { headers })
    t.teardown(() => reader.cut())
    await reader.next('IRIS.READY')
    t.match((await ask(alice, [bob], { watch: true, terminalId: 't' })).body, { watching: true })
    await listening(bob)
    await reader.next(word(bob, true))
  })
}

t.test('[SEE-4] [POLL-2] a terminal that polls now here, now there goes on watching', async t => {
  const { alice, bob } = await acquainted(t)
  const poll = async ({ url }: Iris, cursor?: string) => (await pollOnce(`${url}/v1/down/poll?terminalId=p&timeoutMs=0`, {
    headers: { authorization: `Bearer ${alice.token}` }, cursor
  })).body
  const { cursor } = await poll(a)
  t.match((await ask(alice, [bob], { watch: true, terminalId: 'p' })).body, { watching: true })
  await poll(b, cursor)
  await listening(bob)
  await until(async () => (await poll(b, cursor)).events.some(word(bob, true)) || undefined)
})

t.test('[SEE-4] a new list takes the place of the one before, an empty one ends it, and so does the end of the connection', async t => {
  const { alice, bob, carol } = await acquainted(t)
  await groupOf(a, alice, carol)
  const stream = await listening(alice)
  t.match((await ask(alice, [bob], { watch: true })).body, { watching: true })
  t.match((await ask(alice, [carol], { watch: true })).body, { watching: true })
  t.notOk('watching' in (await ask(alice, [bob])).body, 'a question alone changes nothing')
  const bobs = await listening(bob)
  await listening(carol)
  await stream.next(word(carol, true))
  t.same(wordsOf(stream).map(({ userId }) => userId), [carol.userId])
  t.match((await ask(alice, [], { watch: true })).body, { items: { length: 0 }, watching: false })
  t.match((await ask(alice, [bob], { watch: true, terminalId: 'nowhere' })).body, { watching: false })
  await ask(alice, [bob], { watch: true })
  await stream.cut()
  await until(async () => (await ask(alice, [bob], { watch: true })).body['watching'] === false || undefined)
  const [again, another] = [await listening(alice), await listening(alice, 'another')]
  await ask(alice, [bob], { watch: true, terminalId: 'another' })
  await bobs.cut()
  await another.next(word(bob, false))
  t.same(wordsOf(again), [], 'a connection that has not asked is told nothing')
})

t.test('[SEE-4] [USER-2] who is deleted is seen to go by those who saw him, wherever they are, and by nobody else', async t => {
  const { alice, bob, carol } = await acquainted(t)
  await alice.send(bob, 'hi')
  await bob.send(alice, 'hi')
  await listening(bob)
  const watchers = [alice, onB(t, alice), carol]
  const streams = await Promise.all(watchers.map(async (user, i) => {
    const stream = await listening(user, `w${i}`)
    await ask(user, [bob], { watch: true, terminalId: `w${i}` })
    return stream
  }))
  t.match(await a.server('DELETE', `users/${bob.userId}`), { body: { done: true } })
  for (const stream of streams.slice(0, 2)) await stream.next(word(bob, false))
  t.same(streams[2] && wordsOf(streams[2]), [], 'a stranger learns nothing')
})

t.test('[SEE-4] who comes and goes all the time is told of as he is, many watchers or few', async t => {
  const [bob, ...watchers] = await Promise.all(Array.from({ length: 31 }, () => a.user(t))) as [User, ...User[]]
  await groupOf(a, bob, ...watchers)
  const streams = await Promise.all(watchers.map(async user => {
    const stream = await listening(user)
    await ask(user, [bob], { watch: true })
    return stream
  }))
  const pipeline = a.redis.pipeline()
  for (let i = 1; i <= 100; i++) pipeline.spublish(keys.presence(partition(bob.userId)), `${bob.userId} ${i % 2} ${i}`)
  pipeline.spublish(keys.presence(partition(bob.userId)), `${bob.userId} 1 99`).spublish(keys.presence(partition(bob.userId)), 'nonsense')
  await pipeline.exec()
  for (const stream of streams) await stream.next(word(bob, false))
  for (const stream of streams) {
    const told = wordsOf(stream)
    t.same(told.at(-1), { userId: bob.userId, online: false, since: 100 }, 'the newest, whatever came after it')
    t.ok(told.length <= 5, `${told.length} words for 101 changes`)
  }
})

t.test('[SEE-4] what was published while a node did not hear is found when it hears again', async t => {
  const { alice, bob } = await acquainted(t)
  const stream = await listening(alice)
  await ask(alice, [bob], { watch: true })
  const since = Number((await alice.time({})).body['serverTime'])
  await a.redis.hset(keys.terminals(bob.userId), '/online', String(since)) // as a script does, but nobody heard of it
  await a.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
  const told = await beforeTheSweep(t, stream.next(word(bob, true)))
  t.same(told?.data.data, { userId: bob.userId, online: true, since })
  await a.redis.del(keys.terminals(bob.userId))
})

t.test('[SEE-3] a broken question is 400 and names what is wrong', async t => {
  const [alice, bob] = await two(() => a.user(t))
  const many = Array.from({ length: 101 }, (_, i) => `u-${i}`)
  for (const [body, pointer] of [
    [{ users: [] }, '/users'], [{ users: [], watch: false }, '/users'], [{ users: many }, '/users'], [{ users: ['u', 'u'] }, '/users'],
    [{ users: ['a b'] }, '/users/0'], [{}, '/users'], [{ users: [bob.userId], watch: 1 }, '/watch'],
    [{ users: [bob.userId], terminalId: 'x' }, '/terminalId']
  ] as const) {
    const answer = await alice.post('/v1/presence', body)
    t.strictSame([answer.status, answer.body.code, pointers(answer)], [400, 'INVALID_BODY', [pointer]], JSON.stringify(body).slice(0, 80))
  }
  t.equal((await itemsOf(alice, many.slice(1).map(userId => ({ userId })))).length, 100)
})
