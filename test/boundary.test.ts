// The door compares what is meant: bodies and their absence, codings, methods, origins, traces; foreign refusals keep their status.
import t from 'tap'
import { operations } from '../src/app.js'
import { SERVER_KEY, startIris } from './helper/iris.js'
import { openRaw, statusesOf } from './helper/raw.js'
import { openWs } from './helper/ws.js'

const lines: string[] = []
const iris = await startIris(t, {
  demo: true,
  env: { IRIS_ALLOWED_ORIGINS: 'HTTPS://App.Example:443', IRIS_TRUST_PROXY: '127.0.0.1' },
  logs: { write: line => lines.push(line) }
})
const alice = await iris.user(t, 'alice')
const bearer = (auth: string) => ({ authorization: `Bearer ${auth === 'server' ? SERVER_KEY : alice.token}` })

/** Sends a request as it stands. @returns status and problem. */
async function raw (method: string, path: string, headers: Record<string, string>, body = '') {
  const connection = openRaw(t, iris.url)
  connection.socket.write(`${method} ${path} HTTP/1.1\r\n${Object.entries({ host: 'x', connection: 'close', ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n${body}`)
  const text = await connection.ended
  return { status: statusesOf(text).at(-1), text, code: /"code":"(\w+)"/.exec(text)?.[1] }
}

for (const { name, method, path, auth, body } of operations) {
  const address = path.replace('{id}', 'g.none')
  const headers = bearer(auth)
  t.test(`${name}: without a body any Content-Type and coding is fine`, async t => {
    const { status: plain, code } = await raw(method, address, headers)
    for (const type of ['application/json', 'text/plain', 'application/octet-stream', 'nonsense', '']) {
      for (const length of [{}, { 'content-length': '0' }]) {
        t.match(await raw(method, address, { ...headers, 'content-type': type, 'content-encoding': 'gzip', ...length }), {
          status: plain,
          code
        }, type)
      }
    }
    for (const more of [
      { 'content-type': 'text/plain' }, { 'content-type': 'nonsense' }, { 'content-type': '' },
      { 'content-type': 'application/json; charset=latin1' }, { 'content-type': 'application/json', 'content-encoding': 'gzip' }, {}
    ]) {
      t.match(await raw(method, address, { ...headers, ...more, 'transfer-encoding': 'chunked' }, '0\r\n\r\n'), {
        status: plain,
        code
      }, `chunked ${JSON.stringify(more)}`)
      if (body && Object.keys(more).length > 0) {
        t.match(
          await raw(method, address, { ...headers, ...more, 'transfer-encoding': 'chunked' }, '2\r\n{}\r\n0\r\n\r\n'),
          { status: 415 },
          'chunked, and there is one'
        )
      }
    }
    t.not(plain, 415)
  })
  if (!body) continue
  t.test(`${name}: a coding or a charset that is not read is 415 and says so`, async t => {
    for (const more of [
      { 'content-encoding': 'gzip' }, { 'content-encoding': 'br, identity' }, { 'content-type': 'application/json; charset=latin1' },
      { 'content-type': 'application/json;version=1; Charset="GBK"' }, { 'content-type': 'application/problem+json' }
    ]) {
      t.match(await raw(method, address, { ...headers, 'content-type': 'application/json', 'content-length': '2', ...more }, '{}'), {
        status: 415,
        code: 'UNSUPPORTED_MEDIA_TYPE'
      }, JSON.stringify(more))
    }
    const { status } = await raw(method, address, { ...headers, 'content-type': 'application/json', 'content-length': '2' }, '{}')
    for (const type of [
      'application/json; charset=UTF-8', 'Application/JSON;charset="utf-8"', 'application/json ; charset=utf8', 'application/json;'
    ]) {
      t.match(
        await raw(method, address, { ...headers, 'content-type': type, 'content-encoding': 'identity', 'content-length': '2' }, '{}'),
        { status },
        type
      )
    }
  })
}

t.test('HEAD is answered where a probe, a checker or a browser asks by it', async t => {
  for (const path of [
    '/livez', '/readyz', '/metrics', '/openapi.json', '/asyncapi.json', '/', '/docs', '/docs/', '/docs/static/index.css', '/assets/page.js',
    '/assets/htm.js', '/assets/client.js', '/v1/time', '/v1/server/users/u/terminals'
  ]) {
    const length = /^content-length: (\d+)\r$/im.exec((await raw('GET', path, bearer('server'))).text)?.[1]
    const { status, text } = await raw('HEAD', path, bearer('server'))
    t.same([status, text.split('\r\n\r\n')[1]], [200, ''], path)
    if (path !== '/metrics') t.equal(/^content-length: (\d+)\r$/im.exec(text)?.[1], length, path)
  }
  for (const path of ['/v1/down/events', '/v1/down/poll', '/v1/ws']) {
    t.match(await raw('HEAD', path, bearer('user')), { status: 405, text: /^allow: GET\r$/im }, path)
  }
  for (const path of ['/livez', '/v1/time', '/']) {
    t.match(await raw('OPTIONS', path, {}), { status: 405, text: /^allow: GET, HEAD\r$/im }, path)
  }
})

t.test('[TRACE-1] what is for diagnosis alone is never a reason to refuse', async t => {
  for (const headers of [
    { 'trace-id': 'a b' }, { traceparent: 'nonsense' }, { tracestate: '=,=' }, { baggage: '%%%' }, { accept: 'nonsense' },
    { accept: 'text/html;q=x' }, { 'accept-encoding': 'x' }, { expect: 'miracles' }, { prefer: ';' }, { 'x-forwarded-for': 'nonsense' },
    { 'user-agent': '' }
  ]) {
    t.match(await raw('GET', '/v1/conversations', { ...bearer('user'), ...headers }), { status: 200 }, JSON.stringify(headers))
    t.match(await raw('GET', '/v1/down/poll?timeoutMs=0&_=1&_t=2', { ...bearer('user'), ...headers }), {
      status: 200
    }, JSON.stringify(headers))
  }
  const ws = await openWs(`${iris.url}/v1/ws?_=1`, { headers: bearer('user') })
  for (const traceId of ['"a b"', '7', 'null', '{}', `"${'x'.repeat(65)}"`]) {
    t.match(await ws.up('', {}, 'r', `{"up":"GET_SYSTEM_TIME","requestId":"r","traceId":${traceId},"body":{}}`), {
      data: { traceId: /^[0-9a-f]{32}$/ }
    }, traceId)
  }
  await ws.cut()
})

t.test('the origin of a WebSocket: what is meant is compared, what is refused says with what', async t => {
  const open = async (headers: Record<string, string>) => await openWs(`${iris.url}/v1/ws`, { headers: { ...bearer('user'), ...headers } })
    .then(async ws => { await ws.cut(); return 'open' }, (error: { body?: { code?: string, detail?: string } }) => error.body)
  for (const [origin, host] of [
    ['http://chat.example', 'chat.example:80'], ['http://chat.example', 'Chat.Example'], ['https://chat.example', 'chat.example:443'],
    ['https://chat.example', 'chat.example'], ['http://[::1]:4747', '[::1]:4747'], ['https://app.example', 'upstream'],
    ['https://Chat.Example', 'chat.example'],
    ['https://chat.example:443', 'chat.example'],
    ['HTTP://CHAT.EXAMPLE:80', 'Chat.example'],
    ['HTTPS://APP.EXAMPLE:443', 'upstream']
  ] as const) {
    t.equal(await open({ origin, host }), 'open', `${origin} ${host}`)
  }
  t.equal(await open({ origin: 'https://chat.example', host: 'upstream', 'x-forwarded-host': 'chat.example' }),
    'open', 'a trusted proxy says what was asked for')
  for (const [origin, host] of [
    ['http://chat.example', 'upstream'], ['http://chat.example:8080', 'chat.example'], ['http://x@chat.example', 'chat.example'],
    ['null', 'chat.example'], ['http://chat.example.evil', 'chat.example']
  ] as const) {
    const refused = await open({ origin, host })
    t.match(refused, { code: 'ORIGIN_NOT_ALLOWED', detail: /IRIS_ALLOWED_ORIGINS/ })
    t.ok(JSON.stringify(refused).includes(origin) && JSON.stringify(refused).includes(host))
    t.ok(lines.some(line => line.includes(`"origin":"${origin}","host":"${host}"`)), 'and so does the log')
  }
})

t.test('what the static files refuse keeps its status, and is no bug', async t => {
  const before = lines.length
  for (const [path, headers, status, code] of [
    ['/assets/../x', {}, 403, 'FORBIDDEN'],
    ['/assets/%2e%2e/x', {}, 403, 'FORBIDDEN'],
    ['/docs/static/%2e%2e/x', {}, 403, 'FORBIDDEN'],
    ['/docs/static/..%2fx', {}, 404, 'NOT_FOUND'],
    ['/assets/%zz', {}, 400, 'INVALID_REQUEST'], ['/assets/%00', {}, 403, 'FORBIDDEN'], ['/assets/none.js', {}, 404, 'NOT_FOUND'],
    ['/assets/page.js', { range: 'bytes=99999999-' }, 416, 'RANGE_NOT_SATISFIABLE'],
    ['/assets/page.js', { 'if-match': '"x"' }, 412, 'PRECONDITION_FAILED']
  ] as [string, Record<string, string>, number, string][]) {
    t.match(await raw('GET', path, headers), { status, code }, path)
  }
  t.notMatch(lines.slice(before).join(''), /"level":50/)
})
