// Terminals whose last connections close in one turn of the event loop leave in one call, before whoever comes back.
// docs/protocol.md section 7.
import t from 'tap'
import { defaultLimits } from '../../src/protocol/limits.js'
import { eventKinds } from '../../src/protocol/server-events.js'
import { keys, partition } from '../../src/store/keys.js'
import { createLife } from '../../src/store/life/life.js'
import { createLeases } from '../../src/store/user/leases.js'
import { feedOf } from '../../src/store/feed.js'
import { createMailbox } from '../../src/store/user/mailbox.js'
import { startRedis } from '../helper/redis.js'
import { upTo } from '../helper/sse.js'

const { redis } = await startRedis(t)
const life = createLife(redis, { known: () => 0 })
await life.begin()
const feed = feedOf(eventKinds, defaultLimits)
const fresh = async <T>(read: () => Promise<T>) => await read()
const store = { redis, node: 'a', limits: defaultLimits, feed, life, now: Date.now, fresh }
const leases = createLeases(store)
const mailbox = createMailbox(store, 'multi', leases.order)
const issuedAt = Date.now()
const comes = async (userId: string) =>
  await mailbox.attach({ userId, terminalId: 't', platform: 'web', traceId: 'trace', issuedAt, expiresAt: issuedAt + 3_600_000 })
const goes = async (userId: string) => await leases.leave({ userId, terminalId: 't' }, 'LINK_CLOSE')
const calls = async () => Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1])
const leftMs = async (userId: string) => Number(await redis.zscore(keys.leases(partition(userId)), `${userId}/t`)) - Date.now()

t.test('[LIFE-3] a hundred that go in one turn share a call; of each the route is gone, and the grace is left', async t => {
  const users = upTo(100).map(i => `crowd-${i}`)
  await Promise.all(users.map(comes))
  await goes('nobody') // now Redis knows the script
  const before = await calls()
  await Promise.all(users.map(goes))
  t.equal(await calls() - before, 1)
  for (const userId of users) {
    t.equal(await redis.exists(keys.routes(userId)), 0)
    const ms = await leftMs(userId)
    t.ok(ms > 0 && ms <= defaultLimits.graceSec * 1000, `${ms} ms`)
  }
})

t.test('[LIFE-1] [ATTACH-3] who comes back in the turn in which he went is there: he has gone first', async t => {
  await Promise.all(['back', 'other'].map(comes))
  // the other's attach is what calls Redis in this turn: it was asked for first
  await Promise.all([comes('other'), goes('back'), comes('back')])
  t.same(await redis.hkeys(keys.routes('back')), ['a/t'])
  t.ok(await leftMs('back') > defaultLimits.graceSec * 1000)
  t.match(await redis.hget(keys.terminals('back'), 't'), /^web f on a /)
})

t.test('[LIFE-3] who goes while his attach waits has gone when it is decided, unless he comes once more', async t => {
  const users = upTo(20).map(i => `hasty-${i}`)
  await Promise.all(users.flatMap(userId => [comes(userId), goes(userId)]))
  for (const userId of users) {
    t.equal(await redis.exists(keys.routes(userId)), 0)
    t.ok(await leftMs(userId) <= defaultLimits.graceSec * 1000)
  }
  await Promise.all([comes('undecided'), goes('undecided'), comes('undecided'), goes('undecided'), comes('undecided')])
  t.same(await redis.hkeys(keys.routes('undecided')), ['a/t'])
  t.ok(await leftMs('undecided') > defaultLimits.graceSec * 1000)
  await goes('undecided')
  t.equal(await redis.exists(keys.routes('undecided')), 0)
})

t.test('[LIFE-1] one that fails is the trouble of its own alone', async t => {
  const users = upTo(20).map(i => `part-${i}`)
  await Promise.all(users.map(comes))
  const barred = partition(users[0] ?? '')
  await redis.acl(
    'SETUSER', 'default', 'resetkeys', '~iris:events*', ...upTo(128).map(p => p - 1).filter(p => p !== barred).map(p => `~iris:{${p}}:*`)
  )
  const found = await Promise.allSettled(users.map(goes))
  await redis.acl('SETUSER', 'default', '~*')
  t.same(found.map(({ status }) => status), users.map(userId => partition(userId) === barred ? 'rejected' : 'fulfilled'))
})
