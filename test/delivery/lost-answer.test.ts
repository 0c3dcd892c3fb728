// A poll whose answer could not be sent: what it had taken out of its session is in the next one. [POLL-2]
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { pageTodo } from '../../src/stream/jobs.js'
import { createOpening } from '../helper/opening.js'
import { startGateway } from '../helper/gateway.js'
import { startRedis } from '../helper/redis.js'
import { until } from '../helper/user.js'

const { redis } = await startRedis(t)
const { context: { boxes }, hub } = await startGateway(t, redis)

/** One poll, answered when it has nothing more to do; its answer arrives or is lost. */
async function poll (userId: string, cursor: string | undefined, isSent: boolean) {
  const opening = createOpening({ userId, transport: 'poll', ...(cursor !== undefined && { cursor }) })
  const { connection, session, isAdmitted } = hub.poll(opening)
  await isAdmitted
  await until(async () => connection.isIdle || undefined)
  const answer = session.answer(connection)
  session.left(connection, isSent)
  return { ...answer, events: opening.collection.events.map(({ data = '' }) => (JSON.parse(data) as { name: string }).name).sort() }
}

t.test('[POLL-2] online commands, pages and pending items of a lost answer come again, those of one that arrived do not', async t => {
  const userId = `u-${randomUUID()}`
  const page = { requestId: 'r', conversationId: 'dm.a.b', firstSeq: 1, count: 0, hasMore: false, traceId: 't' }
  const { cursor } = await poll(userId, undefined, true)
  hub.close(userId, { bye: 'ROTATE' })
  await boxes.put('CMD_BOX', userId, {
    id: 'k',
    draft: '{"cmdId":"k","name":"nudge","needComplete":true}',
    meta: { name: 'nudge' },
    ttlMs: 60_000,
    everyTerminal: false,
    from: ''
  })
  const newest = (await poll(userId, cursor, true)).cursor
  hub.close(userId, { bye: 'ROTATE' })
  const all = ['GET_READ_MSG_END', 'nudge', 'typing']
  await poll(userId, newest, false) // its pending item is lost with it
  hub.show({ userIds: [userId], frame: { event: 'CMD_DOWN', data: '{"name":"typing"}' } })
  t.equal(hub.addJob(userId, 't', pageTodo(page)), true)
  t.same((await poll(userId, newest, false)).events, all)
  t.same((await poll(userId, newest, true)).events, all)
  t.same((await poll(userId, newest, true)).events, [])
})
