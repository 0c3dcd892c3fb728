// The stream `iris:events`: what a back end is told of, in order, kept for a while. docs/protocol.md sections 7 and 8. [EVENT-1]
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { type EventKind, type ServerEventFacts, serverEvents } from '../../protocol/server-events.js'
import { keys } from '../keys.js'
import type { StoreContext } from '../life/context.js'
import { fieldsOf } from '../redis/hash.js'
import { isTime, objectIn } from '../redis/readable.js'

/** Between these positions, both not among it, nothing is kept although something was. `before` is absent when nothing comes behind. */
export interface Missing { after: string, before?: string }

/**
 * Events after a position, and the position to go on from: that of the last one that was looked at. `missing`: what is gone of what
 * stood there. `more`: there are more to be looked at.
 */
export interface EventPage { items: ServerEventFacts[], next: string, missing?: Missing, more: boolean }

type Entry = [id: string, fields: string[]]
const ORIGIN = '0-0'

/** Makes the stream of events of a store; scripts write it, see event.lua. */
export function createEvents ({ redis, feed, onUnreadable }: Pick<StoreContext, 'redis' | 'feed' | 'onUnreadable'>) {
  const range = async (from: string, to: string, count: number) => await redis.xrange(keys.events, from, to, 'COUNT', count) as Entry[]
  const last = async () => (await redis.xrevrange(keys.events, '+', '-', 'COUNT', 1))[0]?.[0] ?? ORIGIN

  /**
   * A position is one that was handed out: that of an event, which is still there, or `0-0` before anything was trimmed. Of any other, what
   * stood behind it may be gone: trimmed, or lost with the store.
   */
  async function missingAfter (after: string, next: string | undefined): Promise<Missing | undefined> {
    const behind = next !== undefined && { before: next }
    if (after === ORIGIN) return await hasTrimmed() ? { after, ...behind } : undefined
    const [newest] = await redis.xrevrange(keys.events, after, '-', 'COUNT', 1)
    return newest?.[0] === after ? undefined : { after: newest?.[0] ?? after, ...behind }
  }

  /** @returns whether the stream has lost its oldest entries. */
  async function hasTrimmed (): Promise<boolean> {
    const info = await redis.xinfo('STREAM', keys.events).catch((error: unknown) => {
      if (error instanceof Error && error.message.includes('no such key')) return []
      throw error
    }) as (string | number)[] | Record<string, number>
    const facts = Array.isArray(info) ? fieldsOf(info) : new Map(Object.entries(info))
    return Number(facts.get('entries-added') ?? 0) > Number(facts.get('length') ?? 0)
  }

  return {
    /** The kinds that are written. */
    kinds: feed.kinds,

    /** @returns the position of the last event, `0-0` when there was none yet. */
    last,

    /**
     * Looks at no more than `count` events after a position; where that lies behind the last one, from the oldest that is kept.
     * @returns those of these kinds, of any when none is named; `most` at most.
     */
    async read (
      after: string, { kinds, count, most = count }: { kinds?: ReadonlySet<EventKind> | undefined, count: number, most?: number }
    ): Promise<EventPage> {
      // what is gone is asked for after the events: what is trimmed in between is reported, not overlooked
      const [entries, newest] = await Promise.all([range(`(${after}`, '+', count), last()])
      const missing = await missingAfter(after, entries[0]?.[0])
      const isBeyond = compareIds(after, newest) > 0
      const found = isBeyond ? await range('-', '+', count) : entries
      const wanted = kinds ? found.filter(([, [kind]]) => kinds.has(kind as EventKind)) : found
      const end = wanted.length > most ? wanted[most - 1] : found.at(-1)
      const items = wanted.slice(0, most).flatMap(([id, fields]) => readEvent(id, fields) ?? onUnreadable?.(`iris:events ${id}`) ?? [])
      return { items, next: end?.[0] ?? (isBeyond ? newest : after), ...(missing && { missing }), more: found.length === count }
    }
  }
}

export type Events = ReturnType<typeof createEvents>

/** Compares two positions `<ms>-<number>`. @returns less than, equal to or more than 0. */
export function compareIds (a: string, b: string): number {
  const [[aMs, aSeq], [bMs, bSeq]] = [a, b].map(id => id.split('-').map(Number)) as [[number, number], [number, number]]
  return aMs - bMs || aSeq - bSeq
}

const shapes = new Map<string, ReturnType<typeof TypeCompiler.Compile>>()

/** @returns what event.lua has written; undefined for what it does not write. */
export function readEvent (id: string, [type = '', facts = '']: readonly string[]): ServerEventFacts | undefined {
  const schema = Object.hasOwn(serverEvents, type) ? serverEvents[type as EventKind] : undefined
  if (!schema) return undefined
  let shape = shapes.get(type)
  if (!shape) shapes.set(type, shape = TypeCompiler.Compile(schema))
  const place = { id, type }
  const event = { ...place, ...objectIn(facts), ...place } as ServerEventFacts // first, and never of the facts
  return shape.Check(event) && isTime(event.ts) ? event : undefined
}
