// Hooks: what an application is asked before a user's message or command is sent. docs/protocol.md section 8.
import type { ServerResponse } from 'node:http'
import t from 'tap'
import { describedAt } from '../helper/closed.js'
import { ALLOW, type Answer, startHook } from '../helper/hook.js'
import { startIris } from '../helper/iris.js'
import { ALLOW as LOOPBACK, SECRET } from '../helper/receiver.js'
import { dm, groupOf, until } from '../helper/user.js'
import { openWs } from '../helper/ws.js'

const hook = await startHook(t)
const env = { ...LOOPBACK, IRIS_HOOK_MESSAGE: hook.url, IRIS_HOOK_COMMAND: hook.url, IRIS_HOOK_SECRET: SECRET }
/** Where a hook that does not decide means no to a message, and yes to a command. */
const iris = await startIris(t, { env: { ...env, IRIS_HOOK_MESSAGE_ON_FAILURE: 'deny' } })
/** Where it is the other way round, and few are asked at once, and not for long. */
const lax = await startIris(t, {
  redisPath: iris.redisPath,
  env: {
    ...env, IRIS_HOOK_COMMAND_ON_FAILURE: 'deny', IRIS_LIMIT_HOOK_MS: '300', IRIS_LIMIT_HOOK_AT_ONCE: '2', IRIS_LIMIT_HOOK_QUEUE: '1'
  }
})
t.beforeEach(() => { hook.answer = () => ALLOW })

const two = async (place = iris) => [await place.user(t), await place.user(t)] as const
type Iris = typeof iris
type User = Awaited<ReturnType<Iris['user']>>

const messagesOf = async (id: string) =>
  (await iris.server('GET', `conversations/${id}/messages`)).body['items'] as unknown as Record<string, unknown>[] | undefined ?? []

const ws = async (t: { teardown (end: () => unknown): void }, user: User, place = iris) => {
  const socket = await openWs(`${place.url}/v1/ws?terminalId=w`, { headers: { authorization: `Bearer ${user.token}` } })
  t.teardown(() => socket.cut())
  await socket.next('IRIS.READY')
  return socket
}

t.test('[HOOK-1] a message of a user is asked about, signed, with all that was sent; what the application sends is not', async t => {
  const [alice, bob] = await two()
  const sent = { clientMsgId: 'c', to: bob.userId, type: 'text', content: { text: 'hi' }, ext: { a: 1 }, mentions: [bob.userId] }
  const { status, body } = await alice.msgUp(sent, 'phone')
  t.equal(status, 200)
  const [asked, ...more] = hook.about(alice)
  t.same(more, [])
  t.match(asked, { type: 'message.beforeSend', timestamp: /^20.*Z$/, headers: { 'webhook-id': /^hook_/, 'trace-id': body['traceId'] } })
  t.same(asked?.data, {
    from: alice.userId,
    terminalId: 'phone',
    clientMsgId: 'c',
    conversationId: dm(alice, bob),
    messageType: 'text',
    content: { text: 'hi' },
    ext: { a: 1 },
    mentions: [bob.userId],
    traceId: body['traceId']
  })
  const as = { from: alice.userId, clientMsgId: 's', to: bob.userId, type: 'text', content: { text: 'by the server' } }
  t.equal((await iris.server('POST', 'messages', as)).status, 200)
  const command = { clientCmdId: 's', name: 'refresh', to: { users: [alice.userId] } }
  t.equal((await iris.server('POST', 'commands', command)).status, 200)
  t.equal((await alice.read({ conversationId: dm(alice, bob), upToSeq: 1 })).status, 200)
  t.equal((await alice.revoke({ conversationId: dm(alice, bob), seq: 1 })).status, 200, 'what is recalled is not sent')
  t.equal(hook.about(alice).length, 1)
  t.equal(hook.about({ userId: 'system' }).length, 0)
  t.equal(hook.forged, 0)
})

t.test('[HOOK-1] a command is asked about when it is known whom it may reach, and not when it reaches nobody', async t => {
  const [alice, bob] = await two()
  const stranger = await iris.user(t)
  await alice.send(bob, 'hi')
  const body = { clientCmdId: 'k', name: 'typing', data: { on: true }, to: { users: [bob.userId, stranger.userId] } }
  const { body: { cmdId, traceId, skipped } } = await alice.command(body)
  t.match(skipped, [{ userId: stranger.userId }])
  const [, asked] = hook.about(alice)
  t.match(asked, { type: 'command.beforeSend' })
  t.same(asked?.data, {
    from: alice.userId,
    terminalId: 'default',
    cmdId,
    clientCmdId: 'k',
    name: 'typing',
    mode: 'online',
    content: { on: true },
    to: { users: [bob.userId] },
    traceId
  })
  t.match(await alice.command({ ...body, clientCmdId: 'l', to: { users: [stranger.userId] } }), { body: { code: 'NOT_ALLOWED_TARGET' } })
  t.match(await alice.command(body), { body: { cmdId, duplicate: true } }, 'a retry')
  t.equal(hook.about(alice).length, 2)
})

t.test('[HOOK-2] what is denied is 403 with the code and the sentence of the hook, over HTTP and up a WebSocket', async t => {
  const [alice, bob] = await two()
  hook.answer = () => ({ action: 'deny', code: 'SPAM', message: 'Not here' })
  const denied = { status: 403, code: 'DENIED', hookCode: 'SPAM', detail: 'Not here', retryable: false }
  t.match((await alice.send(bob, 'buy')).body, denied)
  const socket = await ws(t, alice)
  const up = { clientMsgId: 'w', to: bob.userId, type: 'text', content: { text: 'buy' } }
  t.match((await socket.up('MSG_UP', up)).error, denied)
  t.same(await messagesOf(dm(alice, bob)), [], 'nothing is stored')
  hook.answer = () => ALLOW
  t.match((await socket.up('MSG_UP', up)).data, { seq: 1, duplicate: false }, 'what was refused has not used its id up')
  hook.answer = () => ({ action: 'deny', code: 'CALM_DOWN' })
  const command = { clientCmdId: 'k', name: 'typing', to: { users: [bob.userId] } }
  t.match((await alice.command(command)).body, { code: 'DENIED', hookCode: 'CALM_DOWN' })
  t.match((await socket.up('IRIS_CMD_SEND', command)).error, { status: 403, code: 'DENIED', hookCode: 'CALM_DOWN' })
  hook.answer = () => ALLOW
  t.match((await alice.command(command)).body, { accepted: 1, duplicate: false })
})

t.test('[HOOK-2] a deny is one whatever stands beside it', async t => {
  const [alice, bob] = await two()
  for (const [answer, told] of [
    [{}, {}],
    [{ code: 'spam', message: 7 }, {}],
    [{ code: '../../', content: { text: 'y' } }, {}],
    [{ code: 'A'.repeat(65), message: 'm'.repeat(300) }, { detail: 'm'.repeat(200) }],
    [{ code: 'A', message: '\ud800' }, { hookCode: 'A', detail: '\ufffd' }]
  ] as [object, Record<string, unknown>][]) {
    hook.answer = () => ({ action: 'deny', ...answer })
    const { body: { code, hookCode, detail } } = await alice.send(bob, 'x')
    t.same({ code, hookCode, detail }, { code: 'DENIED', hookCode: undefined, detail: undefined, ...told })
  }
  for (const text of ['"id":1915883588174806058', '"id":1e400', '"content":{"__proto__":1}', '"code":"A","code":"A"', '"__proto__":{}']) {
    hook.answer = () => ({ byHand: (response: ServerResponse) => response.end(`{"action":"deny",${text}}`) })
    t.match(await alice.send(bob, 'x'), { status: 403, body: { code: 'DENIED' } }, text)
    hook.answer = () => ({ byHand: (response: ServerResponse) => response.end(`{"action":"allow",${text}}`) })
    t.equal((await alice.send(bob, 'x')).status, 200, `${text}, beside a yes`)
  }
})

t.test('[HOOK-1] [WEBHOOK-8] an answer is asked for as it is: none that Iris would have to decode', async t => {
  const [alice, bob] = await two()
  await alice.send(bob, 'x')
  t.match(hook.about(alice)[0]?.headers, { 'accept-encoding': 'identity' })
})

t.test('[HOOK-2] what is modified is stored, shown and kept so, and its retry is a duplicate', async t => {
  const [alice, bob] = await two()
  const stream = await bob.listen()
  hook.answer = ({ data: { content } }) =>
    ({ action: 'modify', content: { text: (content as { text: string }).text.replace('damn', '****') } })
  const sent = { clientMsgId: 'm', to: bob.userId, type: 'text', content: { text: 'damn it' }, ext: { a: 1 } }
  const first = await alice.msgUp(sent)
  t.match(first, { status: 200, body: { seq: 1, duplicate: false } })
  t.match((await stream.next('MSG_DOWN')).data, { content: { text: '**** it' }, ext: { a: 1 }, clientMsgId: 'm' })
  t.match(await messagesOf(dm(alice, bob)), [{ seq: 1, content: { text: '**** it' } }])
  const asked = hook.about(alice).length
  t.match(await alice.msgUp(sent), { status: 200, body: { seq: 1, msgId: first.body['msgId'], duplicate: true } })
  t.match(await alice.msgUp({ ...sent, content: { text: '**** it' } }), { body: { code: 'CLIENT_MSG_ID_CONFLICT' } },
    'the fingerprint is of what the client sent')
  t.equal(hook.about(alice).length, asked, 'a retry asks nobody')
  hook.answer = () => ({ action: 'modify', content: { on: false } })
  await alice.command({ clientCmdId: 'k', name: 'typing', data: { on: true }, to: { users: [bob.userId] } })
  t.match((await stream.next('typing')).data, { name: 'typing', data: { on: false } })
})

t.test('[HOOK-3] who sends is admitted before anybody is asked, once, and is bound by the same rules', async t => {
  const place = await startIris(t, { redisPath: iris.redisPath, env: { ...env, IRIS_LIMIT_UP_RATE: '1', IRIS_LIMIT_UP_BURST: '3' } })
  const [alice, bob] = await two(place)
  for (const text of ['1', '2', '3']) t.equal((await alice.send(bob, text)).status, 200, 'one unit each')
  t.equal((await alice.send(bob, '4')).body.code, 'RATE_LIMITED')
  t.equal(hook.about(alice).length, 3)
})

t.test('[HOOK-3] what would be refused anyway nobody is asked about', async t => {
  const place = await startIris(t, { redisPath: iris.redisPath, env: { ...env, IRIS_LIMIT_NEW_DIRECT: '2' } })
  const [carol, dave] = await two(place)
  const others = await Promise.all(Array.from({ length: 3 }, () => place.user(t)))
  const group = await groupOf(place, dave, carol)
  hook.answer = () => ({ action: 'deny', code: 'NO' })
  await place.server('PUT', `users/${dave.userId}/blocked/${carol.userId}`)
  t.match(await carol.send(dave, 'x'), { status: 403, body: { code: 'BLOCKED' } })
  t.match(await carol.send('g.nowhere', 'x'), { status: 404, body: { code: 'CONVERSATION_NOT_FOUND' } })
  t.match(await carol.send(group, 'x', { quote: { seq: 7 } }), { status: 404, body: { code: 'MESSAGE_NOT_FOUND' } })
  const mutedUntil = Date.now() + 60_000
  t.equal((await place.server('POST', `conversations/${group}/members`, { mute: [{ userId: carol.userId, mutedUntil }] })).status, 200)
  t.match(await carol.send(group, 'x'), { status: 403, body: { code: 'MUTED' } })
  t.same(hook.about(carol), [])
  for (const other of others) t.match(await carol.send(other, 'x'), { body: { code: 'DENIED' } }, 'what is denied opens nothing')
  hook.answer = () => ALLOW
  for (const other of others.slice(1)) {
    t.match(await carol.send(other, 'x'), { status: 200, body: { seq: 1 } }, 'what is let in counts once')
  }
  const asked = hook.about(carol).length
  t.match(await carol.send(others[0] as User, 'x'), { status: 429, body: { code: 'RATE_LIMITED' } })
  t.equal(hook.about(carol).length, asked)
})

t.test('[HOOK-3] of one that is sent again while the hook thinks it is asked once, and both get its answer', async t => {
  const [alice, bob] = await two()
  const socket = await ws(t, alice)
  const up = (clientMsgId: string) => ({ clientMsgId, to: bob.userId, type: 'text', content: { text: 'x' } })
  const isAskedOf = (id: string) => until(async () => hook.about(alice).some(({ data }) => data['clientMsgId'] === id) || undefined)
  const twice = async (id: string, answer: object) => {
    const release = Promise.withResolvers<object>()
    hook.answer = ({ data }) => data['clientMsgId'] === id ? release.promise : ALLOW
    const posted = alice.msgUp(up(id))
    await isAskedOf(id)
    const [again, behind] = [socket.up('MSG_UP', up(id)), socket.up('MSG_UP', up(`behind-${id}`))]
    await isAskedOf(`behind-${id}`)
    release.resolve(answer)
    return { posted: await posted, again: await again, behind: await behind, asked: hook.about(alice).length }
  }
  t.match(await twice('yes', ALLOW), {
    posted: { body: { seq: 1, duplicate: false } }, again: { data: { seq: 1, duplicate: true } }, behind: { data: { seq: 2 } }, asked: 2
  })
  const denied = { code: 'DENIED', hookCode: 'NO' }
  t.match(await twice('no', { action: 'deny', code: 'NO' }),
    { posted: { body: denied }, again: { error: denied }, behind: { data: { seq: 3 } }, asked: 4 })
})

t.test('[HOOK-3] a no to what another node has stored meanwhile is none', async t => {
  const [alice, bob] = await two()
  const release = Promise.withResolvers<object>()
  const up = { clientMsgId: 'c', to: bob.userId, type: 'text', content: { text: 'x' } }
  hook.answer = () => hook.about(alice).length === 1 ? release.promise : ALLOW
  const here = alice.msgUp(up)
  await until(async () => hook.about(alice).length === 1 || undefined)
  const there = await ws(t, alice, lax)
  t.match((await there.up('MSG_UP', up)).data, { seq: 1, duplicate: false })
  release.resolve({ action: 'deny' })
  t.match(await here, { status: 200, body: { seq: 1, duplicate: true } })
})

t.test('[HOOK-3] a command that is sent again while the hook thinks is asked about, and shown, once', async t => {
  const [alice, bob] = await two()
  await alice.send(bob, 'hi')
  const stream = await bob.listen()
  // it is never answered: who comes second waits for 1 s for the first, and goes on then
  hook.answer = ({ data }) => data['clientCmdId'] === 'k' ? { byHand: () => undefined } : ALLOW
  const command = { clientCmdId: 'k', name: 'typing', to: { users: [bob.userId] } }
  const [one, other] = await Promise.all([alice.command(command), alice.command(command)])
  t.same([one.status, other.status, one.body['cmdId']], [200, 200, other.body['cmdId']])
  t.equal(hook.about(alice).length, 2, 'the message, and the command')
  await alice.command({ ...command, clientCmdId: 'end' })
  const shown = [await stream.next('typing'), await stream.next('typing')].map(({ data }) => data['clientCmdId'])
  t.same(shown, ['k', 'end'])
})

t.test('[HOOK-3] a kick that comes while the hook is asked refuses what it was asked about', async t => {
  const [alice, bob] = await two()
  hook.answer = async () => {
    await iris.server('POST', `users/${alice.userId}/kick`, { reason: 'spam' })
    return ALLOW
  }
  t.match(await alice.send(bob, 'x'), { status: 401, body: { code: 'KICKED' } })
  t.same(await messagesOf(dm(alice, bob)), [])
})

const odd: [name: string, answer: Answer][] = [
  ['garbage', { byHand: (response: ServerResponse) => response.end('<html>') }],
  ['nothing', { byHand: (response: ServerResponse) => response.writeHead(204).end() }],
  ['no object', { byHand: (response: ServerResponse) => response.end('["allow"]') }],
  ['another action', { action: 'maybe' }],
  ['a status that is no yes', { byHand: (response: ServerResponse) => response.writeHead(500).end('{"action":"allow"}') }],
  ['a redirect', { byHand: (response: ServerResponse) => response.writeHead(307, { location: hook.url }).end('{"action":"allow"}') }],
  ['10 MB', { byHand: (response: ServerResponse) => response.end(`{"action":"allow","x":"${'x'.repeat(1e7)}"}`) }],
  ['no HTTP', { byHand: ({ socket }: ServerResponse) => socket?.end('nonsense\r\n\r\n') }],
  ['nothing, and the connection is cut', { byHand: ({ socket }: ServerResponse) => socket?.destroy() }],
  ['what is no content', { action: 'modify', content: 'x' }],
  ['a content of another type', { action: 'modify', content: { url: 'x' } }],
  ['a content that is too large', { action: 'modify', content: { text: 'x'.repeat(20_000) } }],
  ['two actions', { byHand: (response: ServerResponse) => response.end('{"action":"deny","action":"allow"}') }],
  ['a content with a number that would be changed', {
    byHand: (response: ServerResponse) => response.end('{"action":"modify","content":{"text":"x","data":{"n":12345678901234567890}}}')
  }],
  ['a content with a name twice', {
    byHand: (response: ServerResponse) => response.end('{"action":"modify","content":{"text":"x","text":"y"}}')
  }],
  ['nothing in time', { byHand: () => undefined }]
]

t.test('[HOOK-4] what decides nothing is a no or a yes, as is configured, for each hook by itself', async t => {
  const [alice, bob] = await two()
  await alice.send(bob, 'hi')
  const laxAlice = { send: await ws(t, alice, lax) }
  let seq = 1
  for (const [name, answer] of odd) {
    hook.answer = () => answer
    const body = { clientMsgId: `o${seq}`, to: bob.userId, type: 'text', content: { text: name } }
    const command = { clientCmdId: `o${seq}`, name: 'typing', to: { users: [bob.userId] } }
    const content = name.includes('content')
    const refused = { status: 503, code: 'HOOK_UNAVAILABLE', retryable: true }
    // that would take another 1.5 s
    if (name !== 'nothing in time') {
      const { body: problem, headers } = await alice.msgUp({ ...body, clientMsgId: `d${seq}` })
      t.match(problem, { ...refused, retryAfterSec: Number(headers.get('retry-after')) }, `${name}: a message is refused`)
    }
    t.match((await laxAlice.send.up('MSG_UP', body)).data, { seq: ++seq }, `${name}: a message is sent`)
    if (!content) t.match((await laxAlice.send.up('IRIS_CMD_SEND', command)).error, refused, `${name}: a command is refused`)
  }
  hook.answer = () => ALLOW
  t.match((await alice.msgUp({ clientMsgId: 'd1', to: bob.userId, type: 'text', content: { text: odd[0]?.[0] } })).body,
    { seq: seq + 1, duplicate: false }, 'when it decides again, the retry is sent')
  const command = { clientCmdId: 'o1', name: 'typing', to: { users: [bob.userId] } }
  t.match((await laxAlice.send.up('IRIS_CMD_SEND', command)).data, { accepted: 1, duplicate: false }, 'that of a command, too')
})

t.test('[HOOK-4] a kept connection that is closed when it is used is no failure', async t => {
  const [alice, bob] = await two()
  let cut = 0
  hook.answer = () => cut++ === 0 ? { byHand: ({ socket }: ServerResponse) => socket?.destroy() } : { action: 'deny', code: 'NO' }
  t.match((await alice.send(bob, 'x')).body, { code: 'DENIED', hookCode: 'NO' })
})

t.test('[HOOK-4] of more questions than may wait the last are refused at once', async t => {
  const users = await Promise.all(Array.from({ length: 4 }, () => lax.user(t)))
  const bob = await lax.user(t)
  const held: ServerResponse[] = []
  hook.answer = () => ({ byHand: (response: ServerResponse) => held.push(response) })
  const send = (user: User) => user.send(bob, 'x', { clientMsgId: 'c' })
  const first = users.slice(0, 2).map(send)
  await until(async () => held.length === 2 || undefined)
  const others = await Promise.all(users.slice(2).map(send))
  t.same(others.map(answer => answer.body.code).sort(), ['OVERLOADED', undefined], 'one waits, and its time passes: it is sent')
  t.ok(others.find(answer => answer.status === 503)?.headers.get('retry-after'))
  t.match(await Promise.all(first), [{ status: 200 }, { status: 200 }])
  hook.answer = () => ALLOW
  const again = await Promise.all(users.slice(2).map(send))
  t.same(again.map(answer => answer.body['duplicate']).sort(), [false, true], 'of who was refused nothing is stored: a retry is sent')
})

t.test('[HOOK-5] a slow hook holds no other sender, and what a terminal sends keeps its order', async t => {
  const [alice, bob] = await two()
  const carol = await iris.user(t)
  const group = await groupOf(iris, alice, bob, carol)
  const release = Promise.withResolvers<object>()
  hook.answer = ({ data }) => data['clientMsgId'] === 'slow' ? release.promise : ALLOW
  const socket = await ws(t, alice)
  const order: string[] = []
  async function send (clientMsgId: string) {
    const { data } = await socket.up('MSG_UP', { clientMsgId, conversationId: group, type: 'text', content: { text: clientMsgId } })
    order.push(clientMsgId)
    return data?.['seq']
  }
  const own = [send('slow'), send('quick'), send('last')]
  await until(async () => hook.about(alice).length === 3 || undefined)
  const posted = alice.send(group, 'posted', { terminalId: 'w' })
  await until(async () => hook.about(alice).length === 4 || undefined)
  t.match((await carol.send(group, 'mine')).body, { seq: 1 }, 'another user')
  t.match((await alice.send(group, 'mine', { terminalId: 'other' })).body, { seq: 2 }, 'another terminal of the same')
  t.same(order, [])
  release.resolve({ action: 'deny' })
  t.same(await Promise.all(own), [undefined, 3, 4])
  t.match((await posted).body, { seq: 5 }, 'by another transport')
  const again = Promise.withResolvers<object>()
  hook.answer = ({ data }) => data['clientMsgId'] === 'first' ? again.promise : ALLOW
  const more = [send('first'), send('second')]
  await until(async () => hook.about(alice).length === 7 || undefined)
  again.resolve(ALLOW)
  t.same(await Promise.all(more), [6, 7])
})

t.test('[HOOK-5] a node that goes down waits for what is asked', async t => {
  const place = await startIris(t, { redisPath: iris.redisPath, env })
  const [alice, bob] = await two(place)
  const release = Promise.withResolvers<object>()
  hook.answer = () => release.promise
  const sent = alice.send(bob, 'x')
  await until(async () => hook.about(alice).length === 1 || undefined)
  const [closed, began] = [place.app.close(), performance.now()]
  release.resolve({ action: 'modify', content: { text: 'y' } })
  t.match(await sent, { status: 200, body: { seq: 1 } })
  await closed
  t.ok(performance.now() - began < 2_500, 'and not for the client, who would keep its connection: that is cut after 3 s')
  t.match(await messagesOf(dm(alice, bob)), [{ content: { text: 'y' } }])
})

t.test('[HOOK-5] what a node works on at once is not used up by those who wait for a hook', async t => {
  const crowd = await Promise.all(Array.from({ length: 10 }, () => iris.user(t)))
  const [alice, bob] = await two()
  const release = Promise.withResolvers<object>()
  hook.answer = ({ data }) => data['content'] && (data['content'] as { text?: string }).text === 'slow' ? release.promise : ALLOW
  const before = hook.asked.length
  const held = crowd.flatMap(user => Array.from({ length: 8 }, () => user.send(bob, 'slow')))
  await until(async () => hook.asked.length - before === held.length || undefined)
  t.match(await alice.send(bob, 'quick'), { status: 200 })
  t.match(await alice.time({}), { status: 200 })
  release.resolve(ALLOW)
  for (const answer of await Promise.all(held)) t.equal(answer.status, 200)
})

t.test('[HOOK-6] questions are counted by how they ended, and what decided nothing is in the log, without what was asked', async t => {
  const lines: string[] = []
  const place = await startIris(t, { redisPath: iris.redisPath, env, logs: { write: line => void lines.push(line) } })
  const [alice, bob] = await two(place)
  for (const answer of [ALLOW, ALLOW, { action: 'deny' }, { action: 'modify', content: { text: 'y' } }, { action: '?' }, { action: '?' }]) {
    hook.answer = () => answer
    await alice.send(bob, 'not for the log')
  }
  const response = await fetch(`${place.url}/metrics`, { headers: { authorization: `Bearer ${place.serverKey}` } })
  const text = await response.text()
  for (const [outcome, n] of [['allowed', 2], ['denied', 1], ['modified', 1], ['failed', 2], ['overloaded', 0]] as const) {
    t.match(text, `iris_hooks_total{hook="message",outcome="${outcome}"} ${n}\n`)
  }
  t.match(text, 'iris_hook_seconds_count{hook="message"} 6\n')
  const said = lines.filter(line => line.includes('a hook did not decide'))
  t.equal(said.length, 1, 'one line in 5 s')
  t.match(JSON.parse(said[0] ?? ''), {
    level: 40, hook: 'message.beforeSend', reason: 'its answer says neither allow, deny nor modify', failures: 1, onFailure: 'allow'
  })
  t.notOk(lines.some(line => line.includes('not for the log')))
})

t.test('[HOOK-1] each question is as the document says, and nothing that it does not', async t => {
  const [alice, bob] = await two()
  const group = await groupOf(iris, alice, bob)
  await alice.send(group, 'x')
  await alice.send(group, 'y', { quote: { seq: 1 }, options: { silent: true }, mentions: ['@all'], ext: { a: [1] } })
  const terminals = { ids: ['phone'], platforms: ['mobile'], exceptMine: true }
  const kept = { mode: 'reliable', ttlSec: 60, complete: 'all', collapseKey: 'c', notifyComplete: true, data: { a: 1 } }
  for (const [n, to] of [{ users: [bob.userId] }, { conversationId: group }, { self: true }, bob.userId].entries()) {
    t.match((await alice.command({ clientCmdId: `k${n}`, name: 'refresh', to, terminals, ...n > 0 && kept })).body, { duplicate: false })
  }
  const { asked, headers } = await describedAt(iris.url)
  t.same(asked.map(({ kind }) => kind), ['message.beforeSend', 'command.beforeSend'])
  for (const { kind, example, faultsOf } of asked) {
    t.equal(faultsOf(example), '', `the example of ${kind}`)
    for (const { headers: _headers, ...body } of hook.asked.filter(({ type }) => type === kind)) {
      t.equal(faultsOf(body), '', JSON.stringify(body))
    }
  }
  for (const { name, schema: { pattern = '' } } of headers) {
    t.ok(hook.asked.every(question => new RegExp(pattern).test(question.headers[name.toLowerCase()] ?? '')), name)
  }
})
