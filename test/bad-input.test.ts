// Input made to hurt: each gets its exact status and code, and the field to blame; nothing is lost, nothing falls over.
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { errors } from '../src/protocol/errors.js'
import { bodies } from './helper/bad-bodies.js'
import { startIris } from './helper/iris.js'
import { openSse } from './helper/sse.js'
import { granted, pointers } from './helper/user.js'

const iris = await startIris(t)
const [alice, bob] = [await iris.user(t, 'alice'), await iris.user(t, 'bob')]
await alice.send(bob, 'there is a conversation')

const dm = 'dm.alice.bob'
/** Every status that was answered. */
const statuses: number[] = []

for (const [what, path, body, code, pointer] of bodies) {
  t.test(`${path}: ${what} is ${code}`, async t => {
    const answer = await alice.post(path, body)
    t.equal(answer.body.code, code, JSON.stringify(answer.body).slice(0, 300))
    statuses.push(answer.status)
    t.same([answer.status, answer.body['status']], [errors[code].status, errors[code].status])
    if (pointer !== undefined) t.same(pointers(answer), [pointer])
  })
}

const { serverKey } = iris
const asServer = { authorization: `Bearer ${serverKey}` }
const requests: [string, string, RequestInit & { headers?: Record<string, string> }, number, string, string?][] = [
  ...['', '{1}', 'a:b', 'a'.repeat(65)].map((id): typeof requests[number] =>
    [`Terminal-Id "${id.slice(0, 9)}"`, '/v1/conversations', { headers: { 'terminal-id': id } }, 400, 'INVALID_HEADER', '/Terminal-Id']),
  ...['0', '-1', '1.5', '101', 'NaN', '', '%zz', 'true', '0x10', '1e1', '010', '%2010']
    .map((limit): typeof requests[number] => [`limit=${limit}`, `/v1/conversations?limit=${limit}`, {}, 400, 'INVALID_QUERY', '/limit']),
  ...['g.a%2Fb', 'g.a%00', 'g.a%0A', 'g.%7B1%7D', 'g.%C3%BC', '..%2f', '', 'g'.repeat(141)].map((id): typeof requests[number] =>
    [`the conversation ${id.slice(0, 9)}`, `/v1/server/conversations/${id}`, { headers: asServer }, 400, 'INVALID_QUERY', '/id']),
  ...['terminalId=a&terminalId=b', 'terminalId=a%0A', 'terminalId='].map((query): typeof requests[number] =>
    [`a stream with ${query}`, `/v1/down/events?${query}`, {}, 400, 'INVALID_QUERY', '/terminalId']),
  ['a stream of an unknown platform', '/v1/down/events?platform=fridge', {}, 400, 'INVALID_QUERY', '/platform'],
  ['a token in the address', `/v1/down/events?token=${alice.token}`, {}, 400, 'INVALID_QUERY', '/token'],
  ['a prototype in the address', '/v1/conversations?__proto__=1', {}, 400, 'INVALID_QUERY', '/__proto__'],
  ['the server key for a user', '/v1/conversations', { headers: asServer }, 401, 'BAD_TOKEN'],
  ['a body that is no body of DELETE', '/v1/server/conversations/g.none',
    { method: 'DELETE', headers: { ...asServer, 'content-type': 'text/plain' }, body: 'x' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
  ['a bad Terminal-Id', '/v1/up/cmd/get-system-time',
    { method: 'POST', headers: { 'terminal-id': 'a b', 'content-type': 'application/json' }, body: '{}' }, 400, 'INVALID_HEADER',
    '/Terminal-Id'],
  ['an unknown query name of a command', '/v1/up/cmd/get-system-time?async=1',
    { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }, 400, 'INVALID_QUERY', '/async'],
  ['an unknown query name', '/v1/conversations?colour=red', {}, 400, 'INVALID_QUERY', '/colour'],
  ['a query name twice', '/v1/conversations?limit=1&limit=2', {}, 400, 'INVALID_QUERY', '/limit'],
  ['a bad page mark', '/v1/conversations?after=x', {}, 400, 'INVALID_QUERY', '/after'],
  ['broken percent signs', '/v1/server/conversations/%zz', { headers: { authorization: `Bearer ${serverKey}` } }, 400, 'INVALID_REQUEST'],
  ['a direct conversation as a group', '/v1/server/conversations/dm.a.b',
    {
      method: 'PUT',
      headers: { authorization: `Bearer ${serverKey}`, 'content-type': 'application/json' },
      body: '{"members":[{"userId":"a","role":"owner"}]}'
    }, 400, 'INVALID_QUERY', '/id'],
  ['an address that does not end', `/v1/server/conversations/${'g'.repeat(300)}`,
    { headers: { authorization: `Bearer ${serverKey}` } }, 414, 'URI_TOO_LONG'],
  ['an address that is not there', '/v1/up/cmd/fly', { method: 'POST' }, 404, 'NOT_FOUND'],
  ['a user\'s token for the server API', '/v1/server/conversations/g.1', {}, 401, 'BAD_SERVER_KEY'],
  ['an empty bearer', '/v1/conversations', { headers: { authorization: 'Bearer ' } }, 401, 'UNAUTHENTICATED']
]
for (const [what, path, init, status, code, pointer] of requests) {
  t.test(`${what} is ${code}`, async t => {
    const response = await fetch(iris.url + path, { ...init, headers: { authorization: `Bearer ${alice.token}`, ...init.headers } })
    const body = await response.json() as Record<string, unknown>
    statuses.push(response.status)
    t.same([response.status, body['code']], [status, code], JSON.stringify(body))
    if (pointer !== undefined) t.same(pointers({ body }), [pointer])
  })
}

const raw: [string, string, RegExp][] = [
  ['no HTTP at all', 'hello\r\n\r\n', /^HTTP\/1\.1 400 .*"code":"INVALID_REQUEST"/s],
  ['headers of 20 KB', `GET /v1/time HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    /^HTTP\/1\.1 431 .*"code":"HEADERS_TOO_LARGE"/s],
  ['an expectation that is not known', 'GET /v1/time HTTP/1.1\r\nHost: x\r\nExpect: the-moon\r\nConnection: close\r\n\r\n',
    /^HTTP\/1\.1 200 /],
  ['no Host', 'GET /v1/time HTTP/1.1\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 400 .*"code":"INVALID_REQUEST"/s],
  ['a header with NUL', 'GET /v1/time HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n', /^HTTP\/1\.1 400 .*"code":"INVALID_REQUEST"/s],
  ['a negative length', 'POST /v1/up/msg HTTP/1.1\r\nHost: x\r\nContent-Length: -2\r\n\r\n{}',
    /^HTTP\/1\.1 400 .*"code":"INVALID_REQUEST"/s],
  ['a body beyond its length', 'GET /v1/time HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}garbage\r\n\r\n',
    /HTTP\/1\.1 400 .*"code":"INVALID_REQUEST"/s],
  ['a broken chunk', 'POST /v1/up/msg HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n',
    /HTTP\/1\.1 40[01] .*"code":"/s],
  ['two lengths', 'POST /v1/up/msg HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}', /^HTTP\/1\.1 400 /],
  ['length and chunks', 'POST /v1/up/msg HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    /^HTTP\/1\.1 400 /]
]
for (const [what, request, expected] of raw) {
  t.test(`${what}: an answer with its trace, then the end`, async t => {
    const answer = await new Promise<string>(resolve => {
      const socket = connect((iris.app.server.address() as AddressInfo).port, '127.0.0.1', () => socket.write(request))
      let text = ''
      socket.on('data', chunk => { text += chunk.toString() }).on('close', () => resolve(text)).on('error', () => resolve(text))
    })
    t.match(answer, expected)
    t.match(answer, /Trace-Id: [0-9a-f]+/i)
  })
}

t.test('[ATTACH-1] a cursor that is garbage gets a RESET, then all that is pending', async t => {
  const own = await bob.listen({ terminalId: 'garbage' })
  const [epoch = ''] = String((await own.next('IRIS.READY')).id).split('-')
  const cursors = [
    'x', '-', '1-1', '-1-1', '1-1.5', '{}', 'NaN-NaN', "1-1'; --", '1-1\n', '\u0000', 'ü', '9'.repeat(21) + '-1', '1-' + '9'.repeat(15),
    'x'.repeat(5_000), `${epoch}-99999`, `${epoch}-`, `${epoch}--1`
  ]
  for (const cursor of cursors) {
    const stream = await openSse(`${iris.url}/v1/down/events?terminalId=garbage&lastEventId=${encodeURIComponent(cursor)}`, {
      headers: { authorization: `Bearer ${bob.token}` }
    })
    statuses.push(Number(stream.status))
    t.match((await stream.next('IRIS.HELLO')).data.data, { recovered: false }, cursor.slice(0, 30))
    await stream.next('IRIS.RESET')
    await stream.next('IRIS.READY')
    await stream.cut()
  }
})

/** A name of a text that no report stumbles over. */
const unicode = (text: string) => `U+${text.charCodeAt(0).toString(16)}...`

t.test('strange but valid text comes back as it was', async t => {
  const stream = await bob.listen({ terminalId: 'strange' })
  await stream.next('IRIS.READY')
  for (const strange of [
    '\u0000', '\ud800', '\u2028\u2029', '\r\n\r\ndata: x\n\n', '{"a":1}', '"},"x":{"', '‮', '👩‍👩‍👧', "'; FLUSHALL; --", '</script>'
  ]) {
    const { body: { seq } } = granted(await alice.send(bob, strange, { ext: { [strange]: strange } }))
    t.match((await stream.next('MSG_DOWN')).data, { content: { text: strange }, ext: { [strange]: strange } })
    t.match((await bob.getReadMsg({ conversationId: dm, limit: 1, deliver: 'inline' })).body, {
      messages: [{ content: { text: strange } }]
    })
    // half a surrogate pair is valid JSON, but not for every parser
    t.equal((await alice.revoke({ conversationId: dm, seq })).status, 200, `${unicode(strange)} can be taken back`)
  }
})

t.test('strange but valid names of groups and reasons come back as they were', async t => {
  for (const strange of ['\u0000', '\u2028', '👩‍👩‍👧', '\ufffd']) {
    const { body } = await iris.server('PUT', 'conversations/g.strange', { title: strange, members: [{ userId: 'alice', role: 'owner' }] })
    t.equal(body['title'], strange, `the title ${unicode(strange)}`)
    await alice.revoke({ conversationId: dm, seq: granted(await alice.send(bob, 'x')).body.seq, reason: strange })
    t.match((await bob.getReadMsg({ conversationId: dm, limit: 1, deliver: 'inline' })).body, {
      messages: [{ revoked: { reason: strange } }]
    }, `the reason ${unicode(strange)}`)
  }
})

t.test('after all of it the server works, and never answered 5xx', async t => {
  t.ok(statuses.length > 150)
  t.same(statuses.filter(status => status >= 500), [])
  const { status, body } = await alice.send(bob, 'still here')
  t.equal(status, 200)
  t.equal((await bob.getReadMsg({ conversationId: dm, limit: 1, deliver: 'inline' })).body['lastSeq'], body.seq)
})
