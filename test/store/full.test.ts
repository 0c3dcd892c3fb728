// A full Redis, operation by operation: what reads or frees is served, the rest is refused, and nothing is half done.
// docs/protocol.md section 6.
import t, { type Test } from 'tap'
import { operations } from '../../src/app.js'
import { allEvents, type ServerEvent } from '../helper/events.js'
import { contentOf, fillable, noPrlimit } from '../helper/full.js'
import { SERVER_KEY, startIris } from '../helper/iris.js'
import { ALLOW, SECRET, startReceiver } from '../helper/receiver.js'
import { type Answer, granted, until, type User } from '../helper/user.js'

type Right = 200 | 404 | 501 | 'STORE_FULL'
type Stage = Awaited<ReturnType<typeof setTheStage>>
interface Row {
  memory: Right
  disk: Right
  call (stage: Stage): Promise<Pick<Answer, 'status' | 'body'>>
  check? (t: Test, body: Answer['body'], stage: Stage): void
}

/** Two users with something of everything. */
async function setTheStage (t: Test, path: string) {
  const iris = await startIris(t, { redisPath: path, env: { ...ALLOW, IRIS_EVENTS: 'all' } })
  const receiver = await startReceiver(t)
  await iris.server('PUT', 'webhooks/told', { url: receiver.url, secrets: [SECRET] })
  const [alice, bob] = [await iris.user(t, 'alice'), await iris.user(t, 'bob')]
  const server = async (method: string, at: string, body?: unknown) => {
    const response = await fetch(`${iris.url}/v1/server/${at}`, {
      method,
      headers: {
        authorization: `Bearer ${SERVER_KEY}`,
        'idempotency-key': `${method} ${at}`.replace(' ', '_'),
        ...(body !== undefined && { 'content-type': 'application/json' })
      },
      ...(body !== undefined && { body: JSON.stringify(body) })
    })
    return { status: response.status, body: await response.json() as Answer['body'] }
  }
  for (const [n, text] of ['one', 'two', 'three'].entries()) await alice.send(bob, text, { clientMsgId: `m-${n + 1}` })
  const members = [{ userId: 'alice', role: 'owner' }, { userId: 'bob', role: 'member' }, { userId: 'carol', role: 'member' }]
  for (const id of ['g.open', 'g.closing']) await iris.server('PUT', `conversations/${id}`, { members })
  const { body: { cmdId } } = granted(await alice.command(ring('k-1')))
  for (const noticeId of ['n-1', 'n-2']) await iris.server('POST', 'notices', notice(noticeId))
  const stream = await bob.listen({ terminalId: 'b' })
  await stream.next('IRIS.READY')
  return { iris, receiver, alice, bob, cmdId: String(cmdId), server, later: await iris.token('bob', 7200) }
}

const dm = 'dm.alice.bob'
const ring = (clientCmdId: string) => ({ clientCmdId, name: 'ring', to: { users: ['bob'] }, mode: 'reliable' })
const notice = (noticeId: string) => ({ noticeId, users: ['alice', 'bob'], content: { text: noticeId }, needComplete: true })
const terminal = (user: User) => async (path: string, body: unknown) => await user.post(path, body, { 'terminal-id': 'b' })
const get = (path: string) => async ({ iris, alice }: Stage) => {
  const response = await fetch(iris.url + path, { headers: { authorization: `Bearer ${alice.token}` } })
  return { status: response.status, body: await response.json() as Answer['body'] }
}

/** Every operation; in this order. */
const rows: Record<string, Row | Row[]> = {
  getTime: { memory: 200, disk: 200, call: get('/v1/time') },
  listConversations: {
    memory: 200,
    disk: 200,
    call: get('/v1/conversations'),
    check: (t, body) => t.match(body, { totalUnread: 0, items: [{}, {}, { headSeq: 3 }] })
  },
  MSG_UP: [
    { memory: 'STORE_FULL', disk: 'STORE_FULL', call: ({ alice }) => alice.send('g.open', 'x') },
    {
      memory: 200,
      disk: 200,
      call: ({ alice, bob }) => alice.send(bob, 'one', { clientMsgId: 'm-1' }),
      check: (t, body) => t.match(body, { seq: 1, duplicate: true }, 'what was stored is answered')
    }
  ],
  GET_READ_MSG: {
    memory: 200,
    disk: 200,
    call: ({ alice }) => alice.getReadMsg({ conversationId: dm, deliver: 'inline' }),
    check: (t, body) => t.equal(body['count'], 3)
  },
  READ: {
    memory: 200,
    disk: 'STORE_FULL',
    call: ({ bob }) => bob.read({ conversationId: dm, upToSeq: 2 }),
    check: (t, body) => t.match(body, { readSeq: 2, unread: 1 })
  },
  REST_READ_NUM_AND_LAST_MSG: {
    memory: 200,
    disk: 'STORE_FULL',
    call: ({ bob }) => bob.rest({ items: [{ conversationId: dm }] }),
    check: (t, body) => t.match(body, { items: [{ readSeq: 3 }] })
  },
  REVOKE: {
    memory: 200,
    disk: 'STORE_FULL',
    call: ({ alice }) => alice.revoke({ conversationId: dm, seq: 3 }),
    check: (t, body) => t.equal(body['alreadyRevoked'], false)
  },
  GET_SYSTEM_TIME: { memory: 200, disk: 200, call: ({ alice }) => alice.time({}) },
  HEARTBEAT: { memory: 200, disk: 200, call: ({ bob }) => terminal(bob)('/v1/up/heartbeat', {}) },
  TOKEN: { memory: 200, disk: 'STORE_FULL', call: ({ bob, later }) => terminal(bob)('/v1/up/token', { token: later }) },
  createTicket: { memory: 200, disk: 'STORE_FULL', call: ({ bob }) => bob.post('/v1/down/tickets', {}) },
  IRIS_CMD_SEND: [
    { memory: 'STORE_FULL', disk: 'STORE_FULL', call: ({ alice }) => alice.command(ring('k-2')) },
    { memory: 'STORE_FULL', disk: 'STORE_FULL', call: ({ alice }) => alice.command({ ...ring('k-3'), mode: 'online' }) },
    {
      memory: 200,
      disk: 200,
      call: ({ alice }) => alice.command(ring('k-1')),
      check: (t, body, { cmdId }) => t.match(body, { cmdId, duplicate: true })
    }
  ],
  CMD_COMPLETE: {
    memory: 200,
    disk: 'STORE_FULL',
    call: ({ bob, cmdId }) => bob.cmdComplete({ ids: [cmdId] }),
    check: (t, body) => t.match(body, { results: [{ state: 'completed' }] })
  },
  NOTICE_COMPLETE: {
    memory: 200,
    disk: 'STORE_FULL',
    call: ({ bob }) => bob.noticeComplete({ ids: ['n-1'] }),
    check: (t, body) => t.match(body, { results: [{ state: 'completed' }] })
  },
  NOTICE_UP: {
    memory: 501,
    disk: 501,
    call: ({ alice }) => alice.post('/v1/up/notice', { noticeId: 'n', kind: 'notice', content: { text: 'x' } })
  },
  createToken: { memory: 200, disk: 200, call: ({ iris }) => iris.server('POST', 'tokens', { userId: 'alice' }) },
  putConversation: {
    memory: 'STORE_FULL',
    disk: 'STORE_FULL',
    call: ({ server }) => server('PUT', 'conversations/g.new', { members: [{ userId: 'alice', role: 'owner' }] })
  },
  getConversation: {
    memory: 200,
    disk: 200,
    call: ({ iris }) => iris.server('GET', 'conversations/g.open'),
    check: (t, body) => t.match(body, { members: [{}, {}, {}] })
  },
  listAllConversations: {
    memory: 200,
    disk: 200,
    call: ({ iris }) => iris.server('GET', 'conversations'),
    check: (t, body) => t.ok((body['items'] as object[]).length > 0)
  },
  listMessages: {
    memory: 200,
    disk: 200,
    call: ({ iris }) => iris.server('GET', `conversations/${dm}/messages`),
    check: (t, body) => t.match(body, { items: [{ seq: 1 }, { seq: 2 }, { seq: 3 }] })
  },
  listUserConversations: {
    memory: 200,
    disk: 200,
    call: ({ iris }) => iris.server('GET', 'users/alice/conversations'),
    check: (t, body) => t.match(body, { items: [{}, {}, { headSeq: 3 }] })
  },
  viewConversation: {
    memory: 200,
    disk: 200,
    call: get(`/v1/conversations/${dm}`),
    check: (t, body) => t.match(body, { headSeq: 3 })
  },
  blockUser: { memory: 200, disk: 'STORE_FULL', call: ({ server }) => server('PUT', 'users/bob/blocked/carol') },
  listBlocked: {
    memory: 200,
    disk: 200,
    call: ({ iris }) => iris.server('GET', 'users/bob/blocked'),
    check: (t, body) => t.ok(body['items'])
  },
  unblockUser: { memory: 200, disk: 'STORE_FULL', call: ({ server }) => server('DELETE', 'users/bob/blocked/carol') },
  changeMembers: [
    {
      memory: 'STORE_FULL',
      disk: 'STORE_FULL',
      call: ({ iris }) => iris.server('POST', 'conversations/g.open/members', { add: [{ userId: 'dave' }], remove: ['bob'] })
    },
    {
      memory: 200,
      disk: 'STORE_FULL',
      call: ({ iris, bob }) => iris.server('POST', 'conversations/g.open/members', {
        mute: [{ userId: bob.userId, mutedUntil: Date.now() }]
      })
    },
    { memory: 200, disk: 'STORE_FULL', call: ({ server }) => server('POST', 'conversations/g.open/members', { remove: ['carol'] }) }
  ],
  closeConversation: { memory: 200, disk: 'STORE_FULL', call: ({ server }) => server('DELETE', 'conversations/g.closing') },
  sendMessage: {
    memory: 'STORE_FULL',
    disk: 'STORE_FULL',
    call: ({ server }) =>
      server('POST', 'messages', { from: 'system', clientMsgId: 's', conversationId: 'g.open', type: 'system', content: {} })
  },
  sendMessages: {
    memory: 200,
    disk: 200,
    call: ({ iris }) => iris.server('POST', 'messages/batch', {
      messages: [
        { from: 'alice', to: 'bob', clientMsgId: 'm-1', type: 'text', content: { text: 'one' } },
        { from: 'alice', to: 'bob', clientMsgId: 'm-new', type: 'text', content: { text: 'new' } }
      ]
    }),
    check: (t, body) => t.match(body, { results: [{ seq: 1, duplicate: true }, { error: { code: 'STORE_FULL', retryable: true } }] })
  },
  revokeMessage: {
    memory: 200,
    disk: 'STORE_FULL',
    call: ({ server }) => server('POST', 'messages/revoke', { conversationId: dm, seq: 1 }),
    check: (t, body) => t.equal(body['alreadyRevoked'], false)
  },
  sendCommand: { memory: 'STORE_FULL', disk: 'STORE_FULL', call: ({ server }) => server('POST', 'commands', ring('o-1')) },
  sendNotice: [
    { memory: 'STORE_FULL', disk: 'STORE_FULL', call: ({ server }) => server('POST', 'notices', notice('n-3')) },
    {
      memory: 'STORE_FULL',
      disk: 'STORE_FULL',
      call: ({ server }) => server('POST', 'notices', { noticeId: 'n-4', everybody: true, content: {} })
    }
  ],
  cancelNotice: { memory: 200, disk: 'STORE_FULL', call: ({ server }) => server('DELETE', 'notices/n-2') },
  showDelivery: { memory: 200, disk: 200, call: ({ iris }) => iris.server('GET', 'users/bob/delivery') },
  watchPresence: { memory: 200, disk: 200, call: ({ bob }) => bob.post('/v1/presence', { users: ['alice'] }) },
  putWebhook: { memory: 'STORE_FULL', disk: 'STORE_FULL', call: ({ server }) => server('PUT', 'webhooks/w', { url: 'https://example.com/' }) },
  getWebhook: { memory: 404, disk: 404, call: ({ iris }) => iris.server('GET', 'webhooks/w') },
  listWebhooks: { memory: 200, disk: 200, call: ({ iris }) => iris.server('GET', 'webhooks') },
  deleteWebhook: { memory: 200, disk: 'STORE_FULL', call: ({ server }) => server('DELETE', 'webhooks/w') },
  testWebhook: { memory: 404, disk: 404, call: ({ iris }) => iris.server('POST', 'webhooks/test', { id: 'w' }) },
  listDeadLetters: { memory: 404, disk: 404, call: ({ iris }) => iris.server('GET', 'webhooks/w/dead-letters') },
  replayDeadLetters: { memory: 404, disk: 404, call: ({ iris }) => iris.server('POST', 'webhooks/w/replay', {}) },
  listTerminals: { memory: 200, disk: 200, call: ({ iris }) => iris.server('GET', 'users/bob/terminals') },
  presence: { memory: 200, disk: 200, call: ({ iris }) => iris.server('POST', 'presence', { users: ['bob'] }) },
  listEvents: { memory: 200, disk: 200, call: ({ iris }) => iris.server('GET', 'events?after=0-0') },
  kickUser: {
    memory: 200,
    disk: 'STORE_FULL',
    call: ({ server }) => server('POST', 'users/bob/kick', { terminals: ['b'], reason: 'full' }),
    check: (t, body) => t.same(body['kicked'], ['b'])
  },
  liftKicks: {
    memory: 200,
    disk: 'STORE_FULL',
    call: ({ server }) => server('DELETE', 'users/bob/kick'),
    check: (t, body) => t.match(body, { lifted: [{ terminalId: 'b' }] })
  },
  removeTerminal: {
    memory: 200,
    disk: 'STORE_FULL',
    call: ({ server }) => server('DELETE', 'users/bob/terminals/b'),
    check: (t, body) => t.equal(body['removed'], true)
  },
  deleteUser: {
    memory: 200,
    disk: 'STORE_FULL',
    call: ({ server }) => server('DELETE', 'users/bob?messages=revoke'),
    check: (t, body) => t.match(body, { done: true, removed: { groups: 2, directs: 1 } })
  }
}

/** Who is there changes by itself, and is told meanwhile. */
const isWritten = ({ type }: Pick<ServerEvent, 'type'>) => !/^(user\.o|terminal\.)/.test(type)
const idsOf = async ({ iris }: Stage) => (await allEvents(iris)).filter(isWritten).map(({ id }) => id)

t.test('[STORE-2] every operation has a row', async t => t.same(Object.keys(rows).sort(), operations.map(({ name }) => name).sort()))

for (const medium of ['memory', 'disk'] as const) {
  t.test(`[STORE-2] [EVENT-1] a full ${medium}: what reads or frees is served, the rest is 503 STORE_FULL and nothing is half done, ` +
    'nor told; when there is room again, what happens is', {
    skip: medium === 'disk' && noPrlimit
  }, async t => {
    const { path, redis, fill, empty } = await fillable[medium](t)
    const stage = await setTheStage(t, path)
    await fill()
    for (const [name, row] of Object.entries(rows).flatMap(([name, all]) => [all].flat().map(row => [name, row] as const))) {
      const right = row[medium]
      const [before, said] = [await contentOf(redis), await idsOf(stage)]
      const { status, body } = await row.call(stage)
      const got = status === 503 ? body.code : status
      t.equal(got, right, `${name}: ${JSON.stringify(body)}`)
      if (right === 200 && got === 200) row.check?.(t, body, stage)
      if (right !== 'STORE_FULL') continue
      t.match(body, { retryable: true, retryAfterSec: Number }, name)
      t.strictSame(await contentOf(redis), before, `${name} has left nothing behind`)
      t.strictSame(await idsOf(stage), said, `${name} is told nobody`)
    }
    await empty()
    const { iris, receiver, alice } = stage
    const message = { conversationId: 'g.open', clientMsgId: 'room', type: 'text', content: { text: 'there is room' } }
    const { body: { seq } } = await until(async () => {
      const answer = await alice.msgUp(message)
      return answer.status === 200 ? answer : undefined
    })
    const all = (await allEvents(iris)).filter(isWritten)
    t.match(all.at(-1), { type: 'message.sent', conversationId: 'g.open', seq })
    const told = await receiver.got(all.length, isWritten)
    t.strictSame(told.map(({ data }) => data['id']).sort(), all.map(({ id }) => id).sort(), 'each is told to a webhook')
  })
}
