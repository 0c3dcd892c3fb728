// What is published for the users of this node: their connections learn of it by hints. docs/protocol.md section 6, "Live delivery".
import type { Meter } from '../health/meter.js'
import type { Item } from '../store/user/entry.js'
import type { Hearing } from '../stream/feed.js'
import { createWaking, type Present } from './waking.js'

interface Floor {
  memory: Hearing
  /** Who is connected here, by user. */
  users: ReadonlyMap<string, Present>
  meter: Pick<Meter, 'delivered' | 'gaps'>
}

/** Makes what takes the hints of a hub. */
export function createHints ({ users, meter, memory }: Floor) {
  const wakeLater = createWaking(meter, memory)

  return {
    /** An entry was published for a user; its body comes with it, and waits until it is sure to be true. */
    hint (userId: string, item: Item): void {
      const present = users.get(userId)
      const known = present?.feed.seq ?? item.seq
      if (!present?.feed.hint(item, memory.isKeeping())) return
      if (item.seq > known + 1) meter.gaps.hint++
      wakeLater(present)
    },

    /** Something was published for a user whose body did not come along: it is read from Redis. */
    hintPosition (userId: string, epoch: string, seq: number): void {
      const present = users.get(userId)
      present?.feed.reached({ epoch, seq })
      if (present) wakeLater(present)
    },

    /** Drops the bodies that are kept for a user's lagging connections: they read Redis. */
    forget (userId: string): void { users.get(userId)?.feed.forget() },

    /** Drops all of them: what is recalled from now on is not heard. [DOWN-2] */
    forgetAll (): void { for (const { feed } of users.values()) feed.forget() }
  }
}
