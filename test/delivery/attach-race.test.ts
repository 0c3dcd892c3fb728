// Attaching while somebody publishes: no window between what was and what comes. docs/protocol.md section 4, [ATTACH-3].
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { startIris } from '../helper/iris.js'
import { openRaw } from '../helper/raw.js'
import { brokenIds, seqsOf, type SseEvent, type Stream, upTo } from '../helper/sse.js'
import { dm, until, type User } from '../helper/user.js'

const iris = await startIris(t, { env: { IRIS_LIMIT_CONNECTIONS: '1000' } })
const isLast = (total: number) => ({ event, data }: SseEvent) => event === 'MSG_DOWN' && data['seq'] === total
/** Moments that differ: the turns of the event loop between two attaches. */
const aMoment = async () => { for (let i = Math.floor(Math.random() * 6); i > 0; i--) await pause(0) }

t.test('[ATTACH-3] [ATTACH-4] 120 attaches at any moment, each from a cursor of its own: every message once, in order', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const id = dm(alice, bob)
  const first = await bob.listen({ terminalId: 'first' })
  const beginning = (await first.next('IRIS.READY')).id as string
  const total = 200
  const progress = { sent: 0 }
  const publishing = (async () => {
    for (let i = 1; i <= total; i++, progress.sent++) {
      await alice.send(bob, `${i}`)
      if (i % 7 === 0) await bob.read({ conversationId: id, upToSeq: i }, 'many') // an entry without a word for these terminals
    }
  })()
  const opened: { stream: Stream, cursor: string }[] = []
  while (opened.length < 120 || progress.sent < total) {
    // behind the last one nothing comes
    const seen = first.events.filter(event => event.id !== undefined && !isLast(total)(event))
    const cursor = seen[Math.floor(Math.random() * seen.length)]?.id ?? beginning
    opened.push({ stream: await bob.listen({ terminalId: 'many', cursor }), cursor })
    await aMoment()
    if (opened.length >= 200) break
  }
  await publishing
  await first.next(isLast(total))
  const whole = first.events.filter(event => event.id !== undefined)
  for (const { stream, cursor } of opened) {
    await stream.next(isLast(total))
    t.equal(brokenIds(stream.events, cursor), undefined)
    const from = whole.findLastIndex(event => event.id === cursor) + 1
    const expected = seqsOf(whole.slice(from), id)
    t.same(seqsOf(stream.events, id), expected, `all ${expected.length} messages after ${cursor}`)
    const ready = stream.events.find(({ data }) => data.name === 'IRIS.READY')
    const before = stream.events.slice(0, stream.events.indexOf(ready as SseEvent))
    t.ok(before.every(({ id }) => id === undefined || Number(id.split('-')[1]) <= Number(ready?.id?.split('-')[1])),
      'READY is never less than an id already printed')
    t.ok(before.every(({ event, data }) => event !== 'MSG_DOWN' || data['source'] === 'replay'))
    await stream.cut()
  }
})

t.test('[ATTACH-3] fresh attaches at any moment: the mailbox and what comes live are all messages, each once', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const total = 120
  const progress = { sent: 0 }
  const publishing = (async () => { for (let i = 1; i <= total; i++, progress.sent++) await alice.send(bob, `${i}`) })()
  const opened: Stream[] = []
  while (progress.sent < total && opened.length < 60) {
    opened.push(await bob.listen({ terminalId: 'fresh' }))
    await aMoment()
  }
  await publishing
  t.ok(opened.length > 10, `${opened.length} attached meanwhile`)
  for (const stream of opened) {
    await stream.next(isLast(total))
    t.same(seqsOf(stream.events, dm(alice, bob)), upTo(total))
    const ready = stream.events.findIndex(({ data }) => data.name === 'IRIS.READY')
    t.equal(brokenIds(stream.events.slice(ready + 1), stream.events[ready]?.id as string), undefined)
    t.ok(stream.events.slice(0, ready).every(({ id }) => id === undefined), 'nothing of the boxes moves the cursor')
    await stream.cut()
  }
})

t.test('[LIFE-3] [LIFE-1] who is cut off while he attaches has gone: no route is left behind, and nobody stays online', async t => {
  const [bob, ...others] = await Promise.all(upTo(21).map(async () => await iris.user(t))) as [User, ...User[]]
  const requestOf = (token: string, n: number) =>
    `GET /v1/down/events?terminalId=t${n} HTTP/1.1\r\nhost: iris\r\nauthorization: Bearer ${token}\r\n\r\n`
  const requests = others.flatMap(({ token }) => upTo(5).map(n => requestOf(token, n)))
  await Promise.all(requests.map(async request => {
    const { socket, ended } = openRaw(t, iris.url)
    await once(socket, 'connect')
    socket.write(request)
    await pause(Math.random() * 30)
    socket.resetAndDestroy()
    await ended
  }))
  const last = await bob.listen() // behind all of them
  await last.next('IRIS.READY')
  await last.cut()
  await until(async () => (await iris.redis.keys('*:ROUTES')).length === 0 || undefined)
  const rows = async () => (await Promise.all(others.map(async ({ userId }) => await iris.redis.hgetall(keys.terminals(userId)))))
    .flatMap(kept => Object.entries(kept).filter(([field]) => !field.includes('/')).map(([, row]) => row))
  t.ok((await rows()).length > 0, 'some had come')
  await until(async () => (await rows()).every(row => !row.includes(' on ')) || undefined)
})
