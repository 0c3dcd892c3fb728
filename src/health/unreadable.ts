// Stored items that cannot be read: skipped, counted, and named in the log once. One bad item never ends a stream.
import { keys } from '../store/keys.js'
import { placeOf } from '../store/redis/sound.js'
import type { Meter } from './meter.js'

/** Of these nothing is skipped: nothing is built on what cannot be read there. [STORE-1] */
const ofLife = new Set([keys.life, keys.mark, keys.run].map(placeOf))
/** So many are remembered as said. */
const MAX_SAID = 1_000

/** @returns `onUnreadable(place)`, to be called each time that an item is skipped; `place` is a key and an id, never text of the item's. */
export function createUnreadable ({ meter, log }: {
  meter: Pick<Meter, 'unreadable'>
  log: { error (facts: object, message: string): void }
}) {
  const said = new Set<string>()
  return function onUnreadable (place: string): void {
    meter.unreadable++
    if (said.has(place)) return
    if (said.size >= MAX_SAID) said.clear()
    said.add(place)
    if (ofLife.has(place)) log.error({ place }, `iris:{0}:${place}, of the record of the life, cannot be read: another life begins`)
    else log.error({ place }, 'an item in the store cannot be read: it is skipped')
  }
}
