// All conversations that there are: a walk through the names of keys, since no list of them is kept. [SERVER-3]
import { Problem } from '../../protocol/problem.js'
import { keys } from '../keys.js'
import type { StoreContext } from '../life/context.js'
import { together } from '../redis/redis.js'
import { reasons } from '../redis/redis-errors.js'
import { unavailable } from '../redis/unavailable.js'
import { shownFields, shownOf } from './shown.js'

/** A step looks at so many keys at most, and a page goes so many steps, or so long, ms: others are served in between. [COST-1] */
const KEYS = 1_000
const STEPS = 20
const WALK_MS = 250
/** Of the keys so many are of one conversation, as a first guess. */
const KEYS_EACH = 8

/** The keys of conversations, and those of their parts: see keys.ts. */
const PATTERN = 'iris:{*}:CONVERSATION:*'

/** Where a walk stands: at which cursor of Redis, and behind which conversation of the few that stand there. */
interface Place { cursor: string, last?: string | undefined }

/** In which process of Redis a walk stands, whose order of keys is its own, and where. */
const PLACE = /^([0-9a-f]{16})-(\d{1,20})(?:-(.+))?$/

/** Whether it is the `next` of a page. */
export const isPlace = (text: string): boolean => PLACE.test(text)

/** Makes what shows conversations to the application. */
export function createOverview (store: StoreContext) {
  const { redis } = store

  async function runOf (): Promise<string> {
    const run = /^[0-9a-f]{16}/.exec(await redis.get(keys.run) ?? '')?.[0]
    if (run === undefined) throw unavailable(reasons.lost.told, 'unasked')
    return run
  }

  /** @returns the conversations of about so many keys, each once, and the cursor behind them. */
  async function step (cursor: string, count: number): Promise<{ ids: string[], behind: string }> {
    const [behind, found] = await redis.scan(cursor, 'MATCH', PATTERN, 'COUNT', count)
    const ids = found.map(key => key.split(':')).flatMap(([, , , id, part]) => id === undefined || part !== undefined ? [] : id)
    return { ids: [...new Set(ids)].sort(), behind }
  }

  /** Walks on from a place until a page is full. @returns its conversations, and where it stands: at cursor 0 it is done. */
  async function walk ({ cursor, last }: Place, limit: number): Promise<Place & { ids: string[] }> {
    const ids: string[] = []
    // by one, a step ends with the first conversation that stands anywhere, and those that share its place
    let count = last === undefined ? Math.min(KEYS, limit * KEYS_EACH) : 1
    const until = performance.now() + WALK_MS
    for (let steps = 0; steps < STEPS && performance.now() < until; steps++) {
      const found = await step(cursor, count)
      const left = last !== undefined && found.ids.includes(last) ? found.ids.slice(found.ids.indexOf(last) + 1) : found.ids
      const others = left.filter(id => !ids.includes(id))
      const room = limit - ids.length
      if (others.length > room && count === 1 && ids.length === 0) return { ids: others.slice(0, room), cursor, last: others[room - 1] }
      if (others.length > room && count === 1) break
      if (others.length > room) {
        count = Math.ceil(count / 4)
        continue
      }
      ids.push(...others)
      cursor = found.behind
      last = undefined
      if (cursor === '0' || ids.length === limit) break
      count = others.length > 0 ? count : Math.min(KEYS, count * 2)
    }
    return { ids, cursor, last }
  }

  /** @returns what is shown of each, and how many are in it; nothing of one that is no more. */
  async function rows (ids: string[]) {
    const found = await together(redis, ids, (pipeline, id) => pipeline.hmget(keys.conversation(id), ...shownFields))
    const counts = await together(redis, ids, (pipeline, id) => pipeline.hlen(keys.members(id)))
    return ids.flatMap((id, i) => {
      const shown = shownOf(store, id, found[i] as (string | null)[] | undefined)
      return shown ? [{ ...shown, memberCount: Number(counts[i] ?? 0) }] : []
    })
  }

  return {
    rows,

    /**
     * Pages all conversations, in no order. One that is there from the first page to the last is shown, twice at worst; a page may
     * be shorter than `limit`, or empty, and have a `next`.
     * @param after the `next` of the page before. Throws INVALID_QUERY when Redis was started again since: its order is another.
     */
    async page ({ after = '', limit }: { after?: string | undefined, limit: number }) {
      const [, before, cursor = '0', last] = PLACE.exec(after) ?? []
      const run = await runOf()
      if (before !== undefined && before !== run) {
        throw new Problem('INVALID_QUERY', { errors: [{ pointer: '/after', detail: 'the store was started again: begin without it' }] })
      }
      const found = await walk({ cursor, last }, limit)
      const items = await rows(found.ids)
      if (await runOf() !== run) throw unavailable(reasons.ended.told, 'unknown')
      const isLast = found.cursor === '0' && found.last === undefined
      const next = [run, found.cursor, ...(found.last === undefined ? [] : [found.last])].join('-')
      return { items, ...(!isLast && { next }) }
    }
  }
}
