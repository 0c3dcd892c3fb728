// [HTTP-1] An `Upgrade` that is no WebSocket at its address is ignored, and what is accepted is known to the end.
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { operations } from '../src/app.js'
import { SERVER_KEY, startIris } from './helper/iris.js'
import { startSharedRedis } from './helper/process.js'
import { openRaw, statusesOf } from './helper/raw.js'
import { until } from './helper/user.js'

const iris = await startIris(t)
const alice = await iris.user(t, 'alice')
/** As curl --http2 and Java's HttpClient send them. */
const h2c = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n'
const websocket = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ' +
  `${Buffer.alloc(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: iris.v1\r\n`
const bearer = `Authorization: Bearer ${alice.token}\r\n`
const server = `Authorization: Bearer ${SERVER_KEY}\r\n`
const post = (path: string, headers: string, body: string) =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\n${headers}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
const time = (headers = '', version = '1.1') => `GET /v1/time HTTP/${version}\r\nHost: x\r\n${headers}\r\n`
const last = 'GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'

/** Sends parts one after the other, each when so many answers have come as there were parts before. @returns all that came. */
async function exchange (t: Test, ...parts: string[]): Promise<string> {
  const raw = openRaw(t, iris.url)
  for (const [i, part] of parts.entries()) {
    if (i > 0) await raw.until(i)
    raw.socket.write(part)
  }
  return await raw.ended
}

t.test('[HTTP-1] every operation answers an upgrade as it answers without, body and all, twice on one connection', async t => {
  for (const { name, method, path, auth, body } of operations) {
    const request = (headers: string) => {
      const sent = body ? '{"colour":"red"}' : ''
      return `${method} ${path.replace('{id}', 'g.none')} HTTP/1.1\r\nHost: x\r\n${auth === 'server'
        ? server
        : bearer}${headers}${body ? `Content-Type: application/json\r\nContent-Length: ${sent.length}\r\n` : ''}\r\n${sent}`
    }
    const text = await exchange(t, request(''), request(h2c), request(websocket), last)
    const [plain, ...upgraded] = statusesOf(text)
    t.same(upgraded, [plain, plain, 200], name)
    const codes = text.split('HTTP/1.1 ').slice(1, 4).map(answer => /"code":"(\w+)"/.exec(answer)?.[1])
    t.same(codes, codes.map(() => codes[0]), `${name}: the same problem`)
  }
})

const minted = /"token":"ey/
for (const [what, statuses, pattern, ...parts] of [
  ['a body that came with the head', [200, 200], minted, post('/v1/server/tokens', server + h2c, '{"userId":"alice"}'), last],
  ['a request behind it in the same packet', [200, 200, 200], minted,
    post('/v1/server/tokens', server + h2c, '{"userId":"alice"}') + time() + last],
  ['one behind a GET in the same packet', [200, 200, 200], /serverTime/, time(h2c) + time(h2c) + last],
  ['behind an answer that is still to come', [200, 200, 200], minted,
    post('/v1/server/tokens', server, '{"userId":"alice"}') + time(h2c) + last],
  ['a chunked body', [200, 200], minted, `POST /v1/server/tokens HTTP/1.1\r\nHost: x\r\n${server}${h2c}Content-Type: ` +
    `application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"use\r\nd\r\nrId":"alice"}\r\n0\r\n\r\n${last}`],
  ['HTTP/1.0', [200], /serverTime/, time(h2c, '1.0')],
  ['a WebSocket of HTTP/1.0', [426], /UPGRADE_REQUIRED/, `GET /v1/ws HTTP/1.0\r\nHost: x\r\n${websocket}${bearer}\r\n`],
  ['a WebSocket with a body', [426, 200], /UPGRADE_REQUIRED/,
    `GET /v1/ws HTTP/1.1\r\nHost: x\r\n${websocket}${bearer}Content-Length: 2\r\n\r\nhi`, last],
  ['a WebSocket where there is none', [404, 200], /NOT_FOUND/, `GET /nothing HTTP/1.1\r\nHost: x\r\n${websocket}${bearer}\r\n`, last],
  ['another method at its address', [405, 200], /METHOD_NOT_ALLOWED/,
    `DELETE /v1/ws HTTP/1.1\r\nHost: x\r\n${websocket}${bearer}\r\n`, last],
  ['another protocol at its address', [426, 200], /UPGRADE_REQUIRED/, `GET /v1/ws HTTP/1.1\r\nHost: x\r\n${h2c}${bearer}\r\n`, last],
  ['two protocols, one of them a WebSocket', [101], /101 Switching/,
    `GET /v1/ws HTTP/1.1\r\nHost: x\r\n${websocket.replace('Upgrade: websocket', 'Upgrade: h2c, WebSocket')}${bearer}\r\n\x88\x80\0\0\0\0`],
  ['a WebSocket behind an answer that is still to come', [200, 101], /101 Switching/,
    `${post('/v1/server/tokens', server, '{"userId":"alice"}')}GET /v1/ws HTTP/1.1\r\nHost: ` +
      `x\r\n${websocket}${bearer}\r\n\x88\x80\0\0\0\0`],
  ['a WebSocket without a token', [401], /UNAUTHENTICATED/, `GET /v1/ws HTTP/1.1\r\nHost: x\r\n${websocket}\r\n`],
  ['a WebSocket of another version', [400], /Sec-WebSocket-Version/,
    `GET /v1/ws HTTP/1.1\r\nHost: x\r\n${websocket.replace('13', '12')}${bearer}\r\n`],
  ['a WebSocket without a key', [400], /Sec-WebSocket-Key/,
    `GET /v1/ws HTTP/1.1\r\nHost: x\r\n${websocket.replace('Key', 'Kay')}${bearer}\r\n`],
  ['doubled headers', [200, 200], /Trace-Id: [0-9a-f]{32}\r/i, time(`Trace-Id: a\r\nTrace-Id: b\r\n${h2c}`), last]
] as [string, number[], RegExp, ...string[]][]) {
  t.test(`[HTTP-1] ${what}: ${statuses.join(', ')}`, async t => {
    const text = await exchange(t, ...parts)
    t.same(statusesOf(text), statuses, text)
    t.match(text, pattern)
    if (statuses.at(-1) !== 101 && !what.includes('HTTP/1.0')) t.match(text, /^connection: close\r$/im, 'its end is said: a proxy would send the next one into it')
  })
}

t.test('[HTTP-1] a refusal, too, says that its connection ends, where the client has asked for that', async t => {
  for (const address of ['/nothing', '/v1/conversations', '/v1/ws']) {
    t.match(await exchange(t, `GET ${address} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`), /^connection: close\r$/im, address)
  }
})

t.test('[HTTP-1] a hundred on one connection leave nothing behind', async t => {
  const opened = new Promise<Socket>(resolve => iris.app.server.once('connection', resolve))
  const raw = openRaw(t, iris.url)
  const socket = await opened
  const counts: Record<string, number>[] = []
  for (let i = 1; i <= 100; i++) {
    raw.socket.write(time(h2c))
    await raw.until(i)
    if (i === 10 || i === 100) counts.push(Object.fromEntries(socket.eventNames().map(name => [String(name), socket.listenerCount(name)])))
  }
  t.same(counts[1], counts[0])
})

t.test('[HTTP-1] its deadlines stay: a body that does not come, a request that does not go on', async t => {
  const { url } = await startIris(t, { env: { IRIS_LIMIT_REQUEST_SEC: '1' }, redisPath: iris.redisPath })
  await Promise.all([
    post('/v1/up/msg', bearer + h2c, '{"a":1}').slice(0, -3), `GET /v1/time HTTP/1.1\r\nHost: x\r\n${h2c}`,
    time(h2c) + 'GET /v1/time HTTP/1.1\r\n', ''
  ].map(async begun => {
    const raw = openRaw(t, url)
    raw.socket.write(begun)
    t.equal(statusesOf(await raw.ended).at(-1), 408, begun)
  }))
})

t.test('what is no HTTP behind a request is not taken for its answer', async t => {
  const raw = openRaw(t, iris.url)
  raw.socket.write(`GET /v1/down/events?terminalId=garbage HTTP/1.1\r\nHost: x\r\n${bearer}\r\n`)
  await raw.until(/IRIS\.READY/)
  raw.socket.write('garbage\r\n\r\n')
  await (await iris.user(t)).send(alice, 'hi')
  t.notMatch(await raw.until(/MSG_DOWN/), /HTTP\/1\.1 400|INVALID_REQUEST/)
  raw.socket.destroy()
})

t.test('[HTTP-1] SIGTERM waits for none of them, and ends in order', async t => {
  const { start } = await startSharedRedis(t)
  const { child, url, exited } = await start(t, { IRIS_DRAIN_SEC: '0' })
  const half = `POST /v1/up/msg HTTP/1.1\r\nHost: x\r\n${h2c}Content-Length: 5\r\n\r\n{`
  const sockets = [
    '', time(h2c), half, time() + half, `GET /v1/ws HTTP/1.1\r\nHost: x\r\n${websocket}\r\n`, 'garbage\r\n\r\n'
  ].map(text => {
    const raw = openRaw(t, url)
    raw.socket.removeAllListeners('end') // it keeps its half open
    raw.socket.write(text)
    return raw
  })
  for (const i of [1, 3, 4, 5]) await sockets[i]?.until(/HTTP\/1\.1 \d{3} /)
  child.kill('SIGTERM')
  t.same(await exited, [0, null])
})

t.test('[HTTP-1] one that waits for answers that nobody reads keeps no server from its end', async t => {
  for (const headers of [h2c, websocket + bearer]) {
    const { app, url } = await startIris(t, { redisPath: iris.redisPath })
    const opened = new Promise<Socket>(resolve => app.server.once('connection', resolve))
    const raw = openRaw(t, url)
    raw.socket.pause()
    const upgraded = once(app.server, 'upgrade')
    raw.socket.write('GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(40) + `GET /v1/ws HTTP/1.1\r\nHost: x\r\n${headers}\r\n`)
    await upgraded
    const socket = await opened
    await until(async () => socket.writableNeedDrain || undefined)
    t.ok(await Promise.race([app.close().then(() => true), setTimeout(15_000, false)]), 'it ends')
    raw.socket.destroy()
  }
})

t.test('[SLOW-2] an answer that waits behind another is not late', async t => {
  const slow = await startIris(t, { env: { IRIS_LIMIT_ANSWER_SEC: '1' }, redisPath: iris.redisPath })
  const raw = openRaw(t, slow.url)
  const poll = (timeoutMs: number) => `GET /v1/down/poll?timeoutMs=${timeoutMs}&terminalId=behind HTTP/1.1\r\nHost: x\r\n${bearer}\r\n`
  raw.socket.write(poll(0) + poll(3_500) + time() + 'GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n' + last)
  t.same(statusesOf(await raw.ended), [200, 200, 200, 400, 200])
})

t.test('[SLOW-2] an answer that is not taken is cut, pipelined ones with it, and counted as 499', async t => {
  const slow = await startIris(t, { env: { IRIS_LIMIT_ANSWER_SEC: '1', IRIS_METRICS: 'open' }, redisPath: iris.redisPath })
  const sockets = new Set<Socket>()
  slow.app.server.on('connection', socket => sockets.add(socket.on('close', () => sockets.delete(socket))))
  for (const path of ['/openapi.json', '/docs/static/swagger-ui-bundle.js']) {
    const raw = openRaw(t, slow.url)
    raw.socket.pause()
    raw.socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(100))
  }
  await until(async () => sockets.size === 2 || undefined)
  await until(async () => sockets.size === 0 || undefined)
  t.match(
    await (await fetch(`${slow.url}/metrics`)).text(), /iris_http_requests_total\{method="GET",route="\/openapi\.json",status="499"\} \d+/
  )
})

t.test('[SLOW-2] what waits behind another answer ends with its connection', async t => {
  const { app, url, user } = await startIris(t, {
    env: { IRIS_METRICS: 'open', IRIS_LIMIT_POLL_SEC: '1' }, redisPath: iris.redisPath
  })
  const raw = openRaw(t, url)
  const [alice, bob, carl] = await Promise.all([user(t), user(t), user(t)])
  const metric = async (line: RegExp) => line.test(await (await fetch(`${url}/metrics`)).text()) || undefined
  let asked = 0
  app.server.on('request', ({ url = '' }: IncomingMessage) => { if (url.startsWith('/v1/')) asked++ })
  // what shows messages has not begun, what shows none is worked on
  for (const [path, token] of [
    ['down/poll', alice.token], ['down/poll', bob.token], ['server/events', SERVER_KEY], ['down/poll', carl.token]
  ]) {
    raw.socket.write(`GET /v1/${path}?timeoutMs=25000 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`)
  }
  await until(async () => asked === 4 || undefined)
  await until(() => metric(/^iris_connections\{transport="poll"\} 1$/m))
  raw.socket.destroy()
  await until(() => metric(/^iris_connections\{transport="poll"\} 0$/m))
  await until(() => metric(/^iris_http_requests_total\{method="GET",route="\/v1\/down\/poll",status="499"\} 3$/m))
  await until(() => metric(/^iris_http_requests_total\{method="GET",route="\/v1\/server\/events",status="499"\} 1$/m))
})

t.test('[SLOW-2] an answer has its time from when it has the socket: who takes each in time is not cut', async t => {
  const { url } = await startIris(t, { env: { IRIS_LIMIT_ANSWER_SEC: '2' }, redisPath: iris.redisPath })
  const raw = openRaw(t, url)
  const path = '/docs/static/swagger-ui-bundle.js'
  const { length } = await (await fetch(url + path)).text()
  const times = 6
  let taken = 0
  // each answer takes some 0.7 s, all of them longer than one may
  raw.socket.on('data', chunk => {
    taken += chunk.length
    raw.socket.pause()
    void setTimeout(chunk.length * 700 / length).then(() => raw.socket.resume())
  })
  raw.socket.write(Array.from({ length: times }, (_, n) => `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${n}\r\n\r\n`).join(''))
  await until(async () => taken >= times * length || raw.socket.destroyed || undefined)
  t.ok(taken >= times * length, `${taken} of ${times * length}`)
})
