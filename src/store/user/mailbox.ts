// A user's mailbox: his down stream, read from any position, and the instant at which a terminal attaches.
import type { Position } from '../../protocol/ids.js'
import type { LoginPolicy } from '../../protocol/login.js'
import { createAging } from '../conversation/aging.js'
import { messageIn } from '../conversation/record.js'
import { keys, partition } from '../keys.js'
import { downArgs, downValues, type StoreContext } from '../life/context.js'
import { isWhole, printable, whole } from '../redis/readable.js'
import { isUnavailable, together } from '../redis/redis.js'
import { defineScript } from '../script/scripts.js'
import { createAttach, type Order, positionOf, ROUTE_MS } from './attach.js'
import { type Item, msgIdOf, readReference, seqOf } from './entry.js'
import { bodyOf } from './pending.js'

const touchRoutes = defineScript('touch-routes', {
  full: 'done',
  preludes: ['life', 'down', 'routes', 'printed'],
  keys: ['down', 'routes', 'leases', 'terminals'],
  args: [...downArgs, 'leaseMs', 'user']
})

/** Makes the mailbox of a store. */
export function createMailbox (store: StoreContext, policy: LoginPolicy, order: Order) {
  const { redis } = store
  const aging = createAging(store)
  return {
    attach: createAttach(store, policy, order),

    /**
     * Renews the routes of a user's connected terminals, and notes how far they were printed, where that is said. [DELIVERY-2]
     * `brought`: where one began anew whose mailbox brought all that was unread; both are cursors, empty where there is nothing to note.
     * @returns the end of his stream, undefined when there is no stream any more; and the terminals whose lease has ended. [LIFE-2]
     */
    async touch (
      userId: string, terminals: { terminalId: string, platform: string, printed: string, brought: string, transport: string }[]
    ): Promise<{ top: Position | undefined, ended: string[] }> {
      const list = terminals.flatMap(({ terminalId, platform, printed, brought, transport }) =>
        [terminalId, platform, printed, brought, transport])
      const [, top, , ended] = await touchRoutes(redis, {
        down: keys.down(userId),
        routes: keys.routes(userId),
        leases: keys.leases(partition(userId)),
        terminals: keys.terminals(userId)
      }, { ...downValues(store), leaseMs: ROUTE_MS, user: userId }, list)
      return { top: top === '' ? undefined : positionOf(top), ended: ended as string[] }
    },

    /** @returns of each of these users the end of his stream, undefined when there is none, and whether there is a record of kicks. */
    async glance (userIds: string[]): Promise<{ top: Position | undefined, isKicked: boolean }[]> {
      const found = await together(redis, userIds, (pipeline, userId) =>
        pipeline.xrevrange(keys.down(userId), '+', '-', 'COUNT', 1).hget(keys.terminals(userId), '/epoch').exists(keys.kick(userId)))
      return userIds.map((_, i) => {
        const [entries, epoch, kicks] = found.slice(3 * i, 3 * i + 3) as [
          [string, unknown][] | undefined, string | null | undefined, number
        ]
        const end = entries?.[0]?.[0] ?? (isWhole(epoch) ? `${epoch}-0` : undefined)
        return { top: end === undefined ? undefined : positionOf(end), isKicked: kicks === 1 }
      })
    },

    /** @returns at most `count` entries after a position, in order, each with the body that is true now. [DOWN-2] */
    async read (userId: string, after: Position, count: number): Promise<Item[]> {
      // the mark behind them: what they show may have been written by a node that has not heard so itself
      const [entries, mark] = await Promise.all([
        redis.xrange(keys.down(userId), `(${after.epoch}-${after.seq}`, '+', 'COUNT', count), redis.get(keys.mark)
      ])
      store.life.saw(mark)
      const items = entries.map(([id, fields]): Item => ({ id, seq: seqOf(id), reference: readReference(fields), body: undefined }))
      await store.fresh(() => resolve(store, { userId, items, keptFrom: aging.keptFrom() }))
      return items
    }
  }
}

/** What is asked for: entries of a user's, and no message that was sent before `keptFrom` (ms). */
interface Wanted { userId: string, items: Item[], keptFrom: number }

/** Follows the references of `items`, one round trip for all, and sets their bodies; what cannot be read breaks no other item. */
async function resolve (store: StoreContext, { userId, items, keptFrom }: Wanted): Promise<void> {
  const { redis } = store
  const pipeline = redis.pipeline()
  const takers: { item: Item, take (found: string): void }[] = []
  const ask = (item: Item, take: (found: string) => void) => {
    takers.push({ item, take })
    return pipeline
  }
  for (const item of items) {
    const { reference } = item
    item.body = reference.kind === 'event' ? printable(reference.body) : undefined
    if (reference.kind === 'msg') {
      ask(item, body => { item.body = sentAt(body) < keptFrom ? undefined : messageFor(reference, body) })
        .hget(keys.log(reference.conversationId), String(reference.seq))
    }
    if (reference.kind === 'box') {
      const { box, id } = reference
      ask(item, stored => { item.body = bodyOf(stored) }).hget(keys.box(box, userId), id)
      if (box === 'NOTICE_BOX') ask(item, stored => { if (item.body === '') item.body = bodyOf(stored) }).hget(keys.everybody, id)
      ask(item, waiting => { item.waiting = waiting }).hget(keys.boxPart(box, userId, 'WAITING'), id)
    }
  }
  if (takers.length === 0) return
  const replies = await pipeline.exec() ?? []
  takers.forEach(({ item, take }, i) => {
    const [error, found] = replies[i] ?? []
    if (isUnavailable(error)) throw error as Error
    if (error) item.body = null // a key of another type
    else if (found !== null) take(found as string)
  })
  for (const item of items) if (item.body === '') item.body = undefined // taken back
  await explain(store, { userId, items, keptFrom })
}

/**
 * Why messages are missing. Their conversation may have been forgotten, and taken up again with others under the same numbers;
 * the log may have let them go, by their age or while the reader was out of the group and his stream stood still: such entries have
 * nothing to say any more, and the hole in `seq` tells the rest. [MSG-5] What should be there cannot be read.
 */
async function explain ({ redis, limits }: StoreContext, { items, keptFrom }: Wanted): Promise<void> {
  const missing = items.flatMap(item => item.reference.kind === 'msg' && item.body === undefined ? [{ item, ...item.reference }] : [])
  const now = await together(redis, missing, (pipeline, { conversationId, seq }) =>
    pipeline.hmget(keys.conversation(conversationId), 'headSeq', 'firstSeq', 'lastTs').hget(keys.log(conversationId), String(seq)))
  missing.forEach(({ item, seq }, i) => {
    const [facts, body] = [now[2 * i] as (string | null)[] | undefined, now[2 * i + 1]]
    const [head, first, lastTs] = [headOf(facts?.[0]), whole(facts?.[1]), whole(facts?.[2])]
    if (head === undefined || body === undefined) item.body = null
    else if (body !== null || head < seq || seq < first || seq <= head - limits.logMessages || lastTs < keptFrom) {
      item.reference = {
        kind: 'forgotten'
      }
    } else item.body = null
  })
}

/** @returns the head of a conversation, 0 when there is none; undefined when it cannot be read. */
const headOf = (found: string | null | undefined) => found === null ? 0 : whole(found) || undefined

/** @returns when the message of a record was sent, see log.lua; NaN for what is no record. */
const sentAt = (record: string) => parseInt(record.slice(0, 11), 16)

/** @returns the message that an entry was written for; undefined for another one under its number, null for what cannot be read. */
function messageFor (reference: { conversationId: string, seq: number, nonce?: string }, body: string): string | null | undefined {
  const message = messageIn(body, reference)
  return message === null || msgIdOf(message)?.endsWith(reference.nonce ?? '') ? message : undefined
}
