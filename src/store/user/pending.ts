// What is pending in a user's CMD_BOX and NOTICE_BOX: read for those who attach, late, and counted as delivered. [COMPLETE-3] [COMPLETE-4]
import { parseCursor, type Position } from '../../protocol/ids.js'
import { type BoxName, keys } from '../keys.js'
import { downArgs, downValues, type StoreContext } from '../life/context.js'
import { hashOf } from '../redis/hash.js'
import { printable, readable } from '../redis/readable.js'
import { defineScript } from '../script/scripts.js'

export const boxKeys = ['box', 'order', 'expiry', 'waiting', 'done', 'deliveries', 'collapse', 'shares', 'once'] as const

const countDeliveries = defineScript('count-deliveries', {
  full: 'done',
  preludes: ['life', 'down', 'box'],
  keys: boxKeys,
  args: [...downArgs, 'keepMs']
})

/** A pending item: where its entry stood in the down stream, its body (null: it cannot be read), and the terminals it is for. */
export interface Pending { id: string, entry: Position, body: string | null, once: boolean, filter?: string }

/** What stands before the body of an item. */
interface Meta { filter?: string, share?: string }

/** The keys of a user's box, by the names that scripts know them by. */
export const boxKeysOf = (box: BoxName, user: string) => ({
  box: keys.box(box, user),
  order: keys.boxPart(box, user, 'ORDER'),
  expiry: keys.boxPart(box, user, 'EXPIRY'),
  waiting: keys.boxPart(box, user, 'WAITING'),
  done: keys.boxPart(box, user, 'DONE'),
  deliveries: keys.boxPart(box, user, 'DELIVERIES'),
  collapse: keys.boxPart(box, user, 'COLLAPSE'),
  shares: keys.boxPart(box, user, 'SHARES'),
  once: keys.boxPart(box, user, 'ONCE')
})

/** Makes what reads the boxes of a store. */
export function createPending (store: StoreContext) {
  const { redis, limits } = store

  /** @returns the items with the bodies that stand once for all; one that was taken back is there no more. [NOTICE-2] */
  async function withShared (items: Pending[]): Promise<Pending[]> {
    const shared = items.filter(({ body }) => body === '').map(({ id }) => id)
    if (shared.length === 0) return items
    const stored = await redis.hmget(keys.everybody, ...shared)
    const bodies = new Map(shared.map((id, i) => [id, bodyOf(stored[i] ?? '')]))
    return items.flatMap(item => {
      const body = item.body === '' ? bodies.get(item.id) ?? null : item.body
      return body === '' ? [] : [{ ...item, body }]
    })
  }

  return {
    /**
     * @returns the ids of what is pending for a terminal, in the order in which it was put there;
     *   what waits for other terminals only is left out.
     */
    async pendingIds (box: BoxName, userId: string, terminalId: string): Promise<string[]> {
      const [ids, waiting] = await Promise.all([
        redis.zrange(keys.boxPart(box, userId, 'ORDER'), '0', '-1'), hashOf(redis, keys.boxPart(box, userId, 'WAITING'))
      ])
      return ids.filter(id => waiting.get(id)?.includes(`,${terminalId},`) ?? true)
    },

    /**
     * To be asked by `fresh`.
     * @returns the items of these ids that are still in the box;
     *   bodies are read late, so that a completed one does not come back. [COMPLETE-4]
     */
    async read (box: BoxName, userId: string, ids: string[]): Promise<Pending[]> {
      if (ids.length === 0) return []
      const found = await redis.hmget(keys.box(box, userId), ...ids)
      const items = ids.flatMap((id, i) => {
        const stored = found[i]
        return stored ? [readItem(id, stored)] : []
      })
      return await withShared(items)
    },

    /** Counts a delivery from the box. @returns how often each was delivered before. [COMPLETE-3] */
    async countDeliveries (box: BoxName, userId: string, ids: string[]): Promise<number[]> {
      if (ids.length === 0) return []
      const [, ...before] = await countDeliveries(redis, boxKeysOf(box, userId), {
        ...downValues(store), keepMs: limits.dedupeSec * 1000
      }, ids)
      return before.map(Number)
    },

    /** @returns the ids of items that wait for this terminal's own completion. [COMPLETE-5] */
    async sharesOf (box: BoxName, userId: string, terminalId: string): Promise<string[]> {
      const waiting = await hashOf(redis, keys.boxPart(box, userId, 'WAITING'))
      return [...waiting].flatMap(([id, terminals]) => terminals.includes(`,${terminalId},`) ? [id] : [])
    }
  }
}

/** @returns the body behind the first line of what is kept: empty where it stands once for all [NOTICE-1], null when it cannot be read. */
export function bodyOf (stored: string): string | null {
  const body = stored.slice(stored.indexOf('\n') + 1)
  return body === '' ? '' : printable(body)
}

/** Reads an item as put-box.lua keeps it: `<id of its entry> <meta JSON>\n<body JSON>`. */
function readItem (id: string, stored: string): Pending {
  const [space, newline] = [stored.indexOf(' '), stored.indexOf('\n')]
  const meta = readable(stored.slice(space + 1, newline))
  const { filter, share } = JSON.parse(meta ?? '{}') as Meta
  const body = meta === null ? null : bodyOf(stored)
  return {
    id,
    entry: parseCursor(stored.slice(0, space)) ?? { epoch: '', seq: 0 },
    body,
    once: share === '*once',
    ...(filter !== undefined && { filter })
  }
}
