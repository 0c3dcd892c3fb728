// A conversation as lists and answers show it. docs/protocol.md sections 5 and 8.
import { Type } from '@sinclair/typebox'
import { ConversationId, Epoch, Time } from './ids.js'
import { Message } from './message.js'

const Count = Type.Integer({ minimum: 0 })

const ConversationKind = Type.Unsafe<'dm' | 'group'>({ type: 'string', enum: ['dm', 'group'] })
export const Role = Type.Unsafe<'owner' | 'admin' | 'member'>({ type: 'string', enum: ['owner', 'admin', 'member'] })

/** How many rows of a list a page brings. */
export const PageLimit = Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 30 }))

/** A position in a user's list: behind the last row of a page. */
export const LIST_PLACE = '^[0-9]{1,16}:[A-Za-z0-9_.-]{1,140}$'

/** What the server API shows of any conversation. */
export const conversationFacts = {
  conversationId: ConversationId,
  kind: ConversationKind,
  title: Type.Optional(Type.String()),
  ext: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  epoch: Epoch,
  headSeq: Count,
  createdAt: Time,
  closedAt: Type.Optional(Time)
}

/** A row of a user's list, as he sees it. [REST-3] */
const ConversationRow = Type.Object({
  conversationId: ConversationId,
  kind: ConversationKind,
  title: Type.Optional(Type.String()),
  epoch: Epoch,
  headSeq: Count,
  readSeq: Count,
  unread: Count,
  unreadMark: Type.Boolean(),
  lastMsg: Type.Union([Message, Type.Null()])
})

/** A page of a user's list. */
export const ConversationPage = Type.Object({
  items: Type.Array(ConversationRow),
  totalUnread: Count,
  next: Type.Optional(Type.String())
})

/** A page that shows one conversation. */
export const examplePage = {
  items: [{
    conversationId: 'dm.alice.bob',
    kind: 'dm' as const,
    epoch: '1795442400123',
    headSeq: 1,
    readSeq: 1,
    unread: 0,
    unreadMark: false,
    lastMsg: null
  }],
  totalUnread: 0
}
