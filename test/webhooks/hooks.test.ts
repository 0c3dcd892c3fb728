// Hooks: what an application is asked before a user's message or command is sent, and what its answer does. docs/protocol.md section 8.
import type { ServerResponse } from 'node:http'
import t from 'tap'
import { describedAt } from '../helper/closed.js'
import { ALLOW } from '../helper/hook.js'
import { startHooked } from '../helper/hooked.js'
import { dm, granted, groupOf } from '../helper/user.js'

const { hook, iris, beside, two, messagesOf, ws } = await startHooked(t)

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
  const { body: { cmdId, traceId, skipped } } = granted(await alice.command(body))
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

t.test('[HOOK-6] questions are counted by how they ended, and what decided nothing is in the log, without what was asked', async t => {
  const lines: string[] = []
  const place = await beside(t, { logs: { write: line => void lines.push(line) } })
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
