// The wire as users of the client see it. A test compares it with the definitions of the protocol.

/** A message; of a revoked one `type` is `revoked`, and there is no content. `(conversationId, seq)` is its identity. */
export interface Message {
  conversationId: string
  seq: number
  msgId: string
  from: string
  clientMsgId: string
  type: string
  content?: Record<string, unknown>
  ext?: Record<string, unknown>
  mentions?: string[]
  quote?: { seq: number }
  options?: { silent?: boolean }
  revoked?: { by: string, at: number, reason?: string }
  /** The server's time, ms. */
  ts: number
  traceId: string
}

/** Where a message came from. */
export type Source = 'live' | 'replay' | 'mailbox' | 'history'

/** The answer to a send: it is stored. */
export interface Ack {
  clientMsgId: string
  conversationId: string
  seq: number
  msgId: string
  /** Absent when the message itself came before the answer. */
  epoch?: string
  ts: number
  traceId: string
  duplicate: boolean
}

/** An application's own command. */
export interface Command {
  cmdId: string
  clientCmdId?: string
  op: 'do' | 'complete'
  name: string
  data: Record<string, unknown>
  from?: string
  conversationId?: string
  needComplete: boolean
  expiresAt?: number
  redelivery?: number
  ts: number
  traceId: string
}

export interface Notice {
  noticeId: string
  kind: 'notice' | 'message' | 'kick'
  title?: string
  content: Record<string, unknown>
  level?: string
  actions?: Record<string, unknown>[]
  needComplete: boolean
  expiresAt?: number
  redelivery?: number
  op: 'show' | 'complete' | 'cancel'
  ts: number
  traceId: string
}

export interface Presence { userId: string, online: boolean, since?: number }

export interface Conversation {
  conversationId: string
  kind: 'dm' | 'group'
  title?: string
  epoch: string
  headSeq: number
  readSeq: number
  unread: number
  unreadMark: boolean
  peerReadSeq?: number
  lastMsg: Message | null
}

/** Follow `next` as `after` until there is none. */
export interface ConversationPage { items: Conversation[], totalUnread: number, next?: string }

/** Rises by `seq`. `minSeq`: what is below is gone. */
export interface HistoryPage {
  conversationId: string
  epoch: string
  count: number
  firstSeq: number | null
  lastSeq: number | null
  hasMore: boolean
  headSeq: number
  readSeq: number
  minSeq: number
  messages: Message[]
}

export interface HistoryQuery {
  fromSeq?: number | undefined
  toSeq?: number | undefined
  /** `unread`: begin at the first unread message. */
  anchor?: 'latest' | 'unread' | undefined
  direction?: 'older' | 'newer' | undefined
  /** At most 100; 30 unless said otherwise. */
  limit?: number | undefined
}

/** What is sent: a text, or a message of any type. */
export type MessageBody = string | { [K in 'ext' | 'mentions' | 'quote' | 'options']?: Message[K] | undefined } & Pick<Message, 'type'> &
  { content: Record<string, unknown>, clientMsgId?: string | undefined }

export interface CommandOptions {
  clientCmdId?: string | undefined
  terminals?: unknown
  mode?: 'online' | 'reliable' | undefined
  ttlSec?: number | undefined
  complete?: 'any' | 'all' | undefined
  collapseKey?: string | undefined
  notifyComplete?: boolean | undefined
}

export interface ProblemBody {
  code: string
  title: string
  status: number
  detail?: string
  traceId: string
  retryable: boolean
  errors?: { pointer: string, detail: string }[]
  [member: string]: unknown
}

/** One event of the wire, as the gateway said it: without `event` it moves the cursor alone. */
export interface Frame { event?: string | undefined, id?: string | undefined, data?: Record<string, unknown> | undefined }
