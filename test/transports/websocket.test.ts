// WebSocket: the door, commands up, and what is done about bad frames. docs/protocol.md sections 3 and 4.
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { operations } from '../../src/app.js'
import { errors } from '../../src/protocol/errors.js'
import { bodies } from '../helper/bad-bodies.js'
import { startIris } from '../helper/iris.js'
import { upTo } from '../helper/sse.js'
import { dm, granted, until } from '../helper/user.js'
import { openWs } from '../helper/ws.js'

const iris = await startIris(t, { env: { IRIS_ALLOWED_ORIGINS: 'https://app.example' } })
const [alice, bob] = [await iris.user(t, 'alice'), await iris.user(t, 'bob')]
const bearer = { authorization: `Bearer ${alice.token}` }
const url = `${iris.url}/v1/ws`

async function open (query = '') {
  const ws = await openWs(`${url}?terminalId=w${query}`, { headers: bearer })
  t.teardown(() => ws.cut())
  await ws.next('IRIS.READY')
  return ws
}

/** @returns the problem with which the door is shut. */
async function refused (query: string, options: Parameters<typeof openWs>[1]): Promise<unknown> {
  return await openWs(url + query, options).then(async ws => { await ws.cut(); return 'open' }, (error: {
    status?: number
    body?: { code?: string }
  }) => [error.status, error.body?.code])
}

t.test('the door: bearer or ticket, iris.v1, an origin that may; refused as HTTP', async t => {
  t.same(await refused('', {}), [401, 'UNAUTHENTICATED'])
  t.same(await refused('', { headers: { authorization: 'Bearer x' } }), [401, 'BAD_TOKEN'])
  t.same(await refused('?ticket=nope', {}), [401, 'BAD_TICKET'])
  t.same(await refused(`?token=${alice.token}`, {}), [400, 'INVALID_QUERY'])
  t.same(await refused('', { headers: bearer, protocols: [] }), [400, 'INVALID_HEADER'])
  t.same(await refused('', { headers: bearer, protocols: ['iris.v2'] }), [400, 'INVALID_HEADER'])
  for (const origin of ['https://app.example.evil', 'http://app.example', 'https://evil.example', 'null', 'file://']) {
    t.same(await refused('', { headers: { ...bearer, origin } }), [403, 'ORIGIN_NOT_ALLOWED'], origin)
  }
  for (const origin of ['https://app.example', iris.url]) t.equal(await refused('', { headers: { ...bearer, origin } }), 'open', origin)
  const { body: { ticket } } = granted(await alice.post('/v1/down/tickets', { terminalId: 'w' }))
  t.equal(await refused(`?ticket=${String(ticket)}`, {}), 'open')
  const plain = await fetch(url, { headers: bearer })
  t.match([plain.status, await plain.json()], [426, { code: 'UPGRADE_REQUIRED' }])
  t.equal((await fetch(url, { method: 'HEAD', headers: bearer })).status, 405)
})

t.test('[MSG-2] a command up is answered by its requestId, and a retry by either way is the same', async t => {
  const ws = await open()
  const body = { clientMsgId: 'c-ws', to: 'bob', type: 'text', content: { text: 'hi' } }
  const answer = await ws.up('MSG_UP', body, 'my-1')
  t.match(answer, { event: 'ACK_DOWN', requestId: 'my-1', data: { clientMsgId: 'c-ws', seq: 1, duplicate: false, traceId: String } })
  t.match((await ws.next('ACK_DOWN')).data, { clientMsgId: 'c-ws' }, 'the stream says it, too')
  t.match((await ws.up('MSG_UP', body)).data, { seq: 1, duplicate: true })
  t.match((await alice.msgUp(body)).body, { seq: 1, duplicate: true })
  t.match((await ws.up('GET_SYSTEM_TIME', { t0: 1 })).data, { t0: 1, t1: Number })
})

t.test('[TRACE-1] [TRACE-2] a trace of the frame comes back and goes along', async t => {
  const ws = await open()
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  const frame = JSON.stringify({
    up: 'MSG_UP',
    requestId: 'tr',
    traceId: 'my.trace',
    body: { clientMsgId: 'c-trace', to: 'bob', type: 'text', content: { text: 'x' } }
  })
  t.match((await ws.up('', {}, 'tr', frame)).data, { traceId: 'my.trace' })
  t.match((await stream.next(({ data }) => data['clientMsgId'] === 'c-trace')).data, { traceId: 'my.trace' })
})

t.test('what is no frame is answered with the code of HTTP; ten of them end with BYE 4400', async t => {
  const ws = await open()
  const bad: [string, string | null, string][] = [
    ['{', null, 'INVALID_JSON'], ['', null, 'INVALID_JSON'], ['{"__proto__":{"up":"READ"}}', null, 'INVALID_BODY'],
    ['[]', null, 'INVALID_BODY'], ['null', null, 'INVALID_BODY'], ['{"up":"READ","requestId":"a b","body":{}}', 'a b', 'INVALID_BODY'],
    ['{"up":"READ","requestId":"r","body":{},"colour":1}', 'r', 'INVALID_BODY'],
    ['{"up":"READ","requestId":"r","body":[]}', 'r', 'INVALID_BODY'],
    ['{"up":"READ","requestId":"r","body":{"a":{"__proto__":{}}}}', 'r', 'INVALID_BODY']
  ]
  for (const [text, requestId, code] of bad) {
    t.match(await ws.up('', {}, requestId, text), { requestId, error: { code, traceId: String } }, text)
  }
  for (const name of ['putConversation', 'createTicket', 'toString', '', 'read']) {
    t.match((await ws.up(name, {})).error, { status: 404, code: 'NOT_FOUND' }, name)
  }
  t.match((await ws.up('READ', { conversationId: 'g.none', upToSeq: 1 })).error, { status: 404, code: 'CONVERSATION_NOT_FOUND' })
  t.equal(ws.isOver, false)
  // the ninth and the tenth: a body that breaks a rule is a frame all the same
  for (const text of ['{', '}']) ws.socket.send(text)
  t.match((await ws.next('IRIS.BYE')).data.data, { code: 4400, reconnect: 'never' })
  await ws.ended
  t.equal(ws.closeCode, 4400)
})

t.test('a binary frame ends with BYE 4400, one over the size with 1009, broken UTF-8 with 1007', async t => {
  for (const [send, code] of [
    [(ws: Awaited<ReturnType<typeof open>>) => ws.socket.send(Buffer.from('{}'), { binary: true }), 4400],
    [(ws: Awaited<ReturnType<typeof open>>) => ws.socket.send('x'.repeat(65_537)), 1009],
    [(ws: Awaited<ReturnType<typeof open>>) => ws.socket.send(Buffer.from([0xff, 0xfe]), { binary: false }), 1007]
  ] as const) {
    const ws = await open()
    send(ws)
    await ws.ended
    t.ok(ws.closeCode === code || (code !== 4400 && ws.closeCode === 1006), `${code}: ${String(ws.closeCode)}`)
  }
  t.equal((await alice.time({})).status, 200, 'the server works')
})

t.test('1,000 commands at once are all answered, each once, and stored in the order of their seq', async t => {
  const ws = await open()
  const answers = await Promise.all(upTo(1_000).map(async i =>
    (await ws.up('MSG_UP', { clientMsgId: `m-${i}`, to: 'dave', type: 'text', content: { text: String(i) } }, `m-${i}`)).data?.['seq']))
  t.equal(new Set(answers).size, 1_000)
  t.equal(Math.max(...answers.map(Number)) - Math.min(...answers.map(Number)), 999)
})

t.test('[DOWN-1] a connection that breaks during a command: it is stored, and its terminal learns it by replay', async t => {
  const ws = await open()
  const { cursor } = ws
  ws.socket.send(
    JSON.stringify({ up: 'MSG_UP', requestId: 'r', body: { clientMsgId: 'c-cut', to: 'bob', type: 'text', content: { text: 'x' } } }),
    () => ws.socket.terminate()
  )
  await ws.ended
  await until(async () => {
    const { body } = await alice.getReadMsg({ conversationId: dm(alice, bob), limit: 1, deliver: 'inline' })
    return JSON.stringify(body).includes('c-cut') || undefined
  })
  const again = await open(`&lastEventId=${cursor}`)
  t.ok(again.events.some(({ event, data }) => event === 'ACK_DOWN' && data['clientMsgId'] === 'c-cut'))
})

t.test('a frame that is cut in its middle does nothing', async t => {
  const { port } = iris.app.server.address() as AddressInfo
  const before = (await bob.conversations()).body['totalUnread']
  const socket = connect(port, '127.0.0.1', () => socket.write('GET /v1/ws HTTP/1.1\r\nHost: x\r\nUpgrade: ' +
    `websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\nSec-WebSocket-Version: ` +
    `13\r\nSec-WebSocket-Protocol: iris.v1\r\nAuthorization: Bearer ${alice.token}\r\n\r\n`))
  const text = await new Promise<string>(resolve => socket.once('data', (chunk: Buffer) => resolve(chunk.toString())))
  t.match(text, /^HTTP\/1\.1 101 [^]*sec-websocket-protocol: iris\.v1/i)
  socket.write(Buffer.from([0x81, 0xfe, 0x01, 0x00, 1, 2, 3, 4, 5, 6]))
  socket.destroy()
  t.equal((await bob.conversations()).body['totalUnread'], before)
})

t.test('[SSE-1] the end of the server says BYE 4200 and closes with it', async t => {
  const other = await startIris(t)
  const user = await other.user(t)
  const ws = await openWs(`${other.url}/v1/ws`, { headers: { authorization: `Bearer ${user.token}` } })
  await ws.next('IRIS.READY')
  const closing = other.app.close()
  t.match((await ws.next('IRIS.BYE')).data.data, { code: 4200 })
  await ws.ended
  t.equal(ws.closeCode, 4200)
  await closing
})

const names = new Map(operations.filter(({ tag }) => tag === 'Up').map(({ path, name }) => [path, name]))
for (const [what, path, body, code] of bodies) {
  const name = names.get(path)
  // what is too large for a frame closes the connection: see above; tickets are asked for over HTTP
  if (name === undefined || code === 'BODY_TOO_LARGE') continue
  t.test(`${name}: ${what} is ${code} here, too`, async t => {
    const ws = await open()
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const requestId = code === 'INVALID_JSON' ? null : 'bad'
    const { error } = await ws.up('', {}, requestId, `{"up":"${name}","requestId":"bad","body":${text}}`)
    t.match(error, { code, status: errors[code].status })
    await ws.cut()
  })
}
