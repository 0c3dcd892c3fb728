// What the log says of every answer, of every attach and of every goodbye: whose, of which conversation, how far. [DELIVERY-4]
import t from 'tap'
import { startIris } from './helper/iris.js'
import { pollOnce } from './helper/poll.js'
import { dm, granted, groupOf, until } from './helper/user.js'
import { openWs } from './helper/ws.js'

type Line = Record<string, unknown>
const lines: Line[] = []
const text: string[] = []
const logs = {
  write (line: string): void {
    text.push(line)
    lines.push(JSON.parse(line) as Line)
  }
}
const iris = await startIris(t, { logs })
const [alice, bob] = [await iris.user(t), await iris.user(t)]
const conversationId = dm(alice, bob)

/** Waits for a line whose message and facts are these. */
const said = (msg: string, facts: Line) => until(async () =>
  lines.find(line => line['msg'] === msg && Object.entries(facts).every(([name, value]) => line[name] === value)))

t.test('[DELIVERY-4] an answer: user, terminal, conversation, seq and code, over HTTP', async t => {
  const { userId } = alice
  await alice.send(bob, 'one', { terminalId: 'phone' })
  t.match(await said('answered', { route: '/v1/up/msg', userId }), { level: 30, terminalId: 'phone', conversationId, seq: 1, status: 200 })
  const again = { clientMsgId: 'twice', terminalId: 'twice' }
  await alice.send(bob, 'again', again)
  await alice.send(bob, 'again', again)
  t.match(await said('answered', { terminalId: 'twice', duplicate: true }), { conversationId, seq: 2 })
  await bob.read({ conversationId, upToSeq: 5 }, 'web-1')
  t.match(await said('answered', { route: '/v1/up/cmd/read' }), { userId: bob.userId, terminalId: 'web-1', conversationId, seq: 2 })
  await alice.revoke({ conversationId, seq: 9 })
  t.match(await said('answered', { route: '/v1/up/cmd/revoke' }), { userId, conversationId, seq: 9, code: 'MESSAGE_NOT_FOUND' })
  const group = await groupOf(iris, alice)
  await iris.server('POST', 'messages', { from: 'system', clientMsgId: 's', conversationId: group, type: 'text', content: { text: 'x' } })
  t.match(await said('answered', { route: '/v1/server/messages' }), { userId: 'system', conversationId: group, seq: 1 })
})

t.test('[DELIVERY-4] what is no id is not repeated', async t => {
  for (const bad of ['SECRET-text', 'g. SECRET', ['g.SECRET'], { 'g.SECRET': 1 }, `g.${'SECRET'.repeat(40)}`]) {
    t.equal((await alice.read({ conversationId: bad, upToSeq: 'SECRET' })).status, 400)
  }
  const stream = await bob.listen({ terminalId: 'odd', cursor: 'SECRET-cursor' })
  await stream.next('IRIS.READY')
  t.match(await said('attached', { terminalId: 'odd' }), { verdict: 'reset_malformed', cursor: 'malformed' })
  t.notMatch(text.join(''), /SECRET/)
})

t.test('[DELIVERY-4] a frame says the same', async t => {
  const socket = await openWs(`${iris.url}/v1/ws?terminalId=desk`, { headers: { authorization: `Bearer ${alice.token}` } })
  const body = { clientMsgId: 'f', conversationId, type: 'text', content: { text: 'x' } }
  await socket.up('MSG_UP', body)
  t.match(await said('answered', { up: 'MSG_UP' }), { userId: alice.userId, terminalId: 'desk', conversationId, seq: 3, status: 200 })
  await socket.up('READ', { conversationId: 'g.none', upToSeq: 1 })
  t.match(await said('answered', { up: 'READ' }), { conversationId: 'g.none', code: 'CONVERSATION_NOT_FOUND' })
  await socket.cut()
})

t.test('[DELIVERY-4] a stream: how it began and how it ended, with its cursors, verdict, duration and reason', async t => {
  const carol = await iris.user(t)
  const { userId } = carol
  const first = await carol.listen({ terminalId: 'a' })
  const { id: from = '' } = await first.next('IRIS.READY')
  t.match(await said('attached', { userId, terminalId: 'a' }), {
    transport: 'sse', platform: 'web', verdict: 'fresh', from, to: from, ms: Number, cursor: undefined, traceId: String
  })
  await alice.send(carol, 'one')
  const { id: to = '' } = await first.next('MSG_DOWN')
  await first.cut()
  t.match(await said('left', { userId, terminalId: 'a' }), {
    transport: 'sse', from, to, bye: undefined, reason: 'the link was closed', ms: Number, traceId: String
  })
  const socket = await openWs(`${iris.url}/v1/ws?terminalId=b&lastEventId=${from}`, { headers: { authorization: `Bearer ${carol.token}` } })
  await socket.next('IRIS.READY')
  t.match(await said('attached', { userId, terminalId: 'b' }), { transport: 'ws', verdict: 'resumed', cursor: from, from, to })
  await iris.server('DELETE', `users/${userId}/terminals/b`)
  t.match(await said('left', { userId, terminalId: 'b' }), { transport: 'ws', from, to, bye: 4102, reason: 'the terminal was removed' })
})

t.test('[DELIVERY-4] a terminal that polls: one line when its session begins, one when it ends; each poll has its answer', async t => {
  const dave = await iris.user(t)
  const { userId, token } = dave
  const poll = async (cursor?: string) => await pollOnce(`${iris.url}/v1/down/poll`, {
    headers: { authorization: `Bearer ${token}` }, cursor, query: { timeoutMs: '0' }
  })
  const { body: { cursor: from } } = granted(await poll())
  await alice.send(dave, 'one')
  const { body: { cursor: to } } = granted(await poll(from))
  t.match(await said('attached', { userId }), { transport: 'poll', verdict: 'fresh', from })
  await iris.server('POST', `users/${userId}/kick`, { reason: 'x' })
  t.match(await said('left', { userId }), { transport: 'poll', from, to, bye: 4301 })
  t.equal(lines.filter(line => line['userId'] === userId && line['msg'] === 'attached').length, 1, 'the second one went on')
})

t.test('[DELIVERY-4] what is refused for the load is said at `debug`', async t => {
  const own: Line[] = []
  const small = await startIris(t, {
    redisPath: iris.redisPath,
    env: { IRIS_LIMIT_ATTACH_RATE: '1', IRIS_LIMIT_ATTACH_BURST: '1' },
    logs: { write: line => own.push(JSON.parse(line) as Line) }
  })
  const erin = await small.user(t)
  await (await erin.listen()).next('IRIS.READY')
  await (await erin.listen()).next('IRIS.BYE')
  t.match(own.filter(({ msg }) => msg === 'attached'), [{ level: 30, verdict: 'fresh' }, { level: 20, verdict: 'rate_limited' }])
})

t.test('[DELIVERY-4] a drain says what it does while it does it', async t => {
  const [erin, frank] = [await iris.user(t), await iris.user(t)]
  for (const user of [erin, frank]) await (await user.listen()).next('IRIS.READY')
  await iris.app.drain(3_400)
  t.match(await said('the drain goes on', {}), { level: 30, left: Number, ms: Number })
  t.match(await said('the drain is over', {}), { connections: Number, ms: Number })
  t.match(await said('left', { userId: frank.userId }), { bye: 4200 })
})
