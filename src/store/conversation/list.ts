// A user's list of conversations: its pages, what RESET says of it, and the rows of direct conversations that have ended.
import type { Message } from '../../protocol/message.js'
import { keys, partition, unreadField } from '../keys.js'
import { downArgs, downValues, numberAt, type StoreContext } from '../life/context.js'
import { isFull } from '../redis/full.js'
import { isKind, whole } from '../redis/readable.js'
import { together } from '../redis/redis.js'
import { inParts } from '../redis/steps.js'
import { defineScript } from '../script/scripts.js'
import { createAging } from './aging.js'
import { createListed, type Listed, pairs } from './listed.js'
import { createReceipts } from './receipts.js'
import { messageIn } from './record.js'
import { createTotal } from './total.js'

const dropRows = defineScript('drop-rows', {
  full: 'done',
  preludes: ['life', 'down', 'direct'],
  keys: ['list'],
  args: [...downArgs, 'user', 'tag']
})
/** A page ends where it has so many bytes of messages. [SLOW-2] */
const PAGE_BYTES = 1_048_576
/** Of a list whose user takes up another conversation so many of the oldest rows are looked at. */
const TIDY_ROWS = 50
/** So many rows go in one call: each takes five commands. [COST-1] */
const DROPPED_AT_ONCE = 50

/** Where a user stands in a conversation: what RESET says of it. */
export interface Standing { conversationId: string, epoch: string, headSeq: number, readSeq: number, unread: number }

/** A row of a user's conversation list. `lastMsg` is null when he may see none. `peerReadSeq`: of a direct one. [SEE-1] */
export interface Row extends Standing {
  kind: 'dm' | 'group'
  title?: string
  unreadMark: boolean
  peerReadSeq?: number
  lastMsg: Message | null
}

/** Makes the lists of a store. */
export function createLists (store: StoreContext) {
  const { redis, limits, life, fresh } = store
  const aging = createAging(store)
  const listed = createListed(redis)
  const receipts = createReceipts(store)

  /**
   * Where the user stands in each, and the first seq that he sees; undefined where he is no member. Rows whose conversation has
   * ended are let go: of one that was closed its members end, but not the fact.
   */
  async function standings (userId: string, rows: Listed[]) {
    if (rows.length === 0) return []
    const ids = rows.map(({ id }) => id)
    const facts = rows.map(row => row.facts)
    for (const { id } of rows.filter(row => aging.isDue(row.facts?.slice(4) ?? []))) await aging.settle(id)
    const [joined, markers, counts] = await Promise.all([
      joinedSeqs(userId, ids),
      rowsOf(keys.marker(userId), ids),
      rowsOf(keys.unread(userId), ids.map(unreadField))
    ])
    life.saw(await redis.get(keys.mark)) // behind all that is told
    const broken = new Set<string>()
    const found = ids.map((conversationId, i) => {
      const [kind, title, epoch, head] = facts[i] ?? []
      const joinedSeq = joined[i]
      if (facts[i] === undefined || (kind && !isKind(kind)) || Number.isNaN(joinedSeq)) {
        broken.add(conversationId)
        return void store.onUnreadable?.(`CONVERSATION:${conversationId}`)
      }
      if (!isKind(kind) || joinedSeq === undefined) return undefined
      const [readSeq = 0, , mark] = (markers[i] ?? '').split(' ').map(whole)
      return {
        joinedSeq,
        conversationId,
        kind,
        ...(title && { title }),
        epoch: life.epochOf(epoch ?? ''),
        headSeq: numberAt(store, head, `CONVERSATION:${conversationId} headSeq`),
        readSeq,
        unread: numberAt(store, counts[i], `CHAT_MSG_BOX:${userId} ${conversationId}`),
        unreadMark: mark === 1
      }
    })
    // who was just taken out of a group may come back under the same score
    await drop(userId, rows.filter(({ id }, i) => !found[i] && !broken.has(id) && (id.startsWith('dm.') || !facts[i]?.[0])))
    return found
  }

  /** On a full disk they stay: nobody sees them. [STORE-2] */
  async function drop (userId: string, rows: Listed[]): Promise<void> {
    if (rows.length === 0) return
    const facts = { ...downValues(store), user: userId, tag: partition(userId) }
    const args = rows.flatMap(({ id, score }) => [unreadField(id), score])
    for (const some of inParts(args, 2 * DROPPED_AT_ONCE)) {
      await dropRows(redis, { list: keys.conversations(userId) }, facts, some)
        .catch((error: unknown) => { if (!isFull(error)) throw error })
    }
  }

  async function joinedSeqs (userId: string, ids: string[]): Promise<(number | undefined)[]> {
    const members = await together(redis, ids, (pipeline, id) => pipeline.hget(keys.members(id), userId)) as (string | null | undefined)[]
    return members.map(member => member === null ? undefined : whole(member?.split(' ')[1]) || NaN)
  }

  /** Fields of a hash of the user's, none when it cannot be read. */
  async function rowsOf (key: string, ids: string[]): Promise<(string | null)[]> {
    return await redis.hmget(key, ...ids)
  }

  /** @returns the JSON of each message; null for seq 0, and for what the log has no more. */
  async function bodiesOf (messages: { conversationId: string, seq: number }[]): Promise<(string | null)[]> {
    const found = await together(redis, messages, (pipeline, { conversationId, seq }) =>
      pipeline.hget(keys.log(conversationId), String(seq))) as (string | null | undefined)[]
    return found.map((body, i) => {
      const { conversationId, seq } = messages[i] ?? { conversationId: '', seq: 0 }
      const text = messageIn(body ?? '', { conversationId, seq })
      if (text === null && body !== null) store.onUnreadable?.(`LOG:${conversationId} ${seq}`)
      return text
    })
  }

  return {
    /**
     * What RESET says: no messages, so that it costs little.
     * @returns `more` when there are more conversations than `limit`.
     */
    async standings (userId: string, limit: number): Promise<{ items: Standing[], more: boolean }> {
      const rows = await listed(userId, { limit })
      const found = await standings(userId, rows.slice(0, limit))
      const items = found.filter(row => row !== undefined)
        .map(({ conversationId, epoch, headSeq, readSeq, unread }) => ({ conversationId, epoch, headSeq, readSeq, unread }))
      return { items, more: rows.length > limit }
    },

    /**
     * Pages a user's conversations, most recent first; a page ends early at 1 MiB.
     * @param after the `next` of the page before: `<time of last message>:<conversation>`.
     * @returns `next` is undefined on the last page.
     */
    async page (userId: string, { after, limit }: { after?: string | undefined, limit: number }): Promise<{ items: Row[], next?: string }> {
      const rows = await listed(userId, { after, limit })
      const shown = rows.slice(0, limit)
      const found = await standings(userId, shown)
      const [bodies, peers] = await Promise.all([
        fresh(() => bodiesOf(
          found.map(row => ({ conversationId: row?.conversationId ?? '', seq: row && row.headSeq >= row.joinedSeq ? row.headSeq : 0 }))
        )),
        receipts.ofPeers(userId, found)
      ])
      const fitting = fits(bodies)
      const items = found.slice(0, fitting).flatMap((row, i) => {
        if (!row) return []
        const { joinedSeq, ...standing } = row
        const peerReadSeq = peers.get(row.conversationId)
        return [{ ...standing, ...(peerReadSeq !== undefined && { peerReadSeq }), lastMsg: messageOf(bodies[i]) }]
      })
      const last = rows[fitting - 1]
      return { items, ...(last && rows.length > fitting && { next: `${last.place}:${last.id}` }) }
    },

    /** @returns the first seq that the user sees of each conversation, undefined where he is no member. */
    joinedSeqs,

    /** @returns each message, null when the log has none of that seq; fewer when they are more than 1 MiB, one at least. [SLOW-2] */
    async lastMessages (messages: { conversationId: string, seq: number }[]): Promise<(Message | null)[]> {
      const bodies = await fresh(() => bodiesOf(messages))
      return bodies.slice(0, fits(bodies)).map(messageOf)
    },

    /** @returns all unread messages of a user. */
    totalUnread: createTotal(store),

    /** Lets rows of ended conversations go, a few, oldest first: of a user who never looks at his list nobody else does. */
    async tidy (userId: string, now: number): Promise<void> {
      const oldest = pairs(
        await redis.zrangebyscore(keys.conversations(userId), '-inf', now - limits.logSec * 1000, 'WITHSCORES', 'LIMIT', 0, TIDY_ROWS)
      )
      const direct = oldest.filter(({ id }) => id.startsWith('dm.'))
      const joined = await joinedSeqs(userId, direct.map(({ id }) => id))
      await drop(userId, direct.filter((_, i) => joined[i] === undefined))
    }
  }
}

/** @returns how many of the bodies make a page, one at least. */
function fits (bodies: (string | null)[]): number {
  let bytes = 0
  const at = bodies.findIndex(body => (bytes += Buffer.byteLength(body ?? '')) > PAGE_BYTES)
  return at < 0 ? bodies.length : Math.max(1, at)
}

const messageOf = (body: string | null | undefined) => JSON.parse(body ?? 'null') as Message | null
