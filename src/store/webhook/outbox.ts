// What is to be told to each webhook: a consumer group of the stream of events for each, read by one node at a time. [WEBHOOK-4]
import { keys } from '../keys.js'
import type { StoreContext } from '../life/context.js'
import { fieldsOf } from '../redis/hash.js'
import { parsed, whole } from '../redis/readable.js'
import { inParts, stepwise } from '../redis/steps.js'
import { defineScript } from '../script/scripts.js'
import { readEvent } from '../user/events.js'
import { groupOf, webhookKeys } from './targets.js'

const takeEvents = defineScript('take-events', {
  full: 'done',
  keys: ['webhooks', 'owner', 'events', 'dead', 'again'],
  args: ['id', 'group', 'node', 'holdMs', 'count', 'after', 'mostDead', 'keepMs']
})
const buryEvent = defineScript('bury-event', {
  full: 'refused',
  keys: ['events', 'dead', 'again'],
  args: ['group', 'position', 'event', 'reason', 'attempts', 'early', 'mostDead', 'keepMs']
})
const replayDead = defineScript('replay-dead', { full: 'refused', keys: ['dead', 'again'], args: ['retryMs', 'keepMs'] })

/** So long a node delivers to a webhook after it has said so last; another one goes on then. */
export const HOLD_MS = 5_000
/** Dead letters are replayed so many at a time. */
const REPLAYED_AT_ONCE = 100
/** What is wrong with a webhook is told for so long after it was seen last. */
const TROUBLE_SEC = 86_400

/** An event, as `GET events` gives it. */
export interface Fact { id: string, type: string, ts: number, [fact: string]: unknown }

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

/** Why an event is given up. `isEarly`: before its time is over. */
export interface Burial { reason: string, attempts: number, isEarly: boolean }

/** Something that a webhook has not been told. */
export interface DeadLetter {
  id: string
  kind: 'failed' | 'lost'
  at: number
  event: Fact
  reason?: string
  attempts?: number
}

export interface DeadPage { items: DeadLetter[], next?: string }

/** Makes the outboxes of a store. @param me a name of this process, which no other bears. */
export function createOutbox ({ redis, limits, onUnreadable }: StoreContext, me: string) {
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
    return event && until ? { position, event, until: whole(until) || untilOf(event), isBeside: true } : undefined
  }

  return {
    /**
     * Reads on for a webhook, if no other node delivers to it; this one does for 5 s from now on.
     * @param after what was read by whoever it was, and is not done, from this position on; absent: what nobody has read.
     */
    async take (id: string, count: number, after = '>'): Promise<Taken> {
      const [, state, lost, entries, again, position] = await takeEvents(redis, webhookKeys(id), {
        id, group: groupOf(id), node: me, holdMs: HOLD_MS, count, after, mostDead, keepMs
      })
      const found = entries as unknown as [string, string[]][]
      const due = found.flatMap(entry => readDue(entry) ?? [])
      const known = new Set(due.map(({ position }) => position))
      const unread = found.map(([position]) => position).filter(position => !known.has(position))
      const last = found.at(-1)?.[0] ?? (after === '>' && position !== undefined ? String(position) : undefined)
      return { state: state as Taken['state'], lost: Number(lost), due, unread, last, again: Number(again) }
    },

    /**
     * @returns what is to be told beside the stream: what is replayed, and that something was lost; but for what `isKnown`: what waits for
     *   a webhook that takes nothing is not read each time.
     */
    async again (id: string, isKnown: (position: string) => boolean): Promise<Due[]> {
      const positions = (await redis.hkeys(keys.webhookAgain(id))).filter(position => !isKnown(position))
      if (positions.length === 0) return []
      const texts = await redis.hmget(keys.webhookAgain(id), ...positions)
      return positions.flatMap((position, i) => {
        const text = texts[i] ?? null
        return text === null ? [] : readAgain(position, text) ?? onUnreadable?.(`WEBHOOK:${id}:AGAIN ${position}`) ?? []
      })
    },

    /** These are done. */
    async done (id: string, positions: string[]): Promise<void> {
      if (positions.length === 0) return
      const pipeline = redis.pipeline()
      pipeline.xack(keys.events, groupOf(id), ...positions.filter(position => !position.endsWith('-reset')), '0-0')
      pipeline.hdel(keys.webhookAgain(id), ...positions)
      for (const [error] of await pipeline.exec() ?? []) if (error) throw error
    },

    /** One is not tried any more; early: if no other dead letter must go for it. @returns whether that is so. */
    async bury (id: string, { position, event }: Due, { reason, attempts, isEarly }: Burial): Promise<boolean> {
      const [, isBuried] = await buryEvent(redis, webhookKeys(id), {
        group: groupOf(id), position, event: JSON.stringify(event), reason, attempts, early: isEarly ? 1 : 0, mostDead, keepMs
      })
      return isBuried === 1
    },

    /** Another node may go on at once. */
    async leave (id: string): Promise<void> {
      if (await redis.get(keys.webhookOwner(id)) === me) await redis.del(keys.webhookOwner(id))
    },

    /** Says what is wrong with a webhook; undefined: nothing is any more. */
    async trouble (id: string, facts: { since: number, reason: string } | undefined): Promise<void> {
      if (!facts) await redis.del(keys.webhookTrouble(id))
      else await redis.set(keys.webhookTrouble(id), JSON.stringify(facts), 'EX', TROUBLE_SEC)
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

    /** Pages dead letters, oldest first. @param after the `next` of the page before: the id of the last letter that it has looked at. */
    async dead (id: string, { after, limit }: { after?: string | undefined, limit: number }): Promise<DeadPage> {
      const found = await redis.xrange(keys.webhookDead(id), after === undefined ? '-' : `(${after}`, '+', 'COUNT', limit + 1)
      const looked = found.slice(0, limit)
      const items = looked.flatMap(([letter, fields]) => readLetter(letter, fieldsOf(fields)) ??
        onUnreadable?.(`WEBHOOK:${id}:DEAD ${letter}`) ?? [])
      const last = looked.at(-1)?.[0]
      return { items, ...(last !== undefined && found.length > limit && { next: last }) }
    },

    /** Dead letters are delivered again. @returns how many, and of how many the events are gone. */
    async replay (id: string, letters: string[]): Promise<{ replayed: number, lost: number }> {
      const replies = await stepwise(inParts(letters, REPLAYED_AT_ONCE).map(some => async () =>
        await replayDead(redis, webhookKeys(id), { retryMs, keepMs }, some)))
      const sum = (i: number) => replies.reduce((total, reply) => total + Number(reply[i]), 0)
      return { replayed: sum(1), lost: sum(2) }
    }
  }
}

export type Outbox = ReturnType<typeof createOutbox>

/** A reply of XINFO in either form of the protocol. */
function factsOf (reply: unknown): Map<string, unknown> {
  return Array.isArray(reply) ? fieldsOf(reply as unknown[]) : new Map(Object.entries(reply as Record<string, unknown>))
}

function readLetter (id: string, all: Map<string, string>): DeadLetter | undefined {
  const event = parsed<Fact>(all.get('event'))
  const kind = all.get('kind')
  if (!event || (kind !== 'failed' && kind !== 'lost')) return undefined
  return {
    id,
    kind,
    at: whole(all.get('at')),
    event,
    ...(kind === 'failed' && { reason: all.get('reason') ?? '', attempts: whole(all.get('attempts')) })
  }
}
