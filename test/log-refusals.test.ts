// Why a request was refused, and how a stream ended, stands in its line of the log. [TRACE-2]
import t, { type Test } from 'tap'
import { startIris } from './helper/iris.js'
import { startRedis } from './helper/redis.js'
import { openSse } from './helper/sse.js'
import { until } from './helper/user.js'
import { openWs } from './helper/ws.js'

const lines: string[] = []
const store = await startRedis(t)
const iris = await startIris(t, { redisPath: store.path, env: { IRIS_LIMIT_TERMINALS: '1' }, logs: { write: line => lines.push(line) } })
const [alice, kicked, crowded] = [await iris.user(t), await iris.user(t), await iris.user(t)]
await iris.server('POST', `users/${kicked.userId}/kick`, { reason: 'x', banSec: 60 })
const held = await crowded.listen({ terminalId: 'first' })
await held.next('IRIS.READY')

type User = typeof alice
type Ask = (headers: Record<string, string>) => Promise<unknown>
const bearer = ({ token }: User) => ({ authorization: `Bearer ${token}` })
const get = (path: string, by: object = {}): Ask => async headers => await fetch(iris.url + path, { headers: { ...headers, ...by } })
const send = (body: string, by: User = alice): Ask => async headers =>
  await fetch(`${iris.url}/v1/up/msg`, { method: 'POST', body, headers: { ...headers, ...bearer(by), 'content-type': 'application/json' } })
const sse = (by: User): Ask =>
  async headers => await (await openSse(`${iris.url}/v1/down/events`, { headers: { ...headers, ...bearer(by) } })).ended
const ws = (by: User): Ask => async headers => await (await openWs(`${iris.url}/v1/ws`, { headers: { ...headers, ...bearer(by) } })).ended
const message = JSON.stringify({ clientMsgId: 'c', to: 'somebody', type: 'text', content: { text: 'hi' } })

let n = 0
/** @returns the line of a request that is over. */
async function lineOf (ask: Ask): Promise<object> {
  const traceId = `of-${++n}`
  await ask({ 'trace-id': traceId })
  return JSON.parse(await until(async () => lines.find(line => line.includes(`"${traceId}"`) && line.includes('"answered"')))) as object
}

async function trial (t: Test, cases: [what: string, ask: Ask, line: object][]): Promise<void> {
  for (const [what, ask, line] of cases) t.match(await lineOf(ask), line, what)
}

t.test('[TRACE-2] why a request was refused stands in its line, and how a stream ended', async t => {
  await trial(t, [
    ['what breaks a rule', send('{}'), { status: 400, code: 'INVALID_BODY', bye: undefined }],
    ['no JSON', send('{'), { status: 400, code: 'INVALID_JSON' }],
    ['no token', get('/v1/conversations'), { status: 401, code: 'UNAUTHENTICATED' }],
    ['nothing there', get('/nothing'), { status: 404, code: 'NOT_FOUND' }],
    ['another method', get('/v1/up/msg'), { status: 405, code: 'METHOD_NOT_ALLOWED' }],
    ['a query that is not known', get('/v1/down/events?x=1', bearer(alice)), { status: 400, code: 'INVALID_QUERY' }],
    ['a stream of who is kicked', sse(kicked), { status: 204, code: 'KICKED' }],
    ['a WebSocket of his', ws(kicked), { status: 101, bye: 4301 }],
    ['a stream too many', sse(crowded), { status: 200, bye: 4303 }],
    ['a WebSocket too many', ws(crowded), { status: 101, bye: 4303 }],
    ['what is done', send(message), { status: 200, code: undefined, bye: undefined }]
  ])
})

t.test('[TRACE-2] that of a frame, too', async t => {
  const socket = await openWs(`${iris.url}/v1/ws`, { headers: { ...bearer(alice) } })
  await socket.up('MSG_UP', {})
  t.match(JSON.parse(await until(async () => lines.find(line => line.includes('"up":"MSG_UP"')))), {
    status: 400,
    code: 'INVALID_BODY'
  }, 'a frame')
  await socket.cut()
})

t.test('[TRACE-2] while the store is away', async t => {
  await store.kill()
  await trial(t, [
    ['a message while the store is away', send(message), { status: 503, code: 'STORE_UNAVAILABLE' }],
    ['a stream', sse(alice), { status: 200, bye: 4202 }],
    ['a WebSocket', ws(alice), { status: 101, bye: 4202 }],
    ['a poll', get('/v1/down/poll', bearer(alice)), { status: 503, code: 'STORE_UNAVAILABLE' }]
  ])
})
