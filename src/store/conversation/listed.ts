// The order of a user's conversation list: by its last message, as exactly as the few writes of a group's list allow.
import { keys } from '../keys.js'
import { whole } from '../redis/readable.js'
import { type Redis, together } from '../redis/redis.js'
import { ageFacts } from './aging.js'

const LIST_CHUNK = 100
/**
 * A row as the list keeps it, both ms: `score`: of the last message that was the first of its minute, so that a message does not
 * sort the lists of all members anew; `place`: of the last message, less than a minute later.
 */
export interface Listed { id: string, score: string, place: number, facts?: (string | null)[] | undefined }
const SCORE_LATE_MS = 60_000
/** So many rows of one minute are put in order, whatever was told to all conversations at once. [COST-1] */
const MOST_BEHIND = 300

/** Makes what reads a list in its order. */
export function createListed (redis: Redis) {
  /** Most recent first, from behind `after` on. @returns one more than `limit`, if there is one. */
  return async function listed (userId: string, { after, limit }: { after?: string | undefined, limit: number }): Promise<Listed[]> {
    const [time = '+inf', last] = after === undefined ? [] : split(after)
    const found: Listed[] = []
    const isOrdered = (lowest: number) => (found[limit]?.place ?? -Infinity) >= lowest + SCORE_LATE_MS
    for (let offset = 0, lowest = Infinity; offset < limit + MOST_BEHIND && !isOrdered(lowest); offset += LIST_CHUNK) {
      const scored =
        pairs(await redis.zrevrangebyscore(keys.conversations(userId), time, '-inf', 'WITHSCORES', 'LIMIT', offset, LIST_CHUNK))
      if (scored.length === 0) break
      lowest = Number(scored.at(-1)?.score)
      const facts = await together(redis, scored, (pipeline, { id }) =>
        pipeline.hmget(keys.conversation(id), 'kind', 'title', 'epoch', 'headSeq', ...ageFacts)) as ((string | null)[] | undefined)[]
      scored.forEach((row, i) => { Object.assign(row, { facts: facts[i], place: Math.max(row.place, whole(facts[i]?.[4])) }) })
      // one that has moved to the top meanwhile shifts those below it: the last of a chunk comes again
      const known = new Set(found.map(({ id }) => id))
      const others = scored.filter(({ id }) => !known.has(id))
      found.push(...others.filter(({ id, place }) => last === undefined || place < Number(time) || (place === Number(time) && id < last)))
      found.sort((a, b) => b.place - a.place || (a.id < b.id ? 1 : -1))
    }
    return found.slice(0, limit + 1)
  }
}

/** @returns the rows of an answer of Redis: names, each with its score. */
export function pairs (flat: string[]): Listed[] {
  return flat.flatMap((id, i) => i % 2 === 0 ? [{ id, score: flat[i + 1] as string, place: Number(flat[i + 1]) }] : [])
}

function split (after: string): [string, string] {
  const at = after.indexOf(':')
  return [after.slice(0, at), after.slice(at + 1)]
}
