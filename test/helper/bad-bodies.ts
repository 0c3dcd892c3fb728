// Bodies that every door must refuse, with the code and the field; replayed over HTTP and WebSocket.
import type { ErrorCode } from '../../src/protocol/errors.js'

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
const deep = JSON.parse(nested(1_500)) as unknown
const text = { clientMsgId: 'c', to: 'bob', type: 'text', content: { text: 'x' } }
const custom = (content: string) => `{"clientMsgId":"n${content.length}","to":"bob","type":"custom","content":${content}}`
const dm = 'dm.alice.bob'
const cmd = (name: string) => `/v1/up/cmd/${name}`
const send = { clientCmdId: 'k', name: 'ring', to: { users: ['bob'] } }

/** What, where, the body (as text when it is no JSON), and what it must get: code, pointer. */
export type Row = [string, string, unknown, ErrorCode, string?]
/** A row for each bad value of a field. */
const each = (path: string, pointer: string, values: unknown[], body: (value: unknown) => unknown) =>
  values.map((value): Row => [`${pointer} ${String(JSON.stringify(value)).slice(0, 40)}`, path, body(value), 'INVALID_BODY', pointer])
/** What is refused, as alice, who shares `dm.alice.bob` with bob. */
export const bodies: Row[] = [
  ...each('/v1/up/msg', '/clientMsgId', ['', 'c'.repeat(65), 'c\n', 'c c', 'ü', '{c}', 1, null], clientMsgId => ({ ...text, clientMsgId })),
  ...each('/v1/up/msg', '/to', [
    undefined, 'alice', 'system', 'b{1}', 'bob:x', 'b/b', 'bób', 'bob\n', 'bob\u0000', '', 'b'.repeat(65), ['bob'], 7
  ], to => ({ ...text, to })),
  ...each('/v1/up/msg', '/conversationId', ['', 'g/1', 'g:1', 'g{1}', 'g.é', 'g.1\n', 'g'.repeat(141), null], conversationId => ({
    ...text,
    to: undefined,
    conversationId
  })),
  ...each('/v1/up/msg', '/type', [undefined, 'poke', 'system', 'revoked', 'toString', '__proto__', ['text'], null], type => ({
    ...text,
    type
  })),
  ...each('/v1/up/msg', '/content/url', [
    'javascript:alert(1)', 'JavaScript:alert(1)', 'data:image/png;base64,AA', 'file:///etc/passwd', '//x', ' https://x',
    'https://x/\njavascript:1', 'https://' + 'x'.repeat(2_041)
  ], url => ({ ...text, type: 'image', content: { url } })),
  ...each('/v1/up/msg', '/quote/seq', [0, -1, 1.5, '1', 2 ** 53], seq => ({ ...text, quote: { seq } })),
  ...each(cmd('read'), '/upToSeq', [0, -1, 1.5, '1', 2 ** 53, 1e300, null, true, [1]], upToSeq => ({ conversationId: dm, upToSeq })),
  ...each(cmd('revoke'), '/seq', [undefined, 0, -1, 1.5, 'NaN', 2 ** 53], seq => ({ conversationId: dm, seq })),
  ...each(cmd('get-read-msg'), '/limit', [0, -1, 101, 1.5, '30', null], limit => ({ conversationId: dm, limit })),
  ...each(cmd('iris-cmd-send'), '/name', ['', '1up', 'a b', 'a:b', 'é', 'a\n', 'a'.repeat(65)], name => ({ ...send, name })),
  ...each(cmd('iris-cmd-send'), '/ttlSec', [0, -1, 1.5, 2_592_001, '5'], ttlSec => ({ ...send, mode: 'reliable', ttlSec })),
  ...each(cmd('iris-cmd-send'), '/to/users', [[], ['bob', 'bob'], Array.from({ length: 101 }, (_, i) => `u${i}`), 'bob'], users => ({
    ...send,
    to: { users }
  })),
  ...each(
    cmd('cmd-complete'), '/ids', [undefined, [], ['a', 'a'], Array.from({ length: 101 }, (_, i) => `k${i}`), 'a', null], ids => ({ ids })
  ),
  ...each('/v1/up/msg', '/content/text', [undefined, '', null, 1, ['x']], value => ({ ...text, content: { text: value } })),
  ...each('/v1/up/msg', '/content', [undefined, null, 'x', [], { text: 'x'.repeat(16_384) }, { text: '中'.repeat(5_500) }], content => ({
    ...text,
    content
  })),
  ...each('/v1/up/msg', '/ext', [null, 'x', [], { a: 'x'.repeat(4_096) }, { a: deep }], ext => ({ ...text, ext })),
  ...each(cmd('iris-cmd-send'), '/data', [null, 'x', [], { a: 'x'.repeat(4_096) }, { a: deep }], data => ({ ...send, data })),
  ...each('/v1/up/msg', '/content/latitude', [91, -91, '1', null], latitude => ({
    ...text,
    type: 'location',
    content: { latitude, longitude: 0 }
  })),
  ...each('/v1/up/msg', '/mentions', [Array.from({ length: 101 }, (_, i) => `u${i}`), ['bob', 'bob'], ['@all', 'bob'], 'bob'],
    mentions => ({ ...text, mentions })),
  ...each(cmd('read'), '/seqs', [[], [1, 1], Array.from({ length: 101 }, (_, i) => i + 1), 1], seqs => ({ conversationId: dm, seqs })),
  ...each(cmd('read'), '', [[], '"read"', 'null', '7', 'true'], body => body),
  ...['', '{', '{}{}', '{"a":NaN}', '{a:1}', "{'a':1}", '{"a":1,}', '\u0000']
    .map((body): Row => [`no JSON: ${JSON.stringify(body)}`, '/v1/up/msg', body, 'INVALID_JSON']),
  ...['IRIS.BYE', 'iris.bye', 'SYS.x', 'REVOKE', 'GET_READ_MSG_END']
    .map((name): Row => [`the name ${name}`, cmd('iris-cmd-send'), { ...send, name }, 'RESERVED_NAME']),
  ['a prototype further down', '/v1/up/msg', custom('{"a":{"__proto__":{"x":1}}}'), 'INVALID_BODY', '/content/a/__proto__'],
  ['a prototype in disguise', '/v1/up/msg', custom('{"a":{"\\u005f_proto__":{"x":1}}}'), 'INVALID_BODY', '/content/a/__proto__'],
  ['a name twice', cmd('read'), `{"conversationId":"${dm}","conversationId":"g.none","upToSeq":1}`, 'INVALID_BODY', '/conversationId'],
  ['neither seqs nor upToSeq', cmd('read'), { conversationId: dm }, 'INVALID_BODY', '/upToSeq'],
  ['no target of a command', cmd('iris-cmd-send'), { ...send, to: {} }, 'INVALID_BODY', '/to'],
  ['a prototype', '/v1/up/msg', '{"__proto__":{"to":"bob"}}', 'INVALID_BODY', '/__proto__'],
  ['a constructor', '/v1/up/msg', '{"constructor":{"prototype":{"to":"bob"}}}', 'INVALID_BODY', '/constructor/prototype'],
  ['two targets', '/v1/up/msg', { ...text, conversationId: dm }, 'INVALID_BODY', '/conversationId'],
  ['somebody else\'s conversation', '/v1/up/msg', { ...text, to: undefined, conversationId: 'dm.bob.carol' }, 'CONVERSATION_NOT_FOUND'],
  ['unsorted ids', '/v1/up/msg', { ...text, to: undefined, conversationId: 'dm.bob.alice' }, 'CONVERSATION_NOT_FOUND'],
  ['an unknown member of content', '/v1/up/msg', { ...text, content: { text: 'x', html: 'y' } }, 'INVALID_BODY', '/content/html'],
  ['content 33 deep', '/v1/up/msg', custom(`{"a":${nested(33)}}`), 'INVALID_BODY', '/content'],
  ['content 5,000 deep', '/v1/up/msg', custom(`{"a":${nested(5_000)}}`), 'INVALID_BODY', '/content'],
  ['a body 30,000 deep', '/v1/up/msg', nested(30_000), 'INVALID_BODY', ''],
  ['a body of 64 KiB and a byte', '/v1/up/msg', 'x'.repeat(65_537), 'BODY_TOO_LARGE'],
  ['a quote of the future', '/v1/up/msg', { ...text, clientMsgId: 'q', quote: { seq: 999 } }, 'MESSAGE_NOT_FOUND'],
  ['seqs and upToSeq', cmd('read'), { conversationId: dm, upToSeq: 1, seqs: [1] }, 'INVALID_BODY', '/seqs'],
  ['reading a stranger\'s conversation', cmd('read'), { conversationId: 'g.none', upToSeq: 1 }, 'CONVERSATION_NOT_FOUND'],
  ['revoking what is not there', cmd('revoke'), { conversationId: dm, seq: 999 }, 'MESSAGE_NOT_FOUND'],
  ['a reason that is no Unicode', cmd('revoke'), { conversationId: dm, seq: 1, reason: '\ud800' }, 'INVALID_BODY', '/reason'],
  ['a reason of 201', cmd('revoke'), { conversationId: dm, seq: 1, reason: 'x'.repeat(201) }, 'INVALID_BODY', '/reason'],
  ['a page that ends before it begins', cmd('get-read-msg'), { conversationId: dm, fromSeq: 2, toSeq: 1 }, 'INVALID_BODY', '/fromSeq'],
  ['an unknown anchor', cmd('get-read-msg'), { conversationId: dm, anchor: 'first' }, 'INVALID_BODY', '/anchor'],
  ['no items', cmd('rest-read-num-and-last-msg'), { items: [] }, 'INVALID_BODY', '/items'],
  ['an item twice', cmd('rest-read-num-and-last-msg'), { items: [{ conversationId: dm }, { conversationId: dm }] },
    'INVALID_BODY', '/items/1/conversationId'],
  ['a time that is text', cmd('get-system-time'), { t0: 'now' }, 'INVALID_BODY', '/t0'],
  ['two targets of a command', cmd('iris-cmd-send'), { ...send, to: { users: ['bob'], self: true } }, 'INVALID_BODY', '/to'],
  ['self that is false', cmd('iris-cmd-send'), { ...send, to: { self: false } }, 'INVALID_BODY', '/to/self'],
  ['a stranger', cmd('iris-cmd-send'), { ...send, clientCmdId: 's', to: { users: ['carol'] } }, 'NOT_ALLOWED_TARGET'],
  ['a time to live without a box', cmd('iris-cmd-send'), { ...send, ttlSec: 5 }, 'INVALID_BODY', '/ttlSec'],
  ['a notice without content', '/v1/up/notice', { noticeId: 'n', kind: 'notice' }, 'INVALID_BODY', '/content'],
  ['an unknown platform', '/v1/down/tickets', { platform: 'fridge' }, 'INVALID_BODY', '/platform']
]
