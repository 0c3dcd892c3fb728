// REVOKE: takes a message back.
import { Type } from '@sinclair/typebox'
import { ConversationId, Seq, Time, wellFormed } from '../protocol/ids.js'
import { defineCommand } from '../fanout/context.js'
import { commandDraft } from '../stream/say.js'

/** REVOKE - the message becomes a tombstone, everywhere. [REVOKE-1] ... [REVOKE-5] */
export const revoke = defineCommand({
  name: 'REVOKE',
  summary: 'Take a message back, everywhere',
  description: 'The log keeps a tombstone with the same `seq`; the text is gone from Redis, from every ' +
    'mailbox, and is not sent again on any transport after this answer. Senders may revoke for a limited ' +
    'time, a group\'s owner and admins at any time. Revoking twice is fine. [REVOKE-1] [REVOKE-2] [REVOKE-5]',
  body: Type.Object({
    conversationId: ConversationId,
    seq: Seq,
    reason: Type.Optional(Type.String({ maxLength: 200, ...wellFormed, description: 'Shown with the tombstone.' }))
  }, { additionalProperties: false }),
  result: Type.Object({ conversationId: ConversationId, seq: Seq, revokedAt: Time, alreadyRevoked: Type.Boolean() }),
  errors: ['CONVERSATION_NOT_FOUND', 'MESSAGE_NOT_FOUND', 'REVOKE_FORBIDDEN', 'REVOKE_WINDOW_PASSED'],
  example: {
    body: { conversationId: 'dm.alice.bob', seq: 1, reason: 'wrong chat' },
    result: { conversationId: 'dm.alice.bob', seq: 1, revokedAt: 1795442400123, alreadyRevoked: false }
  },
  costs: [{
    per: 50,
    of: 'members of the group',
    count: ({ body: { conversationId } }) => conversationId.startsWith('g.') ? { membersOf: conversationId } : 0
  }],
  async handle ({ body: { conversationId, seq, reason = '' }, caller, traceId }, { deliver, limits, now }) {
    const { revokedAt, alreadyRevoked } = await deliver.revocation({
      conversationId,
      by: caller.userId,
      server: false,
      seq,
      reason,
      windowSec: limits.revokeSec,
      draft: commandDraft('REVOKE', { now: now(), traceId })
    })
    return { conversationId, seq, revokedAt, alreadyRevoked }
  }
})
