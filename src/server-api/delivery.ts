// Server API: did he get it? [DELIVERY-1] [DELIVERY-2] [DELIVERY-3]
import { Type } from '@sinclair/typebox'
import { ConversationId, Cursor, Platform, Seq, TerminalId, Time, UserId } from '../protocol/ids.js'
import { TerminalState } from '../protocol/presence.js'
import type { FieldError } from '../protocol/problem.js'
import { defineOperation } from '../fanout/context.js'

const words = <Word extends string>(all: readonly Word[], description: string) =>
  Type.Unsafe<Word>({ type: 'string', enum: [...all], description })
const count = (description: string) => Type.Integer({ minimum: 0, description })

const Terminal = Type.Object({
  terminalId: TerminalId,
  platform: Platform,
  online: Type.Boolean(),
  state: TerminalState,
  since: Time,
  lastSeen: Time,
  lease: Type.Optional(words(['socket'], 'As in `users/{id}/terminals`. [LIFE-2]')),
  node: Type.Optional(Type.String({ description: 'Where it is connected.' })),
  transport: Type.Optional(words(['sse', 'poll', 'ws'], 'By what it is connected, or was last.')),
  connections: Type.Optional(Type.Integer({ minimum: 1, description: 'How many it has there. Absent: it is away, or nobody answered.' })),
  live: Type.Optional(Type.Boolean({ description: 'Its READY was said: what was there when it came was printed.' })),
  from: Type.Optional(Type.String({ description: 'Where it began anew the last time; from there on it was printed every entry.' })),
  cursor: Type.Optional(Type.String({ description: 'The last entry that it was printed.' })),
  asOf: Type.Optional(Type.Integer({ description: 'When `cursor` was noted, ms. Absent: it is as it is now, by the word of its node.' })),
  lag: Type.Optional(count('So many entries of the stream are not printed yet.')),
  goodbye: Type.Optional(Type.Object({
    code: Type.Optional(Type.Integer({ description: 'Of `IRIS.BYE`. Absent: the link was closed.' })),
    reason: Type.String(),
    at: Time
  }, { description: 'How its last connection ended, the last time that it had none.' }))
})

const Message = Type.Object({
  conversationId: ConversationId,
  seq: Seq,
  msgId: Type.String(),
  from: UserId,
  type: Type.String({ description: '`revoked`: it was recalled.' }),
  storedAt: Time,
  visible: Type.Boolean({ description: 'Whether he may see it: joining, leaving, retention.' }),
  entryId: Type.Optional(Type.String({ description: 'Where it stands in his stream. Absent: it does not, or not any more (`oldest`).' })),
  read: Type.Optional(Type.Boolean({ description: 'Whether he has read it. Absent for his own, and of a membership that has ended.' })),
  terminals: Type.Array(Type.Object({
    terminalId: TerminalId,
    printed: words(['yes', 'no', 'unknown'], '`no`: it will be when it comes, goes on, or fetches it. `unknown`: nobody knows any more.'),
    at: Type.Optional(Type.Integer({ description: 'When, ms, while its node remembers that.' })),
    by: Type.Optional(words(['mailbox'], 'It was unread when the terminal began anew: `yes`, it came before READY; ' +
      '`no`, more were unread than a mailbox brings: the client fetches it (GET_READ_MSG), which is not noted here.'))
  }))
})

/** Says how far a user's terminals are printed, and whether they were printed a message. */
export const showDelivery = defineOperation({
  name: 'showDelivery',
  method: 'GET',
  path: '/v1/server/users/{id}/delivery',
  tag: 'Server',
  auth: 'server',
  summary: 'Say whether a user got what was sent to him',
  description: 'The end of his stream, what is unread and pending, and of each terminal how far it was printed, by what, and how its ' +
    'last connection ended. Of those that are connected their nodes are asked; where one does not answer, what it noted last is shown, ' +
    'with `asOf`: every 25 s, and when a connection ends. With `msgId`, or `conversationId` and `seq`: when that message was ' +
    'stored, where it stands in his stream, to which terminals it was printed, and whether he has read it. Printed is what was written ' +
    'to the connection; that he has seen it only a READ says. [DELIVERY-1] [DELIVERY-2] [DELIVERY-3]',
  params: Type.Object({ id: UserId }),
  query: Type.Object({
    msgId: Type.Optional(Type.String({
      pattern: '^[0-9a-f]{19}[0-9A-Za-z]{1,40}$',
      description: 'Looked for in 500 of his conversations, those that were used soonest after it.'
    })),
    conversationId: Type.Optional(ConversationId),
    seq: Type.Optional(Seq)
  }, { additionalProperties: false }),
  result: Type.Object({
    userId: UserId,
    online: Type.Boolean(),
    end: Type.Optional(Cursor),
    oldest: Type.Optional(Type.String({ description: 'The oldest entry that his stream still has.' })),
    unread: count('Messages that he has not read.'),
    pending: Type.Object({ commands: count('In his CMD_BOX.'), notices: count('In his NOTICE_BOX.') }),
    terminals: Type.Array(Terminal),
    message: Type.Optional(Message)
  }),
  errors: ['INVALID_QUERY', 'CONVERSATION_NOT_FOUND', 'MESSAGE_NOT_FOUND'],
  example: {
    result: {
      userId: 'alice',
      online: true,
      end: '7354132070916608-17',
      oldest: '7354132070916608-0',
      unread: 1,
      pending: { commands: 0, notices: 0 },
      terminals: [{
        terminalId: 'web-1',
        platform: 'web',
        online: true,
        state: 'foreground',
        since: 1795442400123,
        lastSeen: 1795442460123,
        node: 'iris-1',
        transport: 'sse',
        connections: 1,
        live: true,
        from: '7354132070916608-12',
        cursor: '7354132070916608-17',
        lag: 0,
        goodbye: { code: 4201, reason: 'the connection is old', at: 1795442400001 }
      }]
    }
  },
  checkQuery ({ msgId, conversationId, seq }): FieldError[] {
    const isPlace = conversationId !== undefined && seq !== undefined
    if (msgId === undefined && (conversationId === undefined) === (seq === undefined)) return []
    if (msgId !== undefined && conversationId === undefined && seq === undefined) return []
    if (msgId !== undefined) return [{ pointer: '/msgId', detail: 'stands alone, without `conversationId` and `seq`' }]
    return isPlace ? [] : [{ pointer: conversationId === undefined ? '/conversationId' : '/seq', detail: 'is required beside the other' }]
  },
  handle: async ({ params: { id }, query }, { reports }) =>
    await reports.report(id, Object.keys(query).length > 0 ? query : undefined)
})
