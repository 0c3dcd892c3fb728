// What waits for a reader, or waits because of another, is bounded: pages, places at the gate. [GET-1] [SLOW-1] [ATTACH-3]
import t, { type Test } from 'tap'
import { pageTodo } from '../../src/stream/jobs.js'
import type { Collection } from '../../src/transports/collect.js'
import { startGateway } from '../helper/gateway.js'
import { createOpening } from '../helper/opening.js'
import { startRedis } from '../helper/redis.js'
import { upTo } from '../helper/sse.js'
import { until } from '../helper/user.js'

const { redis } = await startRedis(t)
const PLACES = 2

const startHub = async (t: Test) => (await startGateway(t, redis, { attaches: PLACES, attachRate: 1000, attachBurst: 1000 })).hub

const page = (requestId: string) => pageTodo({ requestId, conversationId: 'dm.a.b', firstSeq: 1, count: 100, hasMore: false, traceId: 't' })
const ends = ({ events }: Collection) => events.filter(({ data }) => data?.includes('GET_READ_MSG_END')).length

t.test('[GET-1] so many pages wait for a reader, and no more are taken until they are printed', async t => {
  const hub = await startHub(t)
  const taken = (userId: string) => upTo(100).map(i => hub.addJob(userId, 't', page(`r-${i}`))).filter(Boolean).length

  async function poll ({ userId, cursor }: { userId: string, cursor: string | undefined }, isSent = true) {
    const asked = createOpening({ userId, transport: 'poll', ...(cursor !== undefined && { cursor }) })
    const { connection, session, isAdmitted } = hub.poll(asked)
    await isAdmitted
    const more = taken(userId)
    await until(async () => connection.isIdle || undefined)
    const answer = session.answer(connection)
    session.left(connection, isSent)
    return { cursor: answer.cursor, more, ends: ends(asked.collection) }
  }

  await t.test('between two polls, and while a poll waits', async t => {
    const userId = 'poller'
    let { cursor } = await poll({ userId, cursor: undefined })
    t.equal(taken(userId), 8)
    for (const isSent of [false, true]) {
      const answer = await poll({ userId, cursor }, isSent)
      t.match(answer, { more: 0, ends: 8 }, `those that were taken, sent: ${isSent}`)
      cursor = answer.cursor
    }
    t.match(await poll({ userId, cursor }), { more: 8, ends: 8 }, 'there is room again')
  })

  await t.test('on a stream whose socket takes nothing', async t => {
    const asked = createOpening()
    let isFull = false
    await hub.attach({ ...asked, printer: { ...asked.printer, backlog: () => isFull ? Infinity : 0 } })
    isFull = true
    t.equal(taken(asked.userId), 8)
    t.equal(taken(asked.userId), 0)
  })

  await t.test('and is handed over in few bytes', async t => {
    const userId = 'hopper'
    await poll({ userId, cursor: undefined })
    taken(userId)
    const frame = { event: 'CMD_DOWN' as const, data: JSON.stringify({ name: 'x', data: '\u0001'.repeat(20_000) }) }
    for (let i = 0; i < 100; i++) hub.show({ userIds: [userId], frame })
    const handed = hub.handOver({ userId, terminalId: 't' })
    t.equal(handed?.todos.length, 8)
    t.ok(Number(handed?.parked.length) > 0)
    t.ok(Buffer.byteLength(JSON.stringify(handed)) < 3 * 1024 * 1024)
  })
})

t.test('[ATTACH-3] whoever waits for another node holds no place at the gate', async t => {
  const hub = await startHub(t)
  const silent = upTo(PLACES + 1).map(() => createOpening({ adopt: async () => await new Promise(() => undefined) }))
  for (const asked of silent) void hub.attach(asked)
  await until(async () => hub.census().attaching === 0 || undefined)
  const asked = createOpening()
  t.ok((await hub.attach(asked))?.isBegun)
})

t.test('a token that is handed in while the attach is under way is the one in force', async t => {
  const hub = await startHub(t)
  const expiresAt = Date.now() + 60_000
  let life = { issuedAt: 0, expiresAt: 0 }
  const asked = createOpening({ expiresAt, onLife: lifetime => { life = lifetime } })
  const attached = hub.attach(asked)
  hub.renew(asked.userId, 't', { issuedAt: 1, expiresAt: expiresAt + 60_000 })
  t.match([life.issuedAt, life.expiresAt], [1, expiresAt + 60_000])
  await attached
})
