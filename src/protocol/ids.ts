// Identifiers of the wire: their patterns, and the few rules that make one id from another. docs/protocol.md section 2.
import { Type } from '@sinclair/typebox'

/** One of some words: to a compiler of checks of what is stored a text like any other. */
export const oneOf = <Name extends string>(names: readonly Name[], facts: { description?: string } = {}) =>
  Type.Unsafe<Name>({ ...Type.String(), enum: [...names], ...facts })

/** A user's id. `system` is reserved for messages that the server API sends. */
export const UserId = Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$', description: 'A user.', examples: ['alice'] })

/** One installation where a user reads; made by the client, stable across reloads. */
export const TerminalId = Type.String({
  pattern: '^[A-Za-z0-9_-]{1,64}$',
  description: 'A terminal: one installation where a user reads.',
  examples: ['web-1']
})

const platforms = ['web', 'mobile', 'desktop', 'mini', 'server', 'other'] as const
export const Platform = oneOf(platforms, { description: 'The kind of terminal.' })

/** `dm.<a>.<b>` (two users) or `g.<id>` (a group). */
export const ConversationId = Type.String({
  pattern: '^[A-Za-z0-9_.-]{1,140}$',
  description: 'A conversation: `dm.<a>.<b>` or `g.<id>`.',
  examples: ['dm.alice.bob']
})
export const GroupId = Type.String({ pattern: '^g\\.[A-Za-z0-9_.-]{1,138}$', description: 'A group: `g.<id>`.', examples: ['g.support-7'] })

/** An id that a client makes: clientMsgId, clientCmdId, noticeId, requestId. */
export const clientId = (description: string, example: string) =>
  Type.String({ pattern: '^[A-Za-z0-9_.:-]{1,64}$', description, examples: [example] })

/** Text that is shown; half a surrogate pair could not be stored as UTF-8 and would come back as another character. */
export const wellFormed = { pattern: '^[^\\uD800-\\uDFFF]*$' }

export const CommandName = Type.String({
  pattern: '^[A-Za-z][A-Za-z0-9_.-]{0,63}$',
  description: 'A command\'s name.',
  examples: ['typing']
})
export const Seq = Type.Integer({
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'A message\'s number in its conversation, contiguous from 1.',
  examples: [42]
})
export const Time = Type.Integer({ description: 'Milliseconds since 1970 UTC.', examples: [1795442400123] })
export const TraceId = Type.String({
  pattern: '^[A-Za-z0-9._-]{1,64}$',
  description: 'TRACE_ID of the request that caused this. [TRACE-2]',
  examples: ['7c1f4b9d2e']
})
export const Cursor = Type.String({
  description: 'A position in a down stream: `<epoch>-<seq>`; ' +
    '`<epoch>-<seq>.<n>` while a fresh long-poll has more unread messages to bring. Opaque to clients.',
  examples: ['7354132070916608-17']
})
export const Epoch = Type.String({
  description: 'Names one life of a stream or log; another epoch means: what you remember is void, refetch.',
  examples: ['1795442400123']
})

/** The author of messages that belong to nobody; never a token's subject. */
export const SYSTEM_USER = 'system'

/**
 * The direct conversation of two users; its two ids are sorted by code unit.
 * @returns `dm.<a>.<b>`; unambiguous, since a user id holds no dot.
 */
export function dmId (a: string, b: string): string {
  return a < b ? `dm.${a}.${b}` : `dm.${b}.${a}`
}

/** A parsed position in a down stream. `epoch` stays a string: it may leave the safe integers. */
export interface Position { epoch: string, seq: number }

/** @returns the position that a cursor names, or undefined when it is malformed ([ATTACH-1]: never an exception). */
export function parseCursor (cursor: string): Position | undefined {
  const found = /^(\d{1,20})-(\d{1,15})$/.exec(cursor)
  return found ? { epoch: found[1] as string, seq: Number(found[2]) } : undefined
}

/** @returns the cursor of a position: `<epoch>-<seq>`. */
export function formatCursor ({ epoch, seq }: Position): string {
  return `${epoch}-${seq}`
}

/**
 * @returns a cursor of a fresh poll that has not brought all that is unread:
 *   its session goes on there, everywhere else it cannot be served. [POLL-2]
 */
export function unfinishedCursor (position: Position, n: number): string {
  return `${formatCursor(position)}.${n}`
}

/** @returns where a fresh poll stands whose cursor this is; undefined for any other cursor. */
export function parseUnfinished (cursor: string): Position | undefined {
  const found = /^([^.]+)\.\d{1,10}$/.exec(cursor)
  return found ? parseCursor(found[1] as string) : undefined
}
