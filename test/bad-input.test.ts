// Input made to hurt: each gets its exact status and code, and the field to blame; nothing is lost, nothing falls over.
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { startIris } from './helper/iris.js'
import { pointers } from './helper/user.js'

const iris = await startIris(t)
const [alice, bob] = [await iris.user(t, 'alice'), await iris.user(t, 'bob')]
await alice.send(bob, 'there is a conversation')

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
const text = { clientMsgId: 'c', to: 'bob', type: 'text', content: { text: 'x' } }
const custom = (content: string) => `{"clientMsgId":"n${content.length}","to":"bob","type":"custom","content":${content}}`
const dm = 'dm.alice.bob'
const cmd = (name: string) => `/v1/up/cmd/${name}`
const send = { clientCmdId: 'k', name: 'ring', to: { users: ['bob'] } }

/** What, where, the body (as text when it is no JSON), and what it must get: code, pointer. */
const bodies: [string, string, unknown, string, string?][] = [
  ['no JSON', '/v1/up/msg', '{', 'INVALID_JSON'],
  ['nothing', '/v1/up/msg', '', 'INVALID_JSON'],
  ['two values', '/v1/up/msg', '{}{}', 'INVALID_JSON'],
  ['NaN', '/v1/up/msg', '{"a":NaN}', 'INVALID_JSON'],
  ['a prototype', '/v1/up/msg', '{"__proto__":{"to":"bob"}}', 'INVALID_JSON'],
  ['a constructor', '/v1/up/msg', '{"constructor":{"prototype":{"to":"bob"}}}', 'INVALID_JSON'],
  ['an array', '/v1/up/msg', [], 'INVALID_BODY', ''],
  ['null', '/v1/up/msg', 'null', 'INVALID_BODY', ''],
  ['a string', cmd('read'), '"read"', 'INVALID_BODY', ''],
  ['a number', cmd('read'), '7', 'INVALID_BODY', ''],
  ['no type', '/v1/up/msg', { ...text, type: undefined }, 'INVALID_BODY', '/type'],
  ['an unknown type', '/v1/up/msg', { ...text, type: 'poke' }, 'INVALID_BODY', '/type'],
  ['the type of the server API', '/v1/up/msg', { ...text, type: 'system' }, 'INVALID_BODY', '/type'],
  ['a type that is a method of objects', '/v1/up/msg', { ...text, type: 'toString' }, 'INVALID_BODY', '/type'],
  ['a type that is an array', '/v1/up/msg', { ...text, type: ['text'] }, 'INVALID_BODY', '/type'],
  ['no client id', '/v1/up/msg', { ...text, clientMsgId: undefined }, 'INVALID_BODY', '/clientMsgId'],
  ['an empty client id', '/v1/up/msg', { ...text, clientMsgId: '' }, 'INVALID_BODY', '/clientMsgId'],
  ['a client id of 65', '/v1/up/msg', { ...text, clientMsgId: 'c'.repeat(65) }, 'INVALID_BODY', '/clientMsgId'],
  ['a client id with a line break', '/v1/up/msg', { ...text, clientMsgId: 'c\n' }, 'INVALID_BODY', '/clientMsgId'],
  ['a client id that is a number', '/v1/up/msg', { ...text, clientMsgId: 1 }, 'INVALID_BODY', '/clientMsgId'],
  ['no target', '/v1/up/msg', { ...text, to: undefined }, 'INVALID_BODY', '/to'],
  ['two targets', '/v1/up/msg', { ...text, conversationId: dm }, 'INVALID_BODY', '/conversationId'],
  ['oneself', '/v1/up/msg', { ...text, to: 'alice' }, 'INVALID_BODY', '/to'],
  ['the system as a target', '/v1/up/msg', { ...text, to: 'system' }, 'INVALID_BODY', '/to'],
  ['a user with a brace', '/v1/up/msg', { ...text, to: 'b{1}' }, 'INVALID_BODY', '/to'],
  ['a user with a colon', '/v1/up/msg', { ...text, to: 'bob:x' }, 'INVALID_BODY', '/to'],
  ['a user beyond ASCII', '/v1/up/msg', { ...text, to: 'bób' }, 'INVALID_BODY', '/to'],
  ['a user of 65', '/v1/up/msg', { ...text, to: 'b'.repeat(65) }, 'INVALID_BODY', '/to'],
  ['a target in an array', '/v1/up/msg', { ...text, to: ['bob'] }, 'INVALID_BODY', '/to'],
  ['somebody else\'s conversation', '/v1/up/msg', { ...text, to: undefined, conversationId: 'dm.bob.carol' }, 'CONVERSATION_NOT_FOUND'],
  ['unsorted ids', '/v1/up/msg', { ...text, to: undefined, conversationId: 'dm.bob.alice' }, 'CONVERSATION_NOT_FOUND'],
  ['a conversation with a slash', '/v1/up/msg', { ...text, to: undefined, conversationId: 'g/1' }, 'INVALID_BODY', '/conversationId'],
  ['an empty text', '/v1/up/msg', { ...text, content: { text: '' } }, 'INVALID_BODY', '/content/text'],
  ['a text that is null', '/v1/up/msg', { ...text, content: { text: null } }, 'INVALID_BODY', '/content/text'],
  ['content that is a string', '/v1/up/msg', { ...text, content: 'x' }, 'INVALID_BODY', '/content'],
  ['an unknown member of content', '/v1/up/msg', { ...text, content: { text: 'x', html: 'y' } }, 'INVALID_BODY', '/content/html'],
  ['a script for an image', '/v1/up/msg', { ...text, type: 'image', content: { url: 'javascript:alert(1)' } }, 'INVALID_BODY', '/content/url'],
  ['a data URL for an image', '/v1/up/msg', { ...text, type: 'image', content: { url: 'data:image/png;base64,AA' } }, 'INVALID_BODY', '/content/url'],
  ['a latitude of 91', '/v1/up/msg', { ...text, type: 'location', content: { latitude: 91, longitude: 0 } }, 'INVALID_BODY', '/content/latitude'],
  ['a latitude that is text', '/v1/up/msg', { ...text, type: 'location', content: { latitude: '1', longitude: 0 } }, 'INVALID_BODY', '/content/latitude'],
  ['16 KiB of content', '/v1/up/msg', { ...text, content: { text: 'x'.repeat(16_384) } }, 'INVALID_BODY', '/content'],
  ['16 KiB in characters of three bytes', '/v1/up/msg', { ...text, content: { text: '中'.repeat(5_500) } }, 'INVALID_BODY', '/content'],
  ['4 KiB of ext', '/v1/up/msg', { ...text, ext: { a: 'x'.repeat(4_096) } }, 'INVALID_BODY', '/ext'],
  ['content 33 deep', '/v1/up/msg', custom(`{"a":${nested(33)}}`), 'INVALID_BODY', '/content'],
  ['content 5,000 deep', '/v1/up/msg', custom(`{"a":${nested(5_000)}}`), 'INVALID_BODY', '/content'],
  ['a body 30,000 deep', '/v1/up/msg', nested(30_000), 'INVALID_BODY', ''],
  ['a body of 64 KiB and a byte', '/v1/up/msg', 'x'.repeat(65_537), 'BODY_TOO_LARGE'],
  ['101 mentions', '/v1/up/msg', { ...text, mentions: Array.from({ length: 101 }, (_, i) => `u${i}`) }, 'INVALID_BODY', '/mentions'],
  ['a mention twice', '/v1/up/msg', { ...text, mentions: ['bob', 'bob'] }, 'INVALID_BODY', '/mentions'],
  ['@all among others', '/v1/up/msg', { ...text, mentions: ['@all', 'bob'] }, 'INVALID_BODY', '/mentions'],
  ['a quote of the future', '/v1/up/msg', { ...text, clientMsgId: 'q', quote: { seq: 999 } }, 'MESSAGE_NOT_FOUND'],
  ['a quote of zero', '/v1/up/msg', { ...text, quote: { seq: 0 } }, 'INVALID_BODY', '/quote/seq'],
  ['a seq of zero', cmd('read'), { conversationId: dm, upToSeq: 0 }, 'INVALID_BODY', '/upToSeq'],
  ['a negative seq', cmd('read'), { conversationId: dm, upToSeq: -1 }, 'INVALID_BODY', '/upToSeq'],
  ['half a seq', cmd('read'), { conversationId: dm, upToSeq: 1.5 }, 'INVALID_BODY', '/upToSeq'],
  ['a seq that is text', cmd('read'), { conversationId: dm, upToSeq: '1' }, 'INVALID_BODY', '/upToSeq'],
  ['a seq beyond the safe integers', cmd('read'), { conversationId: dm, upToSeq: 2 ** 53 }, 'INVALID_BODY', '/upToSeq'],
  ['a seq of 1e400', cmd('read'), `{"conversationId":"${dm}","upToSeq":1e400}`, 'INVALID_BODY', '/upToSeq'],
  ['seqs and upToSeq', cmd('read'), { conversationId: dm, upToSeq: 1, seqs: [1] }, 'INVALID_BODY', '/seqs'],
  ['no seqs', cmd('read'), { conversationId: dm, seqs: [] }, 'INVALID_BODY', '/seqs'],
  ['101 seqs', cmd('read'), { conversationId: dm, seqs: Array.from({ length: 101 }, (_, i) => i + 1) }, 'INVALID_BODY', '/seqs'],
  ['reading a stranger\'s conversation', cmd('read'), { conversationId: 'g.none', upToSeq: 1 }, 'CONVERSATION_NOT_FOUND'],
  ['revoking what is not there', cmd('revoke'), { conversationId: dm, seq: 999 }, 'MESSAGE_NOT_FOUND'],
  ['a reason of 201', cmd('revoke'), { conversationId: dm, seq: 1, reason: 'x'.repeat(201) }, 'INVALID_BODY', '/reason'],
  ['a page of zero', cmd('get-read-msg'), { conversationId: dm, limit: 0 }, 'INVALID_BODY', '/limit'],
  ['a page of 101', cmd('get-read-msg'), { conversationId: dm, limit: 101 }, 'INVALID_BODY', '/limit'],
  ['a page that ends before it begins', cmd('get-read-msg'), { conversationId: dm, fromSeq: 2, toSeq: 1 }, 'INVALID_BODY', '/fromSeq'],
  ['an unknown anchor', cmd('get-read-msg'), { conversationId: dm, anchor: 'first' }, 'INVALID_BODY', '/anchor'],
  ['no items', cmd('rest-read-num-and-last-msg'), { items: [] }, 'INVALID_BODY', '/items'],
  ['an item twice', cmd('rest-read-num-and-last-msg'), { items: [{ conversationId: dm }, { conversationId: dm }] }, 'INVALID_BODY', '/items/1/conversationId'],
  ['a time that is text', cmd('get-system-time'), { t0: 'now' }, 'INVALID_BODY', '/t0'],
  ['a name of the gateway\'s', cmd('iris-cmd-send'), { ...send, name: 'IRIS.BYE' }, 'RESERVED_NAME'],
  ['a name of the gateway\'s in small letters', cmd('iris-cmd-send'), { ...send, name: 'iris.bye' }, 'RESERVED_NAME'],
  ['a wire name', cmd('iris-cmd-send'), { ...send, name: 'REVOKE' }, 'RESERVED_NAME'],
  ['a name that begins with a digit', cmd('iris-cmd-send'), { ...send, name: '1up' }, 'INVALID_BODY', '/name'],
  ['two targets of a command', cmd('iris-cmd-send'), { ...send, to: { users: ['bob'], self: true } }, 'INVALID_BODY', '/to'],
  ['self that is false', cmd('iris-cmd-send'), { ...send, to: { self: false } }, 'INVALID_BODY', '/to/self'],
  ['a stranger', cmd('iris-cmd-send'), { ...send, clientCmdId: 's', to: { users: ['carol'] } }, 'NOT_ALLOWED_TARGET'],
  ['a time to live without a box', cmd('iris-cmd-send'), { ...send, ttlSec: 5 }, 'INVALID_BODY', '/ttlSec'],
  ['4 KiB of data', cmd('iris-cmd-send'), { ...send, data: { a: 'x'.repeat(4_096) } }, 'INVALID_BODY', '/data'],
  ['no ids', cmd('cmd-complete'), { ids: [] }, 'INVALID_BODY', '/ids'],
  ['an id with a space', cmd('notice-complete'), { ids: ['a b'] }, 'INVALID_BODY', '/ids/0'],
  ['a notice without content', '/v1/up/notice', { noticeId: 'n', kind: 'notice' }, 'INVALID_BODY', '/content'],
  ['an unknown platform', '/v1/down/tickets', { platform: 'fridge' }, 'INVALID_BODY', '/platform'],
  ['a terminal with a slash', '/v1/down/tickets', { terminalId: 'a/b' }, 'INVALID_BODY', '/terminalId']
]

for (const [what, path, body, code, pointer] of bodies) {
  t.test(`${path}: ${what} is ${code}`, async t => {
    const answer = await alice.post(path, body)
    t.equal(answer.body.code, code, JSON.stringify(answer.body).slice(0, 300))
    t.ok(answer.status >= 400 && answer.status < 500)
    t.equal(answer.body['status'], answer.status)
    if (pointer !== undefined) t.same(pointers(answer), [pointer])
  })
}

const { serverKey } = iris
const requests: [string, string, RequestInit & { headers?: Record<string, string> }, number, string, string?][] = [
  ['a bad Terminal-Id', '/v1/up/cmd/get-system-time', { method: 'POST', headers: { 'terminal-id': 'a b', 'content-type': 'application/json' }, body: '{}' }, 400, 'INVALID_HEADER', '/Terminal-Id'],
  ['an unknown query name', '/v1/conversations?colour=red', {}, 400, 'INVALID_QUERY', '/colour'],
  ['a query name twice', '/v1/conversations?limit=1&limit=2', {}, 400, 'INVALID_QUERY', '/limit'],
  ['a page of zero', '/v1/conversations?limit=0', {}, 400, 'INVALID_QUERY', '/limit'],
  ['a page that is no number', '/v1/conversations?limit=ten', {}, 400, 'INVALID_QUERY', '/limit'],
  ['a bad page mark', '/v1/conversations?after=x', {}, 400, 'INVALID_QUERY', '/after'],
  ['broken percent signs', '/v1/server/conversations/%zz', { headers: { authorization: `Bearer ${serverKey}` } }, 400, 'INVALID_REQUEST'],
  ['a direct conversation as a group', '/v1/server/conversations/dm.a.b', { method: 'PUT', headers: { authorization: `Bearer ${serverKey}`, 'content-type': 'application/json' }, body: '{"members":[{"userId":"a","role":"owner"}]}' }, 400, 'INVALID_QUERY', '/id'],
  ['an address that does not end', `/v1/server/conversations/${'g'.repeat(300)}`, { headers: { authorization: `Bearer ${serverKey}` } }, 414, 'URI_TOO_LONG'],
  ['an address that is not there', '/v1/up/cmd/fly', { method: 'POST' }, 404, 'NOT_FOUND'],
  ['a user\'s token for the server API', '/v1/server/conversations/g.1', {}, 401, 'BAD_SERVER_KEY'],
  ['an empty bearer', '/v1/conversations', { headers: { authorization: 'Bearer ' } }, 401, 'UNAUTHENTICATED']
]
for (const [what, path, init, status, code, pointer] of requests) {
  t.test(`${what} is ${code}`, async t => {
    const response = await fetch(iris.url + path, { ...init, headers: { authorization: `Bearer ${alice.token}`, ...init.headers } })
    const body = await response.json() as Record<string, unknown>
    t.match([response.status, body['code']], [status, code], JSON.stringify(body))
    if (pointer !== undefined) t.same(pointers({ body }), [pointer])
  })
}

const raw: [string, string, RegExp][] = [
  ['no HTTP at all', 'hello\r\n\r\n', /^HTTP\/1\.1 400 .*"code":"INVALID_REQUEST"/s],
  ['headers of 20 KB', `GET /v1/time HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, /^HTTP\/1\.1 431 .*"code":"HEADERS_TOO_LARGE"/s],
  ['two lengths', 'POST /v1/up/msg HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}', /^HTTP\/1\.1 400 /],
  ['length and chunks', 'POST /v1/up/msg HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', /^HTTP\/1\.1 400 /]
]
for (const [what, request, expected] of raw) {
  t.test(`${what}: a problem, then the end`, async t => {
    const answer = await new Promise<string>(resolve => {
      const socket = connect((iris.app.server.address() as AddressInfo).port, '127.0.0.1', () => socket.write(request))
      let text = ''
      socket.on('data', chunk => { text += chunk.toString() }).on('close', () => resolve(text)).on('error', () => resolve(text))
    })
    t.match(answer, expected)
    t.match(answer, /Trace-Id: [0-9a-f]+/i)
  })
}

t.test('strange but valid text comes back as it was', async t => {
  const stream = await bob.listen({ terminalId: 'strange' })
  await stream.next('IRIS.READY')
  for (const strange of ['\u0000', '\ud800', '\u2028\u2029', '\r\n\r\ndata: x\n\n', '{"a":1}', '"},"x":{"', '‮', '👩‍👩‍👧', "'; FLUSHALL; --", '</script>']) {
    await alice.send(bob, strange)
    t.match((await stream.next('MSG_DOWN')).data, { content: { text: strange } })
  }
})

t.test('after all of it the server works', async t => {
  const { status, body } = await alice.send(bob, 'still here')
  t.equal(status, 200)
  t.equal((await bob.getReadMsg({ conversationId: dm, limit: 1, deliver: 'inline' })).body['lastSeq'], body.seq)
})
