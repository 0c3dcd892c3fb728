// Records of a log that are the JSON of an object, but not the message that stands there: skipped on every way out. [DOWN-2]
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { keys } from '../src/store/keys.js'
import { SERVER_KEY, startIris } from './helper/iris.js'
import { openPolls, pollOnce } from './helper/poll.js'
import { openSse } from './helper/sse.js'
import { openWs } from './helper/ws.js'
import { dm, granted, two, type User } from './helper/user.js'

const lines: string[] = []
const iris = await startIris(t, { logs: { write: line => lines.push(line) } })
const { redis, server, url } = iris

/** The words of a record in their order, and what stands behind them: see log.lua. */
interface Stored { stamp: string, from: string, clientMsgId: string, type: string, traceId: string, rest: string }
const words = ['stamp', 'from', 'clientMsgId', 'type', 'traceId', 'rest'] as const
const tombstone = { type: 'revoked', rest: '{"by":"x","at":1}' }
const whole = (message: Stored, but?: keyof Stored) => words.filter(word => word !== but).map(word => message[word]).join(' ')
function partsOf (record: string): Stored {
  const [stamp = '', from = '', clientMsgId = '', type = '', traceId = '', ...rest] = record.split(' ')
  return { stamp, from, clientMsgId, type, traceId, rest: rest.join(' ') }
}

/** What makes a message none; it keeps its text. */
const spoilt: Record<string, (message: Stored) => Partial<Stored> | string> = {
  'as JSON, with its number and all': ({ rest, ...message }) =>
    JSON.stringify({ conversationId: 'dm.a.z', seq: 1, msgId: 'x', ts: 1, ...message, content: rest }),
  'revoked with its text': () => ({ type: 'revoked' }),
  'revoked with its text beside': ({ rest }) => ({ type: 'revoked', rest: `${tombstone.rest},"content":${rest}` }),
  'revoked with what was beside its text': ({ rest }) => ({ type: 'revoked', rest: `${tombstone.rest},"ext":${rest}` }),
  'revoked by nobody': () => ({ type: 'revoked', rest: 'true,"ext":{"text":"SECRET"}' }),
  'revoked, of a type': ({ rest }) => ({ rest: `${rest},"revoked":true` }),
  'of its number, once more': ({ rest }) => ({ rest: `${rest},"seq":7` }),
  'of another conversation': ({ rest }) => ({ rest: `${rest},"conversationId":"dm.a.z"` }),
  'with a text that is null': () => ({ rest: 'null,"ext":"SECRET"' }),
  'with a text that is a list': () => ({ rest: '["SECRET"]' }),
  'with a time that is none': ({ stamp }) => ({ stamp: `x${stamp}` }),
  'with a time in capitals': ({ stamp }) => ({ stamp: stamp.slice(0, 10) + stamp.slice(10).toUpperCase() + 'A-' }),
  'with a time before all': ({ stamp }) => ({ stamp: `-1${stamp}` }),
  'from nobody': () => ({ from: '"SECRET' }),
  'with mentions that are none': ({ rest }) => ({ rest: `${rest},"mentions":"SECRET"` }),
  'with a text that breaks off': ({ rest }) => ({ rest: rest.slice(0, -1) }),
  'with a text of two lines': ({ rest }) => ({ rest: rest.replace('{', '{\n') }),
  ...Object.fromEntries(words.map(name =>
    [`without ${name}`, (message: Stored) => whole({ ...message, rest: name === 'rest' ? 'SECRET' : message.rest }, name)]))
}

/** It is known whose message they were: revoking makes sound tombstones of them. */
const mended = new Set(['with a text that is null', 'with a text that is a list', 'with mentions that are none'])

const bearer = (user: User) => ({ authorization: `Bearer ${user.token}` })
const doors = {
  sse: (user: User, cursor?: string) => openSse(`${url}/v1/down/events?terminalId=${cursor ?? 'new'}`, {
    headers: { ...bearer(user), ...(cursor !== undefined && { 'last-event-id': cursor }) }
  }),
  ws: (user: User, cursor = '') => openWs(`${url}/v1/ws?terminalId=ws${cursor}&lastEventId=${cursor}`, { headers: bearer(user) }),
  poll: (user: User, cursor?: string) => openPolls(`${url}/v1/down/poll?terminalId=poll${cursor ?? ''}`, { headers: bearer(user), cursor })
}

t.test('[DOWN-2] [REVOKE-2] on streams, in history, in the list and by revocation', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const conversationId = dm(alice, bob)
  const { body: { cursor } } = granted(await pollOnce(`${url}/v1/down/poll?timeoutMs=0&terminalId=p`, { headers: bearer(bob) }))
  for (const spoil of Object.values(spoilt)) {
    const { body: { seq } } = granted(await alice.send(bob, 'SECRET'))
    const place = [keys.log(conversationId), String(seq)] as const
    const message = partsOf(await redis.hget(...place) ?? '')
    const now = spoil(message)
    await redis.hset(...place, typeof now === 'string' ? now : whole({ ...message, ...now }))
  }
  const count = Object.keys(spoilt).length
  const said: unknown[] = []
  const asks = [
    bob.conversations(), bob.rest({ items: [{ conversationId }] }), bob.getReadMsg({ conversationId, deliver: 'inline', limit: 100 })
  ]
  for (const ask of asks) {
    const { status, body } = await ask
    t.equal(status, 200)
    said.push(body)
  }
  await alice.send(bob, 'the last')
  said.push((await bob.getReadMsg({ conversationId, deliver: 'inline', limit: 100 })).body)
  for (const [door, open] of Object.entries(doors)) {
    for (const from of [cursor, undefined]) {
      const stream = await open(bob, from)
      await stream.next('IRIS.READY')
      t.same(stream.events.filter(({ event }) => event === 'MSG_DOWN').map(({ data }) => (data['content'] as { text: string }).text),
        ['the last'], `${door} from ${from ?? 'nothing'}`)
      said.push(stream.events.map(({ data }) => data))
      if (door === 'sse') {
        await bob.getReadMsg({ conversationId, deliver: 'down', requestId: randomUUID(), limit: 100 }, from ?? 'new')
        await stream.next('GET_READ_MSG_END')
        said.push(stream.events.map(({ data }) => data))
      }
      await stream.cut()
    }
  }
  for (const [i, name] of Object.keys(spoilt).entries()) {
    const { status, body } = await server('POST', 'messages/revoke', { conversationId, seq: i + 1 })
    t.equal(status, mended.has(name) ? 200 : 404, name)
    said.push(body)
  }
  const { body: { messages } } = granted(await bob.getReadMsg({ conversationId, deliver: 'inline', limit: 100 }))
  t.equal((messages as { type: string }[]).filter(({ type }) => type === 'revoked').length, mended.size)
  said.push(messages)
  t.notMatch(JSON.stringify(said), 'SECRET')

  const places = lines.flatMap(line => (JSON.parse(line) as { place?: string }).place ?? [])
  t.ok(places.length > 0 && places.every(place => place.startsWith(`LOG:${conversationId} `)), 'they are named')
  t.equal(new Set(places).size, places.length, 'once')
  const metrics = await (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${SERVER_KEY}` } })).text()
  t.ok(Number(/^iris_unreadable_items_total (\d+)$/m.exec(metrics)?.[1]) >= count, 'and counted')
  t.notOk(lines.some(line => line.includes('SECRET')))
})
