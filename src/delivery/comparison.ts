// Compares a user's stream in the store with what its readers here know: the sweep, one user after the other. Section 6.
import type { createMailbox } from '../store/mailbox.js'
import type { Meter } from './meter.js'
import type { Held, Present } from './waking.js'

interface Floor {
  mailbox: Pick<ReturnType<typeof createMailbox>, 'touch'>
  meter: Pick<Meter, 'gaps'>
  /** Closes what is kicked but still open. [KICK-1] */
  closeKicked (userId: string, connections: Held[]): Promise<void>
}

/** @returns `compare(userId, present)`: renews his routes, wakes readers that missed a hint, closes what must not be open. */
export function createComparison ({ mailbox, meter, closeKicked }: Floor) {
  return async function compare (userId: string, { feed, connections }: Present): Promise<void> {
    const known = feed.top
    const attached = [...connections].filter(({ isLive }) => isLive)
    const { top, ended: lapsed } = await mailbox.touch(userId, [...connections])
    if (top === undefined || (known && (top.epoch !== known.epoch || top.seq < known.seq))) {
      // the store lost what these readers have seen: the next attach tells them by RESET
      for (const connection of connections) connection.close('STORE_LOST')
      return
    }
    if (known && top.seq > known.seq) meter.gaps.sweep++
    feed.reached(top)
    // first: who was kicked or replaced has no lease any more, either, and must not come back
    await closeKicked(userId, [...connections])
    // [LIFE-2] one that is attaching has no lease yet
    for (const connection of attached) if (lapsed.includes(connection.terminalId)) connection.close('TIMEOUT')
    for (const connection of connections) connection.wake()
  }
}
