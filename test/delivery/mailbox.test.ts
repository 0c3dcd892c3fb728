// What waits at an attach: unread messages, oldest first, and what is pending. docs/protocol.md section 4.
import t from 'tap'
import { startIris } from '../helper/iris.js'
import { timeOf } from '../helper/redis.js'
import type { SseEvent } from '../helper/sse.js'
import { leaveUnread } from '../helper/unread.js'
import { granted, until } from '../helper/user.js'

const iris = await startIris(t, { env: { IRIS_LIMIT_MAILBOX_MESSAGES: '20' } })

const messages = (events: SseEvent[]) => events.filter(({ event }) => event === 'MSG_DOWN')
const text = ({ data }: SseEvent) => (data['content'] as { text: string }).text

t.test('[ATTACH-3] a fresh attach brings unread messages of all conversations, oldest first, without ids', async t => {
  const [alice, bob, carol] = [await iris.user(t), await iris.user(t), await iris.user(t)]
  const order: string[] = []
  for (let i = 0; i < 6; i++) {
    await (i % 2 ? alice : carol).send(bob, `m${i}`)
    order.push(`m${i}`)
    await until(async () => await tick() || undefined)
  }
  const stream = await bob.listen()
  const ready = await stream.next('IRIS.READY')
  t.same(messages(stream.events).map(text), order)
  t.ok(messages(stream.events).every(({ id, data }) => id === undefined && data['source'] === 'mailbox'))
  t.same(ready.data.data, {})
})

t.test('[ATTACH-3] what is read does not come again, what was sent oneself never', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const { body: { conversationId } } = granted(await alice.send(bob, 'read'))
  await bob.send(alice, 'own')
  await alice.send(bob, 'unread')
  await bob.read({ conversationId, seqs: [1] })
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  t.same(messages(stream.events).map(text), ['unread'])
})

t.test('[ATTACH-3] more unread messages than a mailbox brings: the oldest, and READY says more', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  await Promise.all(Array.from({ length: 25 }, (_, i) => alice.send(bob, `m${i}`)))
  const stream = await bob.listen()
  const ready = await stream.next('IRIS.READY')
  t.same(messages(stream.events).map(({ data }) => data['seq']), Array.from({ length: 20 }, (_, i) => i + 1))
  t.same(ready.data.data, { more: true })
})

t.test('[COST-1] an attach looks at so many conversations and no more; of others READY says more', async t => {
  const bob = await iris.user(t)
  // what a message leaves in his boxes, without a thousand groups
  const pipeline = iris.redis.pipeline()
  const crowd = (total: number) => {
    for (let i = 0; i < total; i++) leaveUnread(pipeline, { userId: bob.userId, group: `g.${i}` })
  }
  const calls = async () => Number(/cmdstat_getrange:calls=(\d+)/.exec(await iris.redis.info('commandstats'))?.[1] ?? 0)
  for (const [total, most, more] of [[15, 15, {}], [900, 510, { more: true }]] as const) {
    crowd(total)
    await pipeline.exec()
    const before = await calls()
    const stream = await bob.listen({ terminalId: `of-${total}` })
    t.same((await stream.next('IRIS.READY')).data.data, more)
    const looked = await calls() - before
    t.ok(looked >= Math.min(total, 500) && looked <= most + 5, `${looked} boxes of ${total}`)
  }
})

t.test('[ATTACH-3] a resumed attach brings pending commands and notices from before the cursor, without ids, and no mailbox', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  await alice.send(bob, 'hello')
  await alice.command({ clientCmdId: 'k1', name: 'before', to: { users: [bob.userId] }, mode: 'reliable' })
  await iris.server('POST', 'notices', { noticeId: `n-${bob.userId}`, users: [bob.userId], content: { text: 'n' } })
  const first = await bob.listen()
  await first.next('IRIS.READY')
  await first.cut()
  await alice.command({ clientCmdId: 'k2', name: 'after', to: { users: [bob.userId] }, mode: 'reliable' })

  const second = await bob.listen({ cursor: first.cursor })
  await second.next('IRIS.READY')
  t.same(second.events.map(({ event, id, data }) => [event, data.name ?? data['noticeId'], id !== undefined]), [
    ['CMD_DOWN', 'IRIS.HELLO', false],
    ['CMD_DOWN', 'after', true],
    ['CMD_DOWN', 'before', false],
    ['NOTICE_DOWN', `n-${bob.userId}`, false],
    ['CMD_DOWN', 'IRIS.READY', true]
  ])
})

t.test('[DOWN-3] a fresh attach delivers a pending command once, from the box', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  await alice.send(bob, 'hello')
  await alice.command({ clientCmdId: 'k1', name: 'nudge', to: { users: [bob.userId] }, mode: 'reliable' })
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  await alice.send(bob, 'marker')
  await stream.next(({ data }) => data['seq'] === 2)
  const nudges = stream.events.filter(({ data }) => data.name === 'nudge')
  t.equal(nudges.length, 1)
  t.equal(nudges[0]?.id, undefined)
})

/** Lets the clock of Redis move on, so that two messages do not bear the same millisecond. */
async function tick (): Promise<boolean> {
  const now = await timeOf(iris.redis)
  const moved = now > before
  before = Math.max(before, now)
  return moved
}
let before = 0
