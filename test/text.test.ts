// [TEXT-1] Nothing is changed on the way: every open member, numbers and text of every kind, on HTTP and WebSocket.
import t from 'tap'
import { operations } from '../src/app.js'
import { wellFormed } from '../src/protocol/ids.js'
import { SERVER_KEY, startIris } from './helper/iris.js'
import { pointers } from './helper/user.js'
import { openWs } from './helper/ws.js'

const iris = await startIris(t)
const [alice, bob] = [await iris.user(t, 'alice'), await iris.user(t, 'bob')]
const ws = await openWs(`${iris.url}/v1/ws?terminalId=up`, { headers: { authorization: `Bearer ${alice.token}` } })
t.teardown(() => ws.cut())
await ws.next('IRIS.READY')
let ids = 0

/** Every member that holds what its sender likes: where it stands, its place, and a body around it, as text. */
const members: [pointer: string, path: string, command: string, body: (open: string, id: string) => string][] = [
  ['/content', '/v1/up/msg', 'MSG_UP', (open, id) => `{"clientMsgId":"${id}","to":"bob","type":"custom","content":${open}}`],
  ['/ext', '/v1/up/msg', 'MSG_UP', (open, id) => `{"clientMsgId":"${id}","to":"bob","type":"text","content":{"text":"x"},"ext":${open}}`],
  ['/data', '/v1/up/cmd/iris-cmd-send', 'IRIS_CMD_SEND',
    (open, id) => `{"clientCmdId":"${id}","name":"ring","to":{"users":["bob"]},"data":${open}}`],
  ['/data', '/v1/up/cmd/iris-cmd-send', 'IRIS_CMD_SEND',
    (open, id) => `{"clientCmdId":"${id}","name":"ring","to":{"users":["bob"]},"mode":"reliable","data":${open}}`],
  ['/content', '/v1/server/messages', '', (open, id) =>
    `{"clientMsgId":"${id}","from":"system","conversationId":"g.text","type":"system","content":${open}}`],
  ['/data', '/v1/server/commands', '', (open, id) => `{"clientCmdId":"${id}","name":"ring","to":{"users":["bob"]},"data":${open}}`],
  ['/content', '/v1/server/notices', '', (open, id) => `{"noticeId":"${id}","users":["bob"],"content":${open}}`],
  ['/ext', '/v1/server/conversations/g.text', '', open => `{"members":[{"userId":"bob","role":"owner"}],"ext":${open}}`]
]

const changed = [
  '1915883588174806058', '-1915883588174806058', '9007199254740993', '1e400', '-1e400', '1e-400', '4e-324',
  '0.1000000000000000055511151231257827', '123456789.123456789012', '1.0000000000000001', `1${'0'.repeat(400)}`,
  '179769313486231580793e289'
]
const kept = [
  '0', '-0', '0.1', '1.0', '1e2', '1E+2', '-12.50', '1e21', '5e-324', '1.7976931348623157e308', '9007199254740992', '123456789012345680000',
  '0.000001', '1e-7', '0e400', '100000000000000000000000.0'
]

async function post (path: string, body: string | Buffer) {
  const method = path.includes('conversations') ? 'PUT' : 'POST'
  const key = path.startsWith('/v1/server') ? SERVER_KEY : alice.token
  const response = await fetch(iris.url + path, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body
  })
  return { status: response.status, body: await response.json() as Record<string, unknown> }
}

await post('/v1/server/conversations/g.text', '{"members":[{"userId":"bob","role":"owner"}]}')
for (const [pointer, path, command, body] of members) {
  t.test(`[TEXT-1] ${path} ${pointer}: what would be changed is refused by its pointer`, async t => {
    for (const number of changed) {
      const open = `{"a/b":[1,{"n":${number}}]}`
      const refused = await post(path, body(open, `c-${++ids}`))
      t.match(refused, { status: 400, body: { code: 'INVALID_BODY', errors: [{ detail: /send it as a string/ }] } }, number)
      t.same(pointers(refused), [`${pointer}/a~1b/1/n`])
      if (command === '') continue
      const { error } = await ws.up('', {}, `r-${ids}`, `{"up":"${command}","requestId":"r-${ids}","body":${body(open, `c-${ids}`)}}`)
      t.match(error, { status: 400, code: 'INVALID_BODY', errors: [{ pointer: `${pointer}/a~1b/1/n` }] }, `${number} up a WebSocket`)
    }
    const twice = await post(path, body('{"a":1,"b":{"\\u0061":1,"a":2}}', `c-${++ids}`))
    t.match(twice, {
      status: 400,
      body: { code: 'INVALID_BODY', errors: [{ pointer: `${pointer}/b/a`, detail: 'stands twice in its object' }] }
    })
  })

  t.test(`[TEXT-1] ${path} ${pointer}: a name that reaches for a prototype ` +
    'is refused by its pointer, and a WebSocket lives on', async t => {
    const names = [
      ['{"a":[{"__proto__":{"x":1}}]}', '/a/0/__proto__'],
      ['{"__proto__":1}', '/__proto__'],
      ['{"\\u005f_proto__":null}', '/__proto__'],
      ['{"constructor":{"prototype":{}}}', '/constructor/prototype'],
      ['{"constructor":{"b":1,"\\u0070rototype":1}}', '/constructor/prototype']
    ] as const
    for (const [open, at] of names) {
      const refused = await post(path, body(open, `c-${++ids}`))
      t.match(refused, { status: 400, body: { code: 'INVALID_BODY', errors: [{ pointer: `${pointer}${at}`, detail: /prototype/ }] } }, open)
      // more than the broken frames that end one
      for (let i = command === '' ? 3 : 0; i < 3; i++) {
        const { error } = await ws.up('', {}, `p-${++ids}`, `{"up":"${command}","requestId":"p-${ids}","body":${body(open, `c-${ids}`)}}`)
        t.match(error, { status: 400, code: 'INVALID_BODY', errors: [{ pointer: `${pointer}${at}` }] }, `${open} up a WebSocket`)
      }
    }
    for (const open of ['{"constructor":{"a":1}}', '{"prototype":1,"a":"__proto__"}', '{"constructor":[{"prototype":1}]}']) {
      t.equal((await post(path, body(open, `c-${++ids}`))).status, 200, open)
    }
  })

  t.test(`[TEXT-1] ${path} ${pointer}: bytes that are no UTF-8 are no JSON`, async t => {
    for (const bytes of ['ff', 'c0af', 'eda080', 'f4908080', 'e4b8', '80']) {
      const [before = '', after = ''] = body('{"a":"@"}', `c-${++ids}`).split('@')
      t.match(await post(path, Buffer.concat([Buffer.from(before), Buffer.from(bytes, 'hex'), Buffer.from(after)])), {
        status: 400,
        body: { code: 'INVALID_JSON' }
      }, bytes)
    }
  })
}

t.test('[TEXT-1] what a double holds comes down with the same value, text character by character', async t => {
  const stream = await bob.listen({ terminalId: 'reader' })
  await stream.next('IRIS.READY')
  const open = `{"n":[${kept.join(',')}],"\\ud800":"\\udc00 \\u2028 \\u0000 \\/ \\ufffd \\u00e9","é":" é ","":{"1":2,"0":1}}`
  const wanted = JSON.parse(open) as object
  for (const [pointer, path, , body] of members.filter(([, path]) => !path.includes('conversations'))) {
    const id = `k-${++ids}`
    t.equal((await post(path, body(open, id))).status, 200)
    const { data } = await stream.next(({ data }) => [data['clientMsgId'], data['clientCmdId'], data['noticeId']].includes(id))
    t.same(JSON.stringify(data[pointer.slice(1)]), JSON.stringify(wanted), `${path} ${pointer}`)
  }
  const [, path, , body] = members.at(-1) as typeof members[number]
  t.same((await post(path, body(open, ''))).body['ext'], wanted)
})

interface Shape {
  type?: string
  pattern?: string
  enum?: unknown
  const?: unknown
  properties?: Record<string, Shape>
  items?: Shape
  anyOf?: Shape[]
}

/** Where the strings of a body stand that may hold any text, and whether they are refused with half a surrogate pair. */
function texts ({ type, pattern, properties = {}, items, anyOf = [], ...rest }: Shape, at = ''): [pointer: string, isRefused: boolean][] {
  const isText = type === 'string' && rest.enum === undefined && rest.const === undefined &&
    (pattern === undefined || pattern === wellFormed.pattern)
  return [
    ...isText ? [[at, pattern !== undefined] as [string, boolean]] : [],
    ...Object.entries(properties).flatMap(([name, shape]) => texts(shape, `${at}/${name}`)),
    ...items ? texts(items, `${at}/0`) : [],
    ...anyOf.flatMap(shape => texts(shape, at))
  ]
}

/** What is kept as JSON, which holds half a pair; all other text is an argument of a script, as UTF-8, which does not. */
const asJson = /^(MSG_UP|sendMessage)\/content\/|^sendNotice\/(title|actions\/)|^TOKEN\/token$/

t.test('[TEXT-1] half a surrogate pair is refused by its pointer in all text that is not kept as JSON', async t => {
  const tried: string[] = []
  for (const { name, method, path, auth, body: shape, example } of operations.filter(({ body }) => body)) {
    for (const [pointer, isRefused] of new Map(texts(shape as Shape))) {
      if (asJson.test(name + pointer)) continue
      const sent = JSON.stringify({ ...example.body as object, [pointer.slice(1)]: 'x\ud83dy' })
      const headers = { authorization: `Bearer ${auth === 'server' ? SERVER_KEY : alice.token}`, 'content-type': 'application/json' }
      const response = await fetch(iris.url + path.replace('{id}', path.includes('conversations') ? 'g.text' : 'bob'), {
        method,
        headers,
        body: sent
      })
      t.same(
        [response.status, pointers({ body: await response.json() as Record<string, unknown> })], [400, [pointer]], `${name} ${pointer}`
      )
      t.ok(isRefused, `${name} ${pointer} says so in its schema`)
      tried.push(name + pointer)
    }
  }
  t.same(tried.sort(), [
    'REVOKE/reason', 'kickUser/reason', 'putConversation/title', 'putWebhook/url', 'revokeMessage/reason', 'testWebhook/url'
  ])
  const stream = await bob.listen({ terminalId: 'half' })
  await stream.next('IRIS.READY')
  await post('/v1/server/notices', '{"noticeId":"half","users":["bob"],"title":"x\\ud83dy",' +
    '"content":{},"actions":[{"title":"\\ud83d","command":"\\udc00"}]}')
  const { data } = await stream.next(({ data }) => data['noticeId'] === 'half')
  t.match(data, { title: 'x\ud83dy', actions: [{ title: '\ud83d', command: '\udc00' }] })
})

t.test('[TEXT-1] [MSG-2] other spellings of one value are one text, other values are not', async t => {
  const send = (value: string) => post('/v1/up/msg', `{"clientMsgId":"same","to":"bob","type":"custom","content":{"v":${value}}}`)
  t.match(await send('100'), { status: 200, body: { duplicate: false } })
  for (const value of ['1e2', '100.0', ' 100 ']) t.match(await send(value), { status: 200, body: { duplicate: true } }, value)
  for (const value of ['100.5', '"100"', '1e3', '"\\ud800"', '"\\ufffd"']) {
    t.match(await send(value), { status: 409, body: { code: 'CLIENT_MSG_ID_CONFLICT' } }, value)
  }
})
