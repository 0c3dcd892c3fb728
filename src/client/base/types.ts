// What users of the client see: options, events, and what can be asked.
import type { IrisError } from './error.js'
import type {
  Ack, Command, CommandOptions, ConversationPage, Frame, HistoryPage, HistoryQuery, Message, MessageBody, Notice, Presence, Source
} from './wire.js'

export type TransportName = 'sse' | 'eventsource' | 'websocket' | 'poll'

/**
 * `connecting`; `live`: all from before has come; `waiting`: it comes back by itself, after `retryInMs`; `closed`: it does not, until
 * `reconnect()`.
 */
export type StateName = 'connecting' | 'live' | 'waiting' | 'closed'

export interface State {
  state: StateName
  /** Why, in words. */
  reason: string
  transport: TransportName | ''
  retryInMs?: number
  error?: IrisError
}

/** A message that is not known to be stored yet. */
export interface OutboxItem {
  clientMsgId: string
  to?: string
  conversationId?: string
  type: string
  content: Record<string, unknown>
  /** When it was written, by this clock, ms. */
  at: number
  attempts: number
}

/** The events by their names. */
export interface Events {
  state: State
  /** Each message once, one's own too, as soon as it is stored. */
  message: Message & { source: Source }
  read: { conversationId: string, readerId: string, readSeq: number, seqs?: number[], readAt?: number }
  revoke: { conversationId: string, seq: number, msgId: string, by: string, revokedAt: number, reason?: string }
  /** One's own marker was moved by another terminal. */
  marker: Record<string, unknown>
  /** Each pending one once; with `needComplete` call `complete`. */
  command: Command
  notice: Notice
  /** Somebody has completed, or cancelled, what was pending. */
  completed: { cmdId?: string, noticeId?: string, op: string }
  presence: Presence
  outbox: { item: OutboxItem, state: 'sending' | 'waiting' | 'stored' | 'failed', error?: IrisError, ack?: Ack }
  /** There may be a gap in what is remembered: forget the messages; `conversations`, and the newest messages of those opened, follow. */
  reset: { reason: string, conversations: { conversationId: string, epoch: string, headSeq: number, readSeq: number, unread: number }[] }
  conversations: ConversationPage
  /** What goes on, but not as it should. */
  warning: IrisError
  /** Everything that comes down, as it came, for panels and logs; not among those of the iterator. */
  frame: Frame
}

/** What the iterator brings. */
export type IrisEvent = { [K in Exclude<keyof Events, 'frame'>]: { type: K, data: Events[K] } }[Exclude<keyof Events, 'frame'>]

/** Where things are kept: `localStorage` in a page. May promise, too. */
export interface Keeper {
  get (key: string): string | null | undefined | Promise<string | null | undefined>
  set (key: string, value: string): unknown
  /**
   * All that begin so. With it, and `remove`, each unsent message has a key of its own, and no tab writes over another's: needed where tabs
   * share what is kept. `localStorage` has it.
   */
  list? (prefix: string): string[] | Promise<string[]>
  /** Removes all whose key begins so, for `close({ forget: true })`; where it is absent they are set to `null`. */
  remove? (prefix: string): unknown
}

export interface Timing {
  /** A way down that says nothing for so long before it is ready is blocked, or buffered. 5 s */
  patienceMs: number
  /** A better way is tried again after so long, and then twice that, and so on. 10 min */
  betterMs: number
  /** 30 s */
  heartbeatMs: number
  /** How often a tab looks whether the one that is connected answers. 5 s */
  tabMs: number
}

/** What is undefined counts as not given, here and in all that is asked. */
export interface Options {
  /** The address of the gateway; in a page it may be relative. */
  url: string
  /** Asks your own back end for a token of the user; called again when one ends. Nothing instead of a token: he has signed out. */
  token: () => string | null | undefined | Promise<string | null | undefined>
  /** The user, when he is to be known before the first token is there. */
  userId?: string | undefined
  terminalId?: string | undefined
  platform?: 'web' | 'mobile' | 'desktop' | 'mini' | 'server' | 'other' | undefined
  /** `socket`: the open connection is the sign of life, for what is not a person. */
  lease?: 'socket' | undefined
  /** Where cursor and outbox are kept; false: nowhere. */
  storage?: Keeper | false | undefined
  /** Whether the tabs of this browser share one connection; they do where that can be had. */
  share?: boolean | undefined
  /** Which ways down, in which order. */
  transports?: TransportName[] | undefined
  fetch?: typeof fetch | undefined
  WebSocket?: unknown
  EventSource?: unknown
  timing?: { [K in keyof Timing]?: Timing[K] | undefined } | undefined
}

export interface Iris {
  /** Known from `userId`, or from the first token on. */
  readonly userId: string | undefined
  readonly terminalId: string | undefined
  readonly state: State
  /** How far the stream was handled; undefined: from the beginning. */
  readonly cursor: string | undefined
  /** How far the server's clock is ahead of this one, ms. */
  readonly aheadMs: number
  readonly outbox: readonly OutboxItem[]
  /** What waits for `complete`. */
  readonly pending: readonly (Command | Notice)[]
  /**
   * Sends to a user, or to a conversation (its id has a dot). Kept until it is known to be stored, over reloads, and tried again by itself:
   * it is stored once. Rejects when the server refuses it, the outbox has 100 messages, or a day has passed.
   */
  send (to: string, body: MessageBody): Promise<Ack>
  read (conversationId: string, upToSeq: number): Promise<{ conversationId: string, readSeq: number, unread: number, totalUnread: number }>
  revoke (conversationId: string, seq: number, reason?: string): Promise<{ revokedAt: number, alreadyRevoked: boolean }>
  /** A page of a conversation, the newest unless the query says otherwise; from then on a reset brings its newest messages again. */
  history (conversationId: string, query?: HistoryQuery): Promise<HistoryPage>
  conversations (query?: { after?: string | undefined, limit?: number | undefined }): Promise<ConversationPage>
  /** Sends an application's own command: to a user, a conversation (its id has a dot), or as IRIS_CMD_SEND's `to`. */
  command (name: string, to: string | Record<string, unknown>, data?: Record<string, unknown>, options?: CommandOptions):
  Promise<{ cmdId: string, accepted: number, online: number, stored: number, skipped: { userId: string, reason: string }[] }>
  /** Says that a command or a notice has been carried out. */
  complete (item: { cmdId?: string | undefined, noticeId?: string | undefined }): Promise<void>
  /** Who is online; with `watch` their changes come as `presence`, after a reconnect too. An empty list ends all watching. */
  presence (users: string[], options?: { watch?: boolean | undefined }): Promise<Presence[]>
  /** Any request of a user's, by bearer and terminal, tried again as the others are: POST with a body, else GET. */
  request<T = Record<string, unknown>> (path: string, body?: unknown): Promise<T>
  /** @returns what ends it. */
  on<K extends keyof Events> (type: K, listener: (data: Events[K]) => void): () => void
  /** Connects at once; after `closed` with a fresh token. By another way down, when one is named. */
  reconnect (transport?: TransportName): void
  /**
   * Ends everything, what is under way too: with `CLOSED`. What was not sent stays kept, unless it is to be forgotten (the user signs out):
   * then nothing of him stays in this browser, and the tabs that share the connection are closed as well.
   */
  close (options?: { forget?: boolean | undefined }): void
  [Symbol.asyncIterator] (): AsyncIterator<IrisEvent, undefined>
}
