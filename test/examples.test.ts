// The examples of the document, sent to the running server in an order that works; answers keep their schemas.
import t from 'tap'
import { operations } from '../src/app.js'
import { createValidators } from '../src/commands/validate.js'
import { defaultLimits } from '../src/protocol/limits.js'
import { SERVER_KEY, startIris } from './helper/iris.js'

const iris = await startIris(t)
const alice = await iris.token('alice')
const { body: compile } = createValidators(defaultLimits)

/** What an example says about ids that only the server can know. */
const known: Record<string, string> = {}
const order = [
  'createToken', 'putConversation', 'getConversation', 'sendMessage', 'sendMessages', 'listMessages', 'listAllConversations',
  'listUserConversations', 'revokeMessage', 'MSG_UP', 'READ', 'GET_READ_MSG',
  'REST_READ_NUM_AND_LAST_MSG', 'GET_SYSTEM_TIME', 'IRIS_CMD_SEND', 'sendCommand', 'CMD_COMPLETE', 'sendNotice', 'NOTICE_COMPLETE',
  'cancelNotice', 'REVOKE', 'createTicket', 'listConversations', 'getTime', 'TOKEN', 'HEARTBEAT', 'listTerminals', 'presence', 'listEvents',
  'blockUser', 'listBlocked', 'unblockUser',
  'viewConversation', 'watchPresence',
  'putWebhook', 'getWebhook', 'listWebhooks', 'testWebhook', 'listDeadLetters', 'replayDeadLetters', 'deleteWebhook',
  'kickUser', 'liftKicks', 'showDelivery', 'removeTerminal', 'changeMembers', 'closeConversation', 'NOTICE_UP', 'deleteUser'
]

const ids: Record<string, string> = { webhooks: 'orders', notices: 'n-1', users: 'alice', conversations: 'g.support-7' }
const idIn = (path: string) => Object.entries(ids).find(([resource]) => path.includes(resource))?.[1] ?? ''

t.test('every operation is in the walk', async t => {
  t.same([...order].sort(), operations.map(({ name }) => name).sort())
})

for (const name of order) {
  t.test(`the example of ${name} works as it stands`, async t => {
    const operation = operations.find(operation => operation.name === name) as typeof operations[number]
    const { method, path, auth, example, result } = operation
    const text = JSON.stringify(example.body)
      ?.replaceAll('k1a2073f47fb09f3c81d7aa', known['cmdId'] ?? '')
      .replaceAll('eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl', alice)
    const response = await fetch(iris.url + path.replace('{id}', idIn(path)).replace('{terminalId}', 'web-1').replace('{otherId}', 'bob'), {
      method,
      headers: {
        'trace-id': `example.${name}`,
        authorization: `Bearer ${auth === 'server' ? SERVER_KEY : alice}`,
        ...(text !== undefined && { 'content-type': 'application/json' })
      },
      ...(text !== undefined && { body: text })
    })
    const { traceId, ...answer } = await response.json() as Record<string, unknown>
    t.same([traceId, response.headers.get('trace-id')], [`example.${name}`, `example.${name}`], '[TRACE-2]')
    if (name === 'NOTICE_UP') return void t.match([response.status, answer['code']], [501, 'NOTICE_UP_RESERVED'])
    t.equal(response.status, 200, JSON.stringify(answer))
    t.same(compile(result)(answer), [])
    if (name === 'sendCommand') known['cmdId'] = String(answer['cmdId'])
    if (name === 'CMD_COMPLETE') t.match(answer, { results: [{ state: 'completed' }] })
  })
}
