// A stream is taken out of HTTP when its head is written:
// what hangs on an answer goes on, and nothing of HTTP is held. docs/protocol.md section 4.
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import t, { type Test } from 'tap'
import { startIris } from '../helper/iris.js'
import { pollOnce } from '../helper/poll.js'
import { openRaw, statusesOf } from '../helper/raw.js'
import { until, type User } from '../helper/user.js'
import { openWs } from '../helper/ws.js'

const lines: Record<string, unknown>[] = []
const iris = await startIris(t, {
  env: { IRIS_METRICS: 'open', IRIS_LIMIT_CONTENT_BYTES: '100000', IRIS_LIMIT_BODY_BYTES: '200000' },
  logs: { write: line => lines.push(JSON.parse(line) as Record<string, unknown>) }
})
const head = ({ token }: User, line: string, more = '') => `${line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n${more}\r\n`
const STREAM = 'GET /v1/down/events'
const answered = (traceId: string) => lines.filter(line => line['msg'] === 'answered' && line['traceId'] === traceId)

/** Opens a connection. @returns it, and the server's end of it. */
async function open (t: Test) {
  const accepted = once(iris.app.server, 'connection') as Promise<[Socket]>
  const raw = openRaw(t, iris.url)
  const [server] = await accepted
  return { ...raw, server: server as Socket & { parser?: object | null, _httpMessage?: object | null }, get text () { return raw.text } }
}

t.test('[SSE-1] a stream has neither parser nor response, and its attach leaves in one write', async t => {
  const bob = await iris.user(t)
  const { socket, server, until: comes } = await open(t)
  const writes: number[] = []
  const { _write: write, _writev: writev } = server
  server._write = (...args) => { writes.push(1); write.apply(server, args) }
  server._writev = (chunks, done) => { writes.push(chunks.length); writev?.call(server, chunks, done) }
  socket.write(head(bob, STREAM))
  const text = await comes(/IRIS\.READY/)
  t.match(text, /^HTTP\/1\.1 200 OK\r\n[^]*connection: close\r\n([^]*\r\n)?\r\nretry: \d+\n\nevent: CMD_DOWN\ndata: [^\n]*IRIS\.HELLO/i)
  t.equal(writes.length, 1, 'head, retry, HELLO and READY')
  t.same([server.parser, server._httpMessage], [null, null])
})

/** Opens a WebSocket on a raw connection. @returns it, and the server's writes to it, which are counted from now on. */
async function openSocket (t: Test, user: User, traceId = 'a-socket') {
  const raw = await open(t)
  const { server } = raw
  const writes: number[] = []
  const { _write: write, _writev: writev } = server
  server._write = (...args) => { writes.push(1); write.apply(server, args) }
  server._writev = (chunks, done) => { writes.push(chunks.length); writev?.call(server, chunks, done) }
  const key = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ' +
    'dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: iris.v1\r\n' + `Trace-Id: ${traceId}\r\n`
  raw.socket.write(head(user, 'GET /v1/ws', key))
  t.match(await raw.until(/IRIS\.READY/), /^HTTP\/1\.1 101 /)
  return { ...raw, writes }
}

t.test('[SSE-1] the attach of a WebSocket leaves in two writes: the handshake, and all its frames', async t => {
  const { writes } = await openSocket(t, await iris.user(t))
  t.equal(writes.length, 2)
})

/** A masked frame of text, as a client sends it. RFC 6455 5.2 */
const masked = (text: string) =>
  Buffer.concat([Buffer.from([0x81, 0xfe, text.length >> 8, text.length & 255, 0, 0, 0, 0]), Buffer.from(text)])

t.test('[DOWN-1] the answer to a frame and the event that it causes leave in one write', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const { socket, writes, until: comes } = await openSocket(t, bob)
  writes.length = 0
  const body = { clientMsgId: 'c-1', to: alice.userId, type: 'text', content: { text: 'x'.repeat(100) } }
  socket.write(masked(JSON.stringify({ up: 'MSG_UP', requestId: 'r-1', body })))
  const text = await comes(/"requestId":"r-1"[^]*"event":"ACK_DOWN","id"/)
  t.notMatch(text, /"event":"ACK_DOWN","id"[^]*"requestId":"r-1"/, 'the answer first')
  t.same(writes, [1])
})

t.test('[SSE-1] a WebSocket holds nothing of its request; its line is said when it ends, with its goodbye', async t => {
  const [bob, carol] = [await iris.user(t), await iris.user(t)]
  const [kicked, cut] = [await openSocket(t, bob, 'kicked-ws'), await openSocket(t, carol, 'cut-ws')]
  t.same([kicked.server.parser, kicked.server._httpMessage], [null, null])
  t.same(answered('kicked-ws'), [])
  await iris.server('POST', `users/${bob.userId}/kick`, { reason: 'test' })
  t.match(await until(async () => answered('kicked-ws')[0]), { route: '/v1/ws', status: 101, bye: 4301, method: 'GET' })
  cut.socket.destroy()
  t.match(await until(async () => answered('cut-ws')[0]), { status: 101, bye: undefined })
})

t.test('[TEXT-1] what is no ASCII comes as it was sent, short and long, on every way down', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const [sse, ws] = [await bob.listen(), await openWs(`${iris.url}/v1/ws`, { headers: { authorization: `Bearer ${bob.token}` } })]
  t.teardown(() => ws.cut())
  const texts = [20, 30, 12_000].flatMap(length => ['x', '\u00e9', '\u4f60\u{1f600}'].map(sign => sign.repeat(length)))
  for (const [i, text] of texts.entries()) {
    await alice.send(bob, text, { clientMsgId: `c-${i}` })
    for (const way of [sse, ws]) await way.next(({ data }) => (data['content'] as { text?: string } | undefined)?.text === text)
  }
  const polled = await pollOnce(`${iris.url}/v1/down/poll?timeoutMs=0&terminalId=poll`, {
    headers: { authorization: `Bearer ${bob.token}` }
  })
  const found = polled.body.events.map(({ data }) => (data['content'] as { text?: string } | undefined)?.text)
  t.same(found.filter(Boolean), texts)
})

t.test('[SSE-1] what comes behind a stream is not read, whatever it is: the stream goes on', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const { socket, until: comes } = await open(t)
  socket.write(head(bob, STREAM))
  await comes(/IRIS\.READY/)
  socket.write('no HTTP at all\r\n\r\n' + head(bob, 'GET /v1/conversations') + 'x'.repeat(300_000))
  await alice.send(bob, 'still there')
  const text = await comes(/still there/)
  t.same(statusesOf(text), [200])
})

t.test('[SSE-1] a goodbye is in the line and in the metrics; closeAllConnections ends what HTTP has forgotten', async t => {
  const count = async () => Number(/iris_http_requests_total\{method="GET",route="\/v1\/down\/events",status="200"\} (\d+)/
    .exec(await (await fetch(`${iris.url}/metrics`)).text())?.[1] ?? 0)
  const [bob, carol] = [await iris.user(t), await iris.user(t)]
  const [kicked, cut] = [await open(t), await open(t)]
  kicked.socket.write(head(bob, STREAM, 'Trace-Id: kicked\r\n'))
  cut.socket.write(head(carol, STREAM, 'Trace-Id: cut\r\n'))
  await Promise.all([kicked, cut].map(async each => await each.until(/IRIS\.READY/)))
  const before = await count()
  await iris.server('POST', `users/${bob.userId}/kick`, { reason: 'test' })
  t.match(await kicked.ended, /"code":4301/)
  t.match(await until(async () => answered('kicked')[0]), { status: 200, bye: 4301 })
  iris.app.server.closeAllConnections()
  await cut.ended
  t.match(await until(async () => answered('cut')[0]), { status: 200, bye: undefined })
  t.equal(await count(), before + 2)
  t.ok((iris.app.server.address() as AddressInfo).port, 'the server goes on')
})

t.test('[SSE-1] a stream that shares its connection with requests before, behind and beside it', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const kept = await open(t)
  kept.socket.write(head(bob, 'GET /v1/conversations'))
  await kept.until(1)
  kept.socket.write(head(bob, STREAM, 'Trace-Id: kept\r\n'))
  await kept.until(/IRIS\.READY/)
  const behind = await open(t)
  behind.socket.write(head(bob, 'GET /v1/conversations') + head(bob, STREAM) +
    head(bob, 'GET /v1/conversations') + head(alice, 'GET /v1/conversations'))
  await behind.until(/IRIS\.READY/)
  await alice.send(bob, 'to all of them')
  for (const each of [kept, behind]) t.same(statusesOf(await each.until(/to all of them/)), [200, 200], 'an answer, then the stream')
  t.equal(answered('kept').length, 0)
  kept.socket.end() // half closed: who does not listen to its end hears no more
  await kept.ended
  t.match(await until(async () => answered('kept')[0]), { method: 'GET', route: '/v1/down/events', status: 200, ms: Number })
  t.equal(answered('kept').length, 1)
})
