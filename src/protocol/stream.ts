// GET /v1/down/events as data: its query and its place in the OpenAPI document. PROTOCOL.md section 4.
import { Type } from '@sinclair/typebox'
import { Platform, TerminalId } from './ids.js'

/** The query of the stream. The cursor may be anything: one that cannot be served is answered by IRIS.RESET. [ATTACH-1] */
export const downQuery = Type.Object({
  lastEventId: Type.Optional(Type.String({ description: 'The cursor, when the `Last-Event-ID` header is absent or empty.' })),
  terminalId: Type.Optional(TerminalId),
  platform: Type.Optional(Platform),
  ticket: Type.Optional(Type.String({ description: 'From POST /v1/down/tickets, for clients that cannot send headers.' }))
}, { additionalProperties: false })

/** What OpenAPI says of the stream. */
export const downEventsSchema = {
  operationId: 'downEvents',
  tags: ['Down'],
  summary: 'Receive events as Server-Sent Events',
  description: 'The down stream.',
  querystring: downQuery
}
