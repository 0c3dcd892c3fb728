// The stream of events as a back end reads it. docs/protocol.md sections 7 and 8.
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { allEvents, events } from '../helper/events.js'
import { startIris } from '../helper/iris.js'
import { listening } from '../helper/life.js'
import { beforeTheSweep } from '../helper/user.js'

const a = await startIris(t)
const b = await startIris(t, { redisPath: a.redisPath })

t.test('[LIFE-1] without a position it begins now; `next` goes on from there, on any node, in pages', async t => {
  const empty = await events(a)
  t.match(empty, { items: [], next: /^\d+-\d+$/ })
  await listening(await a.user(t))
  const { items, next } = await events(b, `?after=${empty.next}&limit=1`)
  t.same(items.map(({ type }) => type), ['user.online'])
  t.equal(next, items[0]?.id)
  const rest = await events(a, `?after=${next}`)
  t.same(rest.items.map(({ type }) => type), ['terminal.connected'])
  t.match(await events(a, `?after=${rest.next}`), { items: [], next: rest.next })
  t.equal((await events(a)).next, rest.next)
  t.notOk('reset' in rest)
})

t.test('[LIFE-1] a long poll waits for the first event, whatever node it happens on; many wait by one look', async t => {
  const { next } = await events(a)
  const lookups = async () => Number(/cmdstat_xrevrange:calls=(\d+)/.exec(await a.redis.info('commandstats'))?.[1] ?? 0)
  const waiting = Promise.all(Array.from({ length: 40 }, () => events(a, `?after=${next}&timeoutMs=30000`)))
  await pause(1_000)
  const [before, began] = [await lookups(), Date.now()]
  await pause(1_000)
  t.ok(await lookups() - before <= (Date.now() - began) / 200 + 1, 'not one for each who waits')
  const bob = await b.user(t)
  await listening(bob)
  for (const { items } of await beforeTheSweep(t, waiting) ?? []) t.match(items[0], { type: 'user.online', userId: bob.userId })
})

t.test('[LIFE-1] a long poll without events answers empty after its time, the same position', async t => {
  const { next } = await events(a)
  t.match(await events(a, `?after=${next}&timeoutMs=300`), { items: [], next })
  t.match(await events(a, '?timeoutMs=0'), { items: [], next })
})

t.test('[LIFE-1] a node that goes down answers those who wait', async t => {
  const c = await startIris(t, { redisPath: a.redisPath })
  const waiting = events(c, '?timeoutMs=30000')
  await pause(200)
  await c.app.close()
  t.match(await beforeTheSweep(t, waiting), { items: [] })
})

t.test('[LIFE-1] a position whose followers were trimmed, or of a store that was lost, gets reset', async t => {
  const few = await startIris(t, { env: { IRIS_LIMIT_EVENTS: '10' }, redisPath: a.redisPath })
  const [first] = await allEvents(a)
  t.notOk('reset' in await events(a, `?after=${first?.id}`), 'all is still there')
  t.notOk('reset' in await events(a, '?after=0-0'))
  for (let i = 0; i < 100; i++) await (await listening(await few.user(t))).cut()
  const trimmed = await events(a, `?after=${first?.id}&limit=1`)
  t.equal(trimmed.reset, true)
  t.equal(trimmed.items[0]?.id, (await a.redis.xrange(keys.events, '-', '+', 'COUNT', 1))[0]?.[0], 'from the oldest on')
  t.notOk('reset' in await events(a, `?after=${trimmed.next}`))
  const future = `${Date.now() + 3_600_000}-0`
  t.match(await events(a, `?after=${future}&limit=1`), { reset: true, items: [{ id: trimmed.items[0]?.id }] })
  await a.redis.del(keys.events)
  t.match(await events(a, `?after=${trimmed.next}`), { reset: true, items: [], next: '0-0' })
})

t.test('[LIFE-1] what is no position is refused', async t => {
  for (const query of ['?after=x', '?after=1', '?after=-', '?after=1-1-1', '?limit=0', '?limit=1001', '?timeoutMs=30001', '?colour=red']) {
    t.match(await a.server('GET', `events${query}`), { status: 400, body: { code: 'INVALID_QUERY' } }, query)
  }
})
