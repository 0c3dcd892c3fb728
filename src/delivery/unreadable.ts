// Stored items that cannot be read: skipped, counted, and named in the log once. One bad item never ends a stream.
import type { Meter } from './meter.js'

/** So many are remembered as said. */
const MAX_SAID = 1_000

/** @returns `onUnreadable(place)`, to be called each time that an item is skipped; `place` is a key and an id, never text of the item's. */
export function createUnreadable ({ meter, log }: { meter: Pick<Meter, 'unreadable'>, log: { error (facts: object, message: string): void } }) {
  const said = new Set<string>()
  return function onUnreadable (place: string): void {
    meter.unreadable++
    if (said.has(place)) return
    if (said.size >= MAX_SAID) said.clear()
    said.add(place)
    log.error({ place }, 'an item in the store cannot be read: it is skipped')
  }
}
