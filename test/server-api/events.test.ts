// The stream of events as a back end reads it. docs/protocol.md sections 7 and 8.
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { allEvents, events } from '../helper/events.js'
import { startIris } from '../helper/iris.js'
import { listening } from '../helper/life.js'
import { upTo } from '../helper/sse.js'
import { beforeTheSweep, dm } from '../helper/user.js'

const a = await startIris(t, { env: { IRIS_EVENTS: 'all' } })
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

t.test('[EVENT-1] a reader whose position the store has lost gets reset, also when others have come behind it', async t => {
  const own = await startIris(t)
  await listening(await own.user(t))
  const [one, two] = await allEvents(own)
  t.strictSame(Object.keys(await events(own, `?after=${two?.id}`)).includes('reset'), false)
  await own.redis.xdel(keys.events, String(two?.id)) // as after a crash: what was read is not there any more
  t.match(await events(own, `?after=${two?.id}`), { reset: true, missing: { after: one?.id, before: undefined } })
  const later = await own.user(t)
  await listening(later)
  const lost = await events(own, `?after=${two?.id}`)
  t.match(lost, { reset: true, missing: { after: one?.id, before: lost.items[0]?.id }, items: [{ userId: later.userId }, {}] })
  const { items, missing } = await events(own, `?after=${two?.id}`)
  t.strictSame({ items, missing }, { items: lost.items, missing: lost.missing }, 'the same for all')
  await own.redis.del(keys.events)
  await listening(await own.user(t))
  const anew = await events(own, `?after=${lost.next}`)
  t.match(anew, { reset: true, missing: { after: lost.next }, items: [{}, {}] }, 'the stream began anew')
})

t.test('[EVENT-1] only kinds that are written and known may be asked for; `next` moves over the others', async t => {
  const few = await startIris(t, { env: { IRIS_EVENTS: 'user.online,terminal.connected,message.revoked' }, redisPath: a.redisPath })
  for (const [types, detail] of [
    ['message.sent', /^message\.sent is not written: see IRIS_EVENTS$/], ['user.gone', /^user\.gone is no kind of event: .*user\.online/],
    ['user.online,', /must match pattern/]
  ] as const) {
    const { status, body } = await few.server('GET', `events?types=${types}`)
    t.match({ status, body }, { status: 400, body: { code: 'INVALID_QUERY', errors: [{ pointer: '/types', detail }] } }, types)
  }
  const { next } = await events(few)
  const alice = await few.user(t)
  await listening(alice)
  await few.server('PUT', `conversations/g.few-${alice.userId}`, { members: [{ userId: alice.userId, role: 'owner' }] })
  const all = await events(few, `?after=${next}`)
  t.strictSame(all.items.map(({ type }) => type), ['user.online', 'terminal.connected'], 'no other is written by this node')
  const found = await events(few, `?after=${next}&types=terminal.connected`)
  t.strictSame(found.items.map(({ type }) => type), ['terminal.connected'])
  t.match(await events(few, `?after=${next}&types=message.revoked`), { items: [], next: all.next })
  const page = await events(few, `?after=${next}&types=user.online,message.revoked&limit=1`)
  t.match([page.items.length, page.next], [1, all.next], 'all was looked at')
})

t.test('[EVENT-1] a long poll of a rare kind sleeps over the others, and misses none', async t => {
  const calls = async () => Number(/cmdstat_xrange:calls=(\d+)/.exec(await a.redis.info('commandstats'))?.[1] ?? 0)
  const [alice, bob] = [await a.user(t), await a.user(t)]
  await alice.send(bob, 'hi')
  const { next } = await events(a)
  const rare = events(b, `?after=${next}&types=message.revoked&timeoutMs=30000`)
  const [before, began] = [await calls(), Date.now()]
  for (let i = 0; i < 30; i++) await alice.send(bob, `m${i}`)
  t.ok(await calls() - before <= 2 * ((Date.now() - began) / 200 + 2), 'it looks when others look, not for each')
  await alice.revoke({ conversationId: dm(alice, bob), seq: 1 })
  t.match(await beforeTheSweep(t, rare), { items: [{ type: 'message.revoked', seq: 1 }] })
})

t.test('[EVENT-1] no more bytes are kept than may be: large events go by their size, not by their number', async t => {
  const BYTES = 65_536
  const own = await startIris(t, { env: { IRIS_LIMIT_EVENTS_BYTES: String(BYTES) } })
  const alice = await own.user(t)
  const members = upTo(200).map(i => ({ userId: `member-with-a-long-name-${i}`, role: 'member' }))
  for (let i = 0; i < 12; i++) {
    await own.server('PUT', `conversations/g.large-${i}`, { members: [{ userId: alice.userId, role: 'owner' }, ...members] })
  }
  const sizes = async () => (await own.redis.xrange(keys.events, '-', '+')).map(([, fields]) => fields.join('').length)
  const large = await sizes()
  t.ok(large.length >= 3 && large.length <= 6, `${large.length} of 12, of ${large[0]} bytes each`)
  const [first] = await allEvents(own)
  t.match(await events(own, '?after=0-0&limit=1'), { reset: true, missing: { after: '0-0', before: first?.id } })
  await Promise.all(upTo(500).map(async i => await own.server('PUT', `conversations/g.small-${i}`, { members: members.slice(0, 1) })))
  const all = await sizes()
  const bytes = all.reduce((sum, size) => sum + size + 32, 0)
  t.ok(bytes > BYTES / 3 && bytes < BYTES * 1.5, `${bytes} bytes in ${all.length} events, which were counted by chance`)
  t.ok(Number(await own.redis.zcard(keys.eventSizes)) <= 1_100)
})

t.test('[LIFE-1] what is no position is refused', async t => {
  for (const query of [
    '?after=x', '?after=1', '?after=-', '?after=1-1-1', '?limit=0', '?limit=1001', '?timeoutMs=30001', '?types=', '?types=a,,b',
    '?colour=red'
  ]) {
    t.match(await a.server('GET', `events${query}`), { status: 400, body: { code: 'INVALID_QUERY' } }, query)
  }
})
