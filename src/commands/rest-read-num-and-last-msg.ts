// REST_READ_NUM_AND_LAST_MSG: the private marker.
import { Type } from '@sinclair/typebox'
import { ConversationId } from '../protocol/ids.js'
import { limitedItems } from '../protocol/limits.js'
import { Problem } from '../protocol/problem.js'
import { Message } from '../protocol/message.js'
import { defineCommand } from '../fanout/context.js'
import { inParts } from '../store/redis/steps.js'
import { commandDraft } from '../stream/say.js'

/** So many markers move at the same instant: others are served between two steps. [COST-1] */
const STEP = 10

const Count = Type.Integer({ minimum: 0 })
const Mark = Type.Boolean({ description: 'The user marked the conversation as unread himself.' })

/** REST_READ_NUM_AND_LAST_MSG - resets unread counts; nobody else is told. [REST-1] ... [REST-3] */
export const restReadNumAndLastMsg = defineCommand({
  name: 'REST_READ_NUM_AND_LAST_MSG',
  summary: 'Reset unread counts privately and get the last messages',
  description: 'As READ, for several conversations, but only the user\'s own other terminals are told. `readSeq` ' +
    'absent: up to the newest message, unless `unreadMark` stands alone: then nothing is read; `unreadMark` ' +
    'absent: stays as it is, until READ takes it away. An answer brings 1 MiB of messages at most: the items ' +
    'behind have no `lastMsg`. The spelling is the source document\'s. [SLOW-2] [REST-1] [REST-2] [REST-3]',
  body: Type.Object({
    items: Type.Array(Type.Object({
      conversationId: ConversationId,
      readSeq: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
      unreadMark: Type.Optional(Mark)
    }, { additionalProperties: false }), { minItems: 1, ...limitedItems('ids') })
  }, { additionalProperties: false }),
  result: Type.Object({
    items: Type.Array(Type.Object({
      conversationId: ConversationId,
      readSeq: Count,
      unread: Count,
      headSeq: Count,
      lastMsg: Type.Optional(Type.Union([Message, Type.Null()], {
        description: 'Absent: the messages before have filled 1 MiB, ask for it. [SLOW-2]'
      })),
      unreadMark: Mark
    })),
    totalUnread: Count
  }),
  errors: ['CONVERSATION_NOT_FOUND'],
  example: {
    body: { items: [{ conversationId: 'dm.alice.bob' }] },
    result: {
      items: [{ conversationId: 'dm.alice.bob', readSeq: 1, unread: 0, headSeq: 1, lastMsg: null, unreadMark: false }],
      totalUnread: 0
    }
  },
  showsTexts: true,
  costs: [{ per: 2, of: '`items`', count: ({ body: { items } }) => items.length }],
  check ({ items }) {
    const seen = new Set<string>()
    return items.flatMap(({ conversationId }, i) => {
      const isFirst = !seen.has(conversationId)
      seen.add(conversationId)
      return isFirst ? [] : [{ pointer: `/items/${i}/conversationId`, detail: 'must not stand twice' }]
    })
  },
  async handle ({ body: { items }, caller: { userId, terminalId }, traceId }, { deliver, lists, now }) {
    // all or nothing: a stranger's conversation is found before the first marker moves
    const joined = await lists.joinedSeqs(userId, items.map(({ conversationId }) => conversationId))
    if (joined.includes(undefined)) throw new Problem('CONVERSATION_NOT_FOUND')
    const marked = []
    for (const some of inParts(items, STEP)) {
      marked.push(...await Promise.all(some.map(({ conversationId, readSeq, unreadMark }) => deliver.reading({
        conversationId,
        reader: userId,
        terminalId,
        ...((readSeq !== undefined || unreadMark === undefined) && { upToSeq: readSeq ?? Number.MAX_SAFE_INTEGER }),
        public: false,
        ...(unreadMark !== undefined && { unreadMark }),
        draft: commandDraft('REST_READ_NUM_AND_LAST_MSG', { now: now(), traceId })
      }))))
    }
    const rows = marked.map(({ readSeq, unread, headSeq, unreadMark }, i) => ({
      conversationId: items[i]?.conversationId ?? '', readSeq, unread, headSeq, unreadMark
    }))
    const totalUnread = await lists.totalUnread(userId)
    // last: what is read here is not recalled before it leaves
    const lastMsgs = await lists.lastMessages(
      rows.map(({ conversationId, headSeq }, i) => ({ conversationId, seq: headSeq >= (joined[i] ?? 0) ? headSeq : 0 }))
    )
    return {
      items: rows.map((row, i) => ({ ...row, ...(i < lastMsgs.length && { lastMsg: lastMsgs[i] ? deliver.shown(lastMsgs[i]) : null }) })),
      totalUnread
    }
  }
})
