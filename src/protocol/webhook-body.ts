// What a webhook is sent, as data: the events of the stream, and what is told beside it. docs/protocol.md section 8. [WEBHOOK-3]
import { type TObject, type TSchema, Type } from '@sinclair/typebox'
import { EventId, serverEvents } from './server-events.js'
import { Time } from './ids.js'

const [exampleId] = EventId['examples'] as [string]
const example = { ts: 1795442400123 }

/** What no reader of the stream is told, by its name. */
const besideStream = {
  'feed.reset': Type.Object({
    id: EventId,
    type: Type.Literal('feed.reset'),
    ts: Time,
    after: Type.String({ pattern: EventId.pattern as string, description: 'What stood behind this position is gone.' }),
    lost: Type.Integer({ minimum: 1, description: 'How many events are gone, as far as that is known.' })
  }, {
    description: 'Events were gone before this webhook was told of them: read what it has missed by the server API. It is told ' +
      'so whatever kinds it asks for. [WEBHOOK-7]',
    examples: [{ id: exampleId, type: 'feed.reset', ...example, after: exampleId, lost: 12 }]
  }),
  'webhook.test': Type.Object({ id: EventId, type: Type.Literal('webhook.test'), ts: Time }, {
    description: 'An event that means nothing: `POST /v1/server/webhooks/test` has sent it. [WEBHOOK-8]',
    examples: [{ id: '0-0', type: 'webhook.test', ...example }]
  })
}

/** What a webhook may be told, by `type`. */
export const toldEvents: Readonly<Record<string, TObject>> = { ...serverEvents, ...besideStream }

interface Told { id: string, type: string, ts: number, [fact: string]: unknown }

/** @returns what a webhook is sent of an event. */
export const deliveryOf = ({ type, ...data }: Told) => ({ type, timestamp: new Date(data.ts).toISOString(), data })

/** @returns the schema of that, for one kind. */
export function deliverySchema ({ properties: { type, ...facts }, description, examples }: TObject): TObject {
  return Type.Object({
    type: type as TSchema,
    timestamp: Type.String({ format: 'date-time', description: 'When it happened: `ts`, as text.' }),
    data: Type.Object(facts as Record<string, TSchema>, { description: 'The event as `GET /v1/server/events` gives it, without its type.' })
  }, { ...(description !== undefined && { description }), examples: (examples as Told[]).map(deliveryOf) })
}

/** The headers of a delivery, beside its media type. */
export const deliveryHeaders: Readonly<Record<string, { isAlways: boolean, schema: TSchema }>> = {
  'webhook-id': {
    isAlways: true,
    schema: Type.String({
      description: 'The same for each attempt at an event: what was taken before may be dropped by it.', examples: [`evt_${exampleId}`]
    })
  },
  'webhook-timestamp': {
    isAlways: true,
    schema: Type.String({
      pattern: '^\\d+$', description: 'When this attempt was signed, seconds since 1970.', examples: ['1795442400']
    })
  },
  'webhook-signature': {
    isAlways: true,
    schema: Type.String({
      pattern: '^v1,[A-Za-z0-9+/=]+( v1,[A-Za-z0-9+/=]+)*$',
      description: 'By Standard Webhooks 1.0, of `{webhook-id}.{webhook-timestamp}.{body}`; one for each secret.',
      examples: ['v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=']
    })
  },
  'Trace-Id': {
    isAlways: false,
    schema: Type.String({ description: 'TRACE_ID of the request that caused the event, if one did. [TRACE-2]', examples: ['7c1f4b9d2e'] })
  }
}
