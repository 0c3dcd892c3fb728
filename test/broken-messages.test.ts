// Records of a log that are the JSON of an object, but not the message that stands there: skipped on every way out. [DOWN-2]
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { keys } from '../src/store/keys.js'
import { SERVER_KEY, startIris } from './helper/iris.js'
import { openPolls, pollOnce } from './helper/poll.js'
import { openSse } from './helper/sse.js'
import { openWs } from './helper/ws.js'
import { dm, two, type User } from './helper/user.js'

const lines: string[] = []
const iris = await startIris(t, { logs: { write: line => lines.push(line) } })
const { redis, server, url } = iris

type Stored = Record<string, unknown>
const tombstone = { type: 'revoked', revoked: { by: 'x', at: 1 } }

/** What makes a message none of its place; it keeps its text. */
const spoilt: Record<string, (message: Stored) => Stored> = {
  'of another number': message => ({ ...message, seq: Number(message['seq']) + 1 }),
  'with a number that is a text': message => ({ ...message, seq: String(message['seq']) }),
  'of another conversation': message => ({ ...message, conversationId: 'dm.a.z' }),
  'revoked with its text': message => ({ ...message, ...tombstone }),
  'revoked with what was beside its text': ({ content, ...message }) => ({ ...message, ...tombstone, ext: content }),
  'revoked by nobody': ({ content, ...message }) => ({ ...message, type: 'revoked', revoked: true, clientMsgId: content }),
  'revoked, of a type': message => ({ ...message, revoked: true }),
  'with a text that is null': message => ({ ...message, content: null, ext: 'SECRET' }),
  'with a text that is a list': message => ({ ...message, content: ['SECRET'] }),
  'with a time that is none': message => ({ ...message, ts: '1' }),
  'with a time before all': message => ({ ...message, ts: -1 }),
  'from a number': message => ({ ...message, from: 7 }),
  'with mentions that are none': message => ({ ...message, mentions: 'SECRET' }),
  ...Object.fromEntries(['conversationId', 'seq', 'msgId', 'ts', 'from', 'clientMsgId', 'type', 'traceId', 'content']
    .map(name => [`without ${name}`, (message: Stored) => Object.fromEntries(Object.entries({ ...message, ext: { text: 'SECRET' } }).filter(([key]) => key !== name))]))
}

/** It is known whose message they were: revoking makes sound tombstones of them. */
const mended = new Set(['with a text that is null', 'with a text that is a list', 'with mentions that are none'])

const bearer = (user: User) => ({ authorization: `Bearer ${user.token}` })
const doors = {
  sse: (user: User, cursor?: string) => openSse(`${url}/v1/down/events?terminalId=${cursor ?? 'new'}`, { headers: { ...bearer(user), ...(cursor !== undefined && { 'last-event-id': cursor }) } }),
  ws: (user: User, cursor = '') => openWs(`${url}/v1/ws?terminalId=ws${cursor}&lastEventId=${cursor}`, { headers: bearer(user) }),
  poll: (user: User, cursor?: string) => openPolls(`${url}/v1/down/poll?terminalId=poll${cursor ?? ''}`, { headers: bearer(user), cursor })
}

t.test('[DOWN-2] [REVOKE-2] on streams, in history, in the list and by revocation', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const conversationId = dm(alice, bob)
  const { body: { cursor } } = await pollOnce(`${url}/v1/down/poll?timeoutMs=0&terminalId=p`, { headers: bearer(bob) })
  for (const spoil of Object.values(spoilt)) {
    const { body: { seq } } = await alice.send(bob, 'SECRET')
    const place = [keys.log(conversationId), String(seq)] as const
    await redis.hset(place[0], place[1], JSON.stringify(spoil(JSON.parse(await redis.hget(...place) ?? '') as Stored)))
  }
  const count = Object.keys(spoilt).length
  const said: unknown[] = []
  const asks = [bob.conversations(), bob.rest({ items: [{ conversationId }] }), bob.getReadMsg({ conversationId, deliver: 'inline', limit: 100 })]
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
      t.same(stream.events.filter(({ event }) => event === 'MSG_DOWN').map(({ data }) => (data['content'] as { text: string }).text), ['the last'], `${door} from ${from ?? 'nothing'}`)
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
  const { body: { messages } } = await bob.getReadMsg({ conversationId, deliver: 'inline', limit: 100 })
  t.equal((messages as Stored[]).filter(({ type }) => type === 'revoked').length, mended.size)
  said.push(messages)
  t.notMatch(JSON.stringify(said), 'SECRET')

  const places = lines.flatMap(line => (JSON.parse(line) as { place?: string }).place ?? [])
  t.ok(places.length > 0 && places.every(place => place.startsWith(`LOG:${conversationId} `)), 'they are named')
  t.equal(new Set(places).size, places.length, 'once')
  const metrics = await (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${SERVER_KEY}` } })).text()
  t.ok(Number(/^iris_unreadable_items_total (\d+)$/m.exec(metrics)?.[1]) >= count, 'and counted')
  t.notOk(lines.some(line => line.includes('SECRET')))
})
