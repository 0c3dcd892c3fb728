// CMD_BOX and NOTICE_BOX: what is pending for a user until he completes it or it expires. Sections 4 to 6.
import { SYSTEM_USER } from '../../protocol/ids.js'
import { type BoxName, keys, partition } from '../keys.js'
import { downArgs, downValues, type Here, readHere, type StoreContext } from '../life/context.js'
import { inParts } from '../redis/steps.js'
import { defineScript } from '../script/scripts.js'
import { boxKeys, boxKeysOf, createPending } from './pending.js'

const putBox = defineScript('put-box', {
  full: 'refused',
  preludes: ['life', 'down', 'event', 'hint', 'deliver', 'box', 'overflow', 'addressed', 'claim'],
  keys: [...boxKeys, 'terminals', 'routes', 'blocked'],
  args: [
    ...downArgs, 'name', 'user', 'tag', 'id', 'draft', 'meta', 'ttlMs', 'maxItems', 'share', 'maxShare', 'everyTerminal', 'collapseKey',
    'filter', 'keepMs', 'from', 'claim'
  ]
})

const completeBox = defineScript('complete-box', {
  full: 'done',
  preludes: ['life', 'down', 'event', 'hint', 'deliver', 'box'],
  keys: boxKeys,
  args: [...downArgs, 'name', 'user', 'tag', 'terminal', 'op', 'traceId', 'nonce', 'keepMs']
})

/** A user's commands may fill so much of a stranger's box: one of five senders cannot shut the others out. [CMD-7] */
const STRANGERS_PART = 5

/** So many are completed by one script. */
const IDS_AT_ONCE = 50

/** `share`: this terminal has completed its part, the item still waits for others. */
export type CompleteState = 'completed' | 'share' | 'already' | 'unknown' | 'expired'

/**
 * An item for a box. `from`: whose share it takes; `draft`: the event's JSON, to which Redis adds `ts` and `expiresAt` [TIME-1];
 * `meta`: what its completion needs to know; `once`: it needs no completion, and is shown once to who was away. [BOX-1]
 */
export interface Put {
  id: string
  from: string
  draft: string
  meta: Record<string, unknown>
  ttlMs: number
  everyTerminal: boolean
  once?: boolean
  /** It is not kept for who has blocked `from`. [DIRECT-4] */
  isBound?: boolean
  collapseKey?: string
  filter?: string
  /** The key under which it is sent: it is not kept when that is over, since it was taken back meanwhile. [NOTICE-2] */
  claim?: string
}

type Outcome = 'stored' | 'already' | 'full' | 'blocked' | 'over'

/** Makes the boxes of a store. */
export function createBoxes (store: StoreContext) {
  const { redis, limits } = store
  const keepMs = limits.dedupeSec * 1000
  const maxItems: Record<BoxName, number> = { CMD_BOX: limits.cmdBox, NOTICE_BOX: limits.noticeBox }

  /** @returns the share that an item takes, and how large it may be. [CMD-7] [BOX-1] */
  function shareOf (box: BoxName, user: string, { from, once }: Put): { share: string, maxShare: number } {
    const all = maxItems[box]
    if (once) return { share: '*once', maxShare: all }
    if (from === SYSTEM_USER) return { share: '*server', maxShare: all }
    if (from === user) return { share: '*own', maxShare: all }
    return { share: from, maxShare: Math.ceil(all / STRANGERS_PART) }
  }

  async function end (
    box: BoxName, userId: string, facts: { ids: string[], terminalId: string, op: 'complete' | 'cancel' | 'shown', traceId: string }
  ) {
    const { ids, terminalId, op, traceId } = facts
    const nonce = `.${userId}`
    const states: CompleteState[] = []
    const told: Here = []
    // a script with 100 ids takes 4 ms [COST-1]
    for (const some of inParts(ids, IDS_AT_ONCE)) {
      const [, here, ...found] = await completeBox(redis, boxKeysOf(box, userId), {
        ...downValues(store), name: box, user: userId, tag: partition(userId), terminal: terminalId, op, traceId, nonce, keepMs
      }, some)
      states.push(...found as CompleteState[])
      told.push(...readHere(store, here))
    }
    return { states, here: told }
  }

  return {
    /**
     * Keeps an item for a user, once however often it is asked. [CMD-2]
     * @returns `full`: the box, or the sender's share of it, is at its limit, nothing was kept; `blocked`, `over`: nor was anything.
     *   `body`: the event's JSON for those of `here`.
     */
    async put (box: BoxName, userId: string, item: Put): Promise<{ outcome: Outcome, here: Here, body: string }> {
      const { id, draft, meta, ttlMs, everyTerminal, collapseKey = '', filter = '' } = item
      const { share, maxShare } = shareOf(box, userId, item)
      const [, outcome, here, body] = await putBox(redis, {
        ...boxKeysOf(box, userId),
        terminals: keys.terminals(userId),
        routes: keys.routes(userId),
        blocked: keys.blocked(userId)
      }, {
        ...downValues(store),
        name: box,
        user: userId,
        tag: partition(userId),
        id,
        draft,
        meta: JSON.stringify({ ...meta, share, ...(collapseKey && { collapse: collapseKey }), ...(filter && { filter }) }),
        ttlMs,
        maxItems: maxItems[box],
        share,
        maxShare,
        everyTerminal: Number(everyTerminal),
        collapseKey,
        filter,
        keepMs,
        from: item.isBound ? item.from : '',
        claim: item.claim ?? ''
      })
      return { outcome: outcome as Outcome, here: readHere(store, here), body: String(body) }
    },

    /** A terminal completes items by exact id. [COMPLETE-1] @returns a state per id. */
    complete: (box: BoxName, userId: string, facts: { ids: string[], terminalId: string, traceId: string }) =>
      end(box, userId, { ...facts, op: 'complete' }),

    /** The server takes an item back from a user: his terminals are told with `op:"cancel"`. */
    cancel: (box: BoxName, userId: string, facts: { ids: string[], traceId: string }) =>
      end(box, userId, { ...facts, op: 'cancel', terminalId: '' }),

    /** These items need no completion, and were shown from the box: they leave it. [BOX-1] */
    async leave (box: BoxName, userId: string, ids: string[]): Promise<void> {
      await end(box, userId, { ids, terminalId: '', op: 'shown', traceId: '' })
    },

    /**
     * An item that needs no completion was shown from the stream: it is not pending any more, its body stays for those who resume. [BOX-1]
     */
    async seen (box: BoxName, userId: string, id: string): Promise<void> {
      await redis.zrem(keys.boxPart(box, userId, 'ORDER'), id)
    },

    ...createPending(store)
  }
}
