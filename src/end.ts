// The end of the process: in order from its first moment on, whatever of it is there by then.
import { setTimeout as delay } from 'node:timers/promises'
import closeWithGrace from 'close-with-grace'
import type { Logger } from 'pino'
import type { buildApp } from './app.js'
import type { EmbeddedRedis } from './store/embedded/embedded.js'
import { isWhole } from './store/life/life.js'
import type { createRedis } from './store/redis/redis.js'

/** What the end may take beside the drain. */
export const CLOSE_MS = 10_000
/** So long a start that is under way is waited for. */
const BEGIN_MS = 1_000

/** What runs of it by now. */
export interface Running {
  logger: Logger
  embedded?: EmbeddedRedis
  redis?: ReturnType<typeof createRedis>
  app?: Awaited<ReturnType<typeof buildApp>>
  /** It is to end: nothing more is begun. */
  isEnding: boolean
}

/** Ends what runs, the private Redis last: it has all on disk then, and says so to the next start. [STORE-1] */
export async function end ({ app, redis, embedded }: Running): Promise<void> {
  await app?.close()
  const restarts = embedded?.restarts
  // one that came back a moment ago may owe what was seen of it: else the next start counts as after a crash
  const isAllThere = app
    ? embedded && app.store().reason === undefined && redis && await isWhole(redis).catch(() => false)
    : embedded?.isSealed && restarts === 0
  redis?.disconnect()
  await embedded?.stop(isAllThere ? restarts : undefined)
}

/**
 * SIGTERM drains; SIGINT comes from somebody who waits for the prompt, and ends at once, as a second signal does.
 * @param begun settles when it has started, or cannot.
 */
export function endInOrder (running: Running, { drainSec }: { drainSec: number }, begun: Promise<unknown>): void {
  const { logger } = running
  const drainMs = drainSec * 1000
  // the goodbyes of those who are still there leave with the process
  const onSecondSignal = () => void running.app?.drain(0)
  closeWithGrace({ delay: drainMs + CLOSE_MS, logger, onSecondSignal }, async ({ err, signal }) => {
    running.isEnding = true
    if (err) logger.fatal({ err }, 'a bug: Iris goes down')
    else logger.info(`Iris is to end: ${signal ?? 'it was closed'}`)
    await Promise.race([begun.catch(() => undefined), delay(BEGIN_MS)])
    await running.app?.drain(signal === 'SIGTERM' ? drainMs : 0)
    await end(running)
    logger.info('Iris has ended')
  })
}
