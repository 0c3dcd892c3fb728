// One bad item never ends a stream: what cannot be read in Redis is skipped, its id is said, the log names it once. [ATTACH-4] [DOWN-2]
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { SERVER_KEY, startIris } from './helper/iris.js'
import { brokenIds } from './helper/sse.js'
import { dm, two, type User } from './helper/user.js'
import { openPolls } from './helper/poll.js'
import { openSse } from './helper/sse.js'
import { openWs } from './helper/ws.js'
import { keys } from '../src/store/keys.js'

const lines: string[] = []
const iris = await startIris(t, { logs: { write: line => lines.push(line) } })
const { redis } = iris

const doors = {
  sse: (headers: Record<string, string>, cursor?: string) => openSse(`${iris.url}/v1/down/events?terminalId=${randomUUID()}`, {
    headers: { ...headers, ...(cursor !== undefined && { 'last-event-id': cursor }) }
  }),
  ws: (headers: Record<string, string>, cursor = '') =>
    openWs(`${iris.url}/v1/ws?terminalId=${randomUUID()}&lastEventId=${cursor}`, { headers }),
  poll: (headers: Record<string, string>, cursor?: string) =>
    openPolls(`${iris.url}/v1/down/poll?terminalId=${randomUUID()}`, { headers, cursor })
}

const garbage = ['', '{', 'null', '[]', '{"a":\n1}', '{"a":1} x', '{ }', 'SECRET\u0000']
const entryOf = async (user: User) => `${(await redis.xrevrange(keys.down(user.userId), '+', '-', 'COUNT', 1))[0]?.[0].split('-')[0]}-*`

/** Each breaks what was stored last for bob, or adds what no script would write. */
const places: Record<
  string, (bob: User, text: string, facts: { conversationId: string, seq: string, cmdId: string, noticeId: string }) => Promise<unknown>
> = {
  'a message in its log': (_bob, text, { conversationId, seq }) => redis.hset(keys.log(conversationId), seq, text),
  'a message that its log has lost': async (_bob, _text, { conversationId, seq }) => await redis.hdel(keys.log(conversationId), seq),
  'the body of a command': (bob, text, { cmdId }) => redis.hset(keys.box('CMD_BOX', bob.userId), cmdId, `1-1 {"name":"order"}\n${text}`),
  'the meta of a notice': (bob, text, { noticeId }) => redis.hset(keys.box('NOTICE_BOX', bob.userId), noticeId, `1-1 ${text}\n{}`),
  'a whole item': (bob, text, { cmdId }) => redis.hset(keys.box('CMD_BOX', bob.userId), cmdId, text),
  'the body of an event': async (bob, text) => redis.xadd(keys.down(bob.userId), await entryOf(bob), 'k', 'event', 'b', text),
  'the kind of an entry': async (bob, text) => redis.xadd(keys.down(bob.userId), await entryOf(bob), 'k', text, 'x', text),
  'the reference of an entry': async (bob, text) => redis.xadd(keys.down(bob.userId), await entryOf(bob), 'k', 'box', 'n', text, 'i', text),
  'the seq of an entry': async (bob, text) =>
    redis.xadd(keys.down(bob.userId), await entryOf(bob), 'k', 'msg', 'c', 'g.x', 's', `x${text}`),
  'the words of an entry': async (bob, text, { conversationId, seq }) => {
    const words = [
      '', text, conversationId, `${conversationId} x`, `${conversationId} 0`, ` ${seq}`, `${conversationId} ${seq} n t x`,
      `${conversationId} ${seq} n t 1 x`
    ]
    for (const some of words) await redis.xadd(keys.down(bob.userId), await entryOf(bob), 'm', some)
  },
  'the filter of an entry': async (bob, text, { cmdId }) =>
    redis.xadd(keys.down(bob.userId), await entryOf(bob), 'k', 'box', 'n', 'CMD_BOX', 'i', cmdId, 'f', `x${text}`)
}

for (const [place, spoil] of Object.entries(places)) {
  t.test(`[ATTACH-4] ${place}`, async t => {
    const [alice, bob] = await two(() => iris.user(t))
    const conversationId = dm(alice, bob)
    const first = await bob.listen()
    const { id: cursor = '' } = await first.next('IRIS.READY')
    await first.cut()
    await Promise.all(garbage.map(async text => {
      const noticeId = `n-${randomUUID()}`
      const [{ body: { seq } }, { body: { cmdId } }] = await Promise.all([
        alice.send(bob, 'hi'),
        alice.command({ clientCmdId: randomUUID(), name: 'order', to: { users: [bob.userId] }, mode: 'reliable' }),
        iris.server('POST', 'notices', { noticeId, users: [bob.userId], content: {} })
      ])
      await spoil(bob, text, { conversationId, seq: String(seq), cmdId: String(cmdId), noticeId })
    }))
    await alice.send(bob, 'the last')
    const headers = { authorization: `Bearer ${bob.token}` }
    // each door from its cursor; what comes without one, by another door for each place
    const anew = Object.keys(doors)[Object.keys(places).indexOf(place) % 3]
    for (const [door, open] of Object.entries(doors)) {
      for (const from of door === anew ? [cursor, undefined, 'malformed'] : [cursor]) {
        const stream = await open(headers, from)
        await stream.next('IRIS.READY')
        t.ok(stream.events.some(({ data }) => (data['content'] as { text?: string } | undefined)?.text === 'the last'), `${door} ` +
          `from ${from ?? 'nothing'}: what stands behind it comes`)
        if (from === cursor && door !== 'poll') t.equal(brokenIds(stream.events, cursor), undefined, door)
        await stream.cut()
      }
    }
    t.match(await bob.getReadMsg({ conversationId, deliver: 'inline' }), { status: 200 })
    t.match(await bob.conversations(), { status: 200 })
  })
}

t.test('each is named in the log once, without its text, and every time is counted', async t => {
  const said = lines.map(line => JSON.parse(line) as { place?: string, msg: string }).filter(({ place }) => place !== undefined)
  t.ok(said.length >= 10)
  t.same(said.map(({ place }) => place).filter((place, i, all) => all.indexOf(place) !== i), [])
  t.notOk(lines.some(line => line.includes('SECRET')))
  const metrics = await (await fetch(`${iris.url}/metrics`, { headers: { authorization: `Bearer ${SERVER_KEY}` } })).text()
  t.ok(Number(/^iris_unreadable_items_total (\d+)$/m.exec(metrics)?.[1]) > said.length)
})
