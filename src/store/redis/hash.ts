// Hashes whose fields are names from the wire. A plain object is no map: it knows `toString` before anybody wrote it.
import { type Redis, together } from './redis.js'

/** @returns a hash as a map, empty when there is none. The one place where a whole hash is read (a rule of the linter). */
export async function hashOf (redis: Redis, key: string): Promise<Map<string, string>> {
  return new Map(Object.entries(await redis.hgetall(key)))
}

/** @returns the hashes of these keys, in one round trip; empty where a key is of another type. */
export async function hashesOf (redis: Redis, keys: string[]): Promise<Map<string, string>[]> {
  const replies = await together(redis, keys, (pipeline, key) => pipeline.hgetall(key)) as (Record<string, string> | undefined)[]
  return replies.map(found => new Map(Object.entries(found ?? {})))
}

/** @returns fields and values that stand in a row (field, value, field ...) as a map. */
export function fieldsOf<Value> (flat: readonly Value[]): Map<string, Value> {
  return new Map(Array.from({ length: Math.floor(flat.length / 2) }, (_, i) => [String(flat[2 * i]), flat[2 * i + 1] as Value]))
}
