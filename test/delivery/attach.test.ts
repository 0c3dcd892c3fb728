// Attach: what a terminal finds when it comes, by its cursor. docs/protocol.md section 4.
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { startIris } from '../helper/iris.js'
import { dm, granted } from '../helper/user.js'
import { brokenIds, type SseEvent } from '../helper/sse.js'

const iris = await startIris(t)

/** The data of a gateway's command. */
const told = (event: SseEvent) => event.data.data ?? {}
const texts = (events: SseEvent[]) =>
  events.filter(({ event }) => event === 'MSG_DOWN').map(({ data }) => (data['content'] as { text: string }).text)

t.test('[ATTACH-1] HELLO is first, without id and without recovered when no cursor was given', async t => {
  const alice = await iris.user(t)
  const stream = await alice.listen({ terminalId: 't1' })
  await stream.next('IRIS.READY')
  const [hello, ready] = stream.events
  t.match(hello, {
    event: 'CMD_DOWN',
    data: { name: 'IRIS.HELLO', needComplete: false, data: { terminalId: 't1', replay: 0, heartbeatSec: 15 } }
  })
  t.equal(hello?.id, undefined)
  t.notOk('recovered' in told(hello as SseEvent))
  t.equal(ready?.id, told(hello as SseEvent)['cursor'])
})

t.test('[ATTACH-3] a resumed stream brings every later entry once, in order, then READY and live events', async t => {
  const alice = await iris.user(t)
  const bob = await iris.user(t)
  const first = await bob.listen()
  await alice.send(bob, 'one')
  await first.next('MSG_DOWN')
  await first.cut()
  for (const text of ['two', 'three']) await alice.send(bob, text)

  const second = await bob.listen({ cursor: first.cursor })
  await second.next('IRIS.READY')
  await alice.send(bob, 'four')
  await second.next(({ data }) => data['seq'] === 4)
  t.match(told(second.events[0] as SseEvent), { recovered: true, replay: 2 })
  t.same(texts(second.events), ['two', 'three', 'four'])
  t.same(second.events.filter(({ event }) => event === 'MSG_DOWN').map(({ data }) => data['source']), ['replay', 'replay', 'live'])
  const [replayed, ready] = [second.events[2], second.events[3]]
  t.equal(ready?.id, replayed?.id, 'READY names the position reached')
})

t.test('[ATTACH-3] <epoch>-0 means everything of that epoch', async t => {
  const alice = await iris.user(t)
  const bob = await iris.user(t)
  for (const text of ['a', 'b', 'c']) await alice.send(bob, text)
  const fresh = await bob.listen()
  const ready = await fresh.next('IRIS.READY')
  const everything = await bob.listen({ terminalId: 't2', cursor: `${ready.id?.split('-')[0]}-0` })
  await everything.next('IRIS.READY')
  t.same(texts(everything.events), ['a', 'b', 'c'])
})

t.test('[ATTACH-1] a cursor that cannot be served gets RESET with the state of the conversations, never an error', async t => {
  const alice = await iris.user(t)
  const bob = await iris.user(t)
  const { body: { conversationId } } = granted(await alice.send(bob, 'unread'))
  const other = await (await alice.listen()).next('IRIS.READY')
  const own = await (await bob.listen()).next('IRIS.READY')
  const [epoch] = (own.id as string).split('-')
  const cases: [string, string][] = [
    ['malformed', 'x'], ['malformed', '-1'], ['malformed', `${epoch}`], ['malformed', `${epoch}-1-1`], ['malformed', `${epoch}--1`],
    ['malformed', '9'.repeat(500) + '-1'],
    ['malformed', `${epoch}-${'9'.repeat(30)}`], ['malformed', '$'], ['malformed', '+'], ['malformed', `${epoch}-1e3`],
    ['epoch', '1-1'], ['epoch', '18446744073709551615-3'], ['epoch', other.id as string], ['future', `${epoch}-999`]
  ]
  for (const [reason, cursor] of cases) {
    const stream = await bob.listen({ terminalId: 'r', cursor })
    await stream.next('IRIS.READY')
    t.equal(told(stream.events[0] as SseEvent)['recovered'], false, cursor.slice(0, 30))
    t.match(stream.events[1], {
      data: { name: 'IRIS.RESET', data: { reason, cursor: own.id, conversations: [{ conversationId, headSeq: 1, readSeq: 0, unread: 1 }] } }
    })
    t.match(stream.events[2], { event: 'MSG_DOWN', data: { source: 'mailbox' } })
    t.equal(stream.events[2]?.id, undefined)
    await stream.cut()
  }
})

t.test('[ATTACH-1] [ATTACH-2] trimmed entries reset who missed them, and nobody else', async t => {
  const alice = await iris.user(t)
  const bob = await iris.user(t)
  for (let i = 1; i <= 10; i++) await alice.send(bob, `m${i}`)
  const { id = '' } = await (await bob.listen()).next('IRIS.READY')
  const epoch = id.split('-')[0] as string
  await iris.redis.xtrim(keys.down(bob.userId), 'MINID', `${epoch}-8`)

  const late = await bob.listen({ terminalId: 'late', cursor: `${epoch}-6` })
  t.equal(told(await late.next('IRIS.RESET'))['reason'], 'trimmed')
  const justInTime = await bob.listen({ terminalId: 'quiet', cursor: `${epoch}-7` })
  await justInTime.next('IRIS.READY')
  t.equal(told(justInTime.events[0] as SseEvent)['recovered'], true, 'nothing after 7 was trimmed')
  t.same(texts(justInTime.events), ['m8', 'm9', 'm10'])
})

t.test('[ATTACH-4] an entry that has nothing to say is an id alone', async t => {
  const alice = await iris.user(t)
  const bob = await iris.user(t)
  const stream = await bob.listen({ terminalId: 'b1' })
  const { id = '' } = await stream.next('IRIS.READY')
  await alice.send(bob, 'x')
  await bob.read({ conversationId: dm(alice, bob), upToSeq: 1 }, 'b1')
  await alice.send(bob, 'y')
  await stream.next(({ data }) => data['seq'] === 2)
  const silent = stream.events.find(({ event }) => event === undefined)
  t.equal(silent?.id, id.replace(/-\d+$/, '-2'), 'his own READ is nothing to tell to the terminal that read')
  t.equal(brokenIds(stream.events, id), undefined)
})

t.test('[ATTACH-3] header beats query, an empty header does not', async t => {
  const alice = await iris.user(t)
  const bob = await iris.user(t)
  for (const text of ['1', '2', '3']) await alice.send(bob, text)
  const { id = '' } = await (await bob.listen()).next('IRIS.READY')
  const epoch = id.split('-')[0] as string
  const resume = async (header: string, query: string) => {
    const response = await fetch(`${iris.url}/v1/down/events?lastEventId=${query}`, {
      headers: { authorization: `Bearer ${bob.token}`, 'last-event-id': header },
      signal: AbortSignal.timeout(20_000)
    })
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    while (!text.includes('IRIS.READY')) text += (await reader?.read())?.value ?? ''
    await reader?.cancel()
    return [...text.matchAll(/"seq":(\d)/g)].map(found => Number(found[1]))
  }
  t.same(await resume(`${epoch}-2`, `${epoch}-1`), [3])
  t.same(await resume('', `${epoch}-1`), [2, 3])
})

t.test('[ATTACH-3] several connections of one terminal are all served', async t => {
  const alice = await iris.user(t)
  const bob = await iris.user(t)
  const streams = [await bob.listen(), await bob.listen()]
  await Promise.all(streams.map(stream => stream.next('IRIS.READY')))
  await alice.send(bob, 'both')
  for (const stream of streams) t.match((await stream.next('MSG_DOWN')).data, { content: { text: 'both' } })
  await streams[0]?.cut()
  await alice.send(bob, 'one is left')
  t.match((await streams[1]?.next('MSG_DOWN'))?.data, { content: { text: 'one is left' } })
})
