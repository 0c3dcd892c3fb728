// Browsers of other origins, and the headers that keep browsers honest.
import t from 'tap'
import { startIris } from './helper/iris.js'
import { openRaw, statusesOf } from './helper/raw.js'

const lines: string[] = []
const open = await startIris(t, {
  logs: { write: line => lines.push(line) },
  env: { IRIS_ALLOWED_ORIGINS: 'https://a.example, https://b.example:8443' }
})
const closed = await startIris(t)

t.test('only the configured origins are allowed, however they are spelled', async t => {
  for (const origin of [
    'https://a.example', 'https://b.example:8443', 'https://A.example', 'https://a.example:443', 'HTTPS://B.EXAMPLE:8443'
  ]) {
    t.equal((await fetch(`${open.url}/v1/time`, { headers: { origin } })).headers.get('access-control-allow-origin'), origin)
  }
  for (const origin of [
    'https://a.example.evil', 'http://a.example', 'http://a.example:443', 'https://b.example', 'https://a.example/', 'null',
    'https://a.example,https://b.example'
  ]) {
    t.equal((await fetch(`${open.url}/v1/time`, { headers: { origin } })).headers.get('access-control-allow-origin'), null, origin)
  }
})

t.test('a preflight says what may be sent, an answer what may be read', async t => {
  const asked = 'authorization,content-type,terminal-id,trace-id,traceparent,' +
    'tracestate,baggage,idempotency-key,cache-control,last-event-id,x-other'
  const preflight = await fetch(`${open.url}/v1/up/msg`, {
    method: 'OPTIONS',
    headers: { origin: 'https://a.example', 'access-control-request-method': 'POST', 'access-control-request-headers': asked }
  })
  t.equal(preflight.status, 204)
  t.equal(preflight.headers.get('access-control-allow-headers'), asked, 'it is the origin that is judged, not what tracing adds')
  t.match(preflight.headers.get('vary'), /Access-Control-Request-Headers/i)
  t.equal(preflight.headers.get('access-control-allow-credentials'), null)
  const refused = await fetch(`${open.url}/v1/up/msg`, { method: 'POST', headers: { origin: 'https://a.example' } })
  t.match(refused.headers.get('vary'), /Origin/i, 'a cache must not give it to another origin')
  t.match([refused.status, refused.headers.get('access-control-expose-headers'), refused.headers.get('access-control-allow-origin')], [
    401, 'Trace-Id, Retry-After, Allow, WWW-Authenticate, Accept-Encoding, Idempotent-Replayed', 'https://a.example'
  ])
})

t.test('a page of an allowed origin can read every refusal, no other can, whoever made it', async t => {
  const long = 'x'.repeat(20_000)
  for (const [what, request, status] of [
    ['the router: no address', 'GET /v1/%zz HTTP/1.1\r\nHost: x\r\n', 400],
    ['the router: a long parameter', `GET /v1/server/conversations/g.${'x'.repeat(300)} HTTP/1.1\r\nHost: x\r\n`, 414],
    ['the first hook: no host', 'GET /v1/time HTTP/1.1\r\n', 400],
    ['no address', 'GET /nothing HTTP/1.1\r\nHost: x\r\n', 404],
    ['another method', 'PATCH /v1/time HTTP/1.1\r\nHost: x\r\n', 405],
    ['OPTIONS that is no preflight', 'OPTIONS /livez HTTP/1.1\r\nHost: x\r\n', 405],
    ['the parser: a bad version', 'GET / HTTP/1.9x\r\nHost: x\r\n', 400],
    ['the parser: a bad header', 'GET / HTTP/1.1\r\nHost: x\r\na b: c\r\n', 400],
    ['the parser: long headers', `GET / HTTP/1.1\r\nHost: x\r\nX: ${long}\r\n`, 431],
    ['the door of the WebSocket', 'GET /v1/ws HTTP/1.1\r\nHost: x\r\n', 426]
  ] as const) {
    for (const origin of ['https://a.example', 'https://A.example:443', 'https://a.example.evil']) {
      if (status === 426 && origin.endsWith('evil')) continue
      const connection = openRaw(t, open.url)
      // the origin first: what was not read cannot be known
      connection.socket.write(request.replace('\r\n', `\r\nOrigin: ${origin}\r\nConnection: close\r\n`) + '\r\n')
      const answer = await connection.ended
      t.same(statusesOf(answer), [status], what)
      t.equal(/^access-control-allow-origin: (.*)\r$/im.exec(answer)?.[1], origin.endsWith('evil') ? undefined : origin, what)
      t.match(answer, /^vary: .*origin/im, what)
      t.match(answer, /^content-security-policy: default-src 'none'/im, what)
    }
  }
})

t.test('[SSE-1] the stream carries the headers too', async t => {
  const token = await open.token('bob')
  const response = await fetch(`${open.url}/v1/down/events`, { headers: { origin: 'https://a.example', authorization: `Bearer ${token}` } })
  t.equal(response.headers.get('access-control-allow-origin'), 'https://a.example')
  t.equal(response.headers.get('x-content-type-options'), 'nosniff')
  t.match(response.headers.get('trace-id'), /^\S+$/)
  t.match([response.status, response.headers.get('content-type')], [200, /^text\/event-stream/])
  t.match(response.headers.get('content-security-policy'), /^default-src/)
  await response.body?.cancel()
  const refused = await fetch(`${open.url}/v1/down/events`, { headers: { origin: 'https://a.example' } })
  t.same([refused.status, refused.headers.get('access-control-allow-origin')], [401, 'https://a.example'])
  const stranger = await fetch(`${open.url}/v1/down/events`, {
    headers: { origin: 'https://a.example.evil', authorization: `Bearer ${token}` }
  })
  t.equal(stranger.headers.get('access-control-allow-origin'), null)
  await stranger.body?.cancel()
})

/** Asks as a browser does whether a page may send something. */
const ask = async (url: string, origin: string) =>
  await fetch(`${url}/v1/up/msg`, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } })

t.test('a preflight of another origin is refused, and both the answer and the log name it', async t => {
  for (const { url } of [open, closed]) {
    for (const origin of ['https://a.example.evil', 'http://a.example', 'null', 'https://a.example/']) {
      for (let round = 0; round < 2; round++) {
        const preflight = await ask(url, origin)
        t.same([...preflight.headers.keys()].filter(name => name.startsWith('access-control')), [], origin)
        t.match([preflight.status, await preflight.json()], [403, {
          code: 'ORIGIN_NOT_ALLOWED',
          instance: '/v1/up/msg',
          traceId: String,
          detail: `The origin ${origin} is neither that of the host ${new URL(url).host} nor one of IRIS_ALLOWED_ORIGINS`
        }])
      }
    }
  }
  const refused = lines.filter(line => line.includes('CORS')).map(line => JSON.parse(line) as Record<string, unknown>)
  t.same(refused.map(({ level, origin }) => [level, origin]), [
    [40, 'https://a.example.evil'], [40, 'http://a.example'], [40, 'null'], [40, 'https://a.example/']
  ], 'once each')
  const own = await ask(open.url, open.url)
  t.same([own.status, own.headers.get('allow')], [405, 'POST'], 'the own page asks for none')
})

t.test('what is refused before CORS is looked at is a problem, too, of OPTIONS as of others', async t => {
  for (const { url } of [open, closed]) {
    const connection = openRaw(t, url)
    connection.socket.write('OPTIONS /v1/time HTTP/1.1\r\nOrigin: https://a.example\r\nConnection: close\r\n\r\n')
    t.match(await connection.ended, /^HTTP\/1\.1 400 [^]*application\/problem\+json[^]*"code":"INVALID_REQUEST"/)
  }
})

t.test('what such a page sends without a preflight is answered, and it may not read it', async t => {
  const headers = { origin: 'https://a.example.evil' }
  for (const { url } of [open, closed]) {
    const time = await fetch(`${url}/v1/time`, { headers })
    const sent = await fetch(`${url}/v1/up/msg`, { method: 'POST', headers: { ...headers, 'content-type': 'text/plain' }, body: '{}' })
    t.same([time.status, sent.status], [200, 401])
    for (const answer of [time, sent]) t.equal(answer.headers.get('access-control-allow-origin'), null)
  }
})

t.test('without configuration there are no CORS headers', async t => {
  const origin = { origin: 'https://a.example' }
  const stream = await fetch(`${closed.url}/v1/down/events`, {
    headers: { ...origin, authorization: `Bearer ${await closed.token('bob')}` }
  })
  await stream.body?.cancel()
  const preflight = await fetch(`${closed.url}/v1/up/msg`, {
    method: 'OPTIONS',
    headers: { ...origin, 'access-control-request-method': 'POST' }
  })
  for (const { headers } of [await fetch(`${closed.url}/v1/time`, { headers: origin }), stream, preflight]) {
    t.same([...headers.keys()].filter(name => name.startsWith('access-control')), [])
  }
})

t.test('every answer has a strict content policy', async t => {
  for (const path of ['/v1/time', '/nothing', '/openapi.json']) {
    const { headers } = await fetch(closed.url + path)
    t.match(headers.get('content-security-policy'), /^default-src '(self|none)'/)
    t.notMatch(headers.get('content-security-policy'), /unsafe/)
    t.equal(headers.get('x-content-type-options'), 'nosniff')
    t.equal(headers.get('strict-transport-security'), null)
  }
  const docs = await fetch(`${closed.url}/docs/`)
  t.match(docs.headers.get('content-security-policy'), /^default-src 'self'; .*style-src 'self' 'unsafe-inline'/,
    'the pages bring styles of their own')
  t.notMatch(docs.headers.get('content-security-policy'), /script-src[^;]*unsafe|https?:/)
  t.equal(docs.headers.get('x-content-type-options'), 'nosniff')
})
