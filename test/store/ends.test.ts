// Nothing is kept for ever on account of one request: after a varied run every key of Redis has its end. docs/protocol.md section 2.
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { type BoxPart, keys } from '../../src/store/keys.js'
import { SERVER_KEY, startIris } from '../helper/iris.js'
import { pollOnce } from '../helper/poll.js'
import { ALLOW } from '../helper/receiver.js'
import { dm, granted, groupOf, three, until } from '../helper/user.js'
import { openWs } from '../helper/ws.js'

const owned = '[^:]+'
const group = 'g\\.[^:]+'
/** Who owns what has no time to live, and what bounds it. */
const owners: Record<string, RegExp> = {
  'the application owns its groups': new RegExp(`^iris:\\{\\d+\\}:CONVERSATION:${group}(:(MEMBERS|LEFT))?$`),
  'a field for each conversation that the user is in, or a group that he was in, which goes with it or with him': new RegExp(
    `^iris:\\{\\d+\\}:(CHAT_MSG_BOX|RESET_READ_NUM_AND_LAST_MSG|CONVERSATIONS|GROUPS):${owned}(:(SPOKEN|LEFT))?$`
  ),
  'what was taken of the unread of a group, which goes with it': new RegExp(
    `^iris:\\{\\d+\\}:RESET_READ_NUM_AND_LAST_MSG:${owned}:${group}$`
  ),
  'one number of each partition, and of the store': /^iris:\{\d+\}:(EPOCH|LIFE|LIFE:(RUN|MARK|FOUND))$/,
  'the nodes at work, each goes with its end': /^iris:\{0\}:LIFE:NODES$/,
  'the reaper takes each field when its time has come': /^iris:\{\d+\}:LEASES$/,
  'the application owns who has blocked whom, bounded by the limit `blocked`': new RegExp(`^iris:\\{\\d+\\}:BLOCKED:${owned}$`),
  'bounded by the limits `events` and `eventsBytes`': /^iris:events(:SIZES)?$/,
  'the users who have a terminal in the foreground, each goes with his lease': /^iris:\{\d+\}:FOREGROUND$/,
  'the application owns its webhooks': /^iris:\{0\}:WEBHOOKS$/
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
  [/^OWNER$/, 5 * SEC],
  [/^(DEAD|AGAIN)$/, 30 * DAY],
  [/^TROUBLE$/, DAY],
  [/^(NOTICE_BOX|NOTICE|NOTICES)$/, 8 * DAY],
  [/^(CONVERSATION|LOG|CHAT_MSG_BOX|RESET_READ_NUM_AND_LAST_MSG|CONVERSATIONS)$/, 91 * DAY]
]

/** Each key of keys.ts as it stands in Redis, and, for those that the run below need not leave there, why. */
const families: Record<Exclude<keyof typeof keys, 'boxPart'>, RegExp | string> & Record<BoxPart, RegExp> = {
  down: /:DOWN:[^:]+$/,
  unread: /:CHAT_MSG_BOX:[^:]+$/,
  marker: /:RESET_READ_NUM_AND_LAST_MSG:[^:]+$/,
  taken: /:RESET_READ_NUM_AND_LAST_MSG:[^:]+:[^:]+$/,
  conversations: /:CONVERSATIONS:[^:]+$/,
  groups: /:GROUPS:[^:]+$/,
  spoken: /:GROUPS:[^:]+:SPOKEN$/,
  formerGroups: /:GROUPS:[^:]+:LEFT$/,
  blocked: /:BLOCKED:[^:]+$/,
  opened: /:OPENED:[^:]+$/,
  terminals: /:TERMINALS:[^:]+$/,
  routes: /:TERMINALS:[^:]+:ROUTES$/,
  kick: /:SYSTEM_INSTRUCT_USER_KICK:[^:]+$/,
  rate: /:RATE:[^:]+$/,
  leases: /:LEASES$/,
  events: /^iris:events$/,
  eventSizes: 'a mark in 64 KiB: there may be none yet',
  foreground: /:FOREGROUND$/,
  webhooks: /:WEBHOOKS$/,
  webhookOwner: /:WEBHOOK:[^:]+:OWNER$/,
  webhookDead: /:WEBHOOK:[^:]+:DEAD$/,
  webhookAgain: /:WEBHOOK:[^:]+:AGAIN$/,
  webhookTrouble: /:WEBHOOK:[^:]+:TROUBLE$/,
  everybody: /:NOTICES$/,
  reaper: /:REAPER$/,
  trial: 'it ends at once',
  box: /:(CMD|NOTICE)_BOX:[^:]+$/,
  ORDER: /_BOX:[^:]+:ORDER$/,
  EXPIRY: /_BOX:[^:]+:EXPIRY$/,
  WAITING: /_BOX:[^:]+:WAITING$/,
  DONE: /_BOX:[^:]+:DONE$/,
  DELIVERIES: /_BOX:[^:]+:DELIVERIES$/,
  COLLAPSE: /_BOX:[^:]+:COLLAPSE$/,
  SHARES: /_BOX:[^:]+:SHARES$/,
  ONCE: /_BOX:[^:]+:ONCE$/,
  conversation: /:CONVERSATION:[^:]+$/,
  members: /:CONVERSATION:[^:]+:MEMBERS$/,
  left: /:CONVERSATION:[^:]+:LEFT$/,
  log: /:LOG:[^:]+$/,
  memos: /:DEDUPE:[^:.]+\.[^:]+:\d+(:\w)*$/,
  logIndex: /:LOG:[^:]+:INDEX:\d+$/,
  dedupeCommand: /:DEDUPE:[^:.]+:.+$/,
  idempotency: /:IDEMPOTENCY:[^:]+$/,
  notice: /:NOTICE:.+$/,
  epoch: /:EPOCH$/,
  life: 'there is none before a life has ended',
  run: /:LIFE:RUN$/,
  mark: /:LIFE:MARK$/,
  found: /:LIFE:FOUND$/,
  nodes: /:LIFE:NODES$/,
  ticket: /:TICKET:[^:]+$/,
  tickets: /:TICKETS:[^:]+$/,
  usedTickets: /:TICKETS:[^:]+:USED$/,
  node: 'a channel',
  presence: 'a channel'
}

/** What a user leaves behind: lost by hand, each must have its end again when it is made anew. */
const lost = [
  'down', 'unread', 'marker', 'taken', 'conversations', 'terminals', 'routes', 'opened', 'kick', 'box', 'ORDER', 'EXPIRY', 'SHARES', 'DONE',
  'tickets', 'usedTickets', 'memos'
] as const

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

/** The keys of a family. */
const ofFamily = (found: string[], name: keyof typeof families) => found.filter(key => (families[name] as RegExp).test(key))

/** A closed direct conversation is remembered: the application owns that. */
const isClosed = async (key: string) => /:CONVERSATION:dm\.[^:]+$/.test(key) && await iris.redis.hexists(key, 'closedAt') === 1

/** That each of these keys has its end, or an owner. */
async function checkEnds (t: Test, found: string[], why: string): Promise<void> {
  for (const key of found.toSorted()) {
    const known = [...Object.values(families), ...Object.values(owners)]
    t.ok(known.some(pattern => pattern instanceof RegExp && pattern.test(key)), `${key} is known to keys.ts`)
    const ends = await iris.redis.pttl(key)
    t.ok(
      ends !== -1 || Object.values(owners).some(pattern => pattern.test(key)) || await isClosed(key), `${key} has an end or an owner${why}`
    )
    const most = longest.find(([pattern]) => pattern.test(partOf(key)))?.[1] ?? 0
    t.ok(ends === -2 || ends <= most, `${key} ends after ${ends} ms, within ${most}`)
  }
}

const iris = await startIris(t, {
  env: {
    IRIS_LIMIT_NEW_DIRECT: '1000', IRIS_LIMIT_UP_RATE: '20', IRIS_LIMIT_UP_BURST: '1000', ...ALLOW, IRIS_LIMIT_WEBHOOK_RETRY_SEC: '1'
  }
})

/** Everything that users, a back end and terminals do; bob and carol, who reads a lot, are in a group with alice, dora is in none. */
async function live () {
  // nothing listens there
  await iris.server('PUT', 'webhooks/away', { url: 'http://127.0.0.1:1/' })
  const [alice, bob, carol] = await three(() => iris.user(t))
  const dora = await iris.user(t)
  const conversationId = await groupOf(iris, alice, bob, carol)
  // a node that was killed while bob was connected there: its route is what it has left
  await iris.redis.hset(keys.routes(bob.userId), 'dead/phone', `web ${Date.now() - 1}`)
  const stream = await bob.listen()
  const ws = await openWs(`${iris.url}/v1/ws?terminalId=ws`, { headers: { authorization: `Bearer ${alice.token}` } })
  t.teardown(() => ws.cut())
  await Promise.all([stream.next('IRIS.READY'), ws.next('IRIS.READY')])

  for (const to of [bob, conversationId, conversationId, conversationId, dora, dora, dora]) await alice.send(to, 'hi')
  for (const to of [alice, conversationId]) await bob.send(to, 'hi')
  await dora.send(carol, 'hi')
  await ws.up('MSG_UP', { clientMsgId: 'c', to: carol.userId, type: 'text', content: { text: 'x' } })
  for (const user of [bob, dora]) await user.read({ conversationId: user === bob ? conversationId : dm(alice, dora), seqs: [2, 3] })
  await bob.read({ conversationId: dm(alice, bob), upToSeq: 1 })
  await bob.rest({ items: [{ conversationId, unreadMark: true }] })
  await alice.revoke({ conversationId, seq: 1 })
  await bob.getReadMsg({ conversationId, deliver: 'inline' })
  const order = (more: object) => alice.command({ clientCmdId: randomUUID(), name: 'order', to: { users: [bob.userId] }, ...more })
  const every = { mode: 'reliable', complete: 'all', collapseKey: 'k', notifyComplete: true }
  const sent = [
    await order({}), await order({ mode: 'reliable', ttlSec: 1 }), await order(every), await order({ ...every, collapseKey: 'l' })
  ]
  const notices = [
    true, false, true
  ].map(needComplete => ({ noticeId: randomUUID(), users: [bob.userId, carol.userId, dora.userId], content: {}, needComplete }))
  for (const notice of notices) await iris.server('POST', 'notices', notice)
  await iris.server('POST', 'notices', { noticeId: randomUUID(), everybody: true, content: {} })
  const away = await carol.listen({ terminalId: 'away' })
  await away.next('IRIS.READY')
  await away.cut()
  await bob.cmdComplete({ ids: sent.slice(0, 3).map(({ body }) => body['cmdId']) })
  await bob.noticeComplete({ ids: notices.slice(1).map(({ noticeId }) => noticeId) })
  await iris.server('DELETE', `notices/${notices[2]?.noticeId}`)
  await alice.post('/v1/down/tickets', {})
  const { body: { ticket } } = granted(await carol.post('/v1/down/tickets', {}))
  await pollOnce(`${iris.url}/v1/down/poll?ticket=${String(ticket)}&timeoutMs=0`)
  await fetch(`${iris.url}/v1/server/tokens`, {
    method: 'POST',
    headers: { authorization: `Bearer ${SERVER_KEY}`, 'content-type': 'application/json', 'idempotency-key': randomUUID() },
    body: JSON.stringify({ userId: 'dora' })
  })
  await iris.server('POST', `conversations/${conversationId}/members`, { remove: [carol.userId] })
  await iris.server('DELETE', `conversations/${dm(dora, carol)}`)
  await iris.server('POST', `users/${carol.userId}/kick`, { reason: 'x', revokeTokens: true })
  await iris.server('POST', 'users/nobody/kick', { reason: 'x', banSec: 60 })
  await iris.server('PUT', `users/${dora.userId}/blocked/${bob.userId}`)
  return { alice, bob, carol, dora, conversationId, order, every }
}

t.test('after a varied run every key has its end, or an owner', { timeout: 60_000 }, async t => {
  const { alice, bob, dora, conversationId, order, every } = await live()
  t.strictSame((await iris.redis.hkeys(keys.routes(bob.userId))).filter(route => route.startsWith('dead/')), [])
  const seen = new Set<string>()
  const all = Object.keys(families).filter(name => families[name as keyof typeof families] instanceof RegExp)
  const found = await until(async () => {
    await Promise.all(Array.from({ length: 10 }, async () => await bob.post('/v1/up/heartbeat', { state: 'background' })))
    await iris.server('POST', 'webhooks/away/replay', {})
    const found = await iris.redis.keys('*')
    for (const name of all) if (ofFamily(found, name as keyof typeof families).length > 0) seen.add(name)
    return seen.size === all.length ? found : undefined
  }).catch(() => [])
  t.strictSame(all.filter(name => !seen.has(name)), [], 'no family of keys.ts was left out')
  await checkEnds(t, found, '')

  for (const name of lost) {
    for (const to of [dora, conversationId]) await alice.send(to, 'more')
    await iris.redis.del(...ofFamily(await iris.redis.keys('*'), name), 'x')
    for (const id of [dm(alice, dora), conversationId]) {
      const { body: { headSeq } } = granted(await alice.getReadMsg({ conversationId: id, deliver: 'inline' }))
      await (id === conversationId ? bob : dora).read({ conversationId: id, upToSeq: Number(headSeq) - 1 })
      // the next message is the first of its minute
      await iris.redis.hincrby(keys.conversation(id), 'lastTs', -60_000)
    }
    for (const to of [dora, bob, conversationId]) await alice.send(to, 'again')
    for (const id of [dm(alice, dora), conversationId]) {
      const user = id === conversationId ? bob : dora
      const { body: { headSeq } } = granted(await user.getReadMsg({ conversationId: id, deliver: 'inline' }))
      await user.read({ conversationId: id, seqs: [headSeq] })
      await alice.send(id, 'more')
      await user.read({ conversationId: id, upToSeq: Number(headSeq) })
    }
    await order(every)
    await dora.conversations()
    await pollOnce(`${iris.url}/v1/down/poll?timeoutMs=0`, { headers: { authorization: `Bearer ${dora.token}` } })
    await dora.post('/v1/up/heartbeat', {})
    await checkEnds(t, (await iris.redis.keys('*'))
      .filter(key => /:(DOWN|CHAT_MSG_BOX|RESET_READ|CONVERSATIONS|TERMINALS|OPENED|CMD_BOX|DEDUPE)/.test(key)), ` after ${name} was lost`)
  }
})

/** The name of a key: what stands behind its partition. */
const nameOf = (key: string) => key.replace(/^iris:(\{[^}]*\}:)?/, '').split(':')[0] as string

/** What stands behind the ids of a user's key, where its end is one of its own; else its name. */
const partOf = (key: string) => /:(ROUTES|USED|OWNER|DEAD|AGAIN|TROUBLE)$/.exec(key)?.[1] ?? nameOf(key)
