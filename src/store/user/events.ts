// The stream `iris:events`: what a back end wants to know of, in order, kept for a while. docs/protocol.md sections 7 and 8.
import type { PresenceEventFacts } from '../../protocol/presence.js'
import { keys } from '../keys.js'
import type { StoreContext } from '../life/context.js'
import { fieldsOf } from '../redis/hash.js'
import { whole } from '../redis/readable.js'

/** Events after a position. `reset`: some after it, or all of its life, are gone. */
export interface EventPage { items: PresenceEventFacts[], next: string, reset: boolean }

const ORIGIN = '0-0'

/** Makes the stream of events of a store; the scripts of the terminals write it. */
export function createEvents ({ redis, onUnreadable }: Pick<StoreContext, 'redis' | 'onUnreadable'>) {
  return {
    /** @returns the position of the last event, `0-0` when there was none yet. */
    async last (): Promise<string> {
      const [entry] = await redis.xrevrange(keys.events, '+', '-', 'COUNT', 1)
      return entry?.[0] ?? ORIGIN
    },

    /** @returns at most `count` events after a position; when what follows it was trimmed or lost, from the oldest that is kept. */
    async read (after: string, count: number): Promise<EventPage> {
      // the stock is taken after the events: what is trimmed in between is reported, not overlooked
      const [entries, oldest, newest, trimmed] = await Promise.all([
        redis.xrange(keys.events, `(${after}`, '+', 'COUNT', count), redis.xrange(keys.events, '-', '+', 'COUNT', 1), this.last(),
        this.hasTrimmed()
      ])
      const isBeyond = compareIds(after, newest) > 0
      const reset = isBeyond || (trimmed && compareIds(after, oldest[0]?.[0] ?? ORIGIN) < 0)
      const found = isBeyond ? await redis.xrange(keys.events, '-', '+', 'COUNT', count) : entries
      const items = found.flatMap(([id, fields]) => readEvent(id, fields) ?? onUnreadable?.(`iris:events ${id}`) ?? [])
      return { items, next: found.at(-1)?.[0] ?? (isBeyond ? newest : after), reset }
    },

    /** @returns whether the stream has lost its oldest entries. */
    async hasTrimmed (): Promise<boolean> {
      const info = await redis.xinfo('STREAM', keys.events).catch((error: unknown) => {
        if (error instanceof Error && error.message.includes('no such key')) return []
        throw error
      }) as (string | number)[] | Record<string, number>
      const facts = Array.isArray(info) ? fieldsOf(info) : new Map(Object.entries(info))
      return Number(facts.get('entries-added') ?? 0) > Number(facts.get('length') ?? 0)
    }
  }
}

export type Events = ReturnType<typeof createEvents>

/** Compares two positions `<ms>-<number>`. @returns less than, equal to or more than 0. */
export function compareIds (a: string, b: string): number {
  const [[aMs, aSeq], [bMs, bSeq]] = [a, b].map(id => id.split('-').map(Number)) as [[number, number], [number, number]]
  return aMs - bMs || aSeq - bSeq
}

/** @returns undefined when it is none that a script writes. */
function readEvent (id: string, fields: readonly string[]): PresenceEventFacts | undefined {
  const all = fieldsOf(fields)
  if (!/^(user|terminal)\./.test(all.get('type') ?? '') || whole(all.get('n')) === 0 || whole(all.get('ts')) === 0 || !all.get('userId')) {
    return undefined
  }
  return { id, ...Object.fromEntries(all), n: Number(all.get('n')), ts: Number(all.get('ts')) } as PresenceEventFacts
}
