// What every operation promises by its definition: one loop over the registry, against the running server.
import t from 'tap'
import { operations } from '../src/app.js'
import { createValidators } from '../src/commands/validate.js'
import { commands } from '../src/commands/index.js'
import { errorCodes } from '../src/documents/describe-problems.js'
import { errors } from '../src/protocol/errors.js'
import { defaultLimits } from '../src/protocol/limits.js'
import { commandPath } from '../src/protocol/operation.js'
import { SERVER_KEY, startIris } from './helper/iris.js'

const iris = await startIris(t)
const validators = createValidators(defaultLimits)
const alice = await iris.token('alice')

/** What stands in a path: of whom, or of what. */
const ids = { users: 'kicked', notices: 'n-1', webhooks: 'test' }
const address = (path: string) =>
  iris.url + path.replace('{id}', Object.entries(ids).find(([part]) => path.includes(part))?.[1] ?? 'g.support-7')
/** Answers whose body and header do not name one trace. */
const untraced: string[] = []
const json = { 'content-type': 'application/json' }

async function call (path: string, init: RequestInit & { headers?: Record<string, string> }) {
  const response = await fetch(address(path), init)
  const body = await response.json() as Record<string, unknown>
  if (!body['traceId'] || body['traceId'] !== response.headers.get('trace-id')) untraced.push(`${init.method} ${path} ${response.status}`)
  return { status: response.status, headers: response.headers, body }
}

for (const { name, method, path, auth, summary, description, body, result, example } of operations) {
  const bearer = { authorization: `Bearer ${auth === 'server' ? SERVER_KEY : alice}` }

  t.test(`${name}: its example passes its own schemas, its texts teach`, async t => {
    if (body) t.same(validators.body(body)(example.body), [])
    t.same(validators.body(result)(example.result), [])
    t.ok(summary.length >= 20 && description.length >= 40)
  })

  if (auth !== 'none') {
    t.test(`${name}: [TRACE-2] no token, and a bad one: 401`, async t => {
      const sent = body ? { body: JSON.stringify(example.body) } : {}
      const none = await call(path, { method, headers: { ...json, 'trace-id': 'my-trace' }, ...sent })
      t.match(none, { status: 401, body: { code: 'UNAUTHENTICATED', traceId: 'my-trace', retryable: false } })
      t.equal(none.headers.get('www-authenticate'), 'Bearer')
      t.equal(none.headers.get('trace-id'), 'my-trace')
      t.equal(none.headers.get('content-type'), 'application/problem+json')
      const garbage = await call(path, { method, headers: { ...json, authorization: 'Bearer garbage' }, ...sent })
      t.match(garbage, { status: 401, body: { code: auth === 'server' ? 'BAD_SERVER_KEY' : 'BAD_TOKEN', retryable: false } })
      if (auth === 'user') t.equal(garbage.body['detail'], 'the token is no signed JWT (RFC 7519)')
      t.equal(garbage.headers.get('www-authenticate'), 'Bearer')
    })
  }

  if (body) {
    t.test(`${name}: an unknown field is refused by name, only application/json is read`, async t => {
      const unknown = await call(path, {
        method,
        headers: { ...json, ...bearer },
        body: JSON.stringify({ ...example.body as object, colour: 'red' })
      })
      t.match(unknown, { status: 400, body: { code: 'INVALID_BODY', errors: [{ pointer: '/colour', detail: 'is not known here' }] } })
      for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/json5', 'multipart/form-data; boundary=x']) {
        t.match(await call(path, { method, headers: { ...bearer, 'content-type': type }, body: '{}' }), {
          status: 415,
          body: { code: 'UNSUPPORTED_MEDIA_TYPE' }
        }, type)
      }
      t.not((await call(path, {
        method,
        headers: { ...bearer, 'content-type': 'application/json; charset=utf-8' },
        body: JSON.stringify(example.body)
      })).status, 415)
    })
  }

  t.test(`${name}: another method is 405 with Allow, HEAD is answered as GET is`, async t => {
    const wrong = await call(path, { method: 'PATCH', headers: bearer })
    t.match(wrong, { status: 405, body: { code: 'METHOD_NOT_ALLOWED' } })
    t.ok(wrong.headers.get('allow')?.split(', ').includes(method))
    const isRead = operations.some(other => address(other.path) === address(path) && other.method === 'GET')
    const status = isRead ? (await call(path, { headers: bearer })).status : 405
    t.equal((await fetch(address(path), { method: 'HEAD', headers: bearer })).status, status)
  })
}

t.test('the up-commands stand at the address of their wire name', async t => {
  t.equal(commands.length, 11)
  for (const { name, path, method } of commands) {
    t.equal(method, 'POST')
    t.equal(path, { MSG_UP: '/v1/up/msg', NOTICE_UP: '/v1/up/notice', HEARTBEAT: '/v1/up/heartbeat' }[name] ?? commandPath(name))
  }
  t.equal(commandPath('REST_READ_NUM_AND_LAST_MSG'), '/v1/up/cmd/rest-read-num-and-last-msg')
})

t.test('every code of the table is documented somewhere, every documented one is in the table', async t => {
  const documented = new Set(operations.flatMap(operation => errorCodes(operation)))
  const elsewhere = [
    'BAD_TICKET', 'NOT_FOUND', 'METHOD_NOT_ALLOWED', 'INVALID_REQUEST', 'URI_TOO_LONG', 'HEADERS_TOO_LARGE', 'ORIGIN_NOT_ALLOWED',
    'TOO_MANY_TERMINALS', 'UPGRADE_REQUIRED', 'REQUEST_TIMEOUT', 'NOT_READY', 'FORBIDDEN', 'PRECONDITION_FAILED', 'RANGE_NOT_SATISFIABLE'
  ]
  t.same(Object.keys(errors).filter(code => !documented.has(code as 'INTERNAL') && !elsewhere.includes(code)), [])
})

t.test('[TRACE-2] every one of these answers named one trace in its body and in its header', async t => {
  t.same(untraced, [])
})
