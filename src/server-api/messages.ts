// Server API: messages as any user or as the system, and their revocation.
import { Type } from '@sinclair/typebox'
import { Ack, exampleAck } from '../protocol/ack.js'
import { clientId, ConversationId, Seq, SYSTEM_USER, Time, UserId, wellFormed } from '../protocol/ids.js'
import { limitedBytes } from '../protocol/limits.js'
import { contents, messageUnion } from '../protocol/message.js'
import { To } from '../protocol/target.js'
import { defineOperation } from '../fanout/context.js'
import { commandDraft } from '../stream/say.js'
import { checkMessage, sendMessage } from '../fanout/send-message.js'

const server = { tag: 'Server', auth: 'server', method: 'POST' } as const
const System = Type.Object({}, {
  additionalProperties: true,
  description: 'Any object; clients show it as they like.',
  ...limitedBytes('contentBytes')
})

/** A message as the application sends it. */
export const MessageAs = messageUnion({ ...contents, system: System }, {
  from: UserId,
  clientMsgId: clientId('Made by you; the same for every retry.', 's-1'),
  to: Type.Optional(To(1)),
  conversationId: Type.Optional(ConversationId)
})

/** Sends as any user, or as `system`. */
export const sendAs = defineOperation({
  ...server,
  name: 'sendMessage',
  path: '/v1/server/messages',
  summary: 'Send a message as any user, or as the system',
  description: 'As MSG_UP, with `from`. `from: "system"` belongs to nobody and needs a `conversationId`; ' +
    'type `system` is for it. Idempotent by `clientMsgId` within the conversation and `from`. [MSG-2]',
  body: MessageAs,
  result: Ack,
  errors: ['CONVERSATION_NOT_FOUND', 'MESSAGE_NOT_FOUND', 'CONVERSATION_CLOSED', 'CLIENT_MSG_ID_CONFLICT'],
  example: {
    body: {
      from: 'system', clientMsgId: 's-1', conversationId: 'g.support-7', type: 'system', content: { event: 'joined', userId: 'bob' }
    },
    result: { ...exampleAck, clientMsgId: 's-1', conversationId: 'g.support-7' }
  },
  check: checkMessage,
  async handle ({ body, traceId }, { deliver }) {
    return await sendMessage({ deliver }, body, { from: body.from, terminalId: '', traceId })
  }
})

/** Revokes any message, at any time. */
export const revokeMessage = defineOperation({
  ...server,
  name: 'revokeMessage',
  path: '/v1/server/messages/revoke',
  summary: 'Revoke any message, at any time',
  description: 'As REVOKE, without its window and permissions. [REVOKE-1]',
  body: Type.Object({
    conversationId: ConversationId,
    seq: Seq,
    reason: Type.Optional(Type.String({ maxLength: 200, ...wellFormed }))
  }, { additionalProperties: false }),
  result: Type.Object({ conversationId: ConversationId, seq: Seq, revokedAt: Time, alreadyRevoked: Type.Boolean() }),
  errors: ['CONVERSATION_NOT_FOUND', 'MESSAGE_NOT_FOUND'],
  example: {
    body: { conversationId: 'g.support-7', seq: 1, reason: 'moderation' },
    result: { conversationId: 'g.support-7', seq: 1, revokedAt: 1795442400123, alreadyRevoked: false }
  },
  async handle ({ body: { conversationId, seq, reason = '' }, traceId }, { deliver, now }) {
    const { revokedAt, alreadyRevoked } = await deliver.revocation({
      conversationId, by: SYSTEM_USER, server: true, seq, reason, windowSec: 0, draft: commandDraft('REVOKE', { now: now(), traceId })
    })
    return { conversationId, seq, revokedAt, alreadyRevoked }
  }
})
