// When the streams of this node are compared with the store: now and then, and whenever a hint may have been lost.
import { setTimeout as delay } from 'node:timers/promises'
import { outside } from '../store/deadline.js'
import { isUnavailable } from '../store/redis/redis.js'

const RETRY_MS = 500
/** Lost answers cost a sweep in so long: a store that is late for long loses many, and a sweep asks for every stream. */
const LOST_MS = 5_000

interface Floor {
  /** Compares all of them, once. */
  sweep (): Promise<void>
  log: { error (facts: object, message: string): void }
}

/**
 * Makes a sweeper.
 * @returns `sweep()`: one at a time, a call during one asks for one more; tried again while the store does not answer. `look()`: the same,
 *   but a call during one does nothing. `lost()`: an answer was lost: a sweep at once, or 5 s after the last one for this. `catchUp()`: the
 *   same as `sweep()`, and `isBehind()` until all is done. `stop()` ends it.
 */
export function createSweeper ({ sweep, log }: Floor) {
  const stopped = new AbortController()
  let isSweeping = false
  let isWanted = false
  let lostAt = -Infinity
  let afterLost: NodeJS.Timeout | undefined
  let isBehind = false

  async function run (): Promise<void> {
    while (isWanted && !stopped.signal.aborted) {
      isWanted = false
      try {
        await sweep()
      } catch (err) {
        if (!isUnavailable(err)) {
          log.error({ err }, 'the sweep failed')
          continue
        }
        isWanted = true
        await delay(RETRY_MS, undefined, { signal: stopped.signal, ref: false }).catch(() => undefined)
      }
    }
    isBehind = false
  }

  function ask (): void {
    isWanted = true
    if (isSweeping) return
    isSweeping = true
    void outside(run).finally(() => { isSweeping = false })
  }

  function sweepLost (): void {
    afterLost = undefined
    lostAt = performance.now()
    ask()
  }

  return {
    sweep: ask,
    lost (): void { afterLost ??= setTimeout(sweepLost, Math.max(0, lostAt + LOST_MS - performance.now())).unref() },
    catchUp (): void {
      isBehind = true
      ask()
    },
    isBehind: () => isBehind,
    look (): void { if (!isSweeping) ask() },
    stop (): void {
      clearTimeout(afterLost)
      stopped.abort()
    }
  }
}
