// Up-requests of one turn of the event loop are admitted in one call, each by itself. docs/protocol.md section 2.
import t from 'tap'
import { defaultLimits } from '../../src/protocol/limits.js'
import { eventKinds } from '../../src/protocol/server-events.js'
import { createAdmission } from '../../src/store/access/admission.js'
import { createKicks } from '../../src/store/access/kicks.js'
import { withDeadline } from '../../src/store/deadline.js'
import { keys } from '../../src/store/keys.js'
import { feedOf } from '../../src/store/feed.js'
import { createLife } from '../../src/store/life/life.js'
import { startRedis } from '../helper/redis.js'
import { upTo } from '../helper/sse.js'

const { redis } = await startRedis(t)
const life = createLife(redis, { known: () => 0 })
const store = {
  redis,
  node: 'a',
  limits: { ...defaultLimits, upRate: 1, upBurst: 3 },
  life,
  now: Date.now,
  feed: feedOf(eventKinds, defaultLimits),
  fresh: async <T>(read: () => Promise<T>) => await read()
}
const admission = createAdmission(store)
const comes = (userId: string) => ({ userId, terminalId: 't', role: 'user' as const, issuedAt: 1, expiresAt: Date.now() + 3_600_000 })
const admit = async (userId: string, units = 1) => await admission.admit(comes(userId), { units })
  .then(() => 'ok', ({ code, message }: { code?: string, message: string }) => code ?? message)
const calls = async () => Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0)

t.test('[COST-1] those of one turn share a call, at most 64 of them', async t => {
  await admit('first') // now Redis knows the script
  const before = await calls()
  t.same(new Set(await Promise.all(upTo(100).map(async i => await admit(`crowd-${i}`)))), new Set(['ok']))
  t.equal(await calls() - before, 2)
  t.equal(await redis.exists(...upTo(100).map(i => keys.rate(`crowd-${i}`))), 100, 'each counts for himself')
})

t.test('[COST-1] who comes several times in a turn is counted each time', async t => {
  const another = createAdmission(store) // its own bucket knows nothing: Redis decides
  const admitOf = async (one: typeof admission) =>
    await one.admit(comes('busy'), { units: 1 }).then(() => 'ok', ({ code }: { code: string }) => code)
  t.same(await Promise.all([admission, admission, admission, another, another].map(admitOf)), [
    'ok', 'ok', 'ok', 'RATE_LIMITED', 'RATE_LIMITED'
  ])
})

t.test('[KICK-1] who is refused, and whose keys cannot be read, touches nobody beside him', async t => {
  await createKicks(store).bury('kicked', { reason: 'x' }, 'x')
  await redis.sadd(keys.kick('odd'), 'x')
  await redis.sadd(keys.rate('odd-rate'), 'x')
  const alone = [await admit('odd'), await admit('odd-rate')]
  t.same(await Promise.all(['before', 'kicked', 'odd', 'between', 'odd-rate', 'after'].map(async user => await admit(user))), [
    'ok', 'KICKED', alone[0], 'ok', alone[1], 'ok'
  ])
})

t.test('[DEADLINE-1] who is too late is not asked about', async t => {
  const before = await calls()
  t.equal(await withDeadline(async () => await admit('late'), 0), 'STORE_UNAVAILABLE')
  t.equal(await calls(), before)
})
