// The names of all Redis keys, and the partition that each belongs to. docs/protocol.md section 6.
import keySlot from 'cluster-key-slot'

const PARTITIONS = 128

/**
 * The partition of a user, conversation or notice: CRC16 of the id, as Redis Cluster hashes it, modulo 128.
 * Fixed for ever: another hash would lose every key that exists.
 */
export function partition (id: string): number {
  // the keys of one owner are named in a row
  if (id !== last.id) last = { id, partition: keySlot(id) % PARTITIONS }
  return last.partition
}

let last = { id: '', partition: 0 }

const key = (owner: string, name: string, ...rest: string[]) => [`iris:{${partition(owner)}}`, name, ...rest].join(':')

/**
 * The keys by owner. Ids hold no `{`, `}` or `:`, except client-made ids, which stand last.
 * Each says when it ends: nothing is kept for ever on account of one request. A test looks at every key after a varied run.
 */
export const keys = {
  /** Born with its first entry. Ends `downIdleSec` after the last attach. */
  down: (user: string) => key(user, 'DOWN', user),
  /**
   * Conversations with unread messages: `<partition>/<conversation>` -> count. Ends:
   * with its last conversation; each goes when it is read, left or forgotten.
   */
  unread: (user: string) => key(user, 'CHAT_MSG_BOX', user),
  /** Conversation -> markers. Ends: with its last conversation. */
  marker: (user: string) => key(user, 'RESET_READ_NUM_AND_LAST_MSG', user),
  /** What a user has taken out of his unread messages singly, beyond his marker, by seq. Ends as the field of its conversation above. */
  taken: (user: string, conversation: string) => key(user, 'RESET_READ_NUM_AND_LAST_MSG', user, conversation),
  /**
   * The conversations that a user is in, by the time of their last message that was the first of its minute. Ends,
   * as `unread` and `marker` do, with the last of his direct conversations; while he is in a group never, the application owns that.
   */
  conversations: (user: string) => key(user, 'CONVERSATIONS', user),
  /** The groups that a user is in, and those of them in which he has written. Ends with his last membership. */
  groups: (user: string) => key(user, 'GROUPS', user),
  /** Those of them in which he has written. Ends as they do. */
  spoken: (user: string) => key(user, 'GROUPS', user, 'SPOKEN'),
  /** Groups that a user was in: of some of them he may still read the past. Ends never: a field for each, which goes when he is deleted. */
  formerGroups: (user: string) => key(user, 'GROUPS', user, 'LEFT'),
  /**
   * Whom a user has blocked -> since when; for a direct conversation that exists the row of the blocked one says it, too (member.lua).
   * Ends never: the application owns it, bounded by the limit `blocked`.
   */
  blocked: (user: string) => key(user, 'BLOCKED', user),
  /** How many direct conversations a user has opened. Ends after an hour. */
  opened: (user: string) => key(user, 'OPENED', user),
  /**
   * Every known terminal: terminal -> platform, state and when last seen; beside it its trace and its login; and of
   * the user whether he is online, how many events told of him, his next attach, the epoch of a stream that has no
   * entry yet (presence.lua, logins.lua, attach.lua). Ends three times `downIdleSec` after the last attach: then no
   * event of him is in the stream of events any more; after one that was refused, when the next is due.
   */
  terminals: (user: string) => key(user, 'TERMINALS', user),
  /**
   * Who is connected where: `<node>/<terminal>` -> platform and the end of its lease. Ends 90 s after its last renewal; so does each field.
   */
  routes: (user: string) => key(user, 'TERMINALS', user, 'ROUTES'),
  /** Tombstones of kicked terminals, bans, and `notBefore` of tokens. Ends with the last of them. */
  kick: (user: string) => key(user, 'SYSTEM_INSTRUCT_USER_KICK', user),
  /** When the next up-request would be due, us. Ends when it is due. */
  rate: (user: string) => key(user, 'RATE', user),
  /**
   * Until when the terminals of a partition's users count as there: `<user>/<terminal>` -> ms; `<user>/`: the grace of a user.
   * Ends with its last field; the reaper takes each away when its time has come.
   */
  leases: (p: number) => `iris:{${p}}:LEASES`,
  /** What a back end is told. One for all: standalone Redis only. Ends never: bounded by the limit `events`. */
  events: 'iris:events',
  /** Positions among them -> how many bytes there are up to it (event.lua). One for all. Ends never: bounded by the limit `eventsBytes`. */
  eventSizes: 'iris:events:SIZES',
  /** The users of a partition who have a terminal in the foreground (foreground.lua). Ends with its last member, who goes as his lease. */
  foreground: (p: number) => `iris:{${p}}:FOREGROUND`,
  /** What the application is told of by itself: id of a webhook -> its record. Ends with its last field: the application owns them. */
  webhooks: 'iris:{0}:WEBHOOKS',
  /** Which node delivers to a webhook now. Ends seconds after that has ended. */
  webhookOwner: (id: string) => key(id, 'WEBHOOK', id, 'OWNER'),
  /**
   * What a webhook did not take, and what was gone before it could: a stream. Ends `webhookDeadSec` after the last, or with the webhook;
   * bounded by the limit `webhookDead`.
   */
  webhookDead: (id: string) => key(id, 'WEBHOOK', id, 'DEAD'),
  /** What is told beside the stream of events: position -> until when, ms, and the event. Ends as `webhookDead`; a field when done. */
  webhookAgain: (id: string) => key(id, 'WEBHOOK', id, 'AGAIN'),
  /** Since when a webhook takes nothing, and why. Ends after a day. */
  webhookTrouble: (id: string) => key(id, 'WEBHOOK', id, 'TROUBLE'),
  /**
   * Notices to everybody: id -> until when, and the notice; `!<id>` of one that was taken back -> until when. Ends with the last of them;
   * bounded by the limit `everybody`, of either kind.
   */
  everybody: 'iris:{0}:NOTICES',
  /** When a node looked for ended leases last, and since when without a break. Ends after a minute. */
  reaper: 'iris:{0}:REAPER',
  /** Written to learn whether the disk takes it. Ends at once. */
  trial: 'iris:{0}:TRIAL',
  /** Ends with its parts, a day (`dedupeSec`) after its last item could have been completed. */
  box: (box: BoxName, user: string) => key(user, box, user),
  /** Ends with the box. */
  boxPart: (box: BoxName, user: string, part: BoxPart) => key(user, box, user, part),
  /**
   * Ends: a direct one when it was quiet for `logSec` and up to a day more (direct.lua), unless it was closed; a group never, the
   * application owns it.
   */
  conversation: (conversation: string) => key(conversation, 'CONVERSATION', conversation),
  /**
   * Members: user -> role, first visible seq, partition (`w` and his number: he has written), and the epoch of his stream when he was last
   * served. Ends as the conversation.
   */
  members: (conversation: string) => key(conversation, 'CONVERSATION', conversation, 'MEMBERS'),
  /**
   * Members who left a group: user -> first and last visible seq, and when he left. Ends as the conversation; bounded by the limit `left`.
   */
  left: (conversation: string) => key(conversation, 'CONVERSATION', conversation, 'LEFT'),
  /**
   * The messages: seq -> record (log.lua). A hash, since an overwritten field is gone while a deleted stream entry's bytes stay in its
   * node. [REVOKE-2] Ends when its conversation was quiet for `logSec`, and up to a day more;
   * a message by `logMessages` or `logSec`. [LOG-1]
   */
  log: (conversation: string) => key(conversation, 'LOG', conversation),
  /**
   * What was made of the `clientMsgId`s of a day: this and `:<day>` (days since 1970; a day that has very many goes on behind that, see
   * memo.lua). Ends `dedupeSec` after that day.
   */
  memos: (conversation: string) => key(conversation, 'DEDUPE', conversation),
  /**
   * Of each message of a block of the log who wrote it, and when (index.lua): unread counts are arithmetic over it. Ends with the
   * log; a block with its last message.
   */
  logIndex: (conversation: string, block: number) => key(conversation, 'LOG', conversation, 'INDEX', String(block)),
  /** Ends after `dedupeSec`, that of an online command after five minutes. */
  dedupeCommand: (sender: string, clientCmdId: string) => key(sender, 'DEDUPE', sender, clientCmdId),
  /** The answer to a write of the server API, by a digest of its Idempotency-Key. Ends after `dedupeSec`. */
  idempotency: (digest: string) => key(digest, 'IDEMPOTENCY', digest),
  /** Ends `dedupeSec` after the notice. */
  notice: (noticeId: string) => key(noticeId, 'NOTICE', noticeId),
  /**
   * The last epoch that a partition has given (down.lua): it only rises, so that no two streams or logs share one.
   * Ends never: one number each.
   */
  epoch: (p: number) => `iris:{${p}}:EPOCH`,
  /** When the store's present life began, ms. Ends never: one. */
  life: 'iris:{0}:LIFE',
  /** The run of Redis that has all that was written: run.lua. Ends never: one. */
  run: 'iris:{0}:LIFE:RUN',
  /**
   * Rises with each step that gives out a number, above all marks of the lives before:
   * what a node has seen, it can ask for. Ends never: one number.
   */
  mark: 'iris:{0}:LIFE:MARK',
  /** The mark when this run was seen first, and when that was, ms. Ends never: one of each. */
  found: 'iris:{0}:LIFE:FOUND',
  /**
   * The nodes at work: a process of each -> when it was here last, ms, and of which run.
   * Ends with the last one's end in order, or 50 s later; so does each field.
   */
  nodes: 'iris:{0}:LIFE:NODES',
  /** Of a user of that partition. Ends a minute after it was made, or with the token once it was used. */
  ticket: (p: number, digest: string) => `iris:{${p}}:TICKET:${digest}`,
  /** A user's tickets that were not used. Ends with the last of them. */
  tickets: (user: string) => key(user, 'TICKETS', user),
  /** A user's tickets that were used, the last ones. Ends with the last of their tokens. */
  usedTickets: (user: string) => key(user, 'TICKETS', user, 'USED'),
  /** The channel on which a node hears of entries of one partition's users. Ends: no key, nothing is kept. */
  node: (p: number, node: string) => `iris:{${p}}:NODE:${node}`,
  /**
   * The channel on which all nodes hear which of one partition's users came, went, or are seen by others than before.
   * Ends: no key, nothing is kept.
   */
  presence: (p: number) => `iris:{${p}}:PRESENCE`
}

/** @returns the field of a conversation in a user's counts: the scripts that read them cannot compute its partition. */
export const unreadField = (conversation: string) => `${partition(conversation)}/${conversation}`

export type BoxPart = 'ORDER' | 'EXPIRY' | 'WAITING' | 'DONE' | 'DELIVERIES' | 'COLLAPSE' | 'SHARES' | 'ONCE'

export type BoxName = 'CMD_BOX' | 'NOTICE_BOX'

export { PARTITIONS }
