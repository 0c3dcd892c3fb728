// What is to be told to each webhook: a consumer group of the stream of events for each, read by one node at a time. [WEBHOOK-4]
import { keys } from '../keys.js'
import type { StoreContext } from '../life/context.js'
import { fieldsOf } from '../redis/hash.js'
import { isTime, parsed, whole } from '../redis/readable.js'
import { defineScript } from '../script/scripts.js'
import { readEvent } from '../user/events.js'
import { createLetters, type Fact } from './letters.js'
import { groupOf, type Target, webhookKeys } from './targets.js'

const takeEvents = defineScript('take-events', {
  preludes: ['webhook'],
  full: 'done',
  keys: ['webhooks', 'owner', 'events', 'dead', 'again'],
  args: ['id', 'since', 'group', 'node', 'holdMs', 'count', 'after', 'mostDead', 'keepMs']
})
const buryEvent = defineScript('bury-event', {
  preludes: ['webhook'],
  full: 'refused',
  keys: ['webhooks', 'events', 'dead', 'again'],
  args: ['id', 'since', 'group', 'position', 'event', 'reason', 'attempts', 'early', 'mostDead', 'keepMs']
})
const noteTrouble = defineScript('note-trouble', {
  preludes: ['webhook'], full: 'done', keys: ['webhooks', 'trouble'], args: ['id', 'since', 'facts', 'keepSec']
})

/** So long a node delivers to a webhook after it has said so last; another one goes on then. */
export const HOLD_MS = 5_000
/** What is wrong with a webhook is told for so long after it was seen last. */
const TROUBLE_SEC = 86_400

/** A position of the stream; what was never there has another name. */
const IN_STREAM = /^\d{1,16}-\d{1,16}$/

/**
 * An event to be told. `position`: its place in the stream, or the name of what was never there. `isBeside`: it is told beside the stream,
 * late, and in no order. `until`: tried until then, ms.
 */
export interface Due { position: string, event: Fact, until: number, isBeside?: true }

/** What was read for a webhook, and how far. `unread`: positions of what cannot be read; `again`: what is to be told beside the stream. */
export interface Taken {
  state: 'mine' | 'other' | 'gone'
  lost: number
  due: Due[]
  unread: string[]
  last: string | undefined
  again: number
}

/** A webhook, and when it was made: of one that was removed meanwhile nothing is done any more. */
export type Webhook = Pick<Target, 'id' | 'createdAt'>

/** What is read: so much, of what nobody has read; or from a position on what was read and is not done, but for what is known here. */
export interface Reading { count: number, from?: string, known?: string[] }

/** Why an event is given up. `isEarly`: before its time is over. */
export interface Burial { reason: string, attempts: number, isEarly: boolean }

/** Makes the outboxes of a store. @param me a name of this process, which no other bears. */
export function createOutbox (store: StoreContext, me: string) {
  const { redis, limits, onUnreadable } = store
  const [keepMs, retryMs, mostDead] = [limits.webhookDeadSec * 1000, limits.webhookRetrySec * 1000, limits.webhookDead]

  const untilOf = (event: Fact) => event.ts + retryMs

  function readDue ([position, fields]: [string, string[]]): Due | undefined {
    const event = readEvent(position, fields) as Fact | undefined
    if (!event) return void onUnreadable?.(`iris:events ${position}`)
    return { position, event, until: untilOf(event) }
  }

  function readAgain (position: string, text: string): Due | undefined {
    const [, until, json] = /^(\d+) (.*)$/s.exec(text) ?? []
    const event = parsed<Fact>(json)
    if (!event || !until || typeof event.type !== 'string' || !isTime(event.ts)) return undefined
    return { position, event, until: whole(until) || untilOf(event), isBeside: true }
  }

  return {
    /**
     * Reads on for a webhook, if no other node delivers to it; this one does for 5 s from now on. What is gone, and not known, is lost.
     */
    async take ({ id, createdAt: since }: Webhook, { count, from = '>', known = [] }: Reading): Promise<Taken> {
      const [, state, lost, entries, again, last] = await takeEvents(redis, webhookKeys(id), {
        id, since, group: groupOf(id), node: me, holdMs: HOLD_MS, count, after: from, mostDead, keepMs
      }, known)
      const found = entries as unknown as [string, string[]][]
      const due = found.flatMap(entry => readDue(entry) ?? [])
      const unread = unreadOf(found.map(([position]) => position), due)
      const reached = typeof last === 'string' ? last : undefined
      return { state: state as Taken['state'], lost: Number(lost), due, unread, last: reached, again: Number(again) }
    },

    /**
     * @returns what is to be told beside the stream: what is replayed, and that something was lost; but for what `isKnown`: what waits for
     *   a webhook that takes nothing is not read each time. `unread`: what cannot be read.
     */
    async again (id: string, isKnown: (position: string) => boolean): Promise<Pick<Taken, 'due' | 'unread'>> {
      const positions = (await redis.hkeys(keys.webhookAgain(id))).filter(position => !isKnown(position))
      const texts = positions.length === 0 ? [] : await redis.hmget(keys.webhookAgain(id), ...positions)
      const due = positions.flatMap((position, i) =>
        readAgain(position, texts[i] ?? '') ?? onUnreadable?.(`WEBHOOK:${id}:AGAIN ${position}`) ?? [])
      return { due, unread: unreadOf(positions, due) }
    },

    /** These are done. */
    async done (id: string, positions: string[]): Promise<void> {
      if (positions.length === 0) return
      const pipeline = redis.pipeline()
      pipeline.xack(keys.events, groupOf(id), ...positions.filter(position => IN_STREAM.test(position)), '0-0')
      pipeline.hdel(keys.webhookAgain(id), ...positions)
      for (const [error] of await pipeline.exec() ?? []) if (error) throw error
    },

    /** One is not tried any more; early: if no other dead letter must go for it. @returns whether that is so. */
    async bury ({ id, createdAt: since }: Webhook, { position, event }: Due, { reason, attempts, isEarly }: Burial): Promise<boolean> {
      const [, isBuried] = await buryEvent(redis, webhookKeys(id), {
        id, since, group: groupOf(id), position, event: JSON.stringify(event), reason, attempts, early: isEarly ? 1 : 0, mostDead, keepMs
      })
      return isBuried === 1
    },

    /** Another node may go on at once. */
    async leave (id: string): Promise<void> {
      if (await redis.get(keys.webhookOwner(id)) === me) await redis.del(keys.webhookOwner(id))
    },

    /** Says what is wrong with a webhook; undefined: nothing is any more. */
    async trouble ({ id, createdAt: since }: Webhook, facts: { since: number, reason: string } | undefined): Promise<void> {
      if (!facts) await redis.del(keys.webhookTrouble(id))
      else await noteTrouble(redis, webhookKeys(id), { id, since, facts: JSON.stringify(facts), keepSec: TROUBLE_SEC })
    },

    /** @returns how far a webhook is: events that were not read for it, those under way, dead letters, and what is wrong. */
    async report (id: string) {
      const [groups, again, dead, trouble] = await Promise.all([
        redis.xinfo('GROUPS', keys.events).catch(() => []) as Promise<unknown[]>,
        redis.hlen(keys.webhookAgain(id)),
        redis.xlen(keys.webhookDead(id)),
        redis.get(keys.webhookTrouble(id))
      ])
      const group = groups.map(factsOf).find(facts => facts.get('name') === groupOf(id))
      return {
        unread: Number(group?.get('lag') ?? 0),
        waiting: Number(group?.get('pending') ?? 0) + again,
        dead,
        trouble: parsed<{ since: number, reason: string }>(trouble) ?? undefined
      }
    },

    ...createLetters(store)
  }
}

export type Outbox = ReturnType<typeof createOutbox>

/** A reply of XINFO in either form of the protocol. */
function factsOf (reply: unknown): Map<string, unknown> {
  return Array.isArray(reply) ? fieldsOf(reply as unknown[]) : new Map(Object.entries(reply as Record<string, unknown>))
}

/** @returns those of the positions that nothing due stands for. */
function unreadOf (positions: string[], due: Due[]): string[] {
  const known = new Set(due.map(({ position }) => position))
  return positions.filter(position => !known.has(position))
}
