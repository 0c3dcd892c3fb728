// What a back end is told of each kind, beyond what one command and its retry say (feed.test.ts). docs/protocol.md section 8.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { keys, partition } from '../../src/store/keys.js'
import { saidBy } from '../helper/events.js'
import { startIris } from '../helper/iris.js'
import { heartbeat, listening } from '../helper/life.js'
import { timeOf } from '../helper/redis.js'
import { dm, groupOf, two, until } from '../helper/user.js'

const iris = await startIris(t, { env: { IRIS_EVENTS: 'all', IRIS_LIMIT_GRACE_SEC: '1' } })
const { server } = iris
const alice = await iris.user(t)

/** What is said but of presence: a stream of the test before may end meanwhile. */
const saidHere = async (act: () => Promise<unknown>) =>
  (await saidBy(iris, act)).filter(said => !/^(user\.o|terminal\.)/.test((said as { type: string }).type))

/** Whom a message of alice's to the group finds away. */
const awayIn = async (id: string) => {
  const [said] = (await saidHere(() => alice.send(id, 'who is there?'))).slice(-1)
  return (said as { offline: { userId: string }[] }).offline.map(({ userId }) => userId)
}

t.test('[EVENT-2] who has a terminal in the foreground is not away; who says background, or goes, is at once', async t => {
  const [dora, emil] = await two(() => iris.user(t))
  const id = await groupOf(iris, alice, dora, emil)
  t.strictSame((await awayIn(id)).sort(), [dora.userId, emil.userId].sort())
  const [web, phone] = [await listening(dora, 'web'), await listening(dora, 'phone')]
  t.strictSame(await awayIn(id), [emil.userId])
  await heartbeat(dora, { state: 'background' }, 'web')
  t.strictSame(await awayIn(id), [emil.userId], 'her phone is in the foreground')
  await heartbeat(dora, { state: 'background' }, 'phone')
  await until(async () => (await awayIn(id)).length === 2 || undefined)
  await heartbeat(dora, { state: 'foreground' }, 'web')
  await until(async () => (await awayIn(id)).length === 1 || undefined)
  await phone.cut()
  t.strictSame(await awayIn(id), [emil.userId])
  await web.cut()
  await until(async () => (await awayIn(id)).length === 2 || undefined)
  t.equal((await iris.redis.smembers(keys.foreground(partition(dora.userId)))).includes(dora.userId), false)
})

t.test('[EVENT-3] [REST-2] [DIRECT-4] a receipt is told once, and no further than there is something to read, ' +
  'also of who has blocked; a private marker never', async t => {
  const [bob, carol] = await two(() => iris.user(t))
  const conversationId = dm(bob, carol)
  for (const text of ['one', 'two', 'three']) await bob.send(carol, text)
  const read = (body: object) => saidHere(() => carol.read({ conversationId, ...body }))
  const told = (facts: object) => [{ type: 'message.read', conversationId, userId: carol.userId, ...facts }]
  t.same(await saidHere(() => carol.rest({ items: [{ conversationId, upToSeq: 2 }] })), [])
  t.same(await read({ upToSeq: 1 }), told({ readSeq: 1 }), 'the marker beyond it has not told this')
  t.same(await read({ upToSeq: 1 }), [])
  await server('PUT', `users/${carol.userId}/blocked/${bob.userId}`)
  t.same(await read({ upToSeq: 99 }), told({ readSeq: 3 }))
  t.same(await read({ upToSeq: 99 }), [])
})

t.test('[EVENT-4] a message that is revoked by two at once is told once, with its text', async t => {
  const [bob, carol] = await two(() => iris.user(t))
  await bob.send(carol, 'oops')
  const place = { conversationId: dm(bob, carol), seq: 1 }
  const said = await saidHere(() => Promise.all([bob.revoke(place), server('POST', 'messages/revoke', place)]))
  t.match(said, [{ type: 'message.revoked', ...place, from: bob.userId, message: { content: { text: 'oops' } } }])
  t.equal(said.length, 1)
})

t.test('[EVENT-5] [COMPLETE-2] what all terminals must complete is told by the last of them', async t => {
  const bob = await iris.user(t)
  for (const terminalId of ['phone', 'desk']) await listening(bob, terminalId)
  const { body: { cmdId } } = await server('POST', 'commands', {
    clientCmdId: randomUUID(), name: 'order', to: { users: [bob.userId] }, mode: 'reliable', complete: 'all'
  })
  const complete = (terminalId: string) => saidHere(() => bob.cmdComplete({ ids: [String(cmdId)] }, terminalId))
  t.same(await complete('phone'), [])
  t.same(await complete('desk'), [{ type: 'command.completed', cmdId, name: 'order', userId: bob.userId, terminalId: 'desk' }])
  t.same(await complete('desk'), [])
})

t.test('[EVENT-5] [CMD-6] what expires, is replaced or cancelled, or was shown once is told by nothing', async t => {
  const bob = await iris.user(t)
  const to = { users: [bob.userId] }
  const order = (ttlSec = 60) => server('POST', 'commands', {
    clientCmdId: randomUUID(), name: 'order', to, mode: 'reliable', collapseKey: 'k', ttlSec
  })
  const notice = (noticeId: string, more: object) => server('POST', 'notices', { noticeId, users: [bob.userId], content: {}, ...more })
  const [cancelled, once] = [randomUUID(), randomUUID()]
  t.same(await saidHere(async () => {
    const replaced = (await order()).body
    const expired = (await order(1)).body
    const ends = await timeOf(iris.redis) + 1_000
    await notice(cancelled, {})
    await notice(once, { needComplete: false })
    await server('DELETE', `notices/${cancelled}`)
    await until(async () => await timeOf(iris.redis) > ends || undefined)
    await bob.cmdComplete({ ids: [replaced, expired].map(({ cmdId }) => String(cmdId)) })
    await bob.noticeComplete({ ids: [cancelled] })
    const stream = await listening(bob)
    await stream.cut()
  }), [])
})

t.test('[EVENT-6] [MUTE-1] a change tells what it has changed, and nothing of what was so before', async t => {
  const [bob, carol] = await two(() => iris.user(t))
  const id = await groupOf(iris, bob, carol)
  const members = (body: object) => saidHere(() => server('POST', `conversations/${id}/members`, body))
  const told = (facts: object) => [{ type: 'conversation.changed', conversationId: id, kind: 'group', change: 'members', ...facts }]
  const mutedUntil = Date.now() + 60_000
  t.same(await members({ add: [bob.userId], remove: ['nobody'], role: [{ userId: carol.userId, role: 'member' }] }), [])
  t.same(await members({ add: [carol.userId, 'dora'], remove: ['nobody'] }), told({ added: [{ userId: 'dora', role: 'member' }] }))
  t.match(await members({ mute: [{ userId: carol.userId, mutedUntil }] }), told({ muted: [{ userId: carol.userId, mutedUntil }] }))
  t.same(await members({ mute: [{ userId: carol.userId, mutedUntil }] }), [])
})

t.test('[EVENT-7] [KICK-2] a login that takes the place of another is no kick', async t => {
  const single = await startIris(t, { redisPath: iris.redisPath, env: { IRIS_EVENTS: 'all', IRIS_LOGIN_POLICY: 'single' } })
  const bob = await single.user(t)
  const said = await saidBy(single, async () => {
    const first = await listening(bob, 'first')
    await listening(bob, 'second')
    t.match((await first.next('IRIS.BYE')).data.data, { code: 4302 })
  })
  t.match(said, [
    { type: 'user.online' }, { type: 'terminal.connected', terminalId: 'first' },
    { type: 'terminal.connected', terminalId: 'second' }, { type: 'terminal.disconnected', terminalId: 'first', reason: 'KICKED' }
  ])
  t.equal(said.length, 4)
})
