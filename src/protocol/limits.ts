// The limits of docs/protocol.md section 2 as data: one table feeds the schemas, the stores and the configuration.

interface LimitFact { default: number, sentence: string, minimum?: number, maximum?: number }

/** Every limit: its default and what happens there. Its environment name is `IRIS_LIMIT_` + the key in capitals. */
export const limitTable = {
  bodyBytes: { default: 65_536, sentence: 'Bytes of a request body; more is 413 `BODY_TOO_LARGE`.' },
  contentBytes: { default: 16_384, sentence: 'Bytes of a message\'s or notice\'s `content` as JSON.' },
  extBytes: { default: 4_096, sentence: 'Bytes of `ext` as JSON.' },
  dataBytes: { default: 4_096, sentence: 'Bytes of a command\'s `data` as JSON.' },
  ids: { default: 100, sentence: 'Items of an array of ids or of a page.' },
  downEntries: { default: 5_000, sentence: 'Entries of a down stream; older ones are trimmed and a cursor before them gets `IRIS.RESET`.' },
  downIdleSec: { default: 2_592_000, sentence: 'Seconds without an attached terminal after which a down stream ends (`IRIS.RESET`).' },
  logMessages: { default: 10_000, sentence: 'Messages kept per conversation; `minSeq` rises with it. At least `IRIS_LIMIT_DOWN_ENTRIES`.' },
  logSec: {
    default: 7_776_000,
    sentence: 'Seconds (and up to a day more) for which a message is kept. A direct conversation ' +
      'that was quiet for so long is forgotten whole: its messages, markers and counts; taken up ' +
      'again it begins another epoch. Groups are kept as long as the application keeps them.'
  },
  newDirect: {
    default: 20,
    sentence: 'Direct conversations that a user may open in an hour from the first; ' +
      'more is 429 `RATE_LIMITED`. One that the other side opened, and the server API\'s, are not counted.'
  },
  blocked: { default: 1_000, sentence: 'Users that a user may have blocked; more is 409 `TOO_MANY_BLOCKED`.' },
  left: {
    default: 2_000,
    sentence: 'Former members of a group who may still read its history up to their leaving; of more, those who left first may not.'
  },
  members: { default: 500, sentence: 'Members of a group; more is 409 `TOO_MANY_MEMBERS`.' },
  dedupeSec: { default: 86_400, sentence: 'Seconds in which a retry with the same client id is recognised.' },
  cmdBox: {
    default: 500,
    sentence: 'Commands of users that may be pending for a user, a fifth of them (rounded up) from one other user; ' +
      'as many of his own to himself, and as many of the server API; more are `skipped` with `BOX_FULL`.'
  },
  noticeBox: {
    default: 200,
    sentence: 'Notices that may wait for a user\'s completion; more are `skipped` with `BOX_FULL`. ' +
      'As many that need none beside them; of these the oldest goes.'
  },
  everybody: { default: 20, sentence: 'Notices to everybody that last at once; more is 409 `TOO_MANY_NOTICES`.' },
  mailboxMessages: { default: 500, sentence: 'Unread messages that a fresh attach brings; then READY says `more`.' },
  terminals: { default: 10, sentence: 'Terminals of a user; the longest unseen one is removed, `IRIS.BYE` 4303 when all are connected.' },
  tickets: {
    default: 20,
    sentence: 'Tickets of a user that were not used yet; ' +
      'more is 429 `RATE_LIMITED`. Of those that were used the last 8 of a terminal are kept.'
  },
  upRate: { default: 20, sentence: 'Up-requests of a user a second, all of them counted together; more is 429 `RATE_LIMITED`.' },
  upBurst: { default: 40, sentence: 'Up-requests that a user may send at once.' },
  revokeSec: { default: 120, sentence: 'Seconds in which a sender may revoke his message.' },
  leaseSec: { default: 90, sentence: 'Seconds without a heartbeat or command after which a terminal is offline (`IRIS.BYE` 4204).' },
  graceSec: { default: 5, sentence: 'Seconds in which a terminal may come back before it, or its user, is said to be gone.' },
  events: {
    default: 100_000,
    sentence: 'Events kept for `GET /v1/server/events`; older ones are trimmed and a position before them gets `reset`.'
  },
  eventsBytes: {
    default: 67_108_864,
    minimum: 16_384,
    sentence: 'Bytes of events that are kept, more or less: what comes first, this or their number, trims.'
  },
  webhooks: {
    default: 20,
    sentence: 'Webhooks that are put by a call; more is 409 `TOO_MANY_WEBHOOKS`. That of `IRIS_WEBHOOK_URL` is not counted.'
  },
  webhookAtOnce: { default: 8, sentence: 'Deliveries to a webhook under way at once.' },
  webhookAttemptSec: { default: 10, sentence: 'Seconds in which a webhook must have answered a delivery.' },
  webhookPauseSec: {
    default: 3_600,
    sentence: 'The longest pause between two deliveries of an event, and the longest `Retry-After` of a webhook that is heeded, in seconds.'
  },
  webhookRetrySec: {
    default: 86_400, sentence: 'Seconds, from the event on, for which its delivery is tried again; then it is a dead letter.'
  },
  webhookPending: {
    default: 1_000,
    sentence: 'Events that are read for a webhook before those before them are done; twice as many while nothing of them is taken. ' +
      'The others wait among `events`.'
  },
  webhookDead: { default: 1_000, sentence: 'Dead letters kept for a webhook; of more the oldest goes.' },
  webhookDeadSec: { default: 2_592_000, sentence: 'Seconds for which dead letters are kept after the last of them.' },
  hookMs: {
    default: 1_500,
    maximum: 1_900,
    sentence: 'Milliseconds in which a hook must have answered; else `IRIS_HOOK_MESSAGE_ON_FAILURE`, `IRIS_HOOK_COMMAND_ON_FAILURE` count.'
  },
  hookAtOnce: { default: 100, sentence: 'Questions to a hook that a node has under way at once, 8 of them about one user at most.' },
  hookQueue: { default: 1_000, sentence: 'Questions to a hook that may wait for their turn; more is 503 `OVERLOADED`.' },
  connections: {
    default: 20,
    sentence: 'Connections of a user on a node; the oldest makes room for another with `IRIS.BYE` 4302, ' +
      'a poll with 409 `TOO_MANY_TERMINALS`. So many polls of a terminal wait at once; of more the oldest ends with an empty answer.'
  },
  pollSec: {
    default: 10,
    sentence: 'Seconds after the answer of a long-poll for which its terminal counts as connected without another poll.'
  },
  rotateSec: {
    default: 1_800,
    sentence: 'Seconds after which a connection is old: it ends with `IRIS.BYE` 4201 after 0.8 to 1 times that, and comes back at once.'
  },
  stuckSec: {
    default: 15,
    sentence: 'Seconds for which 256 KiB may wait in a connection that takes nothing; then it ends with `IRIS.BYE` 4203.'
  },
  attachRate: {
    default: 5,
    sentence: 'Attaches and polls of a user a second; more is 429 `RATE_LIMITED`, on a stream `IRIS.BYE` 4205. ' +
      'A poll that resumes weighs a quarter; what begins anew weighs 1 more for every 50 conversations.'
  },
  attachBurst: { default: 30, sentence: 'Attaches and polls that a user may begin at once.' },
  newTerminals: { default: 60, sentence: 'Terminals of a user that were not known, per hour; more is as too many attaches.' },
  attaches: {
    default: 64,
    sentence: 'Attaches that a node has under way at once; others wait in order, so that a storm of them does not hurt commands.'
  },
  attachQueue: {
    default: 10_000,
    sentence: 'Attaches that may wait; more, and those that wait (or would ' +
      'wait) for more than 1.2 s, are asked to come back (`IRIS.BYE` 4205).'
  },
  addressRate: {
    default: 200,
    minimum: 0,
    sentence: 'Requests per second of one address (IPv6: of a /64) on one node, counted over 10 s; ' +
      'more is 429 `RATE_LIMITED`, on a stream `IRIS.BYE` 4205. Loopback addresses are not counted. 0: no limit.'
  },
  requestSec: {
    default: 30,
    sentence: 'Seconds in which a request must have come in; a slower one is 408 `REQUEST_TIMEOUT`, and its connection is closed.'
  },
  answerSec: {
    default: 30,
    sentence: 'Seconds in which an HTTP answer must have been taken; ' +
      'else its connection is cut. Streams are not meant: see `IRIS.BYE` 4203.'
  }
} as const satisfies Record<string, LimitFact>

export type LimitName = keyof typeof limitTable

/** The limits in force, in the unit that the name says (bytes, seconds or a count). */
export type Limits = Record<LimitName, number>

/** The limits when nothing is configured. */
export const defaultLimits = Object.fromEntries(Object.entries(limitTable).map(([name, fact]) => [name, fact.default])) as Limits

/** @returns the environment variable that sets a limit: `downEntries` -> `IRIS_LIMIT_DOWN_ENTRIES`. */
export function limitVariable (name: LimitName): string {
  return 'IRIS_LIMIT_' + name.replace(/[A-Z]/g, letter => '_' + letter).toUpperCase()
}

/** A schema whose `maxItems` is the configured limit of that name. */
export const limitedItems = (limit: LimitName) => ({ 'x-limit': { maxItems: limit }, maxItems: limitTable[limit].default })

/** A schema whose size as JSON is bounded by the limit of that name; nested 32 deep at most, so that no printer overflows its stack. */
export const limitedBytes = (limit: LimitName) => ({ 'x-limit': { maxBytes: limit }, maxBytes: limitTable[limit].default })

/**
 * Puts the configured limits into a schema.
 * @returns a deep copy of `schema` in which every `x-limit` mark has become the keyword it names (`maxItems`, `maxBytes`).
 */
export function withLimits<T> (schema: T, limits: Limits): T {
  if (Array.isArray(schema)) return schema.map(item => withLimits<unknown>(item, limits)) as T
  if (typeof schema !== 'object' || schema === null) return schema
  const { 'x-limit': marks, ...rest } = schema as Record<string, unknown>
  const copy = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, withLimits(value, limits)]))
  for (const [keyword, name] of Object.entries(marks as Record<string, LimitName> | undefined ?? {})) copy[keyword] = limits[name]
  return copy as T
}
