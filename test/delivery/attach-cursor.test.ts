// Attach by cursor: what hostile cursors get, what a trimmed stream still serves, and what waits in the boxes. Section 4.
import t, { type Test } from 'tap'
import { keys } from '../../src/store/keys.js'
import { startIris } from '../helper/iris.js'
import { brokenIds, openSse, seqsOf, type SseEvent, upTo } from '../helper/sse.js'
import { dm, groupOf, type User } from '../helper/user.js'

const iris = await startIris(t, { env: { IRIS_LIMIT_DOWN_ENTRIES: '30' } })

const named = (events: SseEvent[], name: string) => events.find(({ data }) => data.name === name)?.data.data ?? {}
const epochOf = ({ id = '' }: SseEvent) => id.split('-')[0] as string

/** Attaches with a query and looks at the stream up to READY. */
async function attach (t: Test, user: User, query: string, headers: Record<string, string> = {}) {
  const stream = await openSse(`${iris.url}/v1/down/events?terminalId=q&${query}`, {
    headers: { authorization: `Bearer ${user.token}`, ...headers }
  })
  t.teardown(() => stream.cut())
  await stream.next('IRIS.READY')
  return stream
}

t.test('[ATTACH-1] whatever is sent as a cursor: 200, RESET with its reason, the mailbox and READY', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  await alice.send(bob, 'unread')
  const epoch = epochOf(await (await bob.listen()).next('IRIS.READY'))
  const hostile = [
    '0', '-', '--', '1', `${epoch}-`, `-${epoch}`, `${epoch}-0x1`, `${epoch}-1.`, `${epoch} -1`, ` ${epoch}-1`, `${epoch}-1\n`,
    `${epoch}-1\u0000`, `${epoch}-١`,
    `${epoch}-1;FLUSHALL`, `${epoch}-*`, '*', '>', '(', '[', '{}', '$', '\r\nid: 1-1', '<script>', '%', '\u{1f4a9}', 'a'.repeat(5_000),
    '9'.repeat(21) + '-1', `${epoch}-${'9'.repeat(16)}`, 'null', 'undefined', 'NaN', 'Infinity-Infinity', 'malformed-0', '__proto__'
  ]
  for (const cursor of hostile) {
    const stream = await attach(t, bob, `lastEventId=${encodeURIComponent(cursor)}`)
    t.equal(stream.status, 200)
    t.match(named(stream.events, 'IRIS.RESET'), { reason: 'malformed' }, JSON.stringify(cursor.slice(0, 40)))
    t.match(stream.events[2], { event: 'MSG_DOWN', data: { source: 'mailbox' } })
    await stream.cut()
  }
  for (const [cursor, reason] of [
    [`${epoch}-2`, 'future'], [`${epoch}-${'9'.repeat(15)}`, 'future'], [`0${epoch}-1`, 'epoch'], ['0-0', 'epoch'],
    ['00000000000000000000-0', 'epoch']
  ] as const) {
    const stream = await attach(t, bob, `lastEventId=${cursor}`)
    t.match(named(stream.events, 'IRIS.RESET'), { reason }, cursor)
    await stream.cut()
  }
})

t.test('[ATTACH-1] after a RESET the stream is whole: its READY can be resumed, and live events follow', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  for (const text of ['1', '2']) await alice.send(bob, text)
  const stream = await attach(t, bob, 'lastEventId=lost')
  const ready = stream.cursor as string
  await alice.send(bob, '3')
  await stream.next(({ data }) => data['seq'] === 3)
  t.same(seqsOf(stream.events, dm(alice, bob)), [1, 2, 3], 'unread ones once, then the live one')
  const again = await attach(t, bob, `lastEventId=${ready}`)
  t.match(named(again.events, 'IRIS.HELLO'), { recovered: true, replay: 1 })
})

t.test('[ATTACH-1] [ATTACH-2] at every position of a trimmed stream: served whole, or told', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  for (const i of upTo(12)) await alice.send(bob, `${i}`)
  const epoch = epochOf(await (await bob.listen()).next('IRIS.READY'))
  await iris.redis.xtrim(keys.down(bob.userId), 'MAXLEN', '=', '5') // 8 to 12 are left
  for (let seq = 0; seq <= 13; seq++) {
    const stream = await attach(t, bob, `lastEventId=${epoch}-${seq}`)
    const recovered = seq >= 7 && seq <= 12
    t.match(named(stream.events, 'IRIS.HELLO'), { recovered }, `position ${seq}`)
    if (recovered) {
      t.same(seqsOf(stream.events, dm(alice, bob)), upTo(12).slice(seq))
      t.equal(brokenIds(stream.events, `${epoch}-${seq}`), undefined)
    } else t.match(named(stream.events, 'IRIS.RESET'), { reason: seq > 12 ? 'future' : 'trimmed', cursor: `${epoch}-12` })
    await stream.cut()
  }
})

t.test('[ATTACH-2] a quiet client recovers at the top of a stream of which nothing but the last entry is left', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  for (const i of upTo(5)) await alice.send(bob, `${i}`)
  const quiet = await attach(t, bob, '')
  await quiet.cut()
  await alice.send(bob, '6')
  await iris.redis.xtrim(keys.down(bob.userId), 'MAXLEN', '=', '1') // its own last entry is gone, the one after it is not
  const back = await attach(t, bob, `lastEventId=${quiet.cursor}`)
  t.match(named(back.events, 'IRIS.HELLO'), { recovered: true, replay: 1 })
  t.same(seqsOf(back.events, dm(alice, bob)), [6])
})

t.test('[ATTACH-1] a stream that was trimmed to nothing has another epoch: RESET, no hang', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  await alice.send(bob, 'unread')
  const { cursor } = await attach(t, bob, '')
  for (const empty of [() => iris.redis.xtrim(keys.down(bob.userId), 'MAXLEN', '=', '0'), () => iris.redis.del(keys.down(bob.userId))]) {
    await empty()
    const stream = await attach(t, bob, `lastEventId=${cursor}`)
    t.match(named(stream.events, 'IRIS.RESET'), { reason: 'epoch', conversations: [{ headSeq: 1, unread: 1 }] })
    t.same(seqsOf(stream.events, dm(alice, bob)), [1])
    await stream.cut()
  }
})

t.test('[ATTACH-1] a header that cannot be served is not saved by the query: the first that is present counts', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  for (const text of ['1', '2']) await alice.send(bob, text)
  const { cursor = '' } = await attach(t, bob, '')
  t.match(named((await attach(t, bob, `lastEventId=${cursor}`, { 'last-event-id': 'x' })).events, 'IRIS.RESET'), { reason: 'malformed' })
  t.match(named((await attach(t, bob, 'lastEventId=x', { 'last-event-id': cursor })).events, 'IRIS.HELLO'), { recovered: true })
  t.match(named((await attach(t, bob, `lastEventId=${cursor}`, { 'last-event-id': '' })).events, 'IRIS.HELLO'), { recovered: true })
  t.notOk('recovered' in named((await attach(t, bob, 'lastEventId=', { 'last-event-id': '' })).events, 'IRIS.HELLO'))
})

t.test('[ATTACH-3] more than 500 unread messages: the 500 oldest, and READY says more', async t => {
  const [alice, bob, carol] = [await iris.user(t), await iris.user(t), await iris.user(t)]
  const sent: string[] = []
  for (let i = 0; i < 52; i++) {
    const answers = await Promise.all(upTo(10).map(() => (i % 2 ? alice : carol).send(bob, 'm')))
    sent.push(...answers.map(({ body }) =>
      `${String(body['ts']).padStart(16, '0')} ${body.conversationId} ${String(body.seq).padStart(5, '0')}`))
  }
  const stream = await attach(t, bob, '')
  const unread = stream.events.filter(({ event }) => event === 'MSG_DOWN')
    .map(({ data }) => `${String(data['ts']).padStart(16, '0')} ${String(data['conversationId'])} ${String(data['seq']).padStart(5, '0')}`)
  t.same(unread, sent.sort().slice(0, 500))
  t.match(stream.events.at(-1), { data: { name: 'IRIS.READY', data: { more: true } } })
})

t.test('[ATTACH-3] pending commands and notices come in the order in which they were sent, ' +
  'without ids, by cursor only those before it', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  await alice.send(bob, 'hello')
  const order = upTo(25).map(i => `c${i}`)
  for (const name of order) {
    await alice.command({ clientCmdId: name, name, to: { users: [bob.userId] }, mode: 'reliable', data: { long: 'x'.repeat(80) } })
  }
  const fresh = await attach(t, bob, '')
  const epoch = epochOf(fresh.events.at(-1) as SseEvent)
  const names = (events: SseEvent[], withId: boolean) =>
    events.filter(({ id, data }) => order.includes(data.name ?? '') && (id !== undefined) === withId).map(({ data }) => data.name)
  t.same(names(fresh.events, false).length, 25)
  t.same(names(fresh.events, false), order, 'in order')
  const resumed = await attach(t, bob, `lastEventId=${epoch}-11`) // the message and ten commands
  t.same(names(resumed.events, true), order.slice(10))
  t.same(names(resumed.events, false).sort(), order.slice(0, 10).sort())
  t.equal(brokenIds(resumed.events, `${epoch}-11`), undefined)
})

t.test('[ATTACH-4] [MSG-5] what the log let go while the reader was out of the group is passed by: the stream goes on', async t => {
  const small = await startIris(t, { env: { IRIS_LIMIT_LOG_MESSAGES: '5', IRIS_LIMIT_DOWN_ENTRIES: '5' } })
  const [alice, bob] = [await small.user(t), await small.user(t)]
  const group = await groupOf(small, alice, bob)
  const before = await bob.listen()
  const { id = '' } = await before.next('IRIS.READY')
  await before.cut()
  await alice.send(group, 'let go')
  await small.server('POST', `conversations/${group}/members`, { remove: [bob.userId] })
  for (const n of upTo(6)) await alice.send(group, `unseen ${n}`)
  await small.server('POST', `conversations/${group}/members`, { add: [{ userId: bob.userId }] })
  await alice.send(group, 'seen')
  const stream = await bob.listen({ cursor: id })
  await stream.next('IRIS.READY')
  t.same(seqsOf(stream.events, group), [8])
  t.equal(brokenIds(stream.events, id), undefined)
})
