// What a blocked one, or a muted one, can send beside messages, and what he learns. docs/protocol.md section 8.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { startIris } from '../helper/iris.js'
import { between, dm, groupOf, three, two, type User } from '../helper/user.js'
import { openWs } from '../helper/ws.js'

const iris = await startIris(t)
const block = async (user: User, other: User) => await iris.server('PUT', `users/${user.userId}/blocked/${other.userId}`)
const command = async (from: User, to: object, mode: string) =>
  await from.command({ clientCmdId: randomUUID(), name: 'typing', to, mode })
const SKIPPED = 'BLOCKED'

/** The ways in which a message is sent, each with what it answers. */
const ways: Record<string, (from: User, to: object) => Promise<Record<string, unknown> | undefined>> = {
  POST: async (from, to) => (await from.msgUp({ ...text(), ...to })).body,
  async WebSocket (from, to) {
    const ws = await openWs(`${iris.url}/v1/ws`, { headers: { authorization: `Bearer ${from.token}` } })
    const { error, data } = await ws.up('MSG_UP', { ...text(), ...to })
    await ws.cut()
    return error ?? data
  },
  'server API': async ({ userId: from }, to) => (await iris.server('POST', 'messages', { ...text(), from, ...to })).body
}
const text = () => ({ clientMsgId: randomUUID(), type: 'text', content: { text: 'hi' } })

for (const [way, send] of Object.entries(ways)) {
  t.test(`[DIRECT-2] [DIRECT-3] [MUTE-1] by ${way} a message of who is blocked or muted`, async t => {
    const [alice, bob] = await two(() => iris.user(t))
    const [group, mutedUntil] = [await groupOf(iris, alice, bob), Date.now() + 3_600_000]
    await block(alice, bob)
    await iris.server('POST', `conversations/${group}/members`, { mute: [{ userId: bob.userId, mutedUntil }] })
    const isFree = way === 'server API'
    t.match(await send(bob, { to: alice.userId }), isFree ? { seq: 1 } : { code: 'BLOCKED' }, 'opens a conversation')
    await alice.send(bob, 'hi')
    t.match(await send(bob, { conversationId: dm(alice, bob) }), isFree ? { seq: 3 } : { code: 'BLOCKED' }, 'in it')
    t.match(await send(bob, { conversationId: group }), isFree ? { seq: 1 } : { code: 'MUTED', mutedUntil }, 'in the group')
    t.match(await send(alice, { conversationId: group }), { seq: isFree ? 2 : 1 })
  })
}

for (const mode of ['online', 'reliable']) {
  t.test(`[DIRECT-4] ${mode}: a command to who has blocked its sender is refused, to others he is skipped`, async t => {
    const [alice, bob, carol] = await three(() => iris.user(t))
    const group = await groupOf(iris, alice, bob, carol)
    const refused = { status: 403, body: { code: SKIPPED } }
    await block(alice, bob)
    t.match(await command(bob, { users: [alice.userId] }, mode), refused, 'they share a group')
    t.match(await command(bob, { users: [alice.userId, carol.userId, 'stranger'] }, mode), {
      status: 200,
      body: {
        accepted: 1,
        skipped: [{ userId: alice.userId, reason: SKIPPED }, { userId: 'stranger', reason: 'NOT_ACQUAINTED' }]
      }
    })
    t.match(await command(bob, { users: [alice.userId, 'stranger'] }, mode), { status: 403, body: { code: 'NOT_ALLOWED_TARGET' } })
    await alice.send(bob, 'hi')
    for (const to of [{ users: [alice.userId] }, { conversationId: dm(alice, bob) }]) t.match(await command(bob, to, mode), refused)
    t.match(await command(bob, { conversationId: group }, mode), { status: 200, body: { accepted: 2, skipped: [] } }, 'in a group')
    t.match(await command(bob, { users: [bob.userId] }, mode), { status: 200, body: { accepted: 1 } }, 'to himself')
    t.match(await command(alice, { users: [bob.userId] }, mode), { status: 200, body: { accepted: 1 } }, 'it goes one way')
    t.match(await iris.server('POST', 'commands', { clientCmdId: randomUUID(), name: 'c', to: { users: [alice.userId] }, mode }), {
      status: 200, body: { accepted: 1 }
    }, '[DIRECT-3] the server API')
    t.match(await iris.server('DELETE', `users/${alice.userId}/blocked/${bob.userId}`), { status: 200 })
    t.match(await command(bob, { users: [alice.userId] }, mode), { status: 200, body: { accepted: 1, skipped: [] } })
  })

  t.test(`[MUTE-1] ${mode}: a muted one sends no command to the group, but to its members`, async t => {
    const [alice, bob] = await two(() => iris.user(t))
    const group = await groupOf(iris, alice, bob)
    const mutedUntil = Date.now() + 3_600_000
    await iris.server('POST', `conversations/${group}/members`, { mute: [{ userId: bob.userId, mutedUntil }] })
    t.match(await command(bob, { conversationId: group }, mode), { status: 403, body: { code: 'MUTED', mutedUntil } })
    t.match(await command(bob, { users: [alice.userId] }, mode), { status: 200, body: { accepted: 1 } })
    t.match(await command(alice, { conversationId: group }, mode), { status: 200, body: { accepted: 1 } })
  })
}

t.test('[DIRECT-4] [CMD-5] a command to a group counts no terminal of who has blocked its sender, and reaches it', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const to = { conversationId: await groupOf(iris, alice, bob, carol) }
  for (const user of [alice, carol]) await user.send(to.conversationId, 'hi')
  const streams = await Promise.all([alice, carol].map(async user => await user.listen()))
  for (const stream of streams) await stream.next('IRIS.READY')
  t.match(await command(bob, to, 'online'), { body: { accepted: 2, online: 2 } })
  await block(alice, bob)
  t.match(await command(bob, to, 'online'), { body: { accepted: 2, online: 1 } })
  for (const stream of streams) t.match([await stream.next('typing'), await stream.next('typing')], [{}, {}])
})

t.test('[DIRECT-4] a retry knows who was skipped, and what was done is answered as it was', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  await groupOf(iris, alice, bob, carol)
  await block(alice, bob)
  const body = { clientCmdId: 't-1', name: 'typing', to: { users: [alice.userId, carol.userId] }, mode: 'reliable' }
  const skipped = [{ userId: alice.userId, reason: SKIPPED }]
  t.match(await bob.command(body), { status: 200, body: { skipped, duplicate: false } })
  await block(carol, bob)
  t.match(await bob.command(body), { status: 200, body: { skipped, duplicate: true } })
})

t.test('[DIRECT-4] a reliable command that is under way when PUT is answered is not kept', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await alice.send(bob, 'hi')
  const sends = Array.from({ length: 20 }, async () => await command(bob, { users: [alice.userId] }, 'reliable'))
  await block(alice, bob)
  const kept = await iris.redis.hlen(keys.box('CMD_BOX', alice.userId))
  const answers = await Promise.all(sends)
  t.equal(await iris.redis.hlen(keys.box('CMD_BOX', alice.userId)), kept)
  t.equal(answers.filter(({ status }) => status === 200).length, kept)
  t.same(answers.filter(({ status, body }) => status !== 200 && body.code !== SKIPPED), [])
})

t.test('[DIRECT-4] [SEE-1] who is blocked is told of no reading; when it has ended, of all that was read', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await bob.send(alice, 'one')
  await bob.send(alice, 'two')
  const stream = await bob.listen()
  const ready = await stream.next('IRIS.READY')
  const peer = async () => ((await bob.conversations()).body['items'] as { peerReadSeq: number }[])[0]?.peerReadSeq
  await block(alice, bob)
  t.match(await alice.read({ conversationId: dm(alice, bob), upToSeq: 1 }), { status: 200, body: { readSeq: 1, unread: 1 } })
  t.match(await alice.read({ conversationId: dm(alice, bob), seqs: [2] }), { status: 200, body: { readSeq: 1, unread: 0 } })
  t.equal(await peer(), 0)
  t.match(await bob.read({ conversationId: dm(alice, bob), upToSeq: 2 }), { status: 200 }, 'his own are told')
  await iris.server('DELETE', `users/${alice.userId}/blocked/${bob.userId}`)
  await alice.read({ conversationId: dm(alice, bob), upToSeq: 1 })
  const told = await stream.next(({ data }) => data['name'] === 'READ' && (data['data'] as { readerId: string }).readerId === alice.userId)
  t.match(told.data, { data: { readSeq: 1 } })
  t.same(between(stream, ready, told).filter(({ data }) => (data['data'] as { readerId?: string }).readerId === alice.userId), [])
  t.equal(await peer(), 1)
})
