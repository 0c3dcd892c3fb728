// What a node does with each new connection, and every second from then on: it says what it has seen, and asks what time it is.
import type { Clock } from '../redis/clock.js'
import type { Life } from './life.js'

/**
 * Joins the life of the store and its time: only a store that may be worked with is asked for it, any other has a clock of its own.
 * @returns `begin()` and `beat()` of a trust: see `createLife`.
 */
export function createBeat (life: Pick<Life, 'begin'>, clock: Pick<Clock, 'adjust'>) {
  return {
    /** The time is known before anything else is done with the store: what has gone by since decides what is refused. [TIME-1] */
    async begin (): Promise<void> {
      await life.begin()
      await clock.adjust()
    },

    async beat (): Promise<boolean> {
      const isUntold = await life.begin()
      await clock.adjust(1).catch(() => undefined)
      return isUntold
    }
  }
}
