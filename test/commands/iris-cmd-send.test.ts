// IRIS_CMD_SEND to the terminals connected now, its targets and its idempotency. [CMD-1] [CMD-3] [CMD-4] [CMD-5]
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startIris } from '../helper/iris.js'
import { between, dm, groupOf, pointers, three, two } from '../helper/user.js'

const iris = await startIris(t)
const typing = () => ({ clientCmdId: randomUUID() as string, name: 'typing', data: { on: true } })

t.test('[CMD-1] online: to the terminals connected now, on whatever node, and stored nowhere', async t => {
  const other = await startIris(t, { redisPath: iris.redisPath })
  const [alice, bob] = await two(() => iris.user(t))
  await bob.send(alice, 'acquaintance')
  const streams = [await bob.listen({ terminalId: 'phone' }), await (await other.user(t, bob.userId)).listen({ terminalId: 'desk' })]
  const ready = await Promise.all(streams.map(stream => stream.next('IRIS.READY')))
  const sent = typing()
  const { status, body } = await alice.command({ ...sent, to: { users: [bob.userId] } })
  const { cmdId, traceId } = body
  t.strictSame([status, body], [
    200, { cmdId, clientCmdId: sent.clientCmdId, accepted: 1, online: 2, stored: 0, skipped: [], duplicate: false, traceId }
  ])
  for (const [i, stream] of streams.entries()) {
    const { event, id, data } = await stream.next('typing')
    t.strictSame([event, id, data], [
      'CMD_DOWN', undefined, { ...sent, cmdId, op: 'do', from: alice.userId, needComplete: false, ts: data['ts'], traceId }
    ])
    t.equal(stream.cursor, ready[i]?.id, 'the cursor did not move')
  }
  const dump = await Promise.all((await iris.redis.keys(`*CMD_BOX:${bob.userId}*`)).map(key => iris.redis.type(key)))
  t.strictSame(dump, [])
  for (const cursor of [undefined, ready[0]?.id]) {
    const late = await bob.listen({ terminalId: 'late', cursor })
    const [hello, end] = [await late.next('IRIS.HELLO'), await late.next('IRIS.READY')]
    t.notOk(between(late, hello, end).some(({ event }) => event === 'CMD_DOWN'))
  }
})

t.test('[CMD-5] nobody online is 200 with online:0', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await alice.send(bob, 'acquaintance')
  t.match(await alice.command({ ...typing(), to: { users: [bob.userId] } }), {
    status: 200,
    body: { accepted: 1, online: 0, stored: 0, skipped: { length: 0 } }
  })
  t.match(await alice.command({ ...typing(), to: { self: true } }), { status: 200, body: { accepted: 1, online: 0 } })
})

t.test('[CMD-3] only members of a shared conversation; others are skipped, and 403 when nobody is left', async t => {
  const [alice, bob, eve] = await three(() => iris.user(t))
  await alice.send(bob, 'acquaintance')
  const mixed = await alice.command({ ...typing(), to: { users: [eve.userId, bob.userId] } })
  t.match(mixed, { status: 200, body: { accepted: 1, skipped: [{ userId: eve.userId, reason: 'NOT_ACQUAINTED' }] } })
  t.match(await alice.command({ ...typing(), to: { users: [eve.userId] } }), { status: 403, body: { code: 'NOT_ALLOWED_TARGET' } })
  const group = await groupOf(iris, alice, eve)
  t.match(await alice.command({ ...typing(), to: { users: [eve.userId] } }), {
    status: 200,
    body: { accepted: 1, skipped: { length: 0 } }
  }, 'a shared group is enough')
  await iris.server('POST', `conversations/${group}/members`, { remove: [eve.userId] })
  t.match(await alice.command({ ...typing(), to: { users: [eve.userId] } }), { status: 403 }, 'one who left is a stranger again')
  t.match(await iris.server('POST', 'commands', { ...typing(), to: { users: [eve.userId] } }), {
    status: 200,
    body: { accepted: 1, skipped: { length: 0 } }
  }, 'the server API reaches anybody')
})

t.test('[CMD-3] to a conversation: its other members; to oneself: one\'s own terminals', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const group = await groupOf(iris, alice, bob, carol)
  for (const user of [bob, carol]) await user.send(group, 'here')
  const [mine, his, hers] = [await alice.listen({ terminalId: 'phone' }), await bob.listen(), await carol.listen()]
  const ready = await mine.next('IRIS.READY')
  await Promise.all([his.next('IRIS.READY'), hers.next('IRIS.READY')])
  t.match(await alice.command({ ...typing(), to: { conversationId: group } }), { status: 200, body: { accepted: 2, online: 2 } })
  t.match((await his.next('typing')).data, { conversationId: group, from: alice.userId })
  await hers.next('typing')
  t.match(await alice.command({ ...typing(), name: 'sync', to: { self: true } }), { status: 200, body: { accepted: 1, online: 1 } })
  t.strictSame(between(mine, ready, await mine.next('sync')), [], 'the sender is no target of a conversation')
  for (const conversationId of ['g.nowhere', dm(bob, carol)]) {
    t.match(await alice.command({ ...typing(), to: { conversationId } }), { status: 404, body: { code: 'CONVERSATION_NOT_FOUND' } })
  }
})

t.test('[CMD-1] terminals: by id, by platform, and not to the one that sends', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await bob.send(alice, 'acquaintance')
  const streams = [
    await bob.listen({ terminalId: 'web-1' }),
    await bob.listen({ terminalId: 'web-2' }),
    await bob.listen({ terminalId: 'phone', platform: 'mobile' })
  ]
  const ready = await Promise.all(streams.map(stream => stream.next('IRIS.READY')))
  const to = { users: [bob.userId] }
  const counts = []
  for (const [name, terminals] of [
    ['a', { ids: ['web-2', 'none'] }], ['b', { platforms: ['web'] }], ['c', { ids: ['web-1', 'phone'], platforms: ['mobile'] }],
    ['d', { ids: ['none'] }]
  ] as const) {
    counts.push((await alice.command({ ...typing(), name, to, terminals })).body['online'])
  }
  await alice.command({ ...typing(), name: 'marker', to })
  t.strictSame(counts, [1, 2, 1, 0])
  const seen = await Promise.all(streams.map(async (stream, i) =>
    between(stream, ready[i] as typeof ready[0] & object, await stream.next('marker')).map(({ data }) => data.name)))
  t.strictSame(seen, [['b'], ['a', 'b'], ['c']])
})

t.test('[CMD-1] exceptMine leaves out the terminal that sends, not another user\'s terminal of the same id', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await bob.send(alice, 'acquaintance')
  const [phone, desk, his] = [
    await alice.listen({ terminalId: 'phone' }), await alice.listen({ terminalId: 'desk' }), await bob.listen({ terminalId: 'phone' })
  ]
  const ready = await phone.next('IRIS.READY')
  await Promise.all([desk.next('IRIS.READY'), his.next('IRIS.READY')])
  const { body } = await alice.command({ ...typing(), to: { users: [alice.userId, bob.userId] }, terminals: { exceptMine: true } }, 'phone')
  await alice.command({ ...typing(), name: 'marker', to: { users: [alice.userId, bob.userId] } }, 'phone')
  t.strictSame(between(phone, ready, await phone.next('marker')), [])
  const [first, second] = [await desk.next('CMD_DOWN'), await his.next(({ data: { name } }) => name === 'typing' || name === 'marker')]
  t.strictSame([first.data.name, second.data.name], ['typing', 'typing'])
  t.equal(body['online'], 2)
})

t.test('[CMD-4] the gateway\'s own names are reserved', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await alice.send(bob, 'acquaintance')
  for (const name of [
    'IRIS.BYE', 'iris.x', 'SYS.x', 'GET_READ_MSG_END', 'READ', 'REVOKE', 'MSG_UP', 'NOTICE_UP', 'GET_READ_MSG',
    'REST_READ_NUM_AND_LAST_MSG', 'GET_SYSTEM_TIME', 'IRIS_CMD_SEND', 'CMD_COMPLETE', 'NOTICE_COMPLETE', 'HEARTBEAT', 'TOKEN', 'MSG_DOWN',
    'PRESENCE',
    'NOTICE_DOWN', 'CMD_DOWN', 'ACK_DOWN'
  ]) {
    t.match(await alice.command({ ...typing(), name, to: { users: [bob.userId] } }), { status: 403, body: { code: 'RESERVED_NAME' } }, name)
    t.match(await iris.server('POST', 'commands', { ...typing(), name, to: { users: [bob.userId] } }), {
      status: 403,
      body: { code: 'RESERVED_NAME' }
    })
  }
  for (const name of ['IRISH', 'READY', 'system', 'read']) {
    t.equal((await alice.command({ ...typing(), name, to: { users: [bob.userId] } })).status, 200, name)
  }
})

t.test('[CMD-1] sent again: the same answer, other content is a conflict, per sender', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await alice.send(bob, 'acquaintance')
  const stream = await bob.listen()
  const ready = await stream.next('IRIS.READY')
  const command = { ...typing(), to: { users: [bob.userId] } }
  const [first, again] = [await alice.command(command), await alice.command(command, 'other')]
  t.strictSame([again.status, { ...again.body, traceId: '' }], [200, { ...first.body, duplicate: true, traceId: '' }])
  for (const change of [{ data: { on: false } }, { name: 'other' }, { mode: 'reliable' }, { to: { self: true } }]) {
    t.match(await alice.command({ ...command, ...change }), { status: 409, body: { code: 'CLIENT_CMD_ID_CONFLICT' } })
  }
  t.match(await bob.command({ ...command, to: { self: true }, name: 'his' }), { status: 200, body: { duplicate: false } })
  t.strictSame(between(stream, ready, await stream.next('his')).map(({ data }) => data['cmdId']), [first.body['cmdId']], 'it came once')
})

t.test('[CMD-3] a command that was refused leaves its id free', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const command = { ...typing(), to: { users: [bob.userId] } }
  t.equal((await alice.command(command)).status, 403)
  t.match(await alice.command({ ...command, to: { self: true } }), {
    status: 200,
    body: { duplicate: false }
  }, 'nothing had been sent under it')
})

t.test('[CMD-1] what is refused', async t => {
  const user = await iris.user(t)
  const command = { ...typing(), to: { self: true } }
  const bad: [change: object, pointer: string][] = [
    [{ to: {} }, '/to'], [{ to: { self: true, users: ['a'] } }, '/to'], [{ to: { self: false } }, '/to/self'],
    [{ to: { users: [] } }, '/to/users'], [{ to: undefined }, '/to'], [{ name: '1x' }, '/name'], [{ name: 'x'.repeat(65) }, '/name'],
    [{ data: 'x' }, '/data'], [{ data: { text: 'x'.repeat(4_096) } }, '/data'], [{ ttlSec: 5 }, '/ttlSec'],
    [{ complete: 'all' }, '/complete'], [{ collapseKey: 'k' }, '/collapseKey'], [{ notifyComplete: true }, '/notifyComplete'],
    [{ mode: 'reliable', ttlSec: 0 }, '/ttlSec'], [{ mode: 'sure' }, '/mode'], [{ terminals: { ids: [] } }, '/terminals/ids'],
    [{ terminals: { platforms: ['tv'] } }, '/terminals/platforms/0'], [{ clientCmdId: '' }, '/clientCmdId'], [{ cmdId: 'mine' }, '/cmdId']
  ]
  for (const [change, pointer] of bad) {
    const answer = await user.command({ ...command, ...change })
    t.strictSame([answer.status, answer.body.code, pointers(answer)], [400, 'INVALID_BODY', [pointer]], JSON.stringify(change).slice(0, 80))
  }
})
