// GET_READ_MSG: pages the history of a conversation.
import { randomUUID } from 'node:crypto'
import { type Static, Type } from '@sinclair/typebox'
import { clientId, ConversationId, Epoch, Seq } from '../protocol/ids.js'
import { exampleMessage, Message } from '../protocol/message.js'
import { parsed } from '../store/redis/readable.js'
import { type Context, defineCommand } from '../fanout/context.js'
import { cutPage, pageOf, type Range } from '../stream/history.js'

const Count = Type.Integer({ minimum: 0 })
const SeqOrNull = Type.Unsafe<number | null>({ type: ['integer', 'null'] })
const oneOf = <T extends string>(...names: T[]) => Type.Unsafe<T>({ type: 'string', enum: names })

const Body = Type.Object({
  conversationId: ConversationId,
  fromSeq: Type.Optional(Seq),
  toSeq: Type.Optional(Seq),
  anchor: Type.Optional(oneOf('latest', 'unread')),
  direction: Type.Optional(oneOf('older', 'newer')),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 30 })),
  deliver: Type.Optional(oneOf('down', 'inline')),
  requestId: Type.Optional(clientId('Comes back in the answer and in GET_READ_MSG_END; made by the server when absent.', 'r-1'))
}, { additionalProperties: false })

/** GET_READ_MSG - history, in the answer or down the asking terminal's stream. [GET-1] ... [GET-4] */
export const getReadMsg = defineCommand({
  name: 'GET_READ_MSG',
  summary: 'Page the history of a conversation',
  description: 'A page always rises by `seq`. `older` (default) ends at `toSeq` (default: the newest), `newer` begins at ' +
    '`fromSeq` (default: `minSeq`); both given bound it. `anchor: "unread"` begins at the first unread message. With `deliver: ' +
    '"down"` (default when the asking terminal has an open connection) the messages come as `MSG_DOWN` with `source: "history"`, ' +
    'closed by `CMD_DOWN GET_READ_MSG_END`; else they are in the answer. An answer brings 1 MiB of messages at most: then fewer ' +
    'than asked for, and `hasMore`. Never marks anything read; tombstones are included. [SLOW-2] [GET-1] [GET-2] [GET-3] [GET-4]',
  body: Body,
  result: Type.Object({
    requestId: Type.String(),
    conversationId: ConversationId,
    epoch: Epoch,
    count: Count,
    firstSeq: SeqOrNull,
    lastSeq: SeqOrNull,
    hasMore: Type.Boolean(),
    headSeq: Count,
    readSeq: Count,
    minSeq: Count,
    messages: Type.Optional(Type.Array(Message))
  }),
  errors: ['CONVERSATION_NOT_FOUND'],
  example: {
    body: { conversationId: 'dm.alice.bob', limit: 30, deliver: 'inline' },
    result: {
      requestId: 'r-1',
      conversationId: 'dm.alice.bob',
      epoch: '1795442400123',
      count: 1,
      firstSeq: 1,
      lastSeq: 1,
      hasMore: false,
      headSeq: 1,
      readSeq: 0,
      minSeq: 1,
      messages: [exampleMessage]
    }
  },
  showsTexts: true,
  costs: [{ per: 50, of: 'messages (`limit`)', count: ({ body: { limit = 30 } }) => limit }],
  check ({ fromSeq, toSeq }) {
    return fromSeq !== undefined && toSeq !== undefined && fromSeq > toSeq
      ? [{ pointer: '/fromSeq', detail: 'must not be greater than toSeq' }]
      : []
  },
  async handle ({ body, caller: { userId, terminalId }, traceId }, context) {
    const { conversationId, requestId = randomUUID() } = body
    const { conversations, markers, deliver, fresh } = context
    const view = await conversations.view(conversationId, userId)
    const range = await rangeOf(body, userId, context)
    const page = pageOf(view, range)
    const { firstSeq, count, hasMore } = page
    const answer = {
      requestId,
      conversationId,
      epoch: view.epoch,
      ...page,
      headSeq: view.headSeq,
      readSeq: await markers.readSeq(userId, conversationId),
      minSeq: view.minSeq
    }
    const isDown = body.deliver !== 'inline' &&
      await deliver.page(userId, terminalId, { requestId, conversationId, firstSeq: firstSeq ?? 0, count, hasMore, traceId })
    if (isDown) return answer
    const seqs = Array.from({ length: count }, (_, i) => Number(firstSeq) + i)
    const cut = cutPage(page, await fresh(() => conversations.bodies(conversationId, seqs)), range)
    return { ...answer, ...cut.page, messages: cut.bodies.flatMap(found => parsed<Message>(found) ?? []).map(deliver.shown) }
  }
})

async function rangeOf (body: Static<typeof Body>, userId: string, { markers }: Context): Promise<Range> {
  const { conversationId, fromSeq, toSeq, anchor, direction, limit = 30 } = body
  const unread = anchor === 'unread' ? await markers.firstUnread(userId, conversationId) : undefined
  const newer = (direction ?? (unread === undefined ? 'older' : 'newer')) === 'newer'
  const from = fromSeq ?? (newer ? unread : undefined)
  const to = toSeq ?? (newer ? undefined : unread)
  return { newer, limit, ...(from !== undefined && { from }), ...(to !== undefined && { to }) }
}
