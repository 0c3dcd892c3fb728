// Limits that protect the node: requests of an address, connections of a user, requests that do not come to an end.
import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { startIris } from './helper/iris.js'
import { openSse } from './helper/sse.js'

t.test('an address over its rate gets 429 with Retry-After, another does not; a stream gets 200 and BYE 4205 [SSE-1]', async t => {
  const iris = await startIris(t, {
    env: { IRIS_LIMIT_ADDRESS_RATE: '1', IRIS_TRUST_PROXY: '127.0.0.1', IRIS_ALLOWED_ORIGINS: 'https://app.example' }
  })
  const bob = await iris.user(t)
  const ask = (address: string) => fetch(`${iris.url}/v1/time`, { headers: { 'x-forwarded-for': address, origin: 'https://app.example' } })
  for (let i = 0; i < 10; i++) t.equal((await ask('203.0.113.7')).status, 200, 'a burst of ten seconds\' worth')
  const refused = await ask('203.0.113.7')
  t.equal(refused.status, 429)
  t.match(await refused.json(), { code: 'RATE_LIMITED', retryable: true, traceId: String })
  const wait = Number(refused.headers.get('retry-after'))
  t.ok(wait >= 1 && wait <= 10, `${wait} s`)
  t.equal(refused.headers.get('access-control-allow-origin'), 'https://app.example', 'a browser may read why')
  t.equal((await ask('203.0.113.8')).status, 200)
  const headers = { 'x-forwarded-for': '203.0.113.7', authorization: `Bearer ${bob.token}` }
  const stream = await openSse(`${iris.url}/v1/down/events`, { headers })
  t.equal(stream.status, 200)
  t.match((await stream.next('IRIS.BYE')).data.data, { code: 4205, reconnect: 'backoff', retryAfterMs: Number })
  await stream.ended
  t.equal((await ask('2001:db8::1')).status, 200)
  for (let i = 0; i < 10; i++) await ask(`2001:db8::${i}`)
  t.equal((await ask('2001:db8::ffff')).status, 429, 'a network of IPv6 counts as one')
})

t.test('loopback is not counted, X-Forwarded-For of a stranger is not believed, 0 is no limit', async t => {
  const local = await startIris(t, { env: { IRIS_LIMIT_ADDRESS_RATE: '1' } })
  for (let i = 0; i < 30; i++) t.equal((await fetch(`${local.url}/v1/time`, { headers: { 'x-forwarded-for': '203.0.113.7' } })).status, 200)
  const off = await startIris(t, { env: { IRIS_LIMIT_ADDRESS_RATE: '0', IRIS_TRUST_PROXY: '127.0.0.0/8,::1' } })
  for (let i = 0; i < 30; i++) t.equal((await fetch(`${off.url}/v1/time`, { headers: { 'x-forwarded-for': '203.0.113.7' } })).status, 200)
})

t.test('beyond the limit of connections the oldest is ended for good, the new ones live', async t => {
  const iris = await startIris(t, { env: { IRIS_LIMIT_CONNECTIONS: '3' } })
  const [bob, carol] = [await iris.user(t), await iris.user(t)]
  const other = await carol.listen()
  const open = async () => {
    const stream = await bob.listen()
    await stream.next('IRIS.READY')
    return stream
  }
  const [first, second] = [await open(), await open()]
  await open()
  t.equal(first.isOver, false)
  const fourth = await open()
  t.match((await first.next('IRIS.BYE')).data.data, { code: 4302, reconnect: 'never' })
  await first.ended
  await carol.send(bob, 'hi')
  await Promise.all([second, fourth].map(stream => stream.next('MSG_DOWN')))
  t.equal(other.isOver, false, 'another user has his own')
})

/** Sends the pieces, then waits. @returns all that came back until the server closed. */
async function dribble (url: string, text: string): Promise<string> {
  const { port } = new URL(url)
  let answer = ''
  const socket = connect(Number(port), '127.0.0.1', () => socket.write(text))
  socket.on('data', chunk => { answer += String(chunk) }).on('error', () => undefined)
  // something always comes, so that only the time of the whole counts
  const dribbling = setInterval(() => { if (text !== '' && socket.writable) socket.write('x') }, 100)
  await once(socket, 'close')
  clearInterval(dribbling)
  return answer
}

t.test('slow headers, a slow body and a silent connection are closed; a stream and an idle kept connection are not', async t => {
  const iris = await startIris(t, { env: { IRIS_LIMIT_REQUEST_SEC: '1' } })
  const bob = await iris.user(t)
  const stream = await bob.listen()
  const [headers, body, silent] = await Promise.all([
    dribble(iris.url, 'GET /v1/time HTTP/1.1\r\nHost: x\r\nX-Slow: '),
    dribble(iris.url, 'POST /v1/up/msg HTTP/1.1\r\nHost: x\r\nAuthorization: ' +
      `Bearer ${bob.token}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"`),
    dribble(iris.url, '')
  ])
  for (const answer of [headers, body]) {
    t.match(answer, /^HTTP\/1\.1 408 /)
    t.match(answer, '"code":"REQUEST_TIMEOUT"')
  }
  t.notMatch(silent, '200')
  t.equal(stream.isOver, false)
  t.equal((await bob.time({})).status, 200)
})
