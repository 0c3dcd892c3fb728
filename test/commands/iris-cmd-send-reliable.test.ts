// IRIS_CMD_SEND in mode reliable: kept until completed or expired. [CMD-2] [CMD-6] [COMPLETE-3]
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { startIris } from '../helper/iris.js'
import type { Stream } from '../helper/sse.js'
import { between, groupOf, three, two, type User } from '../helper/user.js'

const iris = await startIris(t)

/** Sends a reliable command; `more` are its other members. */
async function order (from: User, to: object, more: object = {}) {
  return (await from.command({ clientCmdId: randomUUID(), name: 'order', data: { n: 7 }, to, mode: 'reliable', ...more })).body
}

/** The commands that a fresh terminal finds waiting. */
async function waiting (user: User, terminalId = randomUUID() as string): Promise<{ stream: Stream, commands: Record<string, unknown>[] }> {
  const stream = await user.listen({ terminalId })
  const [hello, ready] = [await stream.next('IRIS.HELLO'), await stream.next('IRIS.READY')]
  return {
    stream,
    commands: between(stream, hello, ready)
      .filter(({ event }) => event === 'CMD_DOWN')
      .map(({ id, data }) => ({ ...data, ...(id !== undefined && { id }) }))
  }
}

t.test('[CMD-2] [DOWN-1] it is an entry of the stream, kept in CMD_BOX, and its body says so', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await bob.send(alice, 'acquaintance')
  const stream = await bob.listen()
  const { id: cursor } = await stream.next('IRIS.READY')
  const { cmdId, clientCmdId, accepted, online, stored } = await order(alice, { users: [bob.userId] }, { ttlSec: 60 })
  t.strictSame({ accepted, online, stored }, { accepted: 1, online: 1, stored: 1 })
  const { id, data } = await stream.next('order')
  const { ts, expiresAt, traceId } = data
  t.strictSame(data, {
    cmdId, clientCmdId, op: 'do', name: 'order', data: { n: 7 }, from: alice.userId, needComplete: true, expiresAt, ts, traceId
  })
  t.ok(Math.abs(Number(expiresAt) - Number(ts) - 60_000) < 50)
  t.match(id, /^\d+-\d+$/)
  await stream.cut()
  const resumed = await bob.listen({ cursor })
  t.match(await resumed.next('order'), { id, data: { cmdId, redelivery: undefined } }, 'a replay from the stream is no redelivery')
  const keys = await iris.redis.keys(`*:CMD_BOX:${bob.userId}`)
  t.equal(keys.length, 1)
  t.equal(await iris.redis.hexists(keys[0] ?? '', String(cmdId)), 1)
})

t.test('[CMD-2] the default is a day; a user who is offline finds it waiting', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await alice.send(bob, 'acquaintance')
  t.match(await order(alice, { users: [bob.userId] }), { online: 0, stored: 1 })
  const { commands: [first] } = await waiting(bob)
  t.match(first, { name: 'order', needComplete: true, id: undefined, redelivery: undefined }, 'the ' +
    'first delivery is no redelivery, and has no id')
  t.ok(Math.abs(Number(first?.['expiresAt']) - Number(first?.['ts']) - 86_400_000) < 50)
})

t.test('[COMPLETE-3] it is redelivered at every attach, and redelivery counts up', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await alice.send(bob, 'acquaintance')
  const { cmdId } = await order(alice, { users: [bob.userId] })
  const counts = []
  for (let i = 0; i < 3; i++) counts.push((await waiting(bob, 'phone')).commands.map(command => [command['cmdId'], command['redelivery']]))
  counts.push((await waiting(bob, 'desk')).commands.map(command => [command['cmdId'], command['redelivery']]))
  t.strictSame(counts, [[[cmdId, undefined]], [[cmdId, 1]], [[cmdId, 2]], [[cmdId, 3]]])
  const [box, deliveries] = [keys.box('CMD_BOX', bob.userId), keys.boxPart('CMD_BOX', bob.userId, 'DELIVERIES')]
  t.equal(await iris.redis.pexpiretime(deliveries), await iris.redis.pexpiretime(box), 'they are counted as long as there is a box')
  const { stream } = await waiting(bob, 'phone')
  await stream.cut()
  const resumed = await bob.listen({ terminalId: 'phone', cursor: stream.cursor })
  t.match(await resumed.next('order'), { id: undefined, data: { cmdId, redelivery: 5 } }, 'also to a cursor after its entry')
})

t.test('[COMPLETE-3] what was shown live is a redelivery when it comes from the box', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await alice.send(bob, 'acquaintance')
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  await order(alice, { users: [bob.userId] })
  t.equal((await stream.next('order')).data['redelivery'], undefined)
  t.strictSame((await waiting(bob)).commands.map(command => command['redelivery']), [1])
})

t.test('[COMPLETE-3] a terminal that a command is not for does not count as a delivery', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await alice.send(bob, 'acquaintance')
  await order(alice, { users: [bob.userId] }, { terminals: { ids: ['phone'] } })
  t.strictSame((await waiting(bob, 'desk')).commands, [])
  t.strictSame((await waiting(bob, 'phone')).commands.map(command => command['redelivery']), [undefined])
})

t.test('[CMD-6] collapseKey replaces the pending command of the same sender, target, name and key', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  await groupOf(iris, alice, bob, carol)
  const to = { users: [bob.userId] }
  const old = await order(alice, to, { collapseKey: 'k', data: { n: 1 } })
  const kept = [
    await order(alice, to, { collapseKey: 'other' }), await order(alice, to, { collapseKey: 'k', name: 'invoice' }),
    await order(carol, to, { collapseKey: 'k' }), await order(alice, to), await order(alice, to)
  ].map(({ cmdId }) => cmdId)
  const elsewhere = await order(alice, { users: [carol.userId] }, { collapseKey: 'k' })
  const fresh = await order(alice, to, { collapseKey: 'k', data: { n: 2 } })
  const { commands } = await waiting(bob, 'desk')
  t.strictSame(commands.map(({ cmdId }) => cmdId).sort(), [...kept, fresh['cmdId']].sort())
  t.strictSame(commands.find(({ cmdId }) => cmdId === fresh['cmdId'])?.['data'], { n: 2 })
  t.strictSame((await waiting(carol)).commands.map(({ cmdId }) => cmdId), [elsewhere['cmdId']])
  t.match((await bob.cmdComplete({ ids: [old['cmdId'], fresh['cmdId']] })).body, {
    results: [{ state: 'expired' }, { state: 'completed' }]
  })
  const next = await order(alice, to, { collapseKey: 'k' })
  t.strictSame(
    (await waiting(bob)).commands.map(({ cmdId }) => cmdId).sort(), [...kept, next['cmdId']].sort(), 'after a completion the key is free'
  )
})

t.test('[CMD-6] a replaced command does not come back in a replay', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await alice.send(bob, 'acquaintance')
  const stream = await bob.listen()
  const { id: cursor } = await stream.next('IRIS.READY')
  await stream.cut()
  await order(alice, { users: [bob.userId] }, { collapseKey: 'k', data: { n: 1 } })
  await order(alice, { users: [bob.userId] }, { collapseKey: 'k', data: { n: 2 } })
  const resumed = await bob.listen({ cursor })
  const ready = await resumed.next('IRIS.READY')
  t.strictSame(
    resumed.events.slice(0, resumed.events.indexOf(ready)).filter(({ data: { name } }) => name === 'order').map(({ data }) => data.data),
    [{ n: 2 }]
  )
})

t.test('[CMD-2] a full box skips with BOX_FULL, says so, and takes again after a completion', async t => {
  const small = await startIris(t, { redisPath: iris.redisPath, env: { IRIS_LIMIT_CMD_BOX: '10' } })
  const [alice, bob, carol] = await three(() => small.user(t))
  await groupOf(small, alice, bob, carol)
  const to = { users: [bob.userId] }
  const first = await order(alice, to)
  await order(alice, to, { collapseKey: 'k' })
  t.match(await order(alice, { users: [bob.userId, carol.userId] }), {
    accepted: 1,
    stored: 1,
    skipped: [{ userId: bob.userId, reason: 'BOX_FULL' }]
  })
  t.match(await order(alice, to, { collapseKey: 'k' }), { stored: 1, skipped: { length: 0 } }, 'a replacement needs no room')
  await bob.cmdComplete({ ids: [first['cmdId']] })
  t.match(await order(alice, to), { stored: 1, skipped: { length: 0 } })
})

t.test('[CMD-2] twenty racing duplicates store one', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await alice.send(bob, 'acquaintance')
  const stream = await bob.listen()
  const ready = await stream.next('IRIS.READY')
  const command = { clientCmdId: 'c-1', name: 'order', to: { users: [bob.userId] }, mode: 'reliable' }
  const answers = await Promise.all(Array.from({ length: 20 }, () => alice.command(command)))
  t.strictSame(
    answers.map(({ status, body }) => [status, body['cmdId'], body['stored']]), answers.map(() => [200, answers[0]?.body['cmdId'], 1])
  )
  t.equal(answers.filter(({ body }) => body['duplicate'] === false).length, 1)
  await alice.send(bob, 'marker')
  t.equal(between(stream, ready, await stream.next('MSG_DOWN')).length, 1, 'it came once')
  t.equal((await waiting(bob)).commands.length, 1)
})

t.test('[CMD-1] twenty racing duplicates of an online command are delivered once', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await alice.send(bob, 'acquaintance')
  const stream = await bob.listen()
  const ready = await stream.next('IRIS.READY')
  await Promise.all(Array.from({ length: 20 }, () => alice.command({ clientCmdId: 'c-1', name: 'order', to: { users: [bob.userId] } })))
  await alice.send(bob, 'marker')
  t.equal(between(stream, ready, await stream.next(({ data }) => data['seq'] === 2)).length, 1)
})
