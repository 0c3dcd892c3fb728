// The connection for everybody else: it asks nothing of a Redis that may not be worked with,
// and nothing for a request that is too late. [DEADLINE-1]
import type { Redis } from 'ioredis'
import { leftMs } from '../deadline.js'
import { COMMAND_TIMEOUT_MS } from './redis.js'
import { type Reason, reasons } from './redis-errors.js'
import { unavailable } from './unavailable.js'

/**
 * Makes a view of a connection whose commands wait no longer than the request that they belong to.
 * @param reason says why the store may not be worked with; undefined: it may.
 * @returns the view: its commands fail with STORE_UNAVAILABLE while there is a reason, and behind the deadline. A pipeline is sent
 *   or refused as a whole.
 */
export function createGated (redis: Redis, reason: () => Reason | undefined): Redis {
  const verdicts = new WeakMap<object, Verdict>()

  function judge (): Verdict {
    const left = leftMs()
    return { left, refusal: reason() ?? (left > 0 ? undefined : reasons.late) }
  }

  /** The client writes a pipeline when all of its commands were taken: a half would wait for ever, and all later answers be out of step. */
  function verdictOf (pipeline: object | undefined): Verdict {
    if (!pipeline) return judge()
    const verdict = verdicts.get(pipeline) ?? judge()
    verdicts.set(pipeline, verdict)
    return verdict
  }

  return Object.create(redis, {
    sendCommand: {
      value (...[command, stream]: Parameters<Redis['sendCommand']>) {
        const { left, refusal } = verdictOf(stream)
        if (refusal) {
          command.reject(unavailable(refusal.told, 'unasked'))
          return command.promise
        }
        if (left < COMMAND_TIMEOUT_MS) command.setTimeout(Math.ceil(left))
        return redis.sendCommand(command, stream)
      }
    }
  }) as Redis
}

/** Whether a command, or a whole pipeline, is sent, and how long it may take, ms. */
interface Verdict { left: number, refusal: Reason | undefined }
