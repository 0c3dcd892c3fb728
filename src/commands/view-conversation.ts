// One conversation as the caller sees it: where he stands, who is in it, and how far they say that they have read.
import { Type } from '@sinclair/typebox'
import { ConversationView, exampleView } from '../protocol/conversation.js'
import { ConversationId, UserId } from '../protocol/ids.js'
import { defineOperation } from '../fanout/context.js'

const MEMBERS = 100

/** Shows a conversation to one who is, or was, in it. [SEE-2] */
export const viewConversation = defineOperation({
  name: 'viewConversation',
  method: 'GET',
  path: '/v1/conversations/{id}',
  tag: 'Conversations',
  auth: 'user',
  summary: 'Show a conversation, its members, and how far they have read',
  description: 'As you see it: your own marker, mark and count, what of the history you may read (`minSeq` to `headSeq`), your role, and ' +
    'the members by their ids, each with his role and the receipt that he gave by READ (`readSeq`, 0 for what lies before your joining). ' +
    'Of a large group follow `next` as `after`. One who has left (`leftAt`) sees his bounds alone: no member, no title. [SEE-2]',
  params: Type.Object({ id: ConversationId }),
  query: Type.Object({
    after: Type.Optional(Type.String({ pattern: UserId.pattern as string, description: 'The `next` of the page of members before.' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MEMBERS, default: MEMBERS, description: 'Members of a page.' }))
  }, { additionalProperties: false }),
  result: ConversationView,
  errors: ['INVALID_QUERY', 'CONVERSATION_NOT_FOUND'],
  example: { result: exampleView },
  costs: [{ per: 50, of: 'members (`limit`)', count: ({ query: { limit = MEMBERS } }) => limit }],
  async handle ({ params: { id }, query: { after, limit = MEMBERS }, caller: { userId } }, { conversations, members }) {
    const view = await conversations.view(id, userId)
    const { conversationId, kind, title, epoch, headSeq, minSeq, role, closedAt, leftAt } = view
    const bounds = { conversationId, kind, epoch, headSeq, minSeq }
    if (role === undefined) return { ...bounds, readSeq: 0, unread: 0, unreadMark: false, ...(leftAt && { leftAt }), members: [] }
    const [standing, { count, ...page }] = await Promise.all([members.standing(userId, id), members.page(view, { after, limit })])
    return {
      ...bounds,
      ...standing,
      ...(title && { title }),
      ...(closedAt && { closedAt }),
      role,
      memberCount: count,
      ...page
    }
  }
})
