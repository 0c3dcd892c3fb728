// Server API: webhooks. [WEBHOOK-1] [WEBHOOK-8]
import { Type } from '@sinclair/typebox'
import { Time, wellFormed } from '../protocol/ids.js'
import { defineOperation } from '../fanout/context.js'
import { SECRET_PATTERN } from '../webhooks/secret.js'
import { TRIAL_MS } from '../webhooks/trial.js'

const server = { tag: 'Server', auth: 'server' } as const
const strict = { additionalProperties: false }
const Count = Type.Integer({ minimum: 0 })
export const WebhookId = Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$', description: 'A webhook.', examples: ['orders'] })
const Params = Type.Object({ id: WebhookId })
const Url = Type.String({
  minLength: 1,
  maxLength: 2_048,
  ...wellFormed,
  description: 'An https URL on a public address; others when `IRIS_WEBHOOK_ALLOW` names their origin. [WEBHOOK-2]',
  examples: ['https://backend.example.com/hooks']
})
const Secret = Type.String({ pattern: SECRET_PATTERN, description: '`whsec_` and 24 to 64 bytes in base64.' })

const Webhook = Type.Object({
  webhookId: WebhookId,
  url: Url,
  types: Type.Optional(Type.Array(Type.String(), { description: 'Absent: all that are written.' })),
  source: Type.Unsafe<'configuration' | 'api'>({ type: 'string', enum: ['configuration', 'api'] }),
  createdAt: Time,
  unread: Type.Integer({ minimum: 0, description: 'Events that were not looked at for it yet.' }),
  waiting: Type.Integer({ minimum: 0, description: 'Events that are on their way to it, or wait for another attempt.' }),
  deadLetters: Count,
  trouble: Type.Optional(Type.Object({ since: Time, reason: Type.String() }, {
    description: 'It takes nothing now: the last reason.'
  })),
  disabled: Type.Optional(Type.Object({ at: Time, reason: Type.String() }, {
    description: 'It is told nothing until it is put again.'
  }))
})
const example = {
  webhookId: 'orders',
  url: 'https://backend.example.com/hooks',
  types: ['user.online', 'user.offline'],
  source: 'api' as const,
  createdAt: 1795442400123,
  unread: 0,
  waiting: 0,
  deadLetters: 0
}

/** Makes a webhook, or changes one. */
export const putWebhook = defineOperation({
  ...server,
  name: 'putWebhook',
  method: 'PUT',
  path: '/v1/server/webhooks/{id}',
  summary: 'Make a webhook, or change it',
  description: 'A new one is told what happens from now on; so is one that was disabled. ' +
    '`secrets`: one, or two while they are rotated, by both of which everything is signed; ' +
    'when absent they stay, or one is made, and shown in this answer alone. [WEBHOOK-1] [WEBHOOK-3]',
  params: Params,
  body: Type.Object({
    url: Url,
    types: Type.Optional(Type.Array(Type.String({ pattern: '^[a-z]+\\.[A-Za-z]{1,64}$' }), {
      minItems: 1, maxItems: 100, uniqueItems: true, description: 'Kinds of events; all that are written when absent.'
    })),
    secrets: Type.Optional(Type.Array(Secret, { minItems: 1, maxItems: 2, uniqueItems: true }))
  }, strict),
  result: Type.Object({ created: Type.Boolean(), ...Webhook.properties, secrets: Type.Optional(Type.Array(Secret)) }),
  errors: ['INVALID_QUERY', 'TOO_MANY_WEBHOOKS', 'WEBHOOK_CONFIGURED'],
  example: {
    body: { url: 'https://backend.example.com/hooks', types: ['user.online', 'user.offline'] },
    result: { created: true, ...example, secrets: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo='] }
  },
  handle: async ({ params: { id }, body }, { webhooks }) => await webhooks.put(id, body)
})

/** Shows a webhook. */
export const getWebhook = defineOperation({
  ...server,
  name: 'getWebhook',
  method: 'GET',
  path: '/v1/server/webhooks/{id}',
  summary: 'Show a webhook, and how far it is',
  description: 'Where it leads, what waits for it, and what is wrong with it. Its secrets are not shown. [WEBHOOK-1]',
  params: Params,
  result: Webhook,
  errors: ['INVALID_QUERY', 'WEBHOOK_NOT_FOUND'],
  example: { result: example },
  handle: async ({ params: { id } }, { webhooks }) => await webhooks.get(id)
})

/** Shows all webhooks. */
export const listWebhooks = defineOperation({
  ...server,
  name: 'listWebhooks',
  method: 'GET',
  path: '/v1/server/webhooks',
  summary: 'Show all webhooks, and how far each is',
  description: 'Those of the server API, and `configured`, that of the environment. [WEBHOOK-1]',
  result: Type.Object({ items: Type.Array(Webhook) }),
  errors: [],
  example: { result: { items: [example] } },
  handle: async (_request, { webhooks }) => ({ items: await webhooks.list() })
})

/** Forgets a webhook. */
export const deleteWebhook = defineOperation({
  ...server,
  name: 'deleteWebhook',
  method: 'DELETE',
  path: '/v1/server/webhooks/{id}',
  summary: 'Forget a webhook, and all that it was to be told',
  description: 'Its dead letters, too. `configured` comes again with the next start of a node whose environment names it, or with ' +
    'another life of the store. [WEBHOOK-1]',
  params: Params,
  result: Type.Object({ webhookId: WebhookId, removed: Type.Boolean({ description: 'It was known.' }) }),
  errors: ['INVALID_QUERY'],
  example: { result: { webhookId: 'orders', removed: true } },
  handle: async ({ params: { id } }, { webhooks }) => ({ webhookId: id, removed: await webhooks.remove(id) })
})

/** Tries a webhook. */
export const testWebhook = defineOperation({
  ...server,
  name: 'testWebhook',
  method: 'POST',
  path: '/v1/server/webhooks/test',
  summary: 'Send an event that means nothing, now and once',
  description: 'To a webhook, signed as its events are, or to a URL, signed by nobody\'s secret: type `webhook.test`. ' +
    'The answer says what came of it: the `status` with the first bytes of the answer, or why there was none. [WEBHOOK-8]',
  body: Type.Object({ id: Type.Optional(WebhookId), url: Type.Optional(Url) }, strict),
  result: Type.Object({
    delivered: Type.Boolean({ description: 'The status was 2xx.' }),
    ms: Count,
    status: Type.Optional(Type.Integer()),
    answer: Type.Optional(Type.String({ description: 'Its first 1,024 bytes.' })),
    reason: Type.Optional(Type.String({ description: 'Why there was no answer.' }))
  }),
  errors: ['WEBHOOK_NOT_FOUND'],
  isRead: true,
  waitMs: () => TRIAL_MS,
  example: { body: { id: 'orders' }, result: { delivered: true, ms: 41, status: 200, answer: 'ok' } },
  check ({ id, url }) {
    return (id === undefined) === (url === undefined) ? [{ pointer: '/id', detail: 'exactly one of id and url is needed' }] : []
  },
  handle: async ({ body }, { webhooks }) => await webhooks.test(body)
})
