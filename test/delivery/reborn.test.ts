// A stream that is born anew while conversations still remember the one before. docs/protocol.md section 4, [ATTACH-1].
import t, { type Test } from 'tap'
import { keys } from '../../src/store/keys.js'
import { startIris } from '../helper/iris.js'
import { seqsOf } from '../helper/sse.js'
import { dm, groupOf, until, type User } from '../helper/user.js'

const iris = await startIris(t)

const epochOf = (cursor = '') => cursor.split('-')[0] as string
const seqOf = (cursor = '') => Number(cursor.split('-')[1])

async function attach (user: User, cursor?: string) {
  const stream = await user.listen({ ...(cursor !== undefined && { cursor }) })
  await stream.next('IRIS.READY')
  await stream.cut()
  const [hello, reset] = stream.events
  return {
    cursor: stream.cursor as string,
    recovered: hello?.data.data?.['recovered'],
    reason: reset?.data.name === 'IRIS.RESET' && reset.data.data?.['reason'],
    events: stream.events
  }
}

/** Two users who have talked, the listener's cursor, and a group that both are in. */
async function setUp (t: Test) {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const group = await groupOf(iris, alice, bob)
  for (const to of [bob, group]) await alice.send(to, 'before')
  return { alice, bob, group, before: (await attach(bob)).cursor }
}

t.test('[ATTACH-1] a stream that is gone is born anew by the next message: another epoch, RESET, nothing unread lost', async t => {
  const { alice, bob, before } = await setUp(t)
  await iris.redis.del(keys.down(bob.userId))
  await alice.send(bob, 'after')
  const again = await attach(bob, before)
  t.equal(again.reason, 'epoch')
  t.ok(BigInt(epochOf(again.cursor)) > BigInt(epochOf(before)))
  t.same(seqsOf(again.events, dm(alice, bob)), [1, 2])
})

t.test('[ATTACH-1] a conversation that remembers an older stream writes to the one of now', async t => {
  const { alice, bob, group, before } = await setUp(t)
  await iris.redis.del(keys.down(bob.userId))
  await alice.send(bob, 'born')
  const { cursor } = await attach(bob)
  for (const text of ['one', 'two']) await alice.send(group, text)
  await alice.revoke({ conversationId: group, seq: 2 })
  await alice.read({ conversationId: group, upToSeq: 1 })
  const resumed = await attach(bob, cursor)
  t.equal(resumed.recovered, true)
  t.same([epochOf(resumed.cursor), seqOf(resumed.cursor)], [epochOf(cursor), seqOf(cursor) + 3])
  t.equal((await attach(bob, before)).reason, 'epoch')
})

t.test('[ATTACH-1] when the clock went back, a younger stream bears an older epoch: cursors of the one before stay void', async t => {
  const { alice, bob, before } = await setUp(t)
  const down = keys.down(bob.userId)
  const older = (BigInt(epochOf(before)) - 4_096n).toString()
  await iris.redis.del(down)
  await iris.redis.xadd(down, `${older}-0`, 'k', 'birth')
  const live = await bob.listen()
  await live.next('IRIS.READY')
  for (let i = 0; i < 5; i++) await alice.send(bob, `${i}`)
  t.equal((await attach(bob, before)).reason, 'epoch', 'it would skip what stands before its number')
  await until(async () => live.isOver || undefined)
  t.equal((await attach(bob, live.cursor)).reason, 'epoch', 'nor does the younger one go on')
  t.same(seqsOf((await attach(bob)).events, dm(alice, bob)), [1, 2, 3, 4, 5, 6], 'all of it waits in the box')
})

t.test('[COMPLETE-3] what is pending outlives its stream', async t => {
  const { alice, bob } = await setUp(t)
  for (const name of ['first', 'second']) await alice.command({ clientCmdId: name, name, to: { users: [bob.userId] }, mode: 'reliable' })
  await iris.redis.del(keys.down(bob.userId))
  const { events } = await attach(bob)
  t.same(events.filter(({ data }) => ['first', 'second'].includes(data.name ?? '')).map(({ data }) => data.name), ['first', 'second'])
})
