// The list of a user's conversations, with unread counts and last messages.
import { Type } from '@sinclair/typebox'
import { ConversationPage, examplePage, LIST_PLACE, PageLimit } from '../protocol/conversation.js'
import { defineOperation } from '../fanout/context.js'
import { listingOf } from '../fanout/listing.js'

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
    'ends at 1 MiB and leaves out what has ended. `lastMsg` is a tombstone once revoked. `peerReadSeq` is what the other one of a ' +
    'direct conversation has told by READ: a tick that survives another browser. [REST-3] [SEE-1]',
  query: Type.Object({
    after: Type.Optional(Type.String({ pattern: LIST_PLACE, description: 'The `next` of the page before.' })),
    limit: PageLimit
  }, { additionalProperties: false }),
  result: ConversationPage,
  errors: ['INVALID_QUERY'],
  example: { result: examplePage },
  showsTexts: true,
  costs: [{ per: 30, of: 'conversations (`limit`)', count: ({ query: { limit = 30 } }) => limit }],
  handle: async ({ query, caller: { userId } }, context) => await listingOf(userId, query, context)
})
