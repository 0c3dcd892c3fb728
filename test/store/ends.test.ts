// Nothing is kept for ever on account of one request: after a varied run every key of Redis has its end. docs/protocol.md section 2.
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { SERVER_KEY, startIris } from '../helper/iris.js'
import { pollOnce } from '../helper/poll.js'
import { dm, groupOf, three } from '../helper/user.js'
import { openWs } from '../helper/ws.js'

const owned = '[^:]+'
const group = 'g\\.[^:]+'
/** Who owns what has no time to live, and what bounds it. */
const owners: Record<string, RegExp> = {
  'the application owns its groups': new RegExp(`^iris:\\{\\d+\\}:(CONVERSATION|LOG):${group}(:(MEMBERS|LEFT|INDEX:\\d+))?$`),
  'a field for each conversation that the user is in, which goes with it': new RegExp(`^iris:\\{\\d+\\}:(CHAT_MSG_BOX|RESET_READ_NUM_AND_LAST_MSG|CONVERSATIONS|GROUPS):${owned}(:SPOKEN)?$`),
  'what was taken of the unread of a group, which goes with it': new RegExp(`^iris:\\{\\d+\\}:RESET_READ_NUM_AND_LAST_MSG:${owned}:${group}$`),
  'one number of each partition, and of the store': /^iris:\{\d+\}:(EPOCH|LIFE|LIFE:(RUN|MARK|FOUND))$/,
  'the nodes at work, each goes with its end': /^iris:\{0\}:LIFE:NODES$/,
  'the reaper takes each field when its time has come': /^iris:\{\d+\}:LEASES$/,
  'bounded by the limit `events`': /^iris:events$/
}

const SEC = 1_000
const HOUR = 3_600 * SEC
const DAY = 24 * HOUR
/** The longest that is left of any other key, by its name and what stands behind the ids: as keys.ts and the limits say. */
const longest: [key: RegExp, ms: number][] = [
  [/^DOWN$/, 30 * DAY],
  [/^TERMINALS$/, 90 * DAY],
  [/^ROUTES$/, 90 * SEC],
  [/^RATE$/, 60 * SEC],
  [/^OPENED$/, HOUR],
  [/^(TICKET|TICKETS|USED)$/, HOUR + 5 * SEC],
  [/^SYSTEM_INSTRUCT_USER_KICK$/, 31 * DAY],
  [/^REAPER$/, 60 * SEC],
  [/^DEDUPE$/, 2 * DAY],
  [/^IDEMPOTENCY$/, DAY],
  [/^CMD_BOX$/, 2 * DAY],
  [/^(NOTICE_BOX|NOTICE)$/, 8 * DAY],
  [/^(CONVERSATION|LOG|CHAT_MSG_BOX|RESET_READ_NUM_AND_LAST_MSG|CONVERSATIONS)$/, 91 * DAY]
]

t.test('every key says in keys.ts when it ends', async t => {
  const source = readFileSync(new URL('../../../src/store/keys.ts', import.meta.url), 'utf8')
  const table = source.slice(source.indexOf('export const keys = {'), source.indexOf('\n}\n', source.indexOf('export const keys = {')))
  for (const name of Object.keys(keys)) {
    const at = table.indexOf(`\n  ${name}: `)
    const comment = table.slice(table.lastIndexOf('/**', at), at)
    t.match(comment.replaceAll(/\s*\*?\s+/g, ' '), /\bEnds?\b/, name)
    t.notOk(comment.includes('=>'), `${name} has a comment of its own`)
  }
})

t.test('after a varied run every key has its end, or an owner', async t => {
  const iris = await startIris(t, { env: { IRIS_LIMIT_UP_RATE: '1000', IRIS_LIMIT_UP_BURST: '1000' } })
  const [alice, bob, carol] = await three(() => iris.user(t))
  const conversationId = await groupOf(iris, alice, bob, carol)
  // a node that was killed while bob was connected there: its route is what it has left
  await iris.redis.hset(keys.routes(bob.userId), 'dead/phone', `web ${Date.now() - 1}`)
  const stream = await bob.listen()
  const ws = await openWs(`${iris.url}/v1/ws?terminalId=ws`, { headers: { authorization: `Bearer ${alice.token}` } })
  t.teardown(() => ws.cut())
  await Promise.all([stream.next('IRIS.READY'), ws.next('IRIS.READY')])
  t.strictSame((await iris.redis.hkeys(keys.routes(bob.userId))).filter(route => route.startsWith('dead/')), [])

  for (const to of [bob, conversationId]) await alice.send(to, 'hi')
  await bob.send(alice, 'hi')
  await ws.up('MSG_UP', { clientMsgId: 'c', to: carol.userId, type: 'text', content: { text: 'x' } })
  await bob.read({ conversationId: dm(alice, bob), upToSeq: 1 })
  await bob.rest({ items: [{ conversationId, unreadMark: true }] })
  await alice.revoke({ conversationId, seq: 1 })
  await bob.getReadMsg({ conversationId, deliver: 'inline' })
  const order = (more: object) => alice.command({ clientCmdId: randomUUID(), name: 'order', to: { users: [bob.userId] }, ...more })
  const sent = [await order({}), await order({ mode: 'reliable', ttlSec: 1 }), await order({ mode: 'reliable', complete: 'all', collapseKey: 'k' }), await order({ mode: 'reliable', notifyComplete: true })]
  const notices = [true, false, true].map(needComplete => ({ noticeId: randomUUID(), users: [bob.userId, carol.userId], content: {}, needComplete }))
  for (const notice of notices) await iris.server('POST', 'notices', notice)
  const away = await carol.listen({ terminalId: 'away' })
  await away.next('IRIS.READY')
  await away.cut()
  await bob.cmdComplete({ ids: sent.map(({ body }) => body['cmdId']) })
  await bob.noticeComplete({ ids: notices.map(({ noticeId }) => noticeId) })
  await iris.server('DELETE', `notices/${notices[2]?.noticeId}`)
  await alice.post('/v1/down/tickets', {})
  const { body: { ticket } } = await carol.post('/v1/down/tickets', {})
  await pollOnce(`${iris.url}/v1/down/poll?ticket=${String(ticket)}&timeoutMs=0`)
  await fetch(`${iris.url}/v1/server/tokens`, { method: 'POST', headers: { authorization: `Bearer ${SERVER_KEY}`, 'content-type': 'application/json', 'idempotency-key': 'k' }, body: JSON.stringify({ userId: 'dora' }) })
  await iris.server('POST', `conversations/${conversationId}/members`, { remove: [carol.userId] })
  await iris.server('POST', `users/${carol.userId}/kick`, { reason: 'x', revokeTokens: true })
  await iris.server('POST', 'users/nobody/kick', { reason: 'x', banSec: 60 })
  await bob.post('/v1/up/heartbeat', { state: 'background' })

  const found = await iris.redis.keys('*')
  t.ok(found.length > 50, `${found.length} keys`)
  const names = new Set(Object.values(keys).map(key => nameOf(typeof key === 'string' ? key : (key as (...args: string[]) => string)('1', '1', '1'))))
  for (const box of ['CMD_BOX', 'NOTICE_BOX']) names.add(box)
  for (const key of found.sort()) {
    t.ok(names.has(nameOf(key)), `${key} is known to keys.ts`)
    const ends = await iris.redis.pttl(key)
    t.ok(ends !== -1 || Object.values(owners).some(pattern => pattern.test(key)), `${key} has an end or an owner`)
    const most = longest.find(([pattern]) => pattern.test(partOf(key)))?.[1] ?? 0
    t.ok(ends === -2 || ends <= most, `${key} ends after ${ends} ms, within ${most}`)
  }
})

/** The name of a key: what stands behind its partition. */
const nameOf = (key: string) => key.replace(/^iris:(\{[^}]*\}:)?/, '').split(':')[0] as string

/** What stands behind the ids of a user's key, where its end is one of its own; else its name. */
const partOf = (key: string) => /:(ROUTES|USED)$/.exec(key)?.[1] ?? nameOf(key)
