// Read markers: RESET_READ_NUM_AND_LAST_MSG, and what moving one does.
import { keys } from '../keys.js'
import { downArgs, downValues, readHere, type StoreContext } from '../life/context.js'
import { whole } from '../redis/readable.js'
import { defineScript, type Reply } from '../script/scripts.js'
import { createAging } from './aging.js'
import { createTotal } from './total.js'

const markRead = defineScript('mark-read', {
  full: 'done',
  preludes: [
    'life', 'down', 'event', 'member', 'hint', 'deliver', 'log', 'receipt', 'direct', 'index', 'unread', 'reading', 'aging', 'total', 'rate'
  ],
  keys: ['conversation', 'members', 'log', 'taken', 'unread', 'marker', 'rate'],
  args: [
    ...downArgs, 'id', 'reader', 'terminal', 'upTo', 'seqs', 'public', 'unreadMark', 'draft', 'logMs', 'emissionUs', 'burst', 'toldPerUnit',
    'isSettled'
  ]
})

const firstUnread = defineScript('first-unread', {
  full: 'reads',
  preludes: ['member', 'index', 'unread'],
  keys: ['conversation', 'members', 'marker', 'taken'],
  args: ['id', 'user']
})

/** Messages have had their time: they go first. */
const DUE = 1

/** So many who are told weigh as much as a request. */
export const TOLD_PER_UNIT = 50

/**
 * A reading. `upToSeq` is clamped to the head; `seqs` are taken out singly; `public`:
 * others are told [READ-3]; `unreadMark` undefined keeps the mark.
 */
export interface Reading {
  conversationId: string
  reader: string
  terminalId: string
  upToSeq?: number
  seqs?: number[]
  public: boolean
  unreadMark?: boolean
  draft: string
}

/** Makes the markers of a store. */
export function createMarkers (store: StoreContext) {
  const { redis, limits } = store
  const aging = createAging(store)
  const countAll = createTotal(store)

  /** @returns what mark-read.lua says of a reading, once nothing of its conversation has had its time. */
  async function replyTo (reading: Reading, isSettled = false): Promise<Reply> {
    const { conversationId: id, reader, upToSeq, seqs = [], unreadMark } = reading
    const reply = await markRead(redis, {
      conversation: keys.conversation(id),
      members: keys.members(id),
      log: keys.log(id),
      taken: keys.taken(reader, id),
      unread: keys.unread(reader),
      marker: keys.marker(reader),
      rate: keys.rate(reader)
    }, {
      ...downValues(store),
      id,
      reader,
      terminal: reading.terminalId,
      upTo: upToSeq ?? '',
      seqs: seqs.join(' '),
      public: Number(reading.public),
      unreadMark: unreadMark === undefined ? '' : Number(unreadMark),
      draft: reading.draft,
      logMs: limits.logSec * 1000,
      emissionUs: 1_000_000 / limits.upRate,
      burst: limits.upBurst,
      toldPerUnit: TOLD_PER_UNIT,
      isSettled: Number(isSettled)
    })
    if (reply[0] !== DUE) return reply
    await aging.settle(id)
    return await replyTo(reading, true)
  }

  return {
    /**
     * Moves the marker of one conversation; it only rises. [READ-1] [REST-1]
     * @returns the state after it (`totalUnread` of a public reading only), and `told`: the entries that this node's own terminals
     *   wait for, each with its event. None when nothing moved [READ-4]. `units` were taken from the reader's bucket for those who
     *   were told, beyond the one that each request weighs. [COST-1]
     */
    async mark (reading: Reading) {
      const [, readSeq, unread, totalUnread, headSeq, mark, here, bodies, units] = await replyTo(reading)
      return {
        readSeq: Number(readSeq),
        unread: Number(unread),
        totalUnread: totalUnread === '' ? await countAll(reading.reader) : Number(totalUnread),
        headSeq: Number(headSeq),
        unreadMark: Number(mark) === 1,
        units: Number(units),
        told: readHere(store, here).map((entry, i) => ({ ...entry, body: String((bodies as string[])[i]) }))
      }
    },

    /** @returns the first seq that is not read, undefined when everything is read. [GET-4] */
    async firstUnread (userId: string, conversationId: string): Promise<number | undefined> {
      const [, seq] = await firstUnread(redis, {
        conversation: keys.conversation(conversationId),
        members: keys.members(conversationId),
        marker: keys.marker(userId),
        taken: keys.taken(userId, conversationId)
      }, { id: conversationId, user: userId })
      return Number(seq) || undefined
    },

    /** @returns how far a user has read, 0 when nowhere. */
    async readSeq (userId: string, conversationId: string): Promise<number> {
      const marker = await redis.hget(keys.marker(userId), conversationId)
      return whole(marker?.split(' ')[0])
    }
  }
}
