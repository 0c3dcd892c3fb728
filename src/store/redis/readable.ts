// What was read from the store and is to be printed: one body that is broken must not break what stands beside it.
import { LATEST_MS } from '../../protocol/login.js'
import { Problem } from '../../protocol/problem.js'

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
export const isWhole = (text: string | null | undefined): text is string =>
  /^(?:0|[1-9]\d{0,15})$/.test(text ?? '') && Number.isSafeInteger(Number(text))

/** Whether it is a time, ms, that can be written as a date. */
export const isTime = (ms: unknown): ms is number => Number.isSafeInteger(ms) && Number(ms) >= 0 && Number(ms) <= LATEST_MS

/** @returns whether Redis refused a command, or a script one of its own, since a key is of another type. */
export const isOfAnotherType = (error: unknown): boolean => error instanceof Error && error.message.includes('WRONGTYPE')

/** @returns a body to which a member can be added before its last `}`; null when it says nothing, or cannot be read: see `readable`. */
export function printable (body: string): string | null {
  return isClosed(body) ? readable(body) : null
}

const isClosed = (body: string) => body.startsWith('{"') && body.endsWith('}')

/**
 * @returns a body as it was stored; null when it is not the JSON of an object on one line, and so could not be printed on any transport.
 */
export const readable = (body: string): string | null => objectIn(body) === null || /[\r\n]/.test(body) ? null : body

/** @returns what is the JSON of an object; null for anything else. */
export function objectIn (text: string): object | null {
  try {
    const value = JSON.parse(text) as unknown
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null
  } catch {
    return null
  }
}
