// Server API: the messages of a conversation, in pages or as lines. [SERVER-4] [SERVER-5]
import { type Static, Type } from '@sinclair/typebox'
import { ConversationId, Epoch, Seq, UserId } from '../protocol/ids.js'
import { contents, Message } from '../protocol/message.js'
import type { FieldError } from '../protocol/problem.js'
import { type Context, defineOperation } from '../fanout/context.js'
import { type Asked, openLines, readPage } from '../stream/reading.js'

const Count = Type.Integer({ minimum: 0 })
const types = [...Object.keys(contents), 'system', 'revoked']
const AFTER = /^(?:([0-9]{1,20}):)?([0-9]{1,15})$/

const Query = Type.Object({
  user: Type.Optional({ ...UserId, description: 'As this user sees it: from his joining on, up to his leaving.' }),
  direction: Type.Optional(Type.Unsafe<'newer' | 'older'>({
    type: 'string',
    enum: ['newer', 'older'],
    default: 'newer',
    description: '`newer` begins with the oldest message, `older` with the newest.'
  })),
  fromSeq: Type.Optional(Seq),
  toSeq: Type.Optional(Seq),
  types: Type.Optional(Type.String({ maxLength: 200, description: `Of these types alone, with commas between: ${types.join(' ')}.` })),
  after: Type.Optional(Type.String({ pattern: AFTER.source, description: 'The `next` of the page before; or a `seq`.' })),
  limit: Type.Optional(Type.Integer({
    minimum: 1, maximum: 100, description: 'Messages of a page: 30 unless it is said. Of lines: all unless it is said.'
  }))
}, { additionalProperties: false })

/** Shows what a conversation's log keeps. */
export const listMessages = defineOperation({
  name: 'listMessages',
  method: 'GET',
  path: '/v1/server/conversations/{id}/messages',
  tag: 'Server',
  auth: 'server',
  summary: 'Page the messages of a conversation, or export them',
  description: 'What is kept, in either direction, tombstones included; with `user` no more than he may see. A page rises by `seq`, has ' +
    '1 MiB of messages at most, and may be shorter than `limit`, or empty: follow `next` until it is absent. `fromSeq` and `toSeq` ' +
    'bound it. Nothing is marked read. [SERVER-1] [SERVER-4]\n\nWith `Accept: application/x-ndjson` the same comes as lines of JSON, ' +
    'one message each in the order of `direction`, as fast as they are taken. The last line is `{"end": true, conversationId, epoch, ' +
    'count, next?}`; where the rest cannot be read it is `{"error": problem, next}`. An answer without either was cut: `after` goes on ' +
    'behind the last message. [SERVER-5]',
  params: Type.Object({ id: ConversationId }),
  query: Query,
  result: Type.Object({
    conversationId: ConversationId,
    epoch: Epoch,
    headSeq: Count,
    minSeq: Count,
    items: Type.Array(Message),
    next: Type.Optional(Type.String())
  }),
  errors: ['INVALID_QUERY', 'CONVERSATION_NOT_FOUND'],
  example: {
    result: {
      conversationId: 'g.support-7',
      epoch: '1795442400123',
      headSeq: 2,
      minSeq: 1,
      items: [{
        conversationId: 'g.support-7',
        seq: 1,
        msgId: '1a2073f47fb000000011a9f3c81',
        ts: 1795442400123,
        from: 'system',
        clientMsgId: 's-1',
        type: 'system',
        content: { event: 'joined', userId: 'bob' },
        traceId: '7c1f4b9d2e'
      }],
      next: '1795442400123:1'
    }
  },
  showsTexts: true,
  checkQuery ({ fromSeq = 1, toSeq = Infinity, types: wanted = 'text' }) {
    const errors: FieldError[] = []
    if (fromSeq > toSeq) errors.push({ pointer: '/fromSeq', detail: 'must not be greater than toSeq' })
    if (!wanted.split(',').every(type => types.includes(type))) {
      errors.push({ pointer: '/types', detail: `must be some of ${types.join(', ')}, with commas between` })
    }
    return errors
  },
  handle: async ({ params: { id }, query }, context) => await readPage({ limit: 30, ...askedOf(id, query) }, floorOf(context)),
  lines: async ({ params: { id }, query }, context) => await openLines(askedOf(id, query), floorOf(context))
})

const floorOf = ({ conversations, fresh, deliver: { shown } }: Context) => ({ conversations, fresh, shown })

function askedOf (conversationId: string, query: Static<typeof Query>) {
  const { user: userId, direction = 'newer', fromSeq: from, toSeq: to, types: wanted, after, limit } = query
  const [, epoch, seq] = AFTER.exec(after ?? '') ?? []
  return {
    conversationId,
    userId,
    newer: direction === 'newer',
    from,
    to,
    types: wanted === undefined ? undefined : new Set(wanted.split(',')),
    after: seq === undefined ? undefined : { epoch, seq: Number(seq) },
    ...(limit !== undefined && { limit })
  } satisfies Asked
}
