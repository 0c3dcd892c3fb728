// A user is deleted: what goes, what stays, who is told. docs/protocol.md section 8.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { deletionsOf, stays, textsOf } from '../helper/deletions.js'
import { allEvents } from '../helper/events.js'
import { startIris } from '../helper/iris.js'
import { loginOf, tokenOf } from '../helper/token.js'
import { dm, granted, pointers } from '../helper/user.js'

const iris = await startIris(t, { env: { IRIS_EVENTS: 'all', IRIS_LIMIT_REVOKE_SEC: '1' } })
const { redis } = iris
const { someone, again, remove, live, ownKeys } = deletionsOf(iris)

t.test('[USER-1] what is kept of a user goes, and is counted; what refuses his tokens, and the number of his events, stay', async t => {
  const { alice } = await live(t)
  const stream = await alice.listen({ terminalId: 'web' })
  await stream.next('IRIS.READY')
  t.ok((await ownKeys(alice)).length > 20)
  const { status, body } = await remove(alice)
  t.equal(status, 200)
  t.match(body, {
    done: true, removed: { groups: 3, directs: 1, revoked: 0, blocked: 1, terminals: 2, tickets: 2, commands: 1, notices: 1 }
  })
  t.same((await ownKeys(alice)).filter(key => !stays.test(key)), [])
  t.same(await redis.hkeys(keys.terminals(alice.userId)), ['/n'])
  t.same(await redis.hkeys(keys.kick(alice.userId)), ['notBefore'])
  for (const key of [keys.terminals(alice.userId), keys.kick(alice.userId)]) t.ok(await redis.pttl(key) > 0)
  for (const pattern of ['*:LEASES', '*:FOREGROUND']) {
    for (const key of await redis.keys(pattern)) {
      const all = await (pattern === '*:LEASES' ? redis.zrange(key, '0', '-1') : redis.smembers(key))
      t.same(all.filter(name => name.startsWith(alice.userId)), [])
    }
  }
  t.match(await remove(alice), { status: 200, body: { done: true, removed: { groups: 0, directs: 0, terminals: 0, tickets: 0 } } })
  t.match(await iris.server('GET', `users/${alice.userId}/delivery`), {
    status: 200, body: { online: false, unread: 0, pending: { commands: 0, notices: 0 }, terminals: [] }
  })
})

t.test('[USER-2] his terminals are told goodbye, his tokens and tickets are refused; a later token begins as a new user', async t => {
  const { alice, bob } = await live(t)
  const { body: { ticket } } = granted(await alice.post('/v1/down/tickets', {}))
  const stream = await alice.listen({ terminalId: 'web' })
  await stream.next('IRIS.READY')
  const { cursor } = stream
  const { body: { tokensFrom } } = granted(await remove(alice))
  await stream.ended
  const [notice, bye] = stream.events.slice(-2)
  t.match(notice, { event: 'NOTICE_DOWN', data: { kind: 'kick', content: { reason: 'deleted', reconnect: 'never' } } })
  t.match(bye?.data, { name: 'IRIS.BYE', data: { code: 4301, reconnect: 'never' } })
  t.match(await alice.send(bob, 'still here'), { status: 401, body: { code: 'KICKED', detail: 'deleted' } })
  t.equal((await alice.listen({ terminalId: 'another' })).status, 204)
  t.equal((await fetch(`${iris.url}/v1/down/poll?timeoutMs=0&ticket=${String(ticket)}`)).status, 401)
  t.ok(tokensFrom <= Math.ceil(Date.now() / 1000) + 1)

  const minted = await iris.user(t, alice.userId)
  t.match(await minted.conversations(), { status: 200, body: { items: [], totalUnread: 0 } })
  const fresh = await minted.listen({ terminalId: 'web', ...(cursor !== undefined && { cursor }) })
  t.match((await fresh.next('IRIS.RESET')).data, { data: { reason: 'epoch' } })
  await fresh.next('IRIS.READY')
  t.same(fresh.events.filter(({ event }) => event === 'MSG_DOWN' || event === 'NOTICE_DOWN'), [])
  const said = (await allEvents(iris)).filter(({ userId, n }) => userId === alice.userId && n > 0)
  t.same(said.map(({ n }) => n), said.map((_, i) => i + 1), 'the numbers of his events go on')
})

t.test('[USER-1] a call that is repeated under its Idempotency-Key takes nothing from who has come by that id since', async t => {
  const alice = await someone(t)
  const removeBy = async (key: string) => {
    const response = await fetch(`${iris.url}/v1/server/users/${alice.userId}`, {
      method: 'DELETE', headers: { authorization: `Bearer ${iris.serverKey}`, 'idempotency-key': key }
    })
    return { replayed: response.headers.get('idempotent-replayed'), ...await response.json() as { done: boolean } }
  }
  t.match(await removeBy(`${alice.userId}-1`), { done: true, replayed: null })
  const next = await iris.user(t, alice.userId)
  t.match(await next.time({}), { status: 200 })
  t.match(await removeBy(`${alice.userId}-1`), { done: true, replayed: 'true' })
  t.match(await next.time({}), { status: 200 })
  t.match(await removeBy(`${alice.userId}-2`), { done: true, replayed: null })
  t.match(await next.time({}), { status: 401, body: { code: 'KICKED' } }, 'another call means who is there')
})

t.test('[USER-2] [EVENT-7] one that begins when an earlier one, which nobody has ended, is over is told as any other', async t => {
  const alice = await someone(t)
  await iris.server('POST', `users/${alice.userId}/kick`, { reason: 'lost', terminals: ['phone'] })
  await redis.hset(keys.kick(alice.userId), 'ban:/', `${Number.MAX_SAFE_INTEGER} ${Date.now() - 1} deleted`)
  t.match(await alice.time({}), { status: 200 })
  t.equal((await remove(alice)).body.done, true)
  const kicked = (await allEvents(iris)).filter(({ type, userId }) => type === 'user.kicked' && userId === alice.userId)
  t.same(kicked.map(({ reason }) => reason), ['lost', 'deleted'])
})

t.test('[USER-2] a ban outlives the deletion', async t => {
  const alice = await someone(t)
  await iris.server('POST', `users/${alice.userId}/kick`, { reason: 'spam', banSec: 600 })
  t.equal((await remove(alice)).body.done, true)
  t.match(await (await again(t, alice)).time({}), { status: 401, body: { code: 'KICKED', detail: 'spam' } })
})

t.test('[USER-2] [KICK-3] a token that was refused before the deletion is refused as long as it would have been', async t => {
  const { userId } = await someone(t)
  const long = await loginOf(t, iris, userId, { endsInSec: 60 * 86_400 })
  const stream = await long.listen({ terminalId: 'phone' })
  await stream.next('IRIS.READY')
  await iris.server('POST', `users/${userId}/kick`, { reason: 'lost', terminals: ['phone'] })
  await iris.server('DELETE', `users/${userId}/terminals/phone`)
  await remove(long)
  t.same(await redis.hkeys(keys.kick(userId)), ['notBefore'])
  const [, ends, reason] = (await redis.hget(keys.kick(userId), 'notBefore'))?.split(' ') ?? []
  t.ok(Number(ends) > Date.now() + 59 * 86_400_000)
  t.equal(reason, 'deleted')
})

t.test('[USER-3] others keep what they have; he is in no group, and of none that he was in; who writes to him writes to a new user',
  async t => {
    const { alice, bob, group, former, closed } = await live(t)
    await remove(alice)
    const direct = dm(alice, bob)
    t.match(await remove(alice, '?messages=revoke'), { body: { done: true, removed: { revoked: 0 } } }, 'where she wrote is forgotten')
    t.match(await textsOf(bob, direct), [{ from: alice.userId, content: { text: 'of alice' } }, { from: bob.userId }])
    for (const id of [group, former, closed]) t.match(await textsOf(bob, id), [{ from: alice.userId, content: { text: 'of alice' } }])
    const { body: { members } } = granted(await iris.server('GET', `conversations/${group}`))
    t.same((members as unknown as { userId: string }[]).map(({ userId }) => userId), [bob.userId])
    const left = (await allEvents(iris)).filter(({ type, removed }) => type === 'conversation.changed' &&
      (removed as string[] | undefined)?.includes(alice.userId))
    t.same(left.map(({ conversationId }) => conversationId).sort(), [group, former, closed].sort())

    t.match(await bob.send(alice, 'are you there?'), { status: 200 }, 'she blocks nobody')
    const next = await again(t, alice)
    t.match(await textsOf(next, direct), [{ from: bob.userId, content: { text: 'are you there?' } }])
    for (const id of [group, former, closed]) t.equal(await textsOf(next, id), 404)
    t.match(await next.conversations(), { body: { items: [{ conversationId: direct, unread: 1 }], totalUnread: 1 } })
    t.match(await next.send(bob, 'a new one'), { status: 200 })
    t.equal((await textsOf(next, direct) as unknown[]).length, 2)
  })

t.test('[USER-4] with messages=revoke nothing that he wrote is left, also in groups that he has left', async t => {
  const { alice, bob, group, former, closed } = await live(t)
  await alice.command({ clientCmdId: randomUUID(), name: 'of-alice', to: { users: [bob.userId] }, mode: 'reliable' })
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  t.match(await remove(alice, '?messages=revoke'), { status: 200, body: { done: true, removed: { revoked: 4, groups: 3, directs: 1 } } })
  for (const id of [dm(alice, bob), group, former, closed]) {
    const texts = await textsOf(bob, id) as { from: string, type: string }[]
    t.same(texts.filter(({ from, type }) => from === alice.userId && type !== 'revoked'), [])
    t.notOk(JSON.stringify(await redis.hvals(keys.log(id))).includes('of alice'))
  }
  t.match((await textsOf(bob, group) as unknown[])[1], { from: bob.userId, content: { text: 'of bob' } })
  t.match((await stream.next('CMD_DOWN')).data, { name: 'REVOKE' })
  const fresh = await bob.listen({ terminalId: 'fresh' })
  t.ok(await fresh.next(({ data }) => data.name === 'of-alice'), 'a command that waits for him')
})

t.test('[USER-1] [DOWN-2] what cannot be read of him goes, too', async t => {
  const { alice } = await live(t)
  await redis.zadd(keys.blocked(alice.userId), 'inf', 'nobody', 2.5, 'a b')
  t.match(await remove(alice), { status: 200, body: { done: true } }, 'no page shows these blocks')
  const broken = await live(t)
  for (const key of await redis.keys(`*:${broken.alice.userId}*`)) {
    const isText = await redis.type(key) === 'string'
    await redis.del(key)
    await (isText ? redis.sadd(key, 'x') : redis.set(key, 'x'))
  }
  t.match(await remove(broken.alice), { status: 200, body: { done: true } })
  const left = (await ownKeys(broken.alice)).filter(key => !stays.test(key))
  t.same(left.filter(key => !key.startsWith('RESET_READ_NUM_AND_LAST_MSG:<user>:g.')), [], 'but for what only a broken key knew')
})

t.test('[USER-1] of somebody who was never heard of, his tokens are refused; bad input is named', async t => {
  const nobody = await someone(t)
  t.match(await remove(nobody), { status: 200, body: { done: true, removed: { groups: 0, terminals: 0 } } })
  t.match(await nobody.time({}), { status: 401, body: { code: 'KICKED' } })
  t.equal((await fetch(`${iris.url}/v1/conversations`, {
    headers: { authorization: `Bearer ${await tokenOf(nobody.userId, { agoSec: -10 })}` }
  })).status, 200)
  const bad = [['system', '/id'], ['a.b', '/id'], ['a?messages=burn', '/messages'], ['a?x=1', '/x']] as const
  for (const [path, pointer] of bad) {
    const answer = await iris.server('DELETE', `users/${path}`)
    t.match(answer, { status: 400, body: { code: 'INVALID_QUERY' } }, path)
    t.same(pointers(answer), [pointer])
  }
})
