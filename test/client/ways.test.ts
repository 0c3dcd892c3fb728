// The client where the way is bad: proxies that buffer, refuse or restart, servers that go, tokens that end, clocks that lie.
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import type { Options } from '../../src/client/index.js'
import { connectClient, createMemory, startProxy } from '../helper/client.js'
import { startIris } from '../helper/iris.js'
import { noNginx, startNginx } from '../helper/nginx.js'
import { freePort } from '../helper/process.js'
import { tokenOf } from '../helper/token.js'
import { until } from '../helper/user.js'

const iris = await startIris(t, { env: { IRIS_TRUST_PROXY: '127.0.0.1' } })

/** A TCP door to Iris that can be shut, with all who are inside. */
async function openDoor (t: Test) {
  const { hostname, port } = new URL(iris.url)
  const sockets = new Set<Socket>()
  const server = createServer(near => {
    const far = connect(Number(port), hostname)
    for (const [socket, other] of [[near, far], [far, near]] as const) {
      sockets.add(socket)
      socket.on('error', () => undefined).on('close', () => other.destroy()).pipe(other)
    }
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port: own } = server.address() as { port: number }
  const shut = () => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  t.teardown(shut)
  const open = async () => void await once(server.listen(own, '127.0.0.1'), 'listening')
  return { port: own, url: `http://127.0.0.1:${own}`, shut, open }
}

t.test('an nginx that buffers, and one that restarts', { skip: noNginx }, async t => {
  const door = await openDoor(t)
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const http = `proxy_buffers 8 16k; proxy_ignore_headers X-Accel-Buffering;
    server { listen 127.0.0.1:${port}; location / { proxy_pass http://127.0.0.1:${door.port}; proxy_http_version 1.1; } }`
  await startNginx(t, { http, url })
  const bob = await iris.user(t)

  await t.test('[SSE-1] a stream that is buffered: another way is taken and remembered; a better one is tried later', async t => {
    const alice = await iris.user(t)
    const storage = createMemory()
    const timing = { patienceMs: 400, betterMs: 60_000 }
    const first = connectClient(t, { ...iris, url }, alice.userId, { storage, timing })
    await first.is('live')
    t.equal(first.client.state.transport, 'poll')
    t.ok(first.seen.state.some(({ reason }) => /buffers it/.test(reason)), 'it says so')
    await bob.send(alice, 'all the same')
    await first.some('message')
    first.client.close()

    const second = connectClient(t, { ...iris, url }, alice.userId, { storage, timing })
    await second.is('live')
    t.same(second.seen.state.map(({ transport }) => transport), ['poll', 'poll'], 'what worked comes first')
    second.client.close()

    const third = connectClient(t, iris, alice.userId, { storage: createMemory(), timing: { ...timing, betterMs: 300 }, url })
    await third.is('live')
    await third.some('state', ({ reason }) => reason === 'a better way is tried')
    await third.is('live')
    await bob.send(alice, 'still there')
    await third.some('message', ({ content }) => content?.['text'] === 'still there')
  })

  await t.test('what stands behind a proxy restarts: 502, and back again, nothing lost', async t => {
    const alice = await iris.user(t)
    const { client, seen, is, texts } = connectClient(t, iris, alice.userId, { url, transports: ['poll'] })
    await is('live')
    door.shut()
    const sending = client.send(bob.userId, 'written meanwhile')
    const { error } = await until(async () => seen.state.find(({ state, error }) => state === 'waiting' && error))
    t.match(error, { code: 'NOT_IRIS', status: 502, message: /what is behind/ })
    await bob.send(alice, 'missed')
    await door.open()
    await sending
    await is('live')
    await until(async () => texts().length === 2 || undefined)
    t.same(texts().sort(), ['missed', 'written meanwhile'])
  })
})

t.test('[POLL-1] a WebSocket that is refused, and streams that are blocked: the next way is taken', async t => {
  const bob = await iris.user(t)
  const alice = await iris.user(t)
  const { url } = await startProxy(t, iris.url, (request, response, pass) => {
    if (request.url?.startsWith('/v1/down/events')) response.writeHead(403, { 'content-type': 'text/html' }).end('<h1>no</h1>')
    else pass()
  })
  const { client, seen, is, some } = connectClient(t, iris, alice.userId, {
    url, transports: ['sse', 'websocket', 'poll'], timing: { patienceMs: 1_500 }
  })
  await is('live')
  t.equal(client.state.transport, 'poll')
  t.match(seen.state.find(({ error }) => error)?.error, { code: 'NOT_IRIS', status: 403 })
  await bob.send(alice, 'hi')
  await some('message')
})

t.test('[POLL-1] a WebSocket of the package ws: one that is refused, or given up before it is open, throws nothing', async t => {
  const alice = await iris.user(t)
  let isHeld = false
  const { url } = await startProxy(t, iris.url, (request, response, pass) => {
    if (!request.url?.startsWith('/v1/ws')) pass()
    else if (!isHeld) response.writeHead(403).end()
  })
  const options: Partial<Options> = { url, WebSocket, transports: ['websocket', 'poll'], timing: { patienceMs: 300 } }
  for (isHeld of [false, true]) {
    const { client, is } = connectClient(t, iris, alice.userId, options)
    await is('live')
    t.equal(client.state.transport, 'poll')
    client.close()
  }
  const direct = connectClient(t, iris, alice.userId, { WebSocket, transports: ['websocket'] })
  await direct.is('live')
})

t.test('[ATTACH-3] the server goes and comes back: the stream is resumed, every message comes once', async t => {
  const door = await openDoor(t)
  const bob = await iris.user(t)
  for (const way of ['sse', 'websocket', 'poll'] as const) {
    const alice = await iris.user(t)
    const { client, some, is, texts } = connectClient(t, iris, alice.userId, { url: door.url, transports: [way] })
    await is('live')
    await bob.send(alice, 'one')
    await some('message')
    door.shut()
    await is('waiting')
    t.ok(client.state.retryInMs !== undefined && client.state.reason !== '', 'it says why, and until when')
    await bob.send(alice, 'two')
    await door.open()
    await is('live')
    await bob.send(alice, 'three')
    await some('message', ({ seq }) => seq === 3)
    t.same(texts(), ['one', 'two', 'three'], way)
    client.close()
  }
})

t.test('the token is renewed before its end, by the server\'s clock, though this one is wrong by a day', async t => {
  const { now } = Date
  t.teardown(() => { Date.now = now })
  for (const wrongMs of [86_400_000, -86_400_000]) {
    const alice = await iris.user(t)
    let asked = 0
    const tokens = [await tokenOf(alice.userId, { endsInSec: 4 }), await tokenOf(alice.userId)]
    const token = () => tokens[asked++]
    let refused = 0
    const counting: typeof fetch = async (input, init) => {
      if (new Request(input).url.endsWith('/v1/up/msg') && client.aheadMs === 0) throw new TypeError('not yet')
      const response = await fetch(input, init)
      if (!response.ok) refused++
      return response
    }
    const { client, is } = connectClient(t, iris, alice.userId, { token, fetch: counting })
    Date.now = () => now() + wrongMs
    const sending = client.send('somebody', 'written before the server\'s clock is known')
    await is('live')
    t.ok(Math.abs(client.aheadMs + wrongMs) < 5_000)
    await until(async () => {
      await client.conversations()
      return asked === 2 || undefined
    })
    t.equal(refused, 0)
    t.match(await sending, { seq: 1 })
    client.close()
    Date.now = now
  }
})

t.test('[DOWN-3] READY is heard though it moves no cursor: what waits is sent as soon as the stream is resumed', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  let isRefused = true
  const refusing: typeof fetch = async (input, init) => isRefused && new Request(input).url.endsWith('/v1/up/msg')
    ? new Response('{"code":"STORE_UNAVAILABLE","retryable":true}', { status: 503, headers: { 'Retry-After': '50' } })
    : await fetch(input, init)
  const { client, seen, some, is } = connectClient(t, iris, alice.userId, { fetch: refusing })
  await is('live')
  client.send(bob.userId, 'in 50 s, or when the stream is back').catch(() => undefined)
  await some('outbox', ({ state }) => state === 'waiting')
  isRefused = false
  client.reconnect()
  await some('outbox', ({ state }) => state === 'stored')
  t.ok(seen.frame.filter(({ data }) => data?.['name'] === 'IRIS.READY').length > 1)
})
