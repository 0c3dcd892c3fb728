// The events that go down, as data: their schemas and examples. Four names only. docs/protocol.md section 4.
import { Type, type TSchema } from '@sinclair/typebox'
import { Ack, exampleAck } from './ack.js'
import { clientId, ConversationId, Cursor, Epoch, TerminalId, Time, TraceId, UserId } from './ids.js'
import { Message } from './message.js'

/**
 * Where a message came from: `replay` the stream before READY, `mailbox` unread at a fresh attach,
 * `history` GET_READ_MSG, `live` after READY.
 */
export type Source = 'live' | 'replay' | 'mailbox' | 'history'

const Count = Type.Integer({ minimum: 0 })
const cmdId = Type.String({ description: 'Made by the server; what CMD_COMPLETE takes.', examples: ['k1a2073f47fb09f3c81d7'] })
const example = { ts: 1795442400123, traceId: '7c1f4b9d2e' }

/** The data of each event by its name. */
export const events = {
  MSG_DOWN: Type.Object({
    ...Message.properties,
    source: Type.Unsafe<Source>({ type: 'string', enum: ['live', 'replay', 'mailbox', 'history'] })
  }, {
    description: 'A message. A revoked one has `type: "revoked"`, `revoked`, and no content. [DOWN-2]',
    examples: [{
      conversationId: 'dm.alice.bob',
      seq: 1,
      msgId: '1a2073f47fb000000011a9f3c81',
      from: 'alice',
      clientMsgId: 'c-1',
      type: 'text',
      content: { text: 'hi' },
      ...example,
      source: 'live'
    }]
  }),
  ACK_DOWN: Type.Object({ ...Ack.properties, traceId: TraceId }, {
    description: 'The outcome of a send, to the terminal that sent: a client that lost the HTTP answer still learns it. [DOWN-1]',
    examples: [{ ...exampleAck, ...example }]
  }),
  CMD_DOWN: Type.Object({
    cmdId,
    clientCmdId: Type.Optional(Type.String()),
    op: Type.Unsafe<'do' | 'complete'>({ type: 'string', enum: ['do', 'complete'] }),
    name: Type.String({ description: 'A wire name, an application\'s own, or `IRIS.*` from the gateway itself.' }),
    data: Type.Record(Type.String(), Type.Unknown()),
    from: Type.Optional(UserId),
    conversationId: Type.Optional(ConversationId),
    needComplete: Type.Boolean({ description: 'Redelivered at every attach until CMD_COMPLETE. [COMPLETE-3]' }),
    expiresAt: Type.Optional(Time),
    redelivery: Type.Optional(Count),
    ts: Time,
    traceId: TraceId
  }, {
    description: 'A command to the terminal. `op: "complete"`: another terminal has completed it.',
    examples: [{
      cmdId: 'k1a2073f47fb09f3c81d7',
      op: 'do',
      name: 'READ',
      data: { conversationId: 'dm.alice.bob', readerId: 'bob', readSeq: 1, readAt: 1795442400123 },
      needComplete: false,
      ...example
    }]
  }),
  NOTICE_DOWN: Type.Object({
    noticeId: clientId('The notice.', 'n-1'),
    kind: Type.Unsafe<'notice' | 'message' | 'kick'>({ type: 'string', enum: ['notice', 'message', 'kick'] }),
    title: Type.Optional(Type.String()),
    content: Type.Record(Type.String(), Type.Unknown()),
    level: Type.Optional(Type.String()),
    actions: Type.Optional(Type.Array(Type.Record(Type.String(), Type.Unknown()))),
    needComplete: Type.Boolean(),
    expiresAt: Type.Optional(Time),
    redelivery: Type.Optional(Count),
    op: Type.Unsafe<'show' | 'complete' | 'cancel'>({ type: 'string', enum: ['show', 'complete', 'cancel'] }),
    ts: Time,
    traceId: TraceId
  }, {
    description: 'A notice to show, to take away because another terminal completed it, or to take away because it was cancelled.',
    examples: [{
      noticeId: 'n-1', kind: 'notice', title: 'Maintenance', content: { text: 'Tonight at ten' }, needComplete: true, op: 'show', ...example
    }]
  })
} as const satisfies Record<string, TSchema>

export type EventName = keyof typeof events

const reconnects = ['now', 'backoff', 'login', 'never'] as const
export type Reconnect = typeof reconnects[number]

const resetReasons = ['malformed', 'epoch', 'trimmed', 'future'] as const
export type ResetReason = typeof resetReasons[number]

/** The data of the gateway's own commands: the `data` of a CMD_DOWN of that name. */
export const gatewayCommands = {
  'IRIS.HELLO': Type.Object({
    terminalId: TerminalId,
    recovered: Type.Optional(Type.Boolean({ description: 'Whether the cursor could be served; absent when none was given.' })),
    replay: Type.Integer({ minimum: 0, description: 'How many entries follow before READY at least.' }),
    cursor: Cursor,
    heartbeatSec: Type.Integer(),
    serverTime: Time,
    expiresAt: Time
  }, { description: 'Always the first event of a connection.' }),
  'IRIS.READY': Type.Object({
    more: Type.Optional(Type.Boolean({ description: 'More unread messages than a mailbox brings: fetch them with GET_READ_MSG.' }))
  }, { description: 'The position reached is its id; what follows is live.' }),
  'IRIS.RESET': Type.Object({
    reason: Type.Unsafe<ResetReason>({ type: 'string', enum: [...resetReasons] }),
    cursor: Cursor,
    conversations: Type.Array(Type.Object({ conversationId: ConversationId, epoch: Epoch, headSeq: Count, readSeq: Count, unread: Count })),
    more: Type.Optional(Type.Boolean({ description: 'More conversations than stand here: page them with GET /v1/conversations.' }))
  }, { description: 'The cursor cannot be served: what the client remembers may have a gap. [ATTACH-1]' }),
  'IRIS.AUTH': Type.Object({
    expiresInSec: Type.Integer({ minimum: 0 })
  }, { description: 'The token ends soon: hand in a fresh one, or the stream ends with BYE 4101.' }),
  'IRIS.BYE': Type.Object({
    code: Type.Integer(),
    reason: Type.String(),
    reconnect: Type.Unsafe<Reconnect>({ type: 'string', enum: [...reconnects] }),
    retryAfterMs: Type.Optional(Type.Integer({ minimum: 0 }))
  }, { description: 'Before every close that the server makes.' })
} as const

/** The goodbyes: what each code means and what a client must do. Section 4, "Goodbye". */
export const byes = {
  TOKEN_EXPIRED: { code: 4101, reason: 'token expired', reconnect: 'login' },
  REMOVED: { code: 4102, reason: 'the terminal was removed', reconnect: 'login' },
  DRAIN: { code: 4200, reason: 'the server goes down', reconnect: 'backoff' },
  ROTATE: { code: 4201, reason: 'the connection is old', reconnect: 'now' },
  STORE_LOST: { code: 4202, reason: 'the store cannot be reached, or has lost something', reconnect: 'backoff' },
  SLOW: { code: 4203, reason: 'the connection is stuck or too slow', reconnect: 'now' },
  TIMEOUT: { code: 4204, reason: 'no heartbeat', reconnect: 'backoff' },
  BUSY: { code: 4205, reason: 'too many come at once', reconnect: 'backoff' },
  KICKED: { code: 4301, reason: 'kicked', reconnect: 'never' },
  REPLACED: { code: 4302, reason: 'replaced by another login', reconnect: 'never' },
  TOO_MANY_TERMINALS: { code: 4303, reason: 'too many terminals', reconnect: 'never' },
  BAD_REQUEST: { code: 4400, reason: 'frames that are no commands', reconnect: 'never' }
} as const satisfies Record<string, { code: number, reason: string, reconnect: Reconnect }>
export type Bye = keyof typeof byes

/** Names that no application may send with IRIS_CMD_SEND. [CMD-4] */
export function isReservedName (name: string, wireNames: readonly string[]): boolean {
  return /^(IRIS|SYS)\./i.test(name) || name === 'GET_READ_MSG_END' || wireNames.includes(name)
}
