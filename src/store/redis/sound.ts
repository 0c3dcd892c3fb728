// A connection on which what cannot be read counts as absent: a key of another type holds nothing.
// What scripts skip is told here, too. [DOWN-2]
import type { Redis } from 'ioredis'
import { isOfAnotherType } from './readable.js'

type Command = Parameters<Redis['sendCommand']>[0]

/** What a reading command answers of a key that is not there; what else goes wrong with a key, its caller hears. */
const absent: Record<string, (command: Command) => unknown> = {
  get: () => null,
  hget: () => null,
  hmget: ({ args }) => args.slice(1).map(() => null),
  hgetall: () => [],
  hkeys: () => [],
  hexists: () => 0,
  srandmember: () => [],
  xrange: () => [],
  xrevrange: () => [],
  xinfo: () => [],
  zrange: () => [],
  zrangebyscore: () => [],
  zrevrangebyscore: () => [],
  zmscore: ({ args }) => args.slice(1).map(() => null),
  zrem: () => 0
}

const listeners = new WeakMap<Redis, (place: string) => void>()

/** Something that stands at a place was skipped, by what was run on this connection. */
export const noteUnreadable = (redis: Redis, place: string): void => listeners.get(redis)?.(placeOf(place))

/** @returns a key without its partition, as the log names places. */
export const placeOf = (key: string) => key.replace(/^iris:\{\d+\}:/, '')

/**
 * @returns the same connection; a key of another type is named to `onUnreadable`, and nothing is found there. Commands of a pipeline
 *   fail all the same: who asks several at once may have to know which of them it was, see `together`.
 */
export function createSound (redis: Redis, onUnreadable: (place: string) => void): Redis {
  const sound = Object.create(redis, {
    sendCommand: {
      value (...[command, stream]: Parameters<Redis['sendCommand']>) {
        const { reject, args, name } = command
        const nothing = (command as { pipelineIndex?: number }).pipelineIndex === undefined ? absent[name] : undefined
        command.reject = error => {
          const isBroken = isOfAnotherType(error) && name in absent
          if (isBroken) noteUnreadable(sound, String(args[name === 'xinfo' ? 1 : 0]))
          if (isBroken && nothing) command.resolve(nothing(command))
          else reject(error)
        }
        return redis.sendCommand(command, stream)
      }
    }
  }) as Redis
  listeners.set(sound, onUnreadable)
  return sound
}
