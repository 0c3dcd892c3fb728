// Values that are set also when the memory is full: small ones that end soon, without which what frees could not be done. [STORE-2]
import type { Redis } from '../redis/redis.js'
import { defineScript } from './scripts.js'

const setScript = defineScript('set-value', { full: 'done', keys: ['key'], args: ['value'] })

/**
 * SET, past a full memory.
 * @param options as SET takes them, a time to live among them.
 * @returns what SET answers: `OK`, the value before (`GET`), or null. Throws STORE_FULL on a full disk.
 */
export async function setValue (redis: Redis, key: string, [value, ...options]: [string, ...(string | number)[]]): Promise<string | null> {
  const [, reply] = await setScript(redis, { key }, { value }, options)
  return reply as string | null
}
