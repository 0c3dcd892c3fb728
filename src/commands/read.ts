// READ: the public receipt.
import { Type } from '@sinclair/typebox'
import { ConversationId, Seq } from '../protocol/ids.js'
import { limitedItems } from '../protocol/limits.js'
import { defineCommand } from '../fanout/context.js'
import { commandDraft } from '../stream/say.js'
import { TOLD_PER_UNIT } from '../store/conversation/markers.js'

const Count = Type.Integer({ minimum: 0 })

/** READ - the reader has seen these messages. [READ-1] ... [READ-5] */
export const read = defineCommand({
  name: 'READ',
  summary: 'Say that messages have been read',
  description: '`upToSeq` moves the marker, which only rises and is clamped to the newest message; `seqs` ' +
    'takes single messages out of the mailbox and leaves the marker. Either takes the user\'s `unreadMark` ' +
    'away. The reader\'s other terminals are told, and the other side of a direct conversation or the senders ' +
    'of the covered messages in a group. When nothing moves, nobody is told. [READ-1] [READ-3] [READ-4]',
  body: Type.Object({
    conversationId: ConversationId,
    upToSeq: Type.Optional(Seq),
    seqs: Type.Optional(Type.Array(Seq, { minItems: 1, uniqueItems: true, ...limitedItems('ids') }))
  }, { additionalProperties: false }),
  result: Type.Object({ conversationId: ConversationId, readSeq: Count, unread: Count, totalUnread: Count }),
  errors: ['CONVERSATION_NOT_FOUND'],
  example: {
    body: { conversationId: 'dm.alice.bob', upToSeq: 1 },
    result: { conversationId: 'dm.alice.bob', readSeq: 1, unread: 0, totalUnread: 0 }
  },
  costs: [
    { per: 50, of: '`seqs`', count: ({ body: { seqs = [] } }) => seqs.length },
    // known when it is done
    { per: TOLD_PER_UNIT, of: 'users who are told', count: () => 0 }
  ],
  check ({ upToSeq, seqs }) {
    if ((upToSeq === undefined) !== (seqs === undefined)) return []
    return [{ pointer: upToSeq === undefined ? '/upToSeq' : '/seqs', detail: 'exactly one of upToSeq and seqs is needed' }]
  },
  async handle ({ body: { conversationId, upToSeq, seqs }, caller, traceId }, { deliver, admission, now }) {
    const { readSeq, unread, totalUnread, units } = await deliver.reading({
      conversationId,
      reader: caller.userId,
      terminalId: caller.terminalId,
      ...(upToSeq !== undefined && { upToSeq }),
      ...(seqs && { seqs }),
      public: true,
      draft: commandDraft('READ', { now: now(), traceId })
    })
    if (units > 0) admission.count(caller, units)
    return { conversationId, readSeq, unread, totalUnread }
  }
})
