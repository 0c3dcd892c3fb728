// Server API: lists of conversations, all of them or a user's. [SERVER-1] [SERVER-2] [SERVER-3]
import { Type } from '@sinclair/typebox'
import { conversationFacts, ConversationPage, examplePage, LIST_PLACE, PageLimit } from '../protocol/conversation.js'
import { UserId } from '../protocol/ids.js'
import { defineOperation } from '../fanout/context.js'
import { listingOf } from '../fanout/listing.js'
import { isPlace } from '../store/conversation/overview.js'

const strict = { additionalProperties: false }
const server = { tag: 'Server', auth: 'server', method: 'GET' } as const
const After = (rule: { pattern: string } | { maxLength: number }) =>
  Type.Optional(Type.String({ ...rule, description: 'The `next` of the page before; without it the first page.' }))

/** Shows a user's list as he sees it. */
export const listUserConversations = defineOperation({
  ...server,
  name: 'listUserConversations',
  path: '/v1/server/users/{id}/conversations',
  summary: 'Page a user\'s conversations as he sees them',
  description: 'As `GET /v1/conversations` answers him: unread count, marker, mark and last message of each, most recent first, and ' +
    'all that he has not read. For badges. Reading it marks nothing read. A user whom nobody has written to has none. ' +
    '[SERVER-1] [SERVER-2]',
  params: Type.Object({ id: UserId }),
  query: Type.Object({ after: After({ pattern: LIST_PLACE }), limit: PageLimit }, strict),
  result: ConversationPage,
  errors: ['INVALID_QUERY'],
  example: { result: examplePage },
  showsTexts: true,
  handle: async ({ params: { id }, query }, context) => await listingOf(id, query, context)
})

/** Shows all conversations, or those that a user is in. */
export const listAllConversations = defineOperation({
  ...server,
  name: 'listAllConversations',
  path: '/v1/server/conversations',
  summary: 'Page all conversations, or those of a user',
  description: 'Of each what `GET /v1/server/conversations/{id}` shows, with `memberCount` instead of its members. With `user` ' +
    'those that he is in, most recent first. Without, all of them in no order: what is there from the first page to the last is shown, ' +
    'a few perhaps twice. A page may be shorter than `limit`, or empty: follow `next` until it is absent. When Redis was started again ' +
    'meanwhile, an `after` of before is 400, and the walk begins anew. [SERVER-1] [SERVER-3]',
  query: Type.Object({ user: Type.Optional(UserId), after: After({ maxLength: 200 }), limit: PageLimit }, strict),
  result: Type.Object({
    items: Type.Array(Type.Object({ ...conversationFacts, memberCount: Type.Integer({ minimum: 0 }) })),
    next: Type.Optional(Type.String())
  }),
  errors: ['INVALID_QUERY'],
  example: {
    result: {
      items: [{
        conversationId: 'g.support-7',
        kind: 'group',
        title: 'Order 7',
        epoch: '1795442400123',
        headSeq: 1,
        createdAt: 1795442400123,
        memberCount: 2
      }]
    }
  },
  checkQuery ({ user, after }) {
    const isOurs = after === undefined || (user === undefined ? isPlace(after) : new RegExp(LIST_PLACE).test(after))
    return isOurs ? [] : [{ pointer: '/after', detail: 'must be the `next` of a page that was asked for in the same way' }]
  },
  async handle ({ query: { user, after, limit = 30 } }, { overview, lists }) {
    if (user === undefined) return await overview.page({ after, limit })
    const { items, next } = await lists.page(user, { after, limit })
    return { items: await overview.rows(items.map(({ conversationId }) => conversationId)), ...(next !== undefined && { next }) }
  }
})
