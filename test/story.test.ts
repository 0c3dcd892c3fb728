// A day of Iris, told with the real process and real sockets: connect, a heartbeat that is lost, a kick, a drain. Sections 4 and 7.
import { EventSource } from 'eventsource'
import t, { type Test } from 'tap'
import { allEvents, eventsOf, saidOf, untilSaid } from './helper/events.js'
import { alive, both, heartbeat } from './helper/life.js'
import { startSharedRedis } from './helper/process.js'
import { brokenIds, seqsOf, upTo } from './helper/sse.js'
import { granted, groupOf, until, type User } from './helper/user.js'
import { layWire } from './helper/wire.js'
import type { openWs } from './helper/ws.js'
import { type Reader, transports } from './transports/contract.js'

const shortLives = { IRIS_LIMIT_LEASE_SEC: '5', IRIS_LIMIT_GRACE_SEC: '1', IRIS_DRAIN_SEC: '1' }
/** A grace in which a terminal that was told to goes to the other process, on the slowest machine. */
const longGrace = { IRIS_LIMIT_GRACE_SEC: '6', IRIS_DRAIN_SEC: '1' }

type Way = keyof typeof transports

/** What somebody has seen of his stream, over all transports and processes: a page for each connection. */
function diaryOf (t: Test, user: User) {
  const pages: Reader[] = []
  const cursors: (string | undefined)[] = []
  let lastWay: Way | undefined
  return {
    user,
    get way () { return lastWay },
    get reader () { return pages.at(-1) as Reader },
    get events () { return pages.flatMap(({ events }) => events) },

    /** Opens the next page at the cursor where the last one ended. @param url of the server, or of a wire to it. */
    async open (way: Way, url: string): Promise<void> {
      const cursor = pages.at(-1)?.cursor
      const reader = await transports[way](url, this.user, { terminalId: user.userId, cursor })
      t.teardown(() => reader.cut())
      lastWay = way
      pages.push(reader)
      cursors.push(cursor)
      await reader.next('IRIS.READY')
    },

    /** Where ids break on a page that began at a cursor. */
    get breaks () { return pages.map(({ events }, i) => cursors[i] && brokenIds(events, cursors[i])).filter(Boolean) }
  }
}

type Diary = ReturnType<typeof diaryOf>

/** A browser's EventSource of a terminal, with a ticket. @returns the statuses of its attempts so far; `isOver()`: it has given up. */
async function openEventSource (t: Test, url: string, user: User) {
  const { body: { ticket } } = granted(await user.post('/v1/down/tickets', { terminalId: user.userId }))
  const statuses: number[] = []
  const source = new EventSource(`${url}/v1/down/events?ticket=${String(ticket)}`, {
    async fetch (url, init) {
      const response = await fetch(url, init)
      statuses.push(response.status)
      return response
    }
  })
  t.teardown(() => source.close())
  await until(async () => source.readyState === EventSource.OPEN || undefined)
  return { statuses, isOver: () => source.readyState === EventSource.CLOSED }
}

t.setTimeout(90_000)
t.test('[LIFE-1] [LIFE-2] [LIFE-3] [KICK-1] [POLL-1] a day of four people: ' +
  'nobody misses a message, and every absence has its reason', async t => {
  const { start } = await startSharedRedis(t)
  let iris = await start(t, { IRIS_NODE_ID: 'one', ...shortLives })
  const [alice, bob, carol, dave] = [
    diaryOf(t, await iris.user('alice')), diaryOf(t, await iris.user('bob')), diaryOf(t, await iris.user('carol')),
    diaryOf(t, await iris.user('dave'))
  ]
  const all = [alice, bob, carol, dave]
  const group = await groupOf(iris, ...all.map(({ user }) => user))
  let sent = 0
  const send = ({ user }: Diary, text: string) => user.send(group, text, { terminalId: user.userId })

  /** One says something, and those who are there hear it. */
  async function say (from: Diary, hearing: Diary[] = all): Promise<void> {
    t.equal((await send(from, `message ${++sent}`)).status, 200)
    await Promise.all(hearing.map(({ reader }) => reader.next(({ data }) => data['seq'] === sent)))
  }
  const beats = (...diaries: Diary[]) => diaries.map(({ user }) => () => heartbeat(user, {}, user.userId))
  const offlines = async () => (await allEvents(iris)).filter(({ type }) => type === 'user.offline').length

  t.comment('they come: by Server-Sent Events, long-poll and WebSocket, dave over a wire that will go dead')
  const wire = await layWire(t, iris.url)
  await alice.open('sse', iris.url)
  await bob.open('poll', iris.url)
  await carol.open('ws', iris.url)
  await dave.open('sse', wire.url)
  for (const { user } of all) t.same(await saidOf(iris, user), both)
  const { body: { items } } = granted(await iris.server('POST', 'presence', { users: [...all.map(({ user }) => user.userId), 'nobody'] }))
  t.same((items as unknown as { online: boolean }[]).map(({ online }) => online), [true, true, true, true, false])
  for (const diary of all) await say(diary)

  t.comment('the wire goes dead: TCP keeps the connection of dave, his lease does not')
  wire.goDead()
  await alive(beats(alice, bob, carol), async () => {
    t.same(await untilSaid(iris, dave.user, 'user.offline'), [...both, 'terminal.disconnected TIMEOUT', 'user.offline'])
    await wire.ended
    t.match(wire.heard, /"code":4204/)
    for (const { user } of [alice, bob, carol]) t.same(await saidOf(iris, user), both, 'heartbeats keep the others there')
    await say(alice, [alice, bob, carol])
    await dave.open('ws', iris.url)
    t.match(dave.reader.events[0]?.data.data, { recovered: true, replay: 1 })
    t.same((await eventsOf(iris, dave.user)).slice(4).map(({ type, n }) => [type, n]), [['user.online', 5], ['terminal.connected', 6]])
  })

  t.comment('the application kicks bob on his long-poll, carol on her WebSocket, dave on a WebSocket and an EventSource')
  await alive(beats(alice), async () => {
    const browser = await openEventSource(t, iris.url, dave.user)
    const kicked = [bob, carol, dave]
    for (const { user: { userId } } of kicked) {
      t.match(await iris.server('POST', `users/${userId}/kick`, { reason: 'closing time' }), { status: 200, body: { kicked: [userId] } })
    }
    t.match((await bob.reader.next('REFUSED')).data.data, { status: 401, code: 'KICKED' })
    const closed = carol.reader as Awaited<ReturnType<typeof openWs>>
    await closed.ended
    t.match(closed.events.slice(-2), [
      { event: 'NOTICE_DOWN', data: { kind: 'kick', content: { reason: 'closing time' } } },
      { data: { name: 'IRIS.BYE', data: { code: 4301, reconnect: 'never' } } }
    ])
    t.equal(closed.closeCode, 4301)
    await say(alice, [alice])
    for (const diary of kicked) t.match(await send(diary, 'too late'), { status: 401, body: { code: 'KICKED' } })
    await until(async () => (browser.isOver() && kicked.every(({ reader }) => reader.isOver)) || undefined)
    t.same(browser.statuses, [200, 204], 'the EventSource tries once more, and then never')
    await until(async () => await offlines() === 4 || undefined)
    for (const { user } of kicked) t.same((await saidOf(iris, user)).slice(-2), ['terminal.disconnected KICKED', 'user.offline'])
    t.notOk(kicked.some(({ events }) => events.some(({ data }) => data['seq'] === sent)), 'nothing reaches them after the answer')
  })

  t.comment('the process is drained and another takes its place: with new logins they go on where they stood')
  const drain = async (leaving: typeof iris, present: Diary[]) => {
    leaving.child.kill('SIGTERM')
    for (const { reader, way } of present) {
      if (way === 'poll') await until(async () => reader.isOver || undefined)
      else t.match((await reader.next('IRIS.BYE')).data.data, { code: 4200, reconnect: 'backoff', retryAfterMs: Number })
    }
  }
  const move = async (ways: [Way, Way, Way, Way]) => {
    for (const [i, diary] of all.entries()) {
      diary.user = await iris.user(diary.user.userId)
      await diary.open(ways[i] as Way, iris.url)
    }
  }
  await drain(iris, [alice])
  t.same(await iris.exited, [0, null])
  iris = await start(t, { IRIS_NODE_ID: 'two', ...longGrace })
  await move(['ws', 'sse', 'poll', 'sse'])
  for (const diary of all) await say(diary)

  t.comment('a third process stands ready when the second is drained; erin, who is told like the others, goes home')
  const erin = await iris.user('erin')
  const last = await erin.listen()
  await last.next('IRIS.READY')
  const known = (await allEvents(iris)).length
  const leaving = iris
  iris = await start(t, { IRIS_NODE_ID: 'three', ...longGrace })
  await drain(leaving, all)
  t.match((await last.next('IRIS.BYE')).data.data, { code: 4200 })
  await move(['poll', 'ws', 'sse', 'ws'])
  t.same(await leaving.exited, [0, null])
  await untilSaid(iris, erin, 'user.offline') // until then the others are silent: a command, too, would keep them there
  for (const diary of all) await say(diary)
  t.same((await allEvents(iris)).slice(known).map(({ userId, type, reason }) => [userId, type, reason]),
    [['erin', 'terminal.disconnected', 'SERVER'], ['erin', 'user.offline', undefined]],
    'of those who came back within the grace nothing is said')

  for (const { user, events, breaks } of all) {
    t.same(seqsOf(events, group), upTo(sent), `${user.userId} saw every message once, in order`)
    t.same(breaks, [])
    t.notOk(events.some(({ data }) => data.name === 'IRIS.RESET'))
  }
})
