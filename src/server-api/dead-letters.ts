// Server API: what a webhook was not told. [WEBHOOK-6]
import { Type } from '@sinclair/typebox'
import { PageLimit } from '../protocol/conversation.js'
import { Time } from '../protocol/ids.js'
import { defineOperation } from '../fanout/context.js'
import { WebhookId } from './webhooks.js'

const server = { tag: 'Server', auth: 'server' } as const
const strict = { additionalProperties: false }
const Count = Type.Integer({ minimum: 0 })
const Params = Type.Object({ id: WebhookId })
const LetterId = Type.String({ pattern: '^\\d{1,16}-\\d{1,16}$', examples: ['1795442400123-0'] })

/** Shows dead letters. */
export const listDeadLetters = defineOperation({
  ...server,
  name: 'listDeadLetters',
  method: 'GET',
  path: '/v1/server/webhooks/{id}/dead-letters',
  summary: 'Show what a webhook has not been told',
  description: 'Oldest first. `failed`: an event that it has not taken in its time; `lost`: so many events (`event.lost`) were trimmed ' +
    'before they were read for it. [SERVER-1] [WEBHOOK-6]',
  params: Params,
  query: Type.Object({ after: Type.Optional(LetterId), limit: PageLimit }, strict),
  result: Type.Object({
    items: Type.Array(Type.Object({
      id: LetterId,
      kind: Type.Unsafe<'failed' | 'lost'>({ type: 'string', enum: ['failed', 'lost'] }),
      at: Time,
      event: Type.Object({ id: Type.String(), type: Type.String(), ts: Time }, { additionalProperties: true }),
      reason: Type.Optional(Type.String()),
      attempts: Type.Optional(Count)
    })),
    next: Type.Optional(LetterId)
  }),
  errors: ['INVALID_QUERY', 'WEBHOOK_NOT_FOUND'],
  example: {
    result: {
      items: [{
        id: '1795528800123-0',
        kind: 'failed',
        at: 1795528800123,
        event: { id: '1795442400123-0', type: 'user.online', ts: 1795442400123 },
        reason: 'it answered 500',
        attempts: 36
      }]
    }
  },
  handle: async ({ params: { id }, query: { after, limit = 30 } }, { webhooks }) => await webhooks.deadLetters(id, { after, limit })
})

/** Delivers dead letters again. */
export const replayDeadLetters = defineOperation({
  ...server,
  name: 'replayDeadLetters',
  method: 'POST',
  path: '/v1/server/webhooks/{id}/replay',
  summary: 'Deliver dead letters again',
  description: 'These, or all of them; out of order, under the `webhook-id` that they had, and tried for as long as a new event. ' +
    'Those that are `lost` stay where they are: nobody has these events any more. [WEBHOOK-6]',
  params: Params,
  body: Type.Object({
    ids: Type.Optional(Type.Array(LetterId, { minItems: 1, maxItems: 1_000, uniqueItems: true, description: 'All when absent.' }))
  }, strict),
  result: Type.Object({ replayed: Count, lost: Count }),
  errors: ['INVALID_QUERY', 'WEBHOOK_NOT_FOUND'],
  example: { body: {}, result: { replayed: 1, lost: 0 } },
  handle: async ({ params: { id }, body: { ids } }, { webhooks }) => await webhooks.replay(id, ids)
})
