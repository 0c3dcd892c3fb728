// A Redis that is full: its memory (maxmemory), or the disk of its append-only file.
// What reads or frees goes on, the rest is STORE_FULL. [STORE-2]
import { ReplyError } from 'ioredis'
import { Problem } from '../../protocol/problem.js'

/** A full store stays so for a while: so late is early enough to come again, s. */
const AGAIN_SEC = 5

export type Full = 'memory' | 'disk'

const details: Record<Full, string> = { memory: 'The memory of the store is full', disk: 'The store cannot write to its disk' }

/** How Redis refuses a write. */
const refusals: [pattern: RegExp, full: Full][] = [
  [/^OOM\b/, 'memory'],
  [/^MISCONF\b/, 'disk']
]

/** @returns what is full by the words of Redis; undefined for any other failure. */
export function fullOf (error: unknown): Full | undefined {
  if (!(error instanceof ReplyError)) return undefined
  const { message } = error as Error
  return refusals.find(([pattern]) => pattern.test(message))?.[1]
}

/** @returns whether the store refused because it is full: then it has not begun. */
export function isFull (error: unknown): boolean {
  return error instanceof Problem ? error.code === 'STORE_FULL' : fullOf(error) !== undefined
}

/** @returns STORE_FULL, by what is full. */
export const storeFull = (full: Full) => new Problem('STORE_FULL', { detail: details[full], members: { retryAfterSec: AGAIN_SEC } })

/** @returns the refusal of a full store as STORE_FULL; any other failure as it is. */
export function asProblem (error: Error): Error {
  const full = fullOf(error)
  return full ? storeFull(full) : error
}
