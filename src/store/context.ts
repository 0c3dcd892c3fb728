// What every store works with.
import type { Limits } from '../protocol/limits.js'
import type { Fresh } from './fresh.js'
import type { Life } from './life.js'
import type { Redis } from './redis.js'

/**
 * One connection, the name of this node, the limits in force, and the store's lives. `fresh`: by it is asked for what is shown as it was
 * read. `onUnreadable`: what stands at a place could not
 * be read, and is skipped; of a key of another type, and of what scripts skip, the connection says so.
 */
export interface StoreContext { redis: Redis, node: string, limits: Limits, life: Pick<Life, 'epochOf' | 'saw' | 'seenMark'>, fresh: Fresh, onUnreadable? (place: string): void }

/** The first arguments of every script that writes down streams, by the names of `down.lua`. */
export const downArgs = ['downEntries', 'downIdleMs', 'node', 'seenMark'] as const

/** @returns the values of `downArgs`. */
export function downValues ({ limits, node, life }: StoreContext) {
  return { downEntries: limits.downEntries, downIdleMs: limits.downIdleSec * 1000, node, seenMark: life.seenMark() }
}

/** Entries that this node's own terminals wait for: who, and the entry's id. */
export type Here = { userId: string, id: string }[]

/** Reads the flat list `mark, user, id, user, id ...` that a script returns; the mark is remembered, it is seen. [STORE-1] */
export function readHere ({ life }: Pick<StoreContext, 'life'>, reply: unknown): Here {
  const flat = reply as string[]
  const here: Here = []
  life.saw(flat[0])
  for (let i = 1; i < flat.length; i += 2) here.push({ userId: flat[i] as string, id: flat[i + 1] as string })
  return here
}
