// How many connections there are, and what they wait for: for the metrics.
import type { Entrance } from './entrance.js'
import { Session } from './session.js'
import type { Held } from './waking.js'

/**
 * @returns how many there are by transport, how many polls wait, how many have not printed what is known, how many attach, and wait for it.
 */
export function censusOf (connections: Held[], { inside: attaching, waiting }: Entrance['census']) {
  const census = { sse: 0, poll: 0, ws: 0, polls: 0, lagging: 0, attaching, waiting }
  for (const held of connections) {
    census[held.transport]++
    if (held instanceof Session) census.polls += held.waiting
    if (held.isLagging) census.lagging++
  }
  return census
}
