// The lives of a store: a Redis that answers before it writes may come back without its last moments. docs/protocol.md section 6, "Lives".
import { keys } from './keys.js'
import { isUnavailable, type Redis } from './redis.js'
import { defineScript } from './scripts.js'

const beginLife = defineScript('begin-life', { full: 'done', keys: ['life', 'run'], args: ['durable', 'known'] })

/** An epoch is a time and a partition: see `new_epoch` in down.lua. */
const EPOCHS_PER_MS = 4_096

export type Life = ReturnType<typeof createLife>

/**
 * Makes the memory of a store's lives. What was written before the present one keeps its content, but streams and logs
 * get other epochs: a number that a client has seen may be given anew, and a cursor must not resume behind it.
 * A store that writes before it answers (`appendfsync always`) has one life for ever.
 * @param clock knows the time that this process has heard of, 0 for none, ms: a life is never older than that.
 */
export function createLife (redis: Redis, clock: { known (): number }) {
  let startedAt = 0
  let durable: boolean | undefined

  return {
    /** Looks whether another life has begun: at the start, and whenever Redis was away. */
    async begin (): Promise<void> {
      durable ??= await isDurable(redis)
      const [, life] = await beginLife(redis, { life: keys.life, run: keys.run }, { durable: Number(durable), known: clock.known() })
      startedAt = Number(life)
    },

    /** @returns the epoch of a log that was born at `epoch`: the present life's when that began later. */
    epochOf: (epoch: string) => String(Math.max(Number(epoch), startedAt * EPOCHS_PER_MS))
  }
}

/** To be called when a store ends in order, after the last write: its next start continues this life. */
export async function endLife (redis: Redis): Promise<void> { await redis.del(keys.run) }

async function isDurable (redis: Redis): Promise<boolean> {
  try {
    const flat = await redis.config('GET', 'appendonly', 'appendfsync')
    return flat.includes('yes') && flat.includes('always')
  } catch (error) {
    if (isUnavailable(error)) throw error
    return false // managed services often forbid CONFIG
  }
}
