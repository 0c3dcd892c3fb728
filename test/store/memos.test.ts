// What was made of a clientMsgId is remembered for `dedupeSec`: one small hash of a conversation and a day, which ends by itself. [MSG-2]
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { startIris } from '../helper/iris.js'
import { dm, granted, groupOf, two, type User } from '../helper/user.js'

const DAY_MS = 86_400_000
const iris = await startIris(t)
const { redis } = iris

/** What a conversation remembers: each hash of memos, by its name behind that of the conversation. */
async function memosOf (id: string): Promise<Record<string, Record<string, string>>> {
  const found = (await redis.keys(`${keys.memos(id)}:*`)).sort()
  const memos = await Promise.all(found.map(async key => await redis.hgetall(key)))
  return Object.fromEntries(found.map((key, i) => [key.slice(keys.memos(id).length + 1), memos[i] ?? {}]))
}

/** Moves the only memo of a conversation to another time, as if it had been made then. */
async function madeAt (id: string, at: number): Promise<void> {
  const [[day = '', memo = {}] = []] = Object.entries(await memosOf(id))
  const fields = Object.entries(memo).map(([field, stored]) => {
    const [print, seq, , nonce] = stored.split(' ')
    return [field, field === '.' ? stored : [print, seq, at % DAY_MS, nonce].join(' ')] as const
  })
  await redis.del(`${keys.memos(id)}:${day}`)
  await redis.hset(`${keys.memos(id)}:${Math.floor(at / DAY_MS)}`, Object.fromEntries(fields))
}

const once = (user: User, to: User | string, text = 'once') => user.send(to, text, { clientMsgId: 'once' })

t.test('[MSG-2] all that is sent in a conversation on a day is one key, of few bytes, which ends a day after it', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const id = dm(alice, bob)
  const count = 30
  const keysBefore = await redis.dbsize()
  for (let i = 0; i < count; i++) await (i % 2 ? alice : bob).send(i % 2 ? bob : alice, 'x')
  t.ok(await redis.dbsize() - keysBefore < count, 'no key of its own for each')
  const all = await memosOf(id)
  t.ok(Object.keys(all).length <= 2, 'one, two at midnight')
  t.equal(Object.values(all).flatMap(Object.keys).length, count + Object.keys(all).length)
  for (const day of Object.keys(all)) {
    const place = `${keys.memos(id)}:${day}`
    const left = await redis.pttl(place)
    t.ok(left >= DAY_MS - 60_000 && left <= 2 * DAY_MS, `${left} ms are left: a day, and what is left of this one`)
    if (Object.keys(all).length === 1) t.ok(Number(await redis.memory('USAGE', place)) / count < 80, 'a memo is small')
  }
})

t.test('[MSG-2] a retry is recognised for 24 h, also beyond midnight, and not for longer', async t => {
  for (const [ageMs, isKnown] of [[60_000, true], [DAY_MS - 60_000, true], [DAY_MS + 1_000, false]] as const) {
    const [alice, bob] = await two(() => iris.user(t))
    const id = dm(alice, bob)
    const first = await once(alice, bob)
    const { body: { t2 } } = granted(await alice.time({}))
    await madeAt(id, Number(t2) - ageMs)
    t.match(await once(alice, bob), {
      status: 200,
      body: { duplicate: isKnown, seq: isKnown ? 1 : 2, epoch: first.body['epoch'] }
    }, `${ageMs} ms later`)
    t.equal((await once(alice, bob, 'other')).status, 409)
  }
})

t.test('[MSG-2] [TIME-1] what was made before the clock of Redis went back is still known', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const id = dm(alice, bob)
  const { body: { ts } } = granted(await once(alice, bob))
  for (const aheadMs of [DAY_MS, 400 * DAY_MS]) {
    await redis.hset(keys.conversation(id), 'lastTs', Number(ts) + aheadMs)
    await madeAt(id, Number(ts) + aheadMs)
    t.match(await once(alice, bob), { status: 200, body: { duplicate: true, seq: 1, ts: Number(ts) + aheadMs } })
    const { body: { seq } } = granted(await alice.send(bob, 'new', { clientMsgId: String(aheadMs) }))
    t.match(await alice.send(bob, 'new', { clientMsgId: String(aheadMs) }), {
      status: 200,
      body: { duplicate: true, seq, ts: Number(ts) + aheadMs }
    })
    const today = `${keys.memos(id)}:${Math.floor(Number((await alice.time({})).body['t2']) / DAY_MS)}`
    t.ok(await redis.hexists(today, '.') && await redis.pttl(today) <= 2 * DAY_MS, 'what is made now ends as ever')
    await redis.del(today)
  }
})

t.test('[MSG-2] a retry has the epoch of its first answer, though that of the conversation is another by now', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const id = dm(alice, bob)
  const first = await once(alice, bob)
  const later = String(Number(first.body['epoch']) + 4096)
  await redis.hset(keys.conversation(id), 'epoch', later)
  t.match(await alice.send(bob, 'later', { clientMsgId: 'later' }), { body: { epoch: later, duplicate: false } })
  t.match(await alice.send(bob, 'later', { clientMsgId: 'later' }), { body: { epoch: later, duplicate: true } })
  t.match(await once(alice, bob), { body: { epoch: first.body['epoch'], duplicate: true } })
})

t.test('[MSG-2] a day of very many memos is no huge key: what does not fit goes on in others, and is known there', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const group = await groupOf(iris, alice, bob)
  await once(alice, group)
  const most = 4096
  const [day = ''] = Object.keys(await memosOf(group))
  const others = Array.from({ length: most - 1 }, (_, i): [string, string] => [`other-${i}`, `x ${i} 1 n`])
  await redis.hset(`${keys.memos(group)}:${day}`, Object.fromEntries(others))
  await redis.hset(keys.conversation(group), 'headSeq', most)
  const sent = Array.from({ length: 70 }, (_, i) => ({ clientMsgId: `more-${i}` }))
  for (const more of sent) await bob.send(group, 'more', more)
  const all = await memosOf(group)
  const sizes = Object.values(all).map(memos => Object.keys(memos).length)
  t.equal(Math.max(...sizes), most + 1, 'with the epoch')
  t.ok(sizes.length > 10, `${sizes.length} hashes`)
  for (const place of Object.keys(all)) t.ok(await redis.pttl(`${keys.memos(group)}:${place}`) > 0, `${place} ends`)
  t.match(await once(alice, group), { body: { duplicate: true, seq: 1 } })
  for (const [i, more] of sent.entries()) {
    t.match(await bob.send(group, 'more', more), { status: 200, body: { duplicate: true, seq: most + 1 + i } })
  }
  t.match(await bob.send(group, 'less', sent[0]), { status: 409 })
})

t.test('[DOWN-2] memos of another type stop no message, and begin anew', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const id = dm(alice, bob)
  await once(alice, bob)
  const [place = ''] = await redis.keys(`${keys.memos(id)}:*`)
  await redis.set(place, 'x')
  t.match(await alice.send(bob, 'new', { clientMsgId: 'new' }), { status: 200, body: { seq: 2 } })
  t.match(await alice.send(bob, 'new', { clientMsgId: 'new' }), { status: 200, body: { seq: 2, duplicate: true } })
  t.ok(await redis.pttl(place) > 0)
})
