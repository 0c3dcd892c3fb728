// GET /v1/down/events as data: its query and its place in the OpenAPI document. PROTOCOL.md section 4.
import { Type } from '@sinclair/typebox'
import type { ErrorCode } from './errors.js'
import { Platform, TerminalId } from './ids.js'

/** The query of the stream. The cursor may be anything: one that cannot be served is answered by IRIS.RESET. [ATTACH-1] */
export const downQuery = Type.Object({
  lastEventId: Type.Optional(Type.String({ description: 'The cursor, when the `Last-Event-ID` header is absent or empty.' })),
  terminalId: Type.Optional(TerminalId),
  platform: Type.Optional(Platform),
  ticket: Type.Optional(Type.String({ description: 'From POST /v1/down/tickets, for clients that cannot send headers.' }))
}, { additionalProperties: false })

/** The query of a long-poll. */
export const pollQuery = Type.Object({
  ...downQuery.properties,
  timeoutMs: Type.Integer({ minimum: 0, maximum: 30_000, default: 25_000, description: 'How long to wait for an event, ms; 0 answers at once.' }),
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 100, description: 'Events with an id in one answer, at most.' })
}, { additionalProperties: false })

const codes: ErrorCode[] = ['INVALID_QUERY', 'INVALID_HEADER', 'UNAUTHENTICATED', 'BAD_TOKEN', 'TOKEN_EXPIRED', 'BAD_TICKET', 'INTERNAL']

/** What OpenAPI says of the stream. */
export const downEvents = {
  operationId: 'downEvents',
  summary: 'Receive events as Server-Sent Events',
  description: `Four events: \`MSG_DOWN\`, \`ACK_DOWN\`, \`CMD_DOWN\`, \`NOTICE_DOWN\`; the component of that name is the JSON of its \`data:\`. What the gateway itself says is a \`CMD_DOWN\` whose \`name\` begins with \`IRIS.\`; the component of that name is its \`data\`.

Always first comes \`IRIS.HELLO\`. With a cursor that can be served: every entry after it, each with its id. Without one: unread messages and pending commands and notices, without ids. With one that cannot be served: \`IRIS.RESET\`, then as without. Then \`IRIS.READY\`, whose id is the position reached, and from there on live events. [ATTACH-1] [ATTACH-3]

Ids rise by exactly one; an entry that has nothing to say any more is an \`id:\` alone. Events without an id do not move the cursor. After 15 s of silence a comment and an \`id:\` are sent. Before every close comes \`IRIS.BYE\`. A temporary trouble is answered with 200 and \`IRIS.BYE\`, since any other status ends a browser's EventSource for ever. [ATTACH-4] [DOWN-3] [SSE-1]`,
  query: downQuery,
  codes,
  example: `retry: 3120

event: CMD_DOWN
data: {"cmdId":"k1a2073f47fb09f3c81d7aa","op":"do","name":"IRIS.HELLO","data":{"terminalId":"web-1","recovered":true,"replay":1,"cursor":"7354132070916608-17","heartbeatSec":15,"serverTime":1795442400123,"expiresAt":1795446000123},"needComplete":false,"ts":1795442400123,"traceId":"7c1f4b9d2e"}

event: MSG_DOWN
id: 7354132070916608-17
data: {"conversationId":"dm.alice.bob","seq":1,"msgId":"1a2073f47fb000000011a9f3c81","ts":1795442400123,"from":"alice","clientMsgId":"c-1","type":"text","content":{"text":"hi"},"traceId":"7c1f4b9d2e","source":"replay"}

event: CMD_DOWN
id: 7354132070916608-17
data: {"cmdId":"k1a2073f47fc1b09e2d44f0","op":"do","name":"IRIS.READY","data":{},"needComplete":false,"ts":1795442400124,"traceId":"7c1f4b9d2e"}
`
}
