// What a back end is told of: the kinds of events that are written, and how many are kept. event.lua reads it.
import { type EventKind, eventKinds } from '../protocol/server-events.js'
import type { Limits } from '../protocol/limits.js'

/** The feed of a store. `kinds`: what is written; `text`: the first argument of every script that may write an event. */
export interface Feed { kinds: ReadonlySet<EventKind>, text: string }

/** @returns the feed of these kinds; what is not among them costs nothing. [EVENT-1] */
export function feedOf (kinds: readonly EventKind[], { events, eventsBytes }: Pick<Limits, 'events' | 'eventsBytes'>): Feed {
  const written = eventKinds.filter(kind => kinds.includes(kind))
  return { kinds: new Set(written), text: [events, eventsBytes, ...written, ''].join(' ') }
}
