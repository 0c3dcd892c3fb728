// What Iris tells terminals of what others do: the `data` of a CMD_DOWN of a wire name, schemas and examples. docs/protocol.md section 5.
import { type TSchema, Type } from '@sinclair/typebox'
import { clientId, ConversationId, Seq, Time, UserId } from './ids.js'
import { SeenPresence } from './presence.js'

const Count = Type.Integer({ minimum: 0 })
const UnreadMark = Type.Boolean()
const at = 1795442400123

/** The `data` of each by its name. */
export const wireCommands = {
  READ: Type.Object({
    conversationId: ConversationId,
    readerId: UserId,
    readSeq: Type.Integer({ minimum: 0, description: '0: nothing that you may see.' }),
    seqs: Type.Optional(Type.Array(Seq, { description: 'What was read singly.' })),
    readAt: Time,
    unreadMark: Type.Optional(Type.Literal(false, { description: 'To the reader\'s other terminals: it took a mark away.' }))
  }, {
    description: 'Somebody has read. [READ-3]',
    examples: [{ conversationId: 'dm.alice.bob', readerId: 'bob', readSeq: 1, readAt: at }]
  }),
  REST_READ_NUM_AND_LAST_MSG: Type.Object({ conversationId: ConversationId, readSeq: Count, unread: Count, unreadMark: UnreadMark }, {
    description: 'You have read, or marked, on another terminal; nobody else knows. [REST-2]',
    examples: [{ conversationId: 'dm.alice.bob', readSeq: 1, unread: 0, unreadMark: false }]
  }),
  REVOKE: Type.Object({
    conversationId: ConversationId,
    seq: Seq,
    msgId: Type.String(),
    by: Type.String({ description: 'Who revoked it; `system`: the application.' }),
    revokedAt: Time
  }, {
    description: 'A message was revoked: its content is to be forgotten. [REVOKE-4]',
    examples: [{ conversationId: 'dm.alice.bob', seq: 1, msgId: '1a2073f47fb00000001a9f3c81d7', by: 'alice', revokedAt: at }]
  }),
  GET_READ_MSG_END: Type.Object({
    requestId: clientId('Of the command that asked for the page.', 'r-1'), count: Count, hasMore: Type.Boolean()
  }, {
    description: 'The page that this terminal has asked for is complete. [GET-1]',
    examples: [{ requestId: 'r-1', count: 1, hasMore: false }]
  }),
  CMD_COMPLETE: Type.Object({
    cmdId: Type.String({ description: 'As IRIS_CMD_SEND answered it.' }),
    clientCmdId: clientId('Your own id of the command.', 'k-1'),
    userId: UserId,
    completedAt: Time
  }, {
    description: 'A user has completed a command that you sent with `notifyComplete`.',
    examples: [{ cmdId: 'k1a2073f47fb09f3c81d7', clientCmdId: 'k-1', userId: 'bob', completedAt: at }]
  }),
  PRESENCE: Type.Object({ ...SeenPresence.properties, since: Time }, {
    description: 'A user whom this terminal watches has come, or is gone, or may be seen no more. Of two words about him the one with ' +
      'the later `since` counts, of two with the same the last one. [SEE-4]',
    examples: [{ userId: 'bob', online: true, since: at }]
  })
} as const satisfies Record<string, TSchema>

/** Which of them are stored nowhere, and carry no cursor. */
export const volatileCommands: readonly string[] = ['GET_READ_MSG_END', 'PRESENCE'] satisfies (keyof typeof wireCommands)[]

/** @returns the name of a command's schema, and of its message: the plain one is the command's that goes up. */
export const downName = (name: string) => `CMD_DOWN.${name}`

/** The schemas of all by these names. */
export const wireSchemas = Object.fromEntries(Object.entries(wireCommands).map(([name, schema]) => [downName(name), schema]))
