// Browsers of other origins, and the headers that keep browsers honest.
import t from 'tap'
import { startIris } from './helper/iris.js'

const open = await startIris(t, { env: { IRIS_ALLOWED_ORIGINS: 'https://a.example, https://b.example:8443' } })
const closed = await startIris(t)

t.test('only the configured origins are allowed, compared exactly', async t => {
  for (const origin of ['https://a.example', 'https://b.example:8443']) {
    t.equal((await fetch(`${open.url}/v1/time`, { headers: { origin } })).headers.get('access-control-allow-origin'), origin)
  }
  for (const origin of ['https://a.example.evil', 'http://a.example', 'https://A.example', 'https://b.example', 'https://a.example:443', 'null', 'https://a.example,https://b.example']) {
    t.equal((await fetch(`${open.url}/v1/time`, { headers: { origin } })).headers.get('access-control-allow-origin'), null, origin)
  }
})

t.test('a preflight says what may be sent, an answer what may be read', async t => {
  const asked = 'authorization,content-type,terminal-id,trace-id,traceparent,tracestate,baggage,idempotency-key,cache-control,last-event-id,x-other'
  const preflight = await fetch(`${open.url}/v1/up/msg`, { method: 'OPTIONS', headers: { origin: 'https://a.example', 'access-control-request-method': 'POST', 'access-control-request-headers': asked } })
  t.equal(preflight.status, 204)
  t.equal(preflight.headers.get('access-control-allow-headers'), asked, 'it is the origin that is judged, not what tracing adds')
  t.match(preflight.headers.get('vary'), /Access-Control-Request-Headers/i)
  t.equal(preflight.headers.get('access-control-allow-credentials'), null)
  const refused = await fetch(`${open.url}/v1/up/msg`, { method: 'POST', headers: { origin: 'https://a.example' } })
  t.match(refused.headers.get('vary'), /Origin/i, 'a cache must not give it to another origin')
  t.match([refused.status, refused.headers.get('access-control-expose-headers'), refused.headers.get('access-control-allow-origin')], [401, 'Trace-Id, Retry-After, Allow, WWW-Authenticate, Accept-Encoding', 'https://a.example'])
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
  const stranger = await fetch(`${open.url}/v1/down/events`, { headers: { origin: 'https://a.example.evil', authorization: `Bearer ${token}` } })
  t.equal(stranger.headers.get('access-control-allow-origin'), null)
  await stranger.body?.cancel()
})

t.test('a preflight of another origin allows it nothing', async t => {
  for (const origin of ['https://a.example.evil', 'http://a.example', 'null']) {
    const { headers } = await fetch(`${open.url}/v1/up/msg`, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } })
    t.equal(headers.get('access-control-allow-origin'), null, origin)
  }
})

t.test('without configuration there are no CORS headers', async t => {
  const origin = { origin: 'https://a.example' }
  const stream = await fetch(`${closed.url}/v1/down/events`, { headers: { ...origin, authorization: `Bearer ${await closed.token('bob')}` } })
  await stream.body?.cancel()
  const preflight = await fetch(`${closed.url}/v1/up/msg`, { method: 'OPTIONS', headers: { ...origin, 'access-control-request-method': 'POST' } })
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
  t.match(docs.headers.get('content-security-policy'), /^default-src 'self'; .*style-src 'self' 'unsafe-inline'/, 'the pages bring styles of their own')
  t.notMatch(docs.headers.get('content-security-policy'), /script-src[^;]*unsafe|https?:/)
  t.equal(docs.headers.get('x-content-type-options'), 'nosniff')
})
