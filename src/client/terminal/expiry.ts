// How long a message may be sent again: as long as the server knows its id. [MSG-2]
import type { Base } from '../base/base.js'
import type { KeptItem } from '../base/shapes.js'

const LIFE_MS = 24 * 3_600_000

/**
 * Asks the server what time it is before a message is said to be too old, or sent by a clock that nobody has compared: it may be wrong.
 * @returns whether the server may have forgotten what came to it. Throws what a call throws.
 */
export async function isExpired ({ triedAt }: KeptItem, { calls, clock }: Pick<Base, 'calls' | 'clock'>): Promise<boolean> {
  if (!triedAt) return false
  const isOld = () => clock.serverMs() - triedAt > LIFE_MS
  if (clock.aheadMs() === undefined || isOld()) clock.heard((await calls.once<{ serverTime?: number }>('/v1/time')).serverTime)
  return isOld()
}
