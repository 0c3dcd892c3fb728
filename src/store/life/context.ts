// What every store works with.
import type { Limits } from '../../protocol/limits.js'
import type { Feed } from '../feed.js'
import { isWhole, whole } from '../redis/readable.js'
import type { Redis } from '../redis/redis.js'
import type { Fresh } from './fresh.js'
import type { Life } from './life.js'

/** What all stores are made with. */
export interface StoreContext {
  /** The one connection. */
  redis: Redis
  /** The name of this node. */
  node: string
  limits: Limits
  /** What a back end is told of. */
  feed: Feed
  life: Pick<Life, 'epochOf' | 'saw' | 'seenMark'>
  /** The time of Redis, ms. [TIME-1] */
  now (): number
  /** What is read to be shown is asked for by it. */
  fresh: Fresh
  /**
   * What stands at a place could not be read, and is skipped.
   * The connection itself says so of keys of another type, and of what scripts skip.
   */
  onUnreadable? (place: string): void
}

/** The first arguments of every script that writes down streams, by the names of `down.lua`. */
export const downArgs = ['feed', 'downEntries', 'downIdleMs', 'node', 'seenMark'] as const

/** @returns the values of `downArgs`. */
export function downValues ({ feed, limits, node, life }: StoreContext) {
  return { feed: feed.text, downEntries: limits.downEntries, downIdleMs: limits.downIdleSec * 1000, node, seenMark: life.seenMark() }
}

/** Entries that this node's own terminals wait for: who, and the entry's id. */
export type Here = { userId: string, id: string }[]

/** Reads the words `mark user id user id ...` that a script returns; the mark is remembered, it is seen. [STORE-1] */
export function readHere ({ life }: Pick<StoreContext, 'life'>, reply: unknown): Here {
  const flat = String(reply).split(' ')
  const here: Here = []
  life.saw(flat[0])
  for (let i = 1; i < flat.length; i += 2) here.push({ userId: flat[i] as string, id: flat[i + 1] as string })
  return here
}

/** @returns a number that is kept as text; 0, and its place is named, for what is none. */
export function numberAt ({ onUnreadable }: Pick<StoreContext, 'onUnreadable'>, text: string | null | undefined, place: string): number {
  if (typeof text === 'string' && !isWhole(text)) onUnreadable?.(place)
  return whole(text)
}
