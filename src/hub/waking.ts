// Wakes the connections that hints were for, once a turn of the event loop: one write per socket. Section 6, "Live delivery".
import { outside } from '../store/deadline.js'
import type { Connection } from '../stream/connection.js'
import type { Feed, Hearing } from '../stream/feed.js'
import type { Meter } from '../health/meter.js'
import type { Session } from './session.js'

/** What a terminal is connected by: a stream, or the session of its polls. */
export type Held = Connection | Session

/** What a user has on this node. */
export interface Present { feed: Feed, connections: Set<Held> }

/** So long a proof is waited for: where none comes the subscription is late, and Redis may be soon. */
const PROOF_MS = 1_500

/**
 * @returns `wakeLater(present)`: wakes a user's connections together with all others of this turn. While it is not sure that what is in
 *   memory is true they wait for that, all of them for one word: each by himself would ask Redis, which is late already. [DOWN-2]
 */
export function createWaking (meter: Pick<Meter, 'delivered'>, { isProven, isHearing, proven }: Hearing) {
  const dirty = new Set<Present>()
  let dirtySince = 0

  function flush (mayWait = true): void {
    for (const present of dirty) {
      // it is waited for once: where none came each asks Redis
      if (mayWait && !isProven() && isHearing()) return void proven(undefined, PROOF_MS).then(isSure => flush(isSure))
      dirty.delete(present)
      const { feed, connections } = present
      for (const connection of connections) connection.wake()
      if (!needTail(connections)) feed.forget()
    }
    meter.delivered(performance.now() - dirtySince)
  }

  return function wakeLater (present: Present): void {
    if (dirty.size === 0) {
      dirtySince = performance.now()
      // nobody's request: asked once, not for each connection
      setImmediate(outside, flush)
    }
    dirty.add(present)
  }
}

/** Without a copy or a closure: it is asked for each user whom an event reaches. */
function needTail (connections: Set<Held>): boolean {
  for (const { needsTail } of connections) if (needsTail) return true
  return false
}
