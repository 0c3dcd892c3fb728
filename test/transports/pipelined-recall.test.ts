// Answers that show texts, on a connection where an earlier answer is not there yet: they are made when they can leave. [DOWN-2]
import t from 'tap'
import { operations } from '../../src/app.js'
import { startIris } from '../helper/iris.js'
import { pollOnce } from '../helper/poll.js'
import { openRaw, statusesOf } from '../helper/raw.js'
import { upTo } from '../helper/sse.js'
import { dm, three, two, type User } from '../helper/user.js'

const iris = await startIris(t)

/** A request as its bytes. */
function request ({ token }: { token: string }, line: string, body?: object): string {
  const json = body === undefined ? '' : JSON.stringify(body)
  const length = body === undefined ? '' : `Content-Type: application/json\r\nContent-Length: ${json.length}\r\n`
  return `${line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n${length}\r\n${json}`
}

const post = (from: User, to: User, text: string) =>
  request(from, 'POST /v1/up/msg', { clientMsgId: text, to: to.userId, type: 'text', content: { text } })

/** A poll that waits in front of a connection until its caller is sent a message. */
async function pollOf (carl: User): Promise<string> {
  const poll = '/v1/down/poll?terminalId=front'
  const { body } = await pollOnce(`${iris.url}${poll}&timeoutMs=0`, { headers: { authorization: `Bearer ${carl.token}` } })
  return request(carl, `GET ${poll}&timeoutMs=20000&lastEventId=${body.cursor}`)
}

const TOMBSTONE = /"type":"revoked"/
type Asked = [line: string, body?: object]
const ways: [name: string, ask: (conversationId: string, userId: string) => Asked, shown: RegExp, by?: 'stream' | 'server'][] = [
  ['GET_READ_MSG', conversationId => ['POST /v1/up/cmd/get-read-msg', { conversationId, deliver: 'inline' }], TOMBSTONE],
  ['the list', () => ['GET /v1/conversations'], TOMBSTONE],
  ['REST_READ_NUM_AND_LAST_MSG', conversationId => ['POST /v1/up/cmd/rest-read-num-and-last-msg', { items: [{ conversationId }] }],
    TOMBSTONE],
  ['a poll', () => ['GET /v1/down/poll?timeoutMs=0&terminalId=behind'], /"ready":\{/],
  ['the list of the server API', (_, userId) => [`GET /v1/server/users/${userId}/conversations`], TOMBSTONE, 'server'],
  ['history by the server API', conversationId => [`GET /v1/server/conversations/${conversationId}/messages`], TOMBSTONE, 'server'],
  ['a stream', () => ['GET /v1/down/events?terminalId=behind'], /IRIS\.READY/, 'stream']
]
t.test('[DOWN-2] each operation that shows messages is tried here, and is one that waits', async t => {
  const paths = ways.map(([, ask]) => ask('{id}', '{id}')[0].replace(/^\w+ /, ''))
  // whatever its form, the text of a message stands in `content`; an event shows that of one which was recalled already
  const found = operations.filter(({ result }) => JSON.stringify(result).includes('"content":')).filter(({ name }) => name !== 'listEvents')
  t.same(found.map(({ path }) => path).filter(path => !paths.includes(path)), [])
  t.same(found.map(({ name }) => name), [
    'GET_READ_MSG', 'REST_READ_NUM_AND_LAST_MSG', 'listConversations', 'listUserConversations', 'listMessages'
  ])
  t.same(operations.filter(({ showsTexts }) => showsTexts), found)
})

for (const [name, ask, shown, by] of ways) {
  t.test(`[DOWN-2] [SLOW-2] ${name} behind a poll of another caller shows what is true when it leaves; sends go on`, async t => {
    const [alice, bob, carl] = await three(() => iris.user(t))
    const [dave, erin] = await two(() => iris.user(t))
    const conversationId = dm(alice, bob)
    await alice.send(bob, 'canary')
    const ears = await alice.listen()
    await ears.next('IRIS.READY')
    const heard = (text: string) => ears.next(({ data }) => JSON.stringify(data).includes(`"text":"${text}"`))

    const { socket, until } = openRaw(t, iris.url)
    const asked = request(by === 'server' ? { token: iris.serverKey } : bob, ...ask(conversationId, bob.userId))
    socket.write(await pollOf(carl) + asked + post(dave, alice, 'with-it'))
    await heard('with-it')
    socket.write(post(erin, alice, 'behind-it'))
    await heard('behind-it')
    if (!by) socket.write(post(bob, alice, 'after-his-question'))
    t.equal((await alice.revoke({ conversationId, seq: 1 })).status, 200)
    await alice.send(carl, 'it may end')

    const text = await until(by === 'stream' ? shown : by ? 4 : 5)
    t.match(text.slice(text.indexOf('it may end')), shown)
    t.notMatch(text, /canary|"text":"after-his-question"/)
    if (by !== 'stream') t.same(statusesOf(text), by ? [200, 200, 200, 200] : [200, 200, 200, 200, 200])
  })
}

/** What costs nothing, of a caller of its own. */
const time = (caller: string) => `GET /v1/time HTTP/1.1\r\nHost: x\r\nAuthorization: ${caller}\r\n\r\n`

t.test('[SLOW-2] who waits to be answered has a place when it is his turn, also behind what was refused before it came into the line, ' +
  'and though as many as may be worked on stand behind him', async t => {
  const [alice, bob, carl] = await three(() => iris.user(t))
  await alice.send(bob, 'hi')
  const { socket, until } = openRaw(t, iris.url)
  const refused = 'GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n'
  const list = request(bob, 'GET /v1/conversations')
  const others = upTo(130)
  socket.write(await pollOf(carl) + refused + list + others.map(i => time(`c-${i}`)).join(''))
  await alice.send(carl, 'it may end')
  t.same(statusesOf(await until(3 + others.length)), [200, 400, 200, ...others.map(() => 200)])
})
