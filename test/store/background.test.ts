// What is done for all terminals at once leaves room for the messages that come meanwhile: little of it is under way at any time.
import t from 'tap'
import { createComparison } from '../../src/hub/comparison.js'
import type { Connection } from '../../src/stream/connection.js'
import { Feed } from '../../src/stream/feed.js'
import { createRetries } from '../../src/stream/retries.js'
import { defaultLimits } from '../../src/protocol/limits.js'
import { eventKinds } from '../../src/protocol/server-events.js'
import { createLeases } from '../../src/store/user/leases.js'
import { createLife } from '../../src/store/life/life.js'
import { feedOf } from '../../src/store/feed.js'
import { createMailbox } from '../../src/store/user/mailbox.js'
import { startRedis } from '../helper/redis.js'
import { upTo } from '../helper/sse.js'

/** Of up to so many commands others wait for a few milliseconds. */
const FEW = 60

const { redis } = await startRedis(t)
let underWay = 0
let most = 0
let commands = 0
/** The connection, counted: how many commands wait for their answer, at most. */
const counted = Object.create(redis, {
  sendCommand: {
    async value (...sent: Parameters<typeof redis.sendCommand>) {
      commands++
      most = Math.max(most, ++underWay)
      try {
        return await redis.sendCommand(...sent)
      } finally {
        underWay--
      }
    }
  }
}) as typeof redis
const life = createLife(redis, { known: () => 0 })
const store = {
  redis: counted,
  node: 'a',
  now: Date.now,
  limits: defaultLimits,
  life,
  feed: feedOf(eventKinds, defaultLimits),
  fresh: async <T>(read: () => Promise<T>) => await read()
}

t.beforeEach(() => { most = commands = 0 })

t.test('[LIFE-2] the leases of 2,000 terminals are renewed, some partitions after the other', async t => {
  const at = performance.now()
  await createLeases(store).renew(upTo(2_000).map(n => ({ userId: `u${n}`, terminalId: 'web', at })))
  t.ok(commands >= 128, 'all partitions')
  t.ok(most <= FEW, `${most} at once`)
})

t.test('[DOWN-2] a sweep compares 500 users, some after the others', async t => {
  const mailbox = createMailbox(store, 'multi', createLeases(store).order)
  const meter = { gaps: { hint: 0, sweep: 0 }, sweeps: 0 }
  const compared: string[] = []
  const { sweep } = createComparison({
    mailbox,
    meter,
    presence: { revive: async () => false },
    closeKicked: async userId => { compared.push(userId) },
    retries: createRetries()
  })
  const closed: string[] = []
  const connectionOf = (userId: string) => ({
    userId,
    terminalId: 'web',
    platform: 'web',
    transport: 'sse',
    isBegun: true,
    position: { epoch: '', seq: 0 },
    close: () => closed.push(userId)
  }) as unknown as Connection
  await sweep(new Map(upTo(500).map(n => [`u${n}`, { feed: new Feed(), connections: new Set([connectionOf(`u${n}`)]) }])))
  t.equal(compared.length + closed.length, 500)
  t.ok(most <= FEW, `${most} at once`)
})
