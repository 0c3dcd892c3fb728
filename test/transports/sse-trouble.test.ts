// The stream in trouble: Redis away, a token at its end, a client that is cut. docs/protocol.md section 4, [SSE-1].
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { EventSource } from 'eventsource'
import t, { type Test } from 'tap'
import { farewell } from '../../src/stream/say.js'
import { type Bye, byes } from '../../src/protocol/events.js'
import { sseRetry, sseText } from '../../src/transports/frames.js'
import { setAhead } from '../helper/clock.js'
import { startIris } from '../helper/iris.js'
import { startRedis } from '../helper/redis.js'
import { openSse } from '../helper/sse.js'
import { createUser, granted, until } from '../helper/user.js'

const store = await startRedis(t)
const iris = await startIris(t, { redisPath: store.path })
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** The whole answer of a stream that the server ends. */
async function whole (
  path: string, headers: Record<string, string>
): Promise<{ status: number | undefined, headers: http.IncomingHttpHeaders, text: string }> {
  return await new Promise((resolve, reject) => {
    http.get(iris.url + path, { headers, agent: false }, response => {
      let text = ''
      response.setEncoding('utf8')
        .on('data', chunk => { text += chunk })
        .on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }))
        .on('error', reject)
    }).on('error', reject)
  })
}

t.test('[SSE-1] only GET is exposed, and what is refused is a problem, not a stream', async t => {
  const bob = await iris.user(t)
  for (const method of ['HEAD', 'POST', 'PUT', 'DELETE']) {
    const { status, headers } = await fetch(`${iris.url}/v1/down/events`, { method, headers: bearer(bob.token) })
    t.strictSame([status, headers.get('allow')], [405, 'GET'], method)
  }
  for (const [headers, code] of [
    [{}, 'UNAUTHENTICATED'], [bearer('x'), 'BAD_TOKEN'], [{ ...bearer(bob.token), 'terminal-id': 'a b' }, 'INVALID_HEADER']
  ] as const) {
    const response = await fetch(`${iris.url}/v1/down/events`, { headers })
    t.match(response.headers.get('content-type'), 'application/problem+json')
    t.match(await response.json(), { code, retryable: false })
  }
})

t.test('[SSE-1] [TRACE-2] retry comes first, within 2 to 5 s and not the same for all; the trace is on the events', async t => {
  const bob = await iris.user(t)
  const waits = new Set<number>()
  for (let i = 0; i < 12; i++) {
    const text = await new Promise<string>(resolve => {
      const request = http.get(`${iris.url}/v1/down/events`, {
        headers: { ...bearer(bob.token), 'trace-id': 'my-trace' },
        agent: false
      }, response => response.on('data', chunk => {
        if (!/READY/.test(text += String(chunk))) return
        request.destroy()
        resolve(text)
      }))
      let text = ''
    })
    const [, wait, rest] = /^retry: (\d+)\n\n([^]*)$/.exec(text) ?? []
    waits.add(Number(wait))
    t.ok(Number(wait) >= 2_000 && Number(wait) <= 5_000)
    t.match(rest, /^event: CMD_DOWN\ndata: \{[^\n]*"name":"IRIS\.HELLO"[^\n]*"traceId":"my-trace"\}\n\n/)
  }
  t.ok(waits.size > 1, 'jittered')
})

t.test('[SSE-1] the end of the token, while the stream is open: BYE 4101, login', async t => {
  const userId = 'short-lived'
  const bob = createUser(t, { url: iris.url, userId, token: await iris.token(userId, 2) })
  const stream = await bob.listen()
  const hello = await stream.next('IRIS.HELLO')
  t.match(hello.data.data, { expiresAt: Number })
  t.match((await stream.next('IRIS.AUTH')).data.data, { expiresInSec: Number })
  await setAhead(t, [iris], 27_000) // the token's life and its grace
  t.match((await stream.next('IRIS.BYE')).data.data, { code: 4101, reconnect: 'login', reason: String })
  await stream.ended
  t.equal(stream.events.at(-1)?.data.name, 'IRIS.BYE', 'nothing after it')
  t.equal(stream.events.at(-1)?.id, undefined, 'it does not move the cursor')
})

t.test('[SSE-1] a ticket ends with the token it was bought with', async t => {
  const userId = 'short-lived-2'
  const bob = createUser(t, { url: iris.url, userId, token: await iris.token(userId, 2) })
  const { body: { ticket } } = granted(await bob.post('/v1/down/tickets', { terminalId: 'web' }))
  const url = `${iris.url}/v1/down/events?ticket=${String(ticket)}`
  t.teardown((await openSse(url)).cut)
  await until(async () => {
    const { status, body } = await fetch(url)
    await body?.cancel()
    return status === 401 || undefined
  })
})

/** A way to Iris that breaks once, after so many bytes of an answer: in the middle of a frame. */
async function fragileWay (t: Test, cutAfterBytes: number): Promise<string> {
  const upstream = new URL(iris.url)
  let left = cutAfterBytes
  const way = net.createServer(client => {
    const server = net.connect(Number(upstream.port), upstream.hostname)
    client.pipe(server).on('error', () => undefined)
    client.on('error', () => server.destroy()).on('close', () => server.destroy())
    server.on('close', () => client.destroy()).on('data', (chunk: Buffer) => {
      const room = left
      left -= chunk.length
      const isCut = room >= 0 && left < 0
      client.write(isCut ? chunk.subarray(0, room) : chunk)
      if (!isCut) return
      client.end()
      server.destroy()
    })
  })
  way.listen(0, '127.0.0.1')
  await once(way, 'listening')
  t.teardown(() => way.close())
  return `http://127.0.0.1:${(way.address() as net.AddressInfo).port}`
}

t.test('[SSE-1] an EventSource that is cut in the middle of a frame resumes by itself and shows every message once', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const { body: { ticket } } = granted(await bob.post('/v1/down/tickets', { terminalId: 'es' }))
  const source = new EventSource(`${await fragileWay(t, 75_000)}/v1/down/events?ticket=${String(ticket)}`)
  t.teardown(() => source.close())
  const seen: number[] = []
  let opened = 0
  source.addEventListener('open', () => opened++)
  source.addEventListener('MSG_DOWN', ({ data }) => seen.push((JSON.parse(data as string) as { seq: number }).seq))
  await until(async () => opened === 1 || undefined)
  for (let i = 1; i <= 20; i++) await alice.send(bob, `${i}` + 'x'.repeat(10_000))
  await until(async () => seen.length >= 20 || undefined)
  t.same(seen, Array.from({ length: 20 }, (_, i) => i + 1))
  t.equal(opened, 2)
})

t.test('[SSE-1] Redis is away: 200, retry, BYE, end, by bearer and by ticket; when it is back, so is the stream', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  await alice.send(bob, 'before')
  const open = await bob.listen({ terminalId: 'open' })
  const { id } = await open.next('IRIS.READY')
  const { body: { ticket } } = granted(await bob.post('/v1/down/tickets', {}))
  await store.kill()
  for (const [path, headers] of [
    ['', bearer(bob.token)], [`?lastEventId=${id}`, bearer(bob.token)], [`?ticket=${String(ticket)}`, {}]
  ] as const) {
    const { status, headers: got, text } = await whole(`/v1/down/events${path}`, headers)
    t.equal(status, 200)
    t.match(got, { 'content-type': /^text\/event-stream/, 'x-accel-buffering': 'no' })
    const [, retry, pause] =
      /^retry: \d{4}\n\nretry: (\d+)\n\nevent: CMD_DOWN\ndata: \{[^\n]*"name":"IRIS\.BYE"[^\n]*"code":4202[^\n]*"reconnect":"backoff","retryAfterMs":(\d+)[^\n]*\}\n\n$/
        .exec(text) ?? []
    t.ok(retry, text)
    t.equal(retry, pause)
  }
  t.equal(open.isOver, false, 'an open stream waits')
  t.equal((await fetch(`${iris.url}/v1/down/events?ticket=${'A'.repeat(42)}!`)).status, 401, 'what is wrong in itself needs no Redis')
  await Promise.race([store.start().catch(() => undefined), pause(200)])
  await until(async () => (await fetch(`${iris.url}/readyz`)).ok || undefined) // connected, and looked at
  const again = await bob.listen({ terminalId: 'again' })
  await again.next('IRIS.READY')
})

t.test('[SSE-1] before every goodbye stands the `retry:` that means the same, for an EventSource that reads nothing else', async t => {
  const expected: Record<string, RegExp> = { now: /^100$/, backoff: /^[0-9]+$/, login: /^undefined$/, never: /^undefined$/ }
  for (const [bye, { reconnect }] of Object.entries(byes)) {
    const text = farewell(bye as Bye, { format: sseText, retry: sseRetry }, { now: 1, traceId: 't', notBeforeMs: 5_000 })
    const [, retry] = /^(?:retry: (\d+)\n\n)?event: CMD_DOWN\ndata: [^\n]*"IRIS\.BYE"/.exec(text) ?? []
    t.match(String(retry), expected[reconnect], bye)
    if (reconnect === 'backoff') t.match(text, `"retryAfterMs":${retry}`)
    else t.notMatch(text, 'retryAfterMs')
  }
})
