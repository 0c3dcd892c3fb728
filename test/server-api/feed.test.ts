// What a back end is told of: exactly these events for each command and call, and none for its retry. docs/protocol.md section 8.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { operations } from '../../src/app.js'
import { eventKinds } from '../../src/protocol/server-events.js'
import { keys } from '../../src/store/keys.js'
import { describedAt } from '../helper/closed.js'
import { allEvents, saidBy } from '../helper/events.js'
import { startIris } from '../helper/iris.js'
import { ALLOW, SECRET, startReceiver } from '../helper/receiver.js'
import { dm, two, until } from '../helper/user.js'
import { webhooksOf } from '../helper/webhooks.js'

const env = { ...ALLOW, IRIS_EVENTS: 'all', IRIS_LIMIT_CMD_BOX: '1', IRIS_LIMIT_NOTICE_BOX: '1', IRIS_LIMIT_GRACE_SEC: '1' }
const iris = await startIris(t, { env })
const { server } = iris
const { visit, show } = webhooksOf(iris)
const receiver = await startReceiver(t)
await server('PUT', 'webhooks/told', { url: receiver.url, secrets: [SECRET] })

const text = (text: string) => ({ type: 'text', content: { text } })
const idOf = async (answer: Promise<{ body: Record<string, unknown> }>, name: string) => String((await answer).body[name])
const box = (userId: string, name: 'CMD_BOX' | 'NOTICE_BOX') => (itemId: string, dropped: string) =>
  ({ type: 'box.overflow', userId, box: name, itemId, dropped })

interface Row {
  /** The operation that it is of, by its wire name. */
  of: string
  what: string
  act (): Promise<{ status: number, body: Record<string, unknown> }>
  says: (answer: Record<string, unknown>) => object[]
  /** What the same request says once more; nothing when absent. */
  again?: object[]
  status?: number
}

const [alice, bob] = await two(() => iris.user(t))
const carol = await iris.user(t, `c${randomUUID().slice(0, 8)}`)
const [a, b, c] = [alice, bob, carol].map(({ userId }) => userId) as [string, string, string]
const direct = dm(alice, bob)
const group = `g.${randomUUID()}`
const sent = (conversationId: string, seq: number, more: object) =>
  ({ type: 'message.sent', conversationId, seq, from: a, messageType: 'text', offline: [], ...more })
const changed = (change: string, more: object = {}) =>
  ({ type: 'conversation.changed', conversationId: group, kind: 'group', change, ...more })
const post = (path: string, body: object) => () => server('POST', path, body)
const clientMsgId = randomUUID()
const offlineBob = (unread: number) => ({ offline: [{ userId: b, unread }] })
const hi = { clientMsgId: 'f-1', conversationId: direct, ...text('from the back end') }
const noticeId = randomUUID()
const putGroup = { title: 'Order "7"', members: [{ userId: a, role: 'owner' }, { userId: b, role: 'member' }] }
const put = (body: object) => () => server('PUT', `conversations/${group}`, body)
const change = (body: object) => post(`conversations/${group}/members`, body)
const member = (userId: string, role = 'member') => ({ userId, role })
let cmdId = ''
const command = (clientCmdId: string, more: object = {}) => async () => {
  const answer = await alice.command({ clientCmdId, name: 'call', to: { users: [b] }, mode: 'reliable', ...more })
  cmdId = String(answer.body['cmdId'])
  return answer
}
const deleted = { type: 'user.kicked', userId: b, reason: 'deleted', revokeTokens: true }
const kicked = { type: 'user.kicked', userId: b, reason: 'for "spam"' }

const table: Row[] = [
  {
    of: 'MSG_UP',
    what: 'the first of a direct conversation',
    act: () => alice.send(bob, 'hi', { clientMsgId }),
    says: () => [
      { type: 'conversation.changed', conversationId: direct, kind: 'dm', change: 'opened', added: [member(a), member(b)] },
      sent(direct, 1, offlineBob(1))
    ]
  },
  {
    of: 'MSG_UP',
    what: 'the next',
    act: () => alice.send(bob, 'again', { clientMsgId: 'f-2' }),
    says: () => [sent(direct, 2, offlineBob(2))]
  },
  {
    of: 'MSG_UP',
    what: 'one that is unread for nobody',
    act: () => alice.send(bob, 'still', { clientMsgId: 'f-3', options: { silent: true } }),
    says: () => [sent(direct, 3, { ...offlineBob(2), silent: true })]
  },
  { of: 'MSG_UP', what: 'other content', act: () => alice.send(bob, 'other', { clientMsgId: 'f-2' }), says: () => [], status: 409 },
  {
    of: 'sendMessage',
    what: 'as the system',
    act: post('messages', { from: 'system', ...hi }),
    says: () => [sent(direct, 4, { from: 'system', offline: [{ userId: a, unread: 1 }, { userId: b, unread: 3 }] })]
  },
  {
    of: 'READ',
    what: 'one',
    act: () => bob.read({ conversationId: direct, seqs: [2] }),
    says: () => [{ type: 'message.read', conversationId: direct, userId: b, readSeq: 0, seqs: [2] }]
  },
  {
    of: 'READ',
    what: 'all',
    act: () => bob.read({ conversationId: direct, upToSeq: 99 }),
    says: () => [{ type: 'message.read', conversationId: direct, userId: b, readSeq: 4 }]
  },
  {
    of: 'REST_READ_NUM_AND_LAST_MSG',
    what: 'the private marker',
    act: () => alice.rest({ items: [{ conversationId: direct }] }),
    says: () => []
  },
  {
    of: 'REVOKE',
    what: 'his own',
    act: () => alice.revoke({ conversationId: direct, seq: 2, reason: 'a "slip"' }),
    says: () => [{
      type: 'message.revoked',
      conversationId: direct,
      seq: 2,
      from: a,
      by: a,
      reason: 'a "slip"',
      message: { clientMsgId: 'f-2', ...text('again') }
    }]
  },
  { of: 'REVOKE', what: 'what is not there', act: () => alice.revoke({ conversationId: direct, seq: 9 }), says: () => [], status: 404 },
  {
    of: 'revokeMessage',
    what: 'one of a user',
    act: post('messages/revoke', { conversationId: direct, seq: 3 }),
    says: () => [{
      type: 'message.revoked',
      conversationId: direct,
      seq: 3,
      from: a,
      by: 'system',
      message: { clientMsgId: 'f-3', ...text('still'), options: { silent: true } }
    }]
  },
  { of: 'GET_READ_MSG', what: 'a page', act: () => bob.getReadMsg({ conversationId: direct }), says: () => [] },
  { of: 'GET_SYSTEM_TIME', what: 'the time', act: () => bob.time({}), says: () => [] },
  { of: 'IRIS_CMD_SEND', what: 'a reliable one', act: command('k-1'), says: () => [] },
  {
    of: 'IRIS_CMD_SEND',
    what: 'one for which there is no room',
    act: command('k-2'),
    says: ({ cmdId }) => [box(b, 'CMD_BOX')(String(cmdId), 'newest')]
  },
  {
    of: 'sendCommand',
    what: 'it has room of its own',
    act: post('commands', { clientCmdId: 's-1', name: 'refresh', to: { users: [b] }, mode: 'reliable' }),
    says: () => []
  },
  {
    of: 'CMD_COMPLETE',
    what: 'one that is there',
    act: async () => await bob.cmdComplete({ ids: [await idOf(command('k-1')(), 'cmdId'), 'nothing'] }, 'web-1'),
    says: () => [{ type: 'command.completed', cmdId, name: 'call', userId: b, terminalId: 'web-1' }]
  },
  { of: 'sendNotice', what: 'a notice', act: post('notices', { noticeId, users: [b], content: {} }), says: () => [] },
  {
    of: 'sendNotice',
    what: 'one for which there is no room',
    act: post('notices', { noticeId: 'n-2', users: [b], content: {} }),
    says: () => [box(b, 'NOTICE_BOX')('n-2', 'newest')]
  },
  {
    of: 'sendNotice',
    what: 'one that is shown once',
    act: post('notices', { noticeId: 'n-3', users: [b], needComplete: false, content: {} }),
    says: () => []
  },
  {
    of: 'sendNotice',
    what: 'another, which takes its place',
    act: post('notices', { noticeId: 'n-4', users: [b], needComplete: false, content: {} }),
    says: () => [box(b, 'NOTICE_BOX')('n-3', 'oldest')]
  },
  {
    of: 'NOTICE_COMPLETE',
    what: 'one that is there',
    act: () => bob.noticeComplete({ ids: [noticeId] }, 'web-1'),
    says: () => [{ type: 'notice.completed', noticeId, userId: b, terminalId: 'web-1' }]
  },
  {
    of: 'sendNotice',
    what: 'one to everybody',
    act: post('notices', { noticeId: 'n-5', everybody: true, content: {} }),
    says: () => []
  },
  { of: 'cancelNotice', what: 'that taken back', act: () => server('DELETE', 'notices/n-5'), says: () => [] },
  { of: 'cancelNotice', what: 'what the application takes back', act: () => server('DELETE', 'notices/n-4'), says: () => [] },
  {
    of: 'NOTICE_UP',
    what: 'reserved',
    act: () => bob.post('/v1/up/notice', { noticeId: 'x', kind: 'notice', content: {} }),
    says: () => [],
    status: 501
  },
  {
    of: 'putConversation',
    what: 'a new group',
    act: put(putGroup),
    says: () => [changed('created', { title: 'Order "7"', added: [member(a, 'owner'), member(b)] })]
  },
  {
    of: 'putConversation',
    what: 'another title',
    act: put({ ...putGroup, title: 'Order 8' }),
    says: () => [changed('updated', { title: 'Order 8' })]
  },
  {
    of: 'putConversation',
    what: 'other members',
    act: put({ title: 'Order 8', members: [member(a, 'owner'), member(c, 'admin')] }),
    says: () => [changed('members', { added: [member(c, 'admin')], removed: [b] })]
  },
  {
    of: 'changeMembers',
    what: 'all three',
    act: change({ add: [{ userId: b }], remove: [c], role: [member(a, 'admin')] }),
    says: () => [changed('members', { added: [member(b)], removed: [c], roles: [member(a, 'admin')] })]
  },
  {
    of: 'MSG_UP',
    what: 'to the group',
    act: () => alice.send(group, 'all', { clientMsgId }),
    says: () => [sent(group, 1, offlineBob(1))]
  },
  { of: 'closeConversation', what: 'the group', act: () => server('DELETE', `conversations/${group}`), says: () => [changed('closed')] },
  { of: 'createToken', what: 'a token', act: post('tokens', { userId: b }), says: () => [] },
  { of: 'TOKEN', what: 'a token', act: () => bob.post('/v1/up/token', { token: bob.token }), says: () => [] },
  { of: 'HEARTBEAT', what: 'of a terminal that is not connected', act: () => bob.post('/v1/up/heartbeat', {}), says: () => [] },
  { of: 'createTicket', what: 'a ticket', act: () => bob.post('/v1/down/tickets', {}), says: () => [] },
  { of: 'blockUser', what: 'who may not write', act: () => server('PUT', `users/${b}/blocked/${c}`), says: () => [] },
  { of: 'unblockUser', what: 'he may again', act: () => server('DELETE', `users/${b}/blocked/${c}`), says: () => [] },
  {
    of: 'sendMessages',
    what: 'one that is stored, one that is refused',
    act: post('messages/batch', {
      messages: [
        { from: a, clientMsgId: 'f-5', to: b, ...text('many') },
        { from: a, clientMsgId: 'f-6', conversationId: 'g.none', ...text('x') }
      ]
    }),
    says: () => [sent(direct, 5, offlineBob(2))]
  },
  { of: 'watchPresence', what: 'a question', act: () => alice.post('/v1/presence', { users: [b] }), says: () => [] },
  { of: 'presence', what: 'a question', act: post('presence', { users: [a, b] }), says: () => [] },
  { of: 'removeTerminal', what: 'one that is not known', act: () => server('DELETE', `users/${b}/terminals/web-9`), says: () => [] },
  {
    of: 'kickUser',
    what: 'a terminal',
    act: post(`users/${b}/kick`, { terminals: ['web-1'], reason: 'for "spam"' }),
    says: () => [{ ...kicked, terminals: ['web-1'] }],
    again: [{ ...kicked, terminals: ['web-1'] }]
  },
  {
    of: 'kickUser',
    what: 'all of him, for good',
    act: post(`users/${b}/kick`, { reason: 'for "spam"', revokeTokens: true }),
    says: () => [{ ...kicked, revokeTokens: true }],
    again: [{ ...kicked, revokeTokens: true }]
  },
  { of: 'liftKicks', what: 'its end', act: () => server('DELETE', `users/${b}/kick`), says: () => [] },
  {
    of: 'deleteUser',
    what: 'all of him',
    act: () => server('DELETE', `users/${b}`),
    says: () => [deleted, changed('members', { removed: [b] })],
    again: [deleted]
  }
]

/** `message` has the time of the original. */
const withoutTimes = (said: object[]) =>
  JSON.parse(JSON.stringify(said, (name, value: unknown) => name === 'ts' ? undefined : value)) as object[]

/** Of the requests of the table. */
const traces = new Set<unknown>()

for (const { of, what, act: ask, says, again = [], status = 200 } of table) {
  const act: Row['act'] = async () => {
    const answer = await ask()
    traces.add(answer.body['traceId'])
    return answer
  }
  t.test(`[EVENT-1] ${of}, ${what}: exactly these events, and none for its retry`, async t => {
    let answer: Awaited<ReturnType<Row['act']>> | undefined
    const said = await saidBy(iris, async () => { answer = await act() })
    t.equal(answer?.status, status, JSON.stringify(answer?.body))
    t.strictSame(withoutTimes(said), says(answer?.body ?? {}))
    t.strictSame(withoutTimes(await saidBy(iris, act)), again, 'its retry')
  })
}

t.test('[EVENT-1] every command and every call that writes stands in the table, every kind is said there', async t => {
  // webhooks are how it is told, and are told of by nothing
  const writing = operations.filter(({ method, path }) => method !== 'GET' && !path.includes('/webhooks')).map(({ name }) => name)
  t.strictSame([...new Set(table.map(({ of }) => of))].sort(), writing.sort())
  const said = new Set((await allEvents(iris)).map(({ type }) => type))
  t.strictSame(eventKinds.filter(kind => !said.has(kind)), ['user.online', 'user.offline', 'terminal.connected', 'terminal.disconnected'])
})

t.test('[TRACE-2] [EVENT-1] each event names the request that has caused it', async t => {
  const untold = (await allEvents(iris)).filter(({ traceId }) => traceId === undefined || !traces.has(traceId))
  t.strictSame(untold, [])
})

t.test('[WEBHOOK-3] each kind is told to a webhook as the document says, and nothing that it does not', async t => {
  await visit(carol)
  await receiver.got(1, ({ type }) => type === 'user.offline')
  await until(async () => (await show('told'))['waiting'] === 0 || undefined)
  await iris.redis.del(keys.events)
  t.match(await server('POST', 'webhooks/test', { id: 'told' }), { body: { delivered: true } })
  await receiver.got(1, ({ type }) => type === 'feed.reset')
  const { told, headers } = await describedAt(iris.url)
  t.strictSame([...new Set(receiver.deliveries.map(({ type }) => type))].sort(), told.map(({ kind }) => kind).sort())
  for (const { kind, example, faultsOf } of told) {
    t.equal(faultsOf(example), '', `the example of ${kind}`)
    t.not(faultsOf({ ...example, colour: 'red' }), '')
    for (const { type, timestamp, data } of receiver.deliveries.filter(({ type }) => type === kind)) {
      t.equal(faultsOf({ type, timestamp, data }), '', `${kind}: ${JSON.stringify(data)}`)
    }
  }
  for (const { name, required, schema: { pattern = '' } } of headers) {
    const sent = receiver.deliveries.map(({ headers }) => headers[name.toLowerCase()])
    t.ok(sent.every(value => value === undefined ? !required : new RegExp(pattern).test(value)), name)
    t.ok(sent.some(value => value !== undefined))
  }
  t.strictSame(receiver.forged, [])
})
