// The names of all Redis keys, and the partition that each belongs to. PROTOCOL.md section 6.
import keySlot from 'cluster-key-slot'

const PARTITIONS = 128

/**
 * The partition of a user, conversation, ticket or notice: CRC16 of the id, as Redis Cluster hashes it, modulo 128.
 * Fixed for ever: another hash would lose every key that exists.
 */
export function partition (id: string): number {
  // the keys of one owner are named in a row
  if (id !== last.id) last = { id, partition: keySlot(id) % PARTITIONS }
  return last.partition
}

let last = { id: '', partition: 0 }

const key = (owner: string, name: string, ...rest: string[]) => [`iris:{${partition(owner)}}`, name, ...rest].join(':')

/** The keys by owner. Ids hold no `{`, `}` or `:`, except client-made ids, which stand last. */
export const keys = {
  down: (user: string) => key(user, 'DOWN', user),
  /** Conversations with unread messages: conversation -> count. */
  unread: (user: string) => key(user, 'CHAT_MSG_BOX', user),
  chatMsgBox: (user: string, conversation: string) => key(user, 'CHAT_MSG_BOX', user, conversation),
  marker: (user: string) => key(user, 'RESET_READ_NUM_AND_LAST_MSG', user),
  /** The conversations that a user is in, by the time of their last message. */
  conversations: (user: string) => key(user, 'CONVERSATIONS', user),
  /** Every known terminal: terminal -> platform, state and when last seen (see presence.lua). */
  terminals: (user: string) => key(user, 'TERMINALS', user),
  /** Who is connected where: `<node>/<terminal>` -> platform and the end of its lease. */
  routes: (user: string) => key(user, 'TERMINALS', user, 'ROUTES'),
  /** Tombstones of kicked terminals, bans, and `notBefore` of tokens. */
  kick: (user: string) => key(user, 'SYSTEM_INSTRUCT_USER_KICK', user),
  /** When the next up-request would be due, us. */
  rate: (user: string) => key(user, 'RATE', user),
  /** The login of each terminal: when its token was issued and when it first attached, ms. */
  logins: (user: string) => key(user, 'TERMINALS', user, 'LOGINS'),
  /** Until when the terminals of a partition's users count as there: `<user>/<terminal>` -> ms; `<user>/`: the grace of a user. */
  leases: (p: number) => `iris:{${p}}:LEASES`,
  /** What a back end is told. One for all: standalone Redis only. */
  events: 'iris:events',
  /** The node that looks for ended leases now. */
  reaper: 'iris:{0}:REAPER',
  box: (box: BoxName, user: string) => key(user, box, user),
  boxPart: (box: BoxName, user: string, part: 'ORDER' | 'EXPIRY' | 'WAITING' | 'DONE' | 'DELIVERIES' | 'COLLAPSE') => key(user, box, user, part),
  conversation: (conversation: string) => key(conversation, 'CONVERSATION', conversation),
  /** Members: user -> role, first visible seq, partition, and the epoch of his stream when he was last served. */
  members: (conversation: string) => key(conversation, 'CONVERSATION', conversation, 'MEMBERS'),
  /** Members who left: user -> first and last visible seq. */
  left: (conversation: string) => key(conversation, 'CONVERSATION', conversation, 'LEFT'),
  /** The messages: seq -> body. A hash, since an overwritten field is gone while a deleted stream entry's bytes stay in its node. [REVOKE-2] */
  log: (conversation: string) => key(conversation, 'LOG', conversation),
  dedupeMessage: (conversation: string, sender: string, clientMsgId: string) => key(conversation, 'DEDUPE', conversation, sender, clientMsgId),
  dedupeCommand: (sender: string, clientCmdId: string) => key(sender, 'DEDUPE', sender, clientCmdId),
  notice: (noticeId: string) => key(noticeId, 'NOTICE', noticeId),
  /** The last epoch that a partition has given (down.lua): it only rises, so that no two streams or logs share one. */
  epoch: (p: number) => `iris:{${p}}:EPOCH`,
  /** When the store's present life began, ms, and the run id of the Redis that has all that was written. */
  life: 'iris:{0}:LIFE',
  run: 'iris:{0}:LIFE:RUN',
  ticket: (digest: string) => key(digest, 'TICKET', digest),
  /** The channel on which a node hears of entries of one partition's users. */
  node: (p: number, node: string) => `iris:{${p}}:NODE:${node}`
}

export type BoxName = 'CMD_BOX' | 'NOTICE_BOX'

export { PARTITIONS }
