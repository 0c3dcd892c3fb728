// Read markers, unread counts and the list of a user's conversations: RESET_READ_NUM_AND_LAST_MSG and what belongs to it.
import type { Message } from '../protocol/message.js'
import { downArgs, downValues, readHere, type StoreContext } from './context.js'
import { keys } from './keys.js'
import { defineScript } from './scripts.js'

const markRead = defineScript('mark-read', {
  preludes: ['down', 'member', 'receipt'],
  keys: ['conversation', 'members', 'log', 'box', 'unread', 'marker'],
  args: [...downArgs, 'id', 'reader', 'terminal', 'upTo', 'seqs', 'public', 'mark', 'draft']
})

const LIST_CHUNK = 100

/** A reading. `upToSeq` is clamped to the head; `seqs` are taken out singly; `public`: others are told [READ-3]; `unreadMark` undefined keeps the mark. */
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

/** A row of a user's conversation list. `lastMsg` is null when he may see none. */
export interface Row {
  conversationId: string
  kind: 'dm' | 'group'
  title?: string
  epoch: string
  headSeq: number
  readSeq: number
  unread: number
  unreadMark: boolean
  lastMsg: Message | null
}

/** Makes the markers of a store. */
export function createMarkers (store: StoreContext) {
  const { redis } = store

  async function rows (userId: string, ids: string[]): Promise<Row[]> {
    if (ids.length === 0) return []
    const markers = await redis.hmget(keys.marker(userId), ...ids)
    const found = await Promise.all(ids.map(async (id, i): Promise<Row | undefined> => {
      const [facts, unread, member] = await Promise.all([
        redis.hmget(keys.conversation(id), 'kind', 'title', 'epoch', 'headSeq'),
        redis.zcard(keys.chatMsgBox(userId, id)),
        redis.hget(keys.members(id), userId)
      ])
      const [kind, title, epoch, head] = facts
      if (!kind || member === null) return undefined
      const headSeq = Number(head ?? 0)
      const [readSeq, , mark] = (markers[i] ?? '0 0 0').split(' ').map(Number) as [number, number, number]
      const last = headSeq < Number(member.split(' ')[1]) ? null : await redis.hget(keys.log(id), String(headSeq))
      return {
        conversationId: id,
        kind: kind as Row['kind'],
        ...(title && { title }),
        epoch: store.life.epochOf(epoch ?? ''),
        headSeq,
        readSeq,
        unread,
        unreadMark: mark === 1,
        lastMsg: last === null ? null : JSON.parse(last) as Message
      }
    }))
    return found.filter(row => row !== undefined)
  }

  return {
    /** The rows of these conversations; one that the user is not in is left out. */
    rows,

    /**
     * Moves the marker of one conversation; it only rises. [READ-1] [REST-1]
     * @returns the state after it (`totalUnread` of a public reading only), and `told`: the entries that this node's own terminals
     *   wait for, each with its event. None when nothing moved [READ-4].
     */
    async mark (reading: Reading) {
      const { conversationId: id, reader, upToSeq, seqs = [], unreadMark } = reading
      const [, readSeq, unread, totalUnread, headSeq, mark, here, bodies] = await markRead(redis, {
        conversation: keys.conversation(id),
        members: keys.members(id),
        log: keys.log(id),
        box: keys.chatMsgBox(reader, id),
        unread: keys.unread(reader),
        marker: keys.marker(reader)
      }, {
        ...downValues(store),
        id,
        reader,
        terminal: reading.terminalId,
        upTo: upToSeq ?? '',
        seqs: seqs.join(' '),
        public: Number(reading.public),
        mark: unreadMark === undefined ? '' : Number(unreadMark),
        draft: reading.draft
      })
      return {
        readSeq: Number(readSeq),
        unread: Number(unread),
        totalUnread: Number(totalUnread),
        headSeq: Number(headSeq),
        unreadMark: Number(mark) === 1,
        told: readHere(here).map((entry, i) => ({ ...entry, body: String((bodies as string[])[i]) }))
      }
    },

    /** @returns all unread messages of a user. */
    async totalUnread (userId: string): Promise<number> {
      const counts = await redis.hvals(keys.unread(userId))
      return counts.reduce((sum, count) => sum + Number(count), 0)
    },

    /** @returns the first seq in CHAT_MSG_BOX, undefined when everything is read. [GET-4] */
    async firstUnread (userId: string, conversationId: string): Promise<number | undefined> {
      const [member] = await redis.zrange(keys.chatMsgBox(userId, conversationId), '0', '0')
      return member === undefined ? undefined : Number(member.split(':')[0])
    },

    /** @returns how far a user has read, 0 when nowhere. */
    async readSeq (userId: string, conversationId: string): Promise<number> {
      const marker = await redis.hget(keys.marker(userId), conversationId)
      return Number(marker?.split(' ')[0] ?? 0)
    },

    /**
     * Pages a user's conversations, most recent first.
     * @param after the `next` of the page before: `<time of last message>:<conversation>`.
     * @returns `next` is undefined on the last page.
     */
    async list (userId: string, { after, limit }: { after?: string | undefined, limit: number }): Promise<{ items: Row[], next?: string }> {
      const [time = '+inf', last] = after === undefined ? [] : split(after)
      const found: string[] = []
      for (let offset = 0; found.length <= limit * 2; offset += LIST_CHUNK) {
        const scored = await redis.zrevrangebyscore(keys.conversations(userId), time, '-inf', 'WITHSCORES', 'LIMIT', offset, LIST_CHUNK)
        if (scored.length === 0) break
        for (let i = 0; i < scored.length; i += 2) {
          const [id, score] = [scored[i] as string, scored[i + 1] as string]
          if (last === undefined || Number(score) < Number(time) || id < last) found.push(id, score)
        }
      }
      const ids = found.filter((_, i) => i % 2 === 0)
      const items = await rows(userId, ids.slice(0, limit))
      return { items, ...(ids.length > limit && { next: `${found[limit * 2 - 1]}:${ids[limit - 1]}` }) }
    }
  }
}

function split (after: string): [string, string] {
  const at = after.indexOf(':')
  return [after.slice(0, at), after.slice(at + 1)]
}
