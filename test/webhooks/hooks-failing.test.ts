// Hooks that do not decide: what counts then, and what is refused at once. [HOOK-4]
import type { ServerResponse } from 'node:http'
import t from 'tap'
import { ALLOW, type Answer } from '../helper/hook.js'
import { startHooked } from '../helper/hooked.js'
import { until, type User } from '../helper/user.js'
import { upTo } from '../helper/sse.js'

/** Where a hook that does not decide means no to a message, and yes to a command. */
const { hook, beside, two, ws } = await startHooked(t, { IRIS_HOOK_MESSAGE_ON_FAILURE: 'deny' })
/** Where it is the other way round, and few are asked at once, and not for long. */
const lax = await beside(t, {
  env: { IRIS_HOOK_COMMAND_ON_FAILURE: 'deny', IRIS_LIMIT_HOOK_MS: '300', IRIS_LIMIT_HOOK_AT_ONCE: '2', IRIS_LIMIT_HOOK_QUEUE: '1' }
})

const odd: [name: string, answer: Answer][] = [
  ['garbage', { byHand: (response: ServerResponse) => response.end('<html>') }],
  ['nothing', { byHand: (response: ServerResponse) => response.writeHead(204).end() }],
  ['no object', { byHand: (response: ServerResponse) => response.end('["allow"]') }],
  ['another action', { action: 'maybe' }],
  ['a status that is no yes', { byHand: (response: ServerResponse) => response.writeHead(500).end('{"action":"allow"}') }],
  ['a redirect', { byHand: (response: ServerResponse) => response.writeHead(307, { location: hook.url }).end('{"action":"allow"}') }],
  ['10 MB', { byHand: (response: ServerResponse) => response.end(`{"action":"allow","x":"${'x'.repeat(1e7)}"}`) }],
  ['no HTTP', { byHand: ({ socket }: ServerResponse) => socket?.end('nonsense\r\n\r\n') }],
  ['nothing, and the connection is cut', { byHand: ({ socket }: ServerResponse) => socket?.destroy() }],
  ['what is no content', { action: 'modify', content: 'x' }],
  ['a content of another type', { action: 'modify', content: { url: 'x' } }],
  ['a content that is too large', { action: 'modify', content: { text: 'x'.repeat(20_000) } }],
  ['two actions', { byHand: (response: ServerResponse) => response.end('{"action":"deny","action":"allow"}') }],
  ['a content with a number that would be changed', {
    byHand: (response: ServerResponse) => response.end('{"action":"modify","content":{"text":"x","data":{"n":12345678901234567890}}}')
  }],
  ['a content with a name twice', {
    byHand: (response: ServerResponse) => response.end('{"action":"modify","content":{"text":"x","text":"y"}}')
  }],
  ['nothing in time', { byHand: () => undefined }]
]

t.test('[HOOK-4] what decides nothing is a no or a yes, as is configured, for each hook by itself', async t => {
  const [alice, bob] = await two()
  await alice.send(bob, 'hi')
  const laxAlice = { send: await ws(t, alice, lax) }
  let seq = 1
  for (const [name, answer] of odd) {
    hook.answer = () => answer
    const body = { clientMsgId: `o${seq}`, to: bob.userId, type: 'text', content: { text: name } }
    const command = { clientCmdId: `o${seq}`, name: 'typing', to: { users: [bob.userId] } }
    const content = name.includes('content')
    const refused = { status: 503, code: 'HOOK_UNAVAILABLE', retryable: true }
    // that would take another 1.5 s
    if (name !== 'nothing in time') {
      const { body: problem, headers } = await alice.msgUp({ ...body, clientMsgId: `d${seq}` })
      t.match(problem, { ...refused, retryAfterSec: Number(headers.get('retry-after')) }, `${name}: a message is refused`)
    }
    t.match((await laxAlice.send.up('MSG_UP', body)).data, { seq: ++seq }, `${name}: a message is sent`)
    if (!content) t.match((await laxAlice.send.up('IRIS_CMD_SEND', command)).error, refused, `${name}: a command is refused`)
  }
  hook.answer = () => ALLOW
  t.match((await alice.msgUp({ clientMsgId: 'd1', to: bob.userId, type: 'text', content: { text: odd[0]?.[0] } })).body,
    { seq: seq + 1, duplicate: false }, 'when it decides again, the retry is sent')
  const command = { clientCmdId: 'o1', name: 'typing', to: { users: [bob.userId] } }
  t.match((await laxAlice.send.up('IRIS_CMD_SEND', command)).data, { accepted: 1, duplicate: false }, 'that of a command, too')
})

t.test('[HOOK-4] a kept connection that is closed when it is used is no failure', async t => {
  const [alice, bob] = await two()
  let cut = 0
  hook.answer = () => cut++ === 0 ? { byHand: ({ socket }: ServerResponse) => socket?.destroy() } : { action: 'deny', code: 'NO' }
  t.match((await alice.send(bob, 'x')).body, { code: 'DENIED', hookCode: 'NO' })
})

t.test('[HOOK-4] of more questions than may wait the last are refused at once', async t => {
  const users = await Promise.all(upTo(4).map(() => lax.user(t)))
  const bob = await lax.user(t)
  const held: ServerResponse[] = []
  hook.answer = () => ({ byHand: (response: ServerResponse) => held.push(response) })
  const send = (user: User) => user.send(bob, 'x', { clientMsgId: 'c' })
  const first = users.slice(0, 2).map(send)
  await until(async () => held.length === 2 || undefined)
  const others = await Promise.all(users.slice(2).map(send))
  t.same(others.map(answer => answer.body.code).sort(), ['OVERLOADED', undefined], 'one waits, and its time passes: it is sent')
  t.ok(others.find(answer => answer.status === 503)?.headers.get('retry-after'))
  t.match(await Promise.all(first), [{ status: 200 }, { status: 200 }])
  hook.answer = () => ALLOW
  const again = await Promise.all(users.slice(2).map(send))
  t.same(again.map(answer => answer.body['duplicate']).sort(), [false, true], 'of who was refused nothing is stored: a retry is sent')
})
