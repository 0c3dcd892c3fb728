// GET /v1/down/events as data: its query and its place in the OpenAPI document. docs/protocol.md section 4.
import { Type } from '@sinclair/typebox'
import type { ErrorCode } from './errors.js'
import { events, gatewayCommands } from './events.js'
import { Cursor, Platform, TerminalId, TraceId } from './ids.js'
import { exampleMessage } from './message.js'

/** The query of the stream. The cursor may be anything: one that cannot be served is answered by IRIS.RESET. [ATTACH-1] */
export const downQuery = Type.Object({
  lastEventId: Type.Optional(Type.String({ description: 'The cursor, when the `Last-Event-ID` header is absent or empty.' })),
  terminalId: Type.Optional(TerminalId),
  platform: Type.Optional(Platform),
  lease: Type.Optional(Type.Unsafe<'socket'>({
    type: 'string',
    enum: ['socket'],
    description: 'For consumers that are not people (a dashboard, a bot, curl): ' +
      'while it is connected the terminal is there, without heartbeats. Presence marks it. [LIFE-2]'
  })),
  ticket: Type.Optional(Type.String({ description: 'From POST /v1/down/tickets, for clients that cannot send headers.' }))
}, { additionalProperties: false })

/** The query of a long-poll. */
export const pollQuery = Type.Object({
  ...downQuery.properties,
  timeoutMs: Type.Integer({
    minimum: 0,
    maximum: 30_000,
    default: 25_000,
    description: 'How long to wait for an event, ms; 0 answers at once.'
  }),
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 100, description: 'Events with an id in one answer, at most.' })
}, { additionalProperties: false })

const doorCodes: ErrorCode[] = [
  'INVALID_QUERY', 'INVALID_HEADER', 'UNAUTHENTICATED', 'BAD_TOKEN', 'TOKEN_EXPIRED', 'BAD_TICKET', 'INTERNAL'
]

/** What OpenAPI says of the stream. */
export const downEvents = {
  operationId: 'downEvents',
  summary: 'Receive events as Server-Sent Events',
  description: `Four events: \`MSG_DOWN\`, \`ACK_DOWN\`, \`CMD_DOWN\`, \`NOTICE_DOWN\`; the component of that name is the JSON of its \
\`data:\`. What the gateway itself says is a \`CMD_DOWN\` whose \`name\` begins with \`IRIS.\`; the component of that name is its \`data\`.

Always first comes \`IRIS.HELLO\`. With a cursor that can be served: every entry after it, each with its id. Without one: \
unread messages and pending commands and notices, without ids. With one that cannot be served: \`IRIS.RESET\`, \
then as without. Then \`IRIS.READY\`, whose id is the position reached, and from there on live events. [ATTACH-1] [ATTACH-3]

Ids rise by exactly one; an entry that has nothing to say any more is an \`id:\` alone. Events without an id do not move the cursor. \
After 15 s of silence a comment and an \`id:\` are sent. Before every close comes \`IRIS.BYE\`. A temporary trouble is \
answered with 200 and \`IRIS.BYE\`, since any other status ends a browser's EventSource for ever. [ATTACH-4] [DOWN-3] [SSE-1]

To see it, run \`curl -sN '<this gateway>/v1/down/events?lease=socket' -H 'Authorization: \
Bearer <token>'\`: a page that waits for the end of an answer would wait for ever.`,
  path: '/v1/down/events',
  query: downQuery,
  codes: doorCodes,
  example: `retry: 3120

event: CMD_DOWN
data: {"cmdId":"k1a2073f47fb09f3c81d7aa","op":"do","name":"IRIS.HELLO","data":{"terminalId":"web-1",\
"recovered":true,"replay":1,"cursor":"7354132070916608-17","heartbeatSec":15,"serverTime":1795442400123,\
"expiresAt":1795446000123},"needComplete":false,"ts":1795442400123,"traceId":"7c1f4b9d2e"}

event: MSG_DOWN
id: 7354132070916608-17
data: ${JSON.stringify({ ...exampleMessage, source: 'replay' })}

event: CMD_DOWN
id: 7354132070916608-17
data: {"cmdId":"k1a2073f47fc1b09e2d44f0","op":"do","name":"IRIS.READY",\
"data":{},"needComplete":false,"ts":1795442400124,"traceId":"7c1f4b9d2e"}
`
}

/** What OpenAPI says of the long-poll. */
export const downPoll = {
  operationId: 'downPoll',
  summary: 'Receive events by long-poll',
  description: `The same events in the same order as the stream, collected for one answer; \
a terminal may change between stream, poll and WebSocket at any event. [POLL-1]

Answers as soon as there is an event, at the latest after \`timeoutMs\`. \`cursor\` is where the next poll begins. \
What \`IRIS.HELLO\`, \`IRIS.RESET\` and \`IRIS.READY\` say on a stream, the answer says itself: \`recovered\`, \`reset\`, \
\`ready\`. Events without an id do not count against \`limit\`; all count against the 1 MiB that an answer holds at most. \
\`more\`: something did not fit, so ask again at once. Several polls of one terminal are all served. [SLOW-2]

A terminal that polls is connected until \`IRIS_LIMIT_POLL_SEC\` after an answer without another poll, \
whatever node that comes to: online commands wait for the next poll, a page of history that was begun goes on \
in the next answer, and what is pending is said once. As long as a fresh poll has more unread messages to bring, \
its \`cursor\` is good for the next poll of that terminal alone; anywhere else it gets a RESET. [POLL-2]

A poll that is not let in (the node goes down, too many come at once) is 503 with \`Retry-After\`.`,
  path: '/v1/down/poll',
  query: pollQuery,
  codes: [
    ...doorCodes, 'KICKED', 'TOO_MANY_TERMINALS', 'RATE_LIMITED', 'NOT_READY', 'KEYS_UNAVAILABLE', 'OVERLOADED', 'STORE_FULL',
    'STORE_UNAVAILABLE'
  ] as ErrorCode[],
  result: Type.Object({
    recovered: Type.Optional(Type.Boolean({ description: 'Whether the cursor could be served; absent when none was given.' })),
    reset: Type.Optional(gatewayCommands['IRIS.RESET']),
    ready: Type.Optional(gatewayCommands['IRIS.READY']),
    events: Type.Array(Type.Object({
      event: Type.String({ enum: Object.keys(events) }),
      id: Type.Optional(Cursor),
      data: Type.Record(Type.String(), Type.Unknown(), { description: 'The component that `event` names.' })
    })),
    cursor: Cursor,
    more: Type.Boolean({ description: 'Poll again at once: something did not fit into this answer.' }),
    traceId: TraceId
  }),
  example: {
    recovered: true,
    ready: {},
    events: [{
      event: 'MSG_DOWN',
      id: '7354132070916608-17',
      data: { ...exampleMessage, source: 'live' }
    }],
    cursor: '7354132070916608-17',
    more: false,
    traceId: '7c1f4b9d2e'
  }
}

/** What OpenAPI says of the WebSocket; its frames are AsyncAPI's. */
export const webSocket = {
  operationId: 'webSocket',
  summary: 'Receive events and send commands by WebSocket',
  description: 'Subprotocol `iris.v1`; cursor, terminal and platform by query, bearer or ticket at the upgrade. The frames, up ' +
    'and down, are described in [asyncapi.json](/asyncapi.json) (AsyncAPI 3). Up: `{"up":"READ","requestId":"r-1","body":{...}}`, ' +
    'answered by `{"event":"ACK_DOWN","requestId","data"}` or `{"requestId","error"}`, with the validation, limits and codes of ' +
    'the POST. The Origin must be the server\'s own or one of `IRIS_ALLOWED_ORIGINS`. Ten frames that are no commands, or a ' +
    'binary one, end it with BYE 4400; one over the size of a body closes with 1009.',
  path: '/v1/ws',
  query: downQuery,
  codes: [...doorCodes, 'ORIGIN_NOT_ALLOWED', 'UPGRADE_REQUIRED', 'KEYS_UNAVAILABLE', 'STORE_UNAVAILABLE'] as ErrorCode[]
}
