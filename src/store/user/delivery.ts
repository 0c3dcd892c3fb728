// What the store knows of whether somebody got something: his stream, what waits for him, how far each terminal was printed. [DELIVERY-1]
import { parseCursor, type Position } from '../../protocol/ids.js'
import { msgIdOf, readReference } from './entry.js'
import { keys } from '../keys.js'
import type { StoreContext } from '../life/context.js'
import { hashOf } from '../redis/hash.js'
import { isWhole, whole } from '../redis/readable.js'
import { together } from '../redis/redis.js'
import { placeOf } from '../redis/sound.js'
import { messageIn } from '../conversation/record.js'

/** So many entries of a stream are looked through at once, and so many conversations for a message whose id alone is known. */
const AT_ONCE = 500
/** A list is by the first message of each minute: see listed.ts. */
const MINUTE_MS = 60_000
const MSG_ID = /^([0-9a-f]{11})([0-9a-f]{8})\w*$/

/**
 * How far a terminal was printed, as its node said last: `printed.at`, ms. `from`: where it began anew the last time; `brought`: where it
 * did so and its mailbox brought all that was unread, as is known. `bye`: how its last connection ended, and when; `code` 0: the link was
 * closed. See printed.lua.
 */
export interface Mark {
  from?: Position | undefined
  brought?: Position | undefined
  printed?: { cursor: Position, at: number, transport: string } | undefined
  bye?: { code: number, at: number } | undefined
}

/** Makes what is asked of the delivery of a store. */
export function createDelivery ({ redis, onUnreadable }: Pick<StoreContext, 'redis' | 'onUnreadable'>) {
  /** @returns the oldest entry of a stream, as a cursor; undefined of one that has none. */
  async function oldest (userId: string): Promise<string | undefined> {
    const [first] = await redis.xrange(keys.down(userId), '-', '+', 'COUNT', 1)
    return first?.[0]
  }

  /** @returns what is kept of each terminal that is known. */
  async function marks (userId: string): Promise<Map<string, Mark>> {
    const key = keys.terminals(userId)
    const fields = await hashOf(redis, key)
    const terminals = [...fields.keys()].filter(field => !field.includes('/'))
    return new Map(terminals.map(terminal => [terminal, markOf(part => {
      const text = fields.get(`${terminal}/${part}`)
      return { text, unreadable: () => onUnreadable?.(`${placeOf(key)} ${terminal}/${part}`) }
    })]))
  }

  return {
    oldest,
    marks,

    /** @returns how many commands and notices wait for a user. */
    async pending (userId: string): Promise<{ commands: number, notices: number }> {
      const [commands, notices] = await together(redis, ['CMD_BOX', 'NOTICE_BOX'] as const, (pipeline, box) =>
        pipeline.hlen(keys.box(box, userId)))
      return { commands: Number(commands ?? 0), notices: Number(notices ?? 0) }
    },

    /**
     * Looks through a user's stream, from its end, in steps.
     * @returns where a message stands in it; undefined when it does not (any more).
     */
    async entryOf (userId: string, { conversationId, seq, msgId }: { conversationId: string, seq: number, msgId: string }) {
      let end = '+'
      while (true) {
        const entries = await redis.xrevrange(keys.down(userId), end, '-', 'COUNT', AT_ONCE)
        for (const [id, fields] of entries) {
          const found = readReference(fields)
          if (found.kind !== 'msg' || found.conversationId !== conversationId || found.seq !== seq) continue
          if (msgId.endsWith(found.nonce ?? '')) return parseCursor(id)
        }
        if (entries.length < AT_ONCE) return undefined
        end = `(${entries.at(-1)?.[0]}`
      }
    },

    /** @returns whether a member has read a message: his marker is there or further, or he has taken it singly. */
    async isRead (userId: string, { conversationId, seq }: { conversationId: string, seq: number }): Promise<boolean> {
      const [marker, taken] = await together(redis, [keys.marker(userId), keys.taken(userId, conversationId)], (pipeline, key) =>
        key === keys.marker(userId) ? pipeline.hget(key, conversationId) : pipeline.zscore(key, String(seq))) as (string | null)[]
      return whole(marker?.split(' ')[0]) >= seq || typeof taken === 'string'
    },

    /**
     * Looks for a message by its id alone among a user's conversations.
     * @returns where it stands; undefined when none of the 500 that were used soonest after it has it.
     */
    async find (userId: string, msgId: string): Promise<{ conversationId: string, seq: number } | undefined> {
      const [, stamp = '', number = ''] = MSG_ID.exec(msgId) ?? []
      const seq = parseInt(number, 16)
      const since = parseInt(stamp, 16) - MINUTE_MS
      if (!(seq > 0)) return undefined
      const ids = await redis.zrangebyscore(keys.conversations(userId), since, '+inf', 'LIMIT', 0, AT_ONCE)
      const records = await together(redis, ids, (pipeline, id) => pipeline.hget(keys.log(id), String(seq))) as (string | null)[]
      const idAt = (id: string, i: number) => msgIdOf(messageIn(records[i] ?? '', { conversationId: id, seq }) ?? '')
      const conversationId = ids.find((id, i) => idAt(id, i) === msgId)
      return conversationId === undefined ? undefined : { conversationId, seq }
    }
  }
}

export type StoredDelivery = ReturnType<typeof createDelivery>

type Part = keyof Mark
const placeIn = ([cursor = '', more]: string[]) => more === undefined ? parseCursor(cursor) : undefined

/** @param part gives what stands beside a terminal's row. What is no mark is named, and is none. */
function markOf (part: (name: Part) => { text: string | undefined, unreadable (): void }): Mark {
  const read = <Value>(name: Part, parse: (words: string[]) => Value | undefined) => {
    const { text, unreadable } = part(name)
    const value = text === undefined ? undefined : parse(text.split(' '))
    if (text !== undefined && value === undefined) unreadable()
    return value
  }
  return {
    from: read('from', placeIn),
    brought: read('brought', placeIn),
    printed: read('printed', ([cursor = '', at, transport, more]) => {
      const position = parseCursor(cursor)
      const isSound = position && isWhole(at) && transport !== undefined && more === undefined
      return isSound ? { cursor: position, at: whole(at), transport } : undefined
    }),
    bye: read('bye', ([code, at, more]) => isWhole(code) && isWhole(at) && more === undefined
      ? { code: whole(code), at: whole(at) }
      : undefined)
  }
}
