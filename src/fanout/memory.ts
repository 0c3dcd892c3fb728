// What is known of bodies in memory: what other nodes recall is heard, in the present life of the store. [DOWN-2] [STORE-1]
import type { Hearing } from '../stream/feed.js'

/**
 * @param nodes what is heard, made later: nodes tell the hub, which asks here.
 * @param lives `isOfThis(time)`: whether what was asked for then (ms of `performance`) is of the present life.
 */
export function createMemory (nodes: () => Hearing, lives: { isOfThis (time: number): boolean }): Hearing {
  return {
    isProven: (since = Infinity) => nodes().isProven(since) && lives.isOfThis(since),
    proven: async (since = Infinity, forMs?: number) => await nodes().proven(since, forMs) && lives.isOfThis(since),
    isHearing: () => nodes().isHearing(),
    isKeeping: () => nodes().isKeeping()
  }
}
