// What was read from the store and is to be printed: one body that is broken must not break what stands beside it.
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { Message } from '../protocol/message.js'
import { Problem } from '../protocol/problem.js'

/** @returns the refusal of what would destroy something sound, since what stands beside it cannot be read: an operator must look. */
export const unsound = () => new Problem('STORE_UNAVAILABLE', { detail: 'A record in the store that is needed for this cannot be read' })

/** @returns what a body says; null when it is not there, or cannot be read. */
export function parsed<Value> (body: string | null | undefined): Value | null {
  return JSON.parse(printable(body ?? '') ?? 'null') as Value | null
}

/** Whether it is what a conversation may be. */
export const isKind = (kind: string | null | undefined): kind is 'dm' | 'group' => kind === 'dm' || kind === 'group'

/** @returns a number that is kept as text, as numbers.lua reads it; 0 for what is none. */
export const whole = (text: string | null | undefined): number => isWhole(text) ? Number(text) : 0

/** Whether it is a number as Iris writes them: whole, in decimal digits, below 2^53. */
export const isWhole = (text: string | null | undefined): text is string => /^(?:0|[1-9]\d{0,15})$/.test(text ?? '') && Number.isSafeInteger(Number(text))

/** @returns whether Redis refused a command, or a script one of its own, since a key is of another type. */
export const isOfAnotherType = (error: unknown): boolean => error instanceof Error && error.message.includes('WRONGTYPE')

/** @returns a body to which a member can be added before its last `}`; null when it says nothing, or cannot be read: see `readable`. */
export function printable (body: string): string | null {
  return isClosed(body) ? readable(body) : null
}

const isClosed = (body: string) => body.startsWith('{"') && body.endsWith('}')

const shape = TypeCompiler.Compile(Message)

/** What a sender writes: a message that is revoked has nothing of it any more. [REVOKE-2] */
const written = ['content', 'ext', 'mentions', 'quote', 'options'] as const

/**
 * The one place where what a log keeps becomes a message. [DOWN-2]
 * @returns the body as it was stored; null when it is not the message of that conversation and number, or not one that a script writes:
 *   what is revoked has no text, and what has none is revoked.
 */
export function messageIn (body: string, { conversationId, seq }: { conversationId: string, seq: number }): string | null {
  const message = isClosed(body) ? objectIn(body) : null
  if (!shape.Check(message) || message.conversationId !== conversationId || message.seq !== seq) return null
  if (![message.ts, message.revoked?.at ?? 0].every(time => isWhole(String(time)))) return null
  const isRevoked = message.type === 'revoked'
  if (isRevoked !== (message.revoked !== undefined) || isRevoked === (message.content !== undefined)) return null
  return isRevoked && written.some(part => part in message) ? null : body
}

/** @returns a body as it was stored; null when it is not the JSON of an object on one line, and so could not be printed on any transport. */
export const readable = (body: string): string | null => objectIn(body) === null ? null : body

function objectIn (body: string): object | null {
  try {
    const value = JSON.parse(body) as unknown
    return typeof value === 'object' && value !== null && !Array.isArray(value) && !/[\r\n]/.test(body) ? value : null
  } catch {
    return null
  }
}
