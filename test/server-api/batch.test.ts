// Server API: many messages in one request, a result for each. [SERVER-7]
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { createIdempotency } from '../../src/store/once/idempotency.js'
import { defaultLimits } from '../../src/protocol/limits.js'
import { SERVER_KEY, startIris } from '../helper/iris.js'
import { upTo } from '../helper/sse.js'
import { dm, groupOf, pointers, three, two } from '../helper/user.js'

interface Result { clientMsgId: string, conversationId?: string, seq?: number, duplicate?: boolean, error?: { code: string } }

const iris = await startIris(t)

async function send (messages: object[], key?: string) {
  const response = await fetch(`${iris.url}/v1/server/messages/batch`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${SERVER_KEY}`, 'content-type': 'application/json', ...(key !== undefined && { 'idempotency-key': key })
    },
    body: JSON.stringify({ messages })
  })
  const body = await response.json() as { results: Result[], code?: string, errors?: { pointer: string }[] }
  const replayed = response.headers.get('idempotent-replayed')
  return { status: response.status, body: body as typeof body & Record<string, unknown>, replayed }
}

const text = (from: { userId: string }, target: object, i: number) =>
  ({ from: from.userId, clientMsgId: `b-${i}`, ...target, type: 'text', content: { text: `m${i}` } })

t.test('[SERVER-7] a hundred of two conversations: each has its answer, and those of one stand in their order', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const group = await groupOf(iris, alice, bob, carol)
  const messages = upTo(100).map(i => text(alice, i % 2 === 0 ? { conversationId: group } : { to: { users: [bob.userId] } }, i))
  const { status, body: { results } } = await send(messages)
  t.equal(status, 200)
  t.same(results.map(({ clientMsgId }) => clientMsgId), messages.map(({ clientMsgId }) => clientMsgId))
  for (const id of [group, dm(alice, bob)]) {
    t.same(results.filter(({ conversationId }) => conversationId === id).map(({ seq }) => seq), upTo(50), id)
  }
  t.match((await bob.conversations()).body, { totalUnread: 100 })
  const again = await send(messages)
  t.same(again.body.results, results.map(result => ({ ...result, duplicate: true })), 'again: the first answers')
})

t.test('[SERVER-7] what one is refused for is said of it alone; what breaks a rule refuses all', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const group = await groupOf(iris, alice)
  await iris.server('DELETE', `conversations/${group}`)
  const good = text(alice, { to: bob.userId }, 1)
  const { status, body } = await send([
    good, text(alice, { conversationId: 'g.none' }, 2), text(alice, { conversationId: group }, 3), { ...good, content: { text: 'other' } },
    text(alice, { to: alice.userId }, 5), text(alice, { to: bob.userId }, 6)
  ])
  t.match([status, body.results], [200, [
    { seq: 1, duplicate: false }, { clientMsgId: 'b-2', error: { code: 'CONVERSATION_NOT_FOUND', status: 404, traceId: String } },
    { error: { code: 'CONVERSATION_CLOSED' } }, { error: { code: 'CLIENT_MSG_ID_CONFLICT' } },
    { error: { code: 'INVALID_BODY', errors: [{ pointer: '/to' }] } }, { seq: 2 }
  ]])
  for (const [messages, pointer] of [
    [[], '/messages'], [[good, { ...good, from: 'a b' }], '/messages/1/from'],
    [[good, { ...good, conversationId: group }], '/messages/1/conversationId'],
    [[{ ...good, clientMsgId: 'never' }, { ...good, type: 'poke' }], '/messages/1/type'], [upTo(101).map(() => good), '/messages']
  ] as const) {
    const refused = await send([...messages])
    t.strictSame([refused.status, refused.body.code, pointers(refused)], [400, 'INVALID_BODY', [pointer]])
  }
  t.match((await bob.conversations()).body, { totalUnread: 2 }, 'nothing of those was sent')
})

t.test('[SERVER-7] under an Idempotency-Key the first results come again', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const key = randomUUID()
  const messages = [text(alice, { to: bob.userId }, 1), text(alice, { conversationId: 'g.none' }, 2)]
  const first = await send(messages, key)
  const again = await send(messages, key)
  t.strictSame([again.body.results, first.replayed, again.replayed], [first.body.results, null, 'true'])
})

t.test('[SERVER-7] an answer that asks for another try is not kept under its key, one that is final is', async t => {
  const { run } = createIdempotency({ redis: iris.redis, limits: defaultLimits })
  const asked = { key: randomUUID(), fingerprint: 'f'.repeat(22) }
  let tries = 0
  const effect = { run: async () => ++tries, isFinal: (result: number) => result > 1 }
  t.same(await run(asked, effect), { result: 1, isReplay: false })
  t.same(await run(asked, effect), { result: 2, isReplay: false })
  t.same(await run(asked, effect), { result: 2, isReplay: true })
})
