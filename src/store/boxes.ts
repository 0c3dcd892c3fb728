// CMD_BOX and NOTICE_BOX: what is pending for a user until he completes it or it expires. Sections 4 to 6.
import { parseCursor, type Position } from '../protocol/ids.js'
import { downArgs, downValues, type Here, readHere, type StoreContext } from './context.js'
import { type BoxName, keys, partition } from './keys.js'
import { defineScript } from './scripts.js'

const boxKeys = ['box', 'order', 'expiry', 'waiting', 'done', 'deliveries', 'collapse'] as const

const putBox = defineScript('put-box', {
  preludes: ['down', 'box'],
  keys: [...boxKeys, 'terminals', 'routes'],
  args: [...downArgs, 'name', 'user', 'tag', 'id', 'body', 'meta', 'expiresAt', 'maxItems', 'everyTerminal', 'collapseKey', 'filter', 'keepMs']
})

const completeBox = defineScript('complete-box', {
  preludes: ['down', 'box'],
  keys: boxKeys,
  args: [...downArgs, 'name', 'user', 'tag', 'terminal', 'op', 'traceId', 'nonce', 'keepMs']
})

/** `share`: this terminal has completed its part, the item still waits for others. */
export type CompleteState = 'completed' | 'share' | 'already' | 'unknown' | 'expired'

/** An item for a box. `body`: the event's JSON; `meta`: what its completion needs to know; `expiresAt` in ms. */
export interface Put { id: string, body: string, meta: Record<string, unknown>, expiresAt: number, everyTerminal: boolean, collapseKey?: string, filter?: string }

/** A pending item: where its entry stood in the down stream, its body, and the terminals it is for. */
export interface Pending { id: string, entry: Position, body: string, filter?: string }

/** Makes the boxes of a store. */
export function createBoxes (store: StoreContext) {
  const { redis, limits } = store
  const keepMs = limits.dedupeSec * 1000
  const maxItems: Record<BoxName, number> = { CMD_BOX: limits.cmdBox, NOTICE_BOX: limits.noticeBox }

  const keysOf = (box: BoxName, user: string) => ({
    box: keys.box(box, user),
    order: keys.boxPart(box, user, 'ORDER'),
    expiry: keys.boxPart(box, user, 'EXPIRY'),
    waiting: keys.boxPart(box, user, 'WAITING'),
    done: keys.boxPart(box, user, 'DONE'),
    deliveries: keys.boxPart(box, user, 'DELIVERIES'),
    collapse: keys.boxPart(box, user, 'COLLAPSE')
  })

  async function end (box: BoxName, userId: string, facts: { ids: string[], terminalId: string, op: 'complete' | 'cancel', traceId: string }) {
    const { ids, terminalId, op, traceId } = facts
    const nonce = `.${userId}`
    const [, here, ...states] = await completeBox(redis, keysOf(box, userId), {
      ...downValues(store), name: box, user: userId, tag: partition(userId), terminal: terminalId, op, traceId, nonce, keepMs
    }, ids)
    return { states: states as CompleteState[], here: readHere(here) }
  }

  return {
    /** Keeps an item for a user, once however often it is asked. [CMD-2] @returns `full`: the box is at its limit, nothing was kept. */
    async put (box: BoxName, userId: string, item: Put): Promise<{ outcome: 'stored' | 'already' | 'full', here: Here }> {
      const { id, body, meta, expiresAt, everyTerminal, collapseKey = '', filter = '' } = item
      const [, outcome, here] = await putBox(redis, { ...keysOf(box, userId), terminals: keys.terminals(userId), routes: keys.routes(userId) }, {
        ...downValues(store),
        name: box,
        user: userId,
        tag: partition(userId),
        id,
        body,
        meta: JSON.stringify({ ...meta, ...(collapseKey && { collapse: collapseKey }), ...(filter && { filter }) }),
        expiresAt,
        maxItems: maxItems[box],
        everyTerminal: Number(everyTerminal),
        collapseKey,
        filter,
        keepMs
      })
      return { outcome: outcome as 'stored' | 'already' | 'full', here: readHere(here) }
    },

    /** A terminal completes items by exact id. [COMPLETE-1] @returns a state per id. */
    complete: (box: BoxName, userId: string, facts: { ids: string[], terminalId: string, traceId: string }) => end(box, userId, { ...facts, op: 'complete' }),

    /** The server takes an item back from a user: his terminals are told with `op:"cancel"`. */
    cancel: (box: BoxName, userId: string, facts: { ids: string[], traceId: string }) => end(box, userId, { ...facts, op: 'cancel', terminalId: '' }),

    /** @returns the ids of what is pending for a terminal, in the order in which it was put there; what waits for other terminals only is left out. */
    async pendingIds (box: BoxName, userId: string, terminalId: string): Promise<string[]> {
      const [ids, waiting] = await Promise.all([redis.zrange(keys.boxPart(box, userId, 'ORDER'), '0', '-1'), redis.hgetall(keys.boxPart(box, userId, 'WAITING'))])
      return ids.filter(id => waiting[id]?.includes(`,${terminalId},`) ?? true)
    },

    /** @returns the items of these ids that are still in the box; bodies are read late, so that a completed one does not come back. [COMPLETE-4] */
    async read (box: BoxName, userId: string, ids: string[]): Promise<Pending[]> {
      if (ids.length === 0) return []
      const found = await redis.hmget(keys.box(box, userId), ...ids)
      return ids.flatMap((id, i) => {
        const stored = found[i]
        if (!stored) return []
        const [space, newline] = [stored.indexOf(' '), stored.indexOf('\n')]
        const { filter } = JSON.parse(stored.slice(space, newline)) as { filter?: string }
        return [{ id, entry: parseCursor(stored.slice(0, space)) ?? { epoch: '', seq: 0 }, body: stored.slice(newline + 1), ...(filter !== undefined && { filter }) }]
      })
    },

    /** Counts a delivery from the box. @returns how often each was delivered before. [COMPLETE-3] */
    async countDeliveries (box: BoxName, userId: string, ids: string[]): Promise<number[]> {
      const key = keys.boxPart(box, userId, 'DELIVERIES')
      return await Promise.all(ids.map(async id => await redis.hincrby(key, id, 1) - 1))
    },

    /** @returns the ids of items that wait for this terminal's own completion. [COMPLETE-5] */
    async sharesOf (box: BoxName, userId: string, terminalId: string): Promise<string[]> {
      const waiting = await redis.hgetall(keys.boxPart(box, userId, 'WAITING'))
      return Object.keys(waiting).filter(id => waiting[id]?.includes(`,${terminalId},`))
    }
  }
}
