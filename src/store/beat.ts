// What a node does with each new connection, and every second from then on: it says what it has seen, and asks what time it is.
import type { Clock } from './clock.js'
import type { Life } from './life.js'

interface Facts {
  /** Called at once when another life has begun, whatever becomes of the connection then: what is remembered of the one before ends. */
  onAnother (): void
  log: { warn (facts: object, message: string): void }
}

/**
 * Joins the life of the store and its time: only a store that may be worked with is asked for it, any other has a clock of its own.
 * @returns `begin()` and `beat()` of a trust: see `createLife`.
 */
export function createBeat (life: Pick<Life, 'begin'>, clock: Pick<Clock, 'adjust'>, { onAnother, log }: Facts) {
  async function live (): Promise<boolean> {
    const isAnother = await life.begin()
    if (!isAnother) return false
    // what every client will say by a RESET, its operator should know first [STORE-1]
    log.warn({}, 'Redis has lost something that was acknowledged, or cannot prove that it has not: another life has begun, and all readers begin anew')
    onAnother()
    return true
  }

  return {
    /** The time is known before anything else is done with the store: what has gone by since decides what is refused. [TIME-1] */
    async begin (): Promise<void> {
      await live()
      await clock.adjust()
    },

    async beat (): Promise<boolean> {
      const isAnother = await live()
      await clock.adjust(1).catch(() => undefined)
      return isAnother
    }
  }
}
