// A conversation as lists and answers show it. docs/protocol.md sections 5 and 8.
import { Type } from '@sinclair/typebox'
import { ConversationId, Epoch, Time, UserId } from './ids.js'
import { LATEST_MS } from './login.js'
import { Message } from './message.js'

const Count = Type.Integer({ minimum: 0 })

const ConversationKind = Type.Unsafe<'dm' | 'group'>({ type: 'string', enum: ['dm', 'group'] })
export const Role = Type.Unsafe<'owner' | 'admin' | 'member'>({ type: 'string', enum: ['owner', 'admin', 'member'] })

/** Until when a member may not write. [MUTE-1] */
export const MutedUntil = Type.Integer({
  minimum: 0,
  maximum: LATEST_MS,
  description: 'Until when he may not write, ms since 1970: his messages are 403 `MUTED`. 0, or what has passed: he may. ' +
    'A time in seconds is refused. [MUTE-1]',
  examples: [1795446000123]
})

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

/** Of a direct conversation. [SEE-1] */
const PeerReadSeq = Type.Optional(Type.Integer({
  minimum: 0,
  description: 'Of a direct conversation: how far the other one has told by READ that he has read. [SEE-1]'
}))

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
  peerReadSeq: PeerReadSeq,
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
    peerReadSeq: 1,
    lastMsg: null
  }],
  totalUnread: 0
}

/** A conversation as one who is, or was, in it sees it. [SEE-2] */
export const ConversationView = Type.Object({
  conversationId: ConversationId,
  kind: ConversationKind,
  title: Type.Optional(Type.String()),
  epoch: Epoch,
  headSeq: Count,
  minSeq: Type.Integer({ minimum: 0, description: 'The first message that you may read; `headSeq` is the last.' }),
  readSeq: Count,
  unread: Count,
  unreadMark: Type.Boolean(),
  role: Type.Optional(Role),
  closedAt: Type.Optional(Time),
  leftAt: Type.Optional(Type.Integer({ description: 'When you left, ms: what came later is not shown.' })),
  memberCount: Type.Optional(Count),
  members: Type.Array(Type.Object({ userId: UserId, role: Role, readSeq: Count })),
  next: Type.Optional(Type.String())
})

/** A group in which bob has read. */
export const exampleView = {
  conversationId: 'g.support-7',
  kind: 'group' as const,
  title: 'Order 7',
  epoch: '1795442400123',
  headSeq: 1,
  minSeq: 1,
  readSeq: 1,
  unread: 0,
  unreadMark: false,
  role: 'owner' as const,
  memberCount: 2,
  members: [{ userId: 'alice', role: 'owner' as const, readSeq: 0 }, { userId: 'bob', role: 'member' as const, readSeq: 1 }]
}
