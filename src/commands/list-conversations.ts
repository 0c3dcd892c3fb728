// The list of a user's conversations, with unread counts and last messages.
import { Type } from '@sinclair/typebox'
import { ConversationId, Epoch } from '../protocol/ids.js'
import { Message } from '../protocol/message.js'
import { defineOperation } from '../fanout/context.js'

const Count = Type.Integer({ minimum: 0 })

/** Pages the caller's conversations, most recent first. [REST-3] */
export const listConversations = defineOperation({
  name: 'listConversations',
  method: 'GET',
  path: '/v1/conversations',
  tag: 'Conversations',
  auth: 'user',
  summary: 'Page your conversations, most recent first',
  description: 'What a conversation list shows: unread count, marker and last message of each. ' +
    'Follow `next` as `after` until it is absent; a page may be shorter than `limit`, since it ' +
    'ends at 1 MiB and leaves out what has ended. `lastMsg` is a tombstone once revoked. [REST-3]',
  query: Type.Object({
    after: Type.Optional(Type.String({ pattern: '^[0-9]{1,16}:[A-Za-z0-9_.-]{1,140}$', description: 'The `next` of the page before.' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 30 }))
  }, { additionalProperties: false }),
  result: Type.Object({
    items: Type.Array(Type.Object({
      conversationId: ConversationId,
      kind: Type.Unsafe<'dm' | 'group'>({ type: 'string', enum: ['dm', 'group'] }),
      title: Type.Optional(Type.String()),
      epoch: Epoch,
      headSeq: Count,
      readSeq: Count,
      unread: Count,
      unreadMark: Type.Boolean(),
      lastMsg: Type.Union([Message, Type.Null()])
    })),
    totalUnread: Count,
    next: Type.Optional(Type.String())
  }),
  errors: ['INVALID_QUERY'],
  example: {
    result: {
      items: [{
        conversationId: 'dm.alice.bob',
        kind: 'dm',
        epoch: '1795442400123',
        headSeq: 1,
        readSeq: 1,
        unread: 0,
        unreadMark: false,
        lastMsg: null
      }],
      totalUnread: 0
    }
  },
  costs: [{ per: 30, of: 'conversations (`limit`)', count: ({ query: { limit = 30 } }) => limit }],
  async handle ({ query: { after, limit = 30 }, caller: { userId } }, { lists, deliver }) {
    const [page, totalUnread] = await Promise.all([lists.page(userId, { after, limit }), lists.totalUnread(userId)])
    return {
      ...page,
      items: page.items.map(({ lastMsg, ...row }) => ({ ...row, lastMsg: lastMsg && deliver.shown(lastMsg) })),
      totalUnread
    }
  }
})
