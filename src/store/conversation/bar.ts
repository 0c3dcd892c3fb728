// What bars a member from writing: the mark at the end of his row, as member.lua keeps it. [DIRECT-2] [MUTE-1]
import { whole } from '../redis/readable.js'

/** `isBlocked`: by the other side of a direct conversation. `mutedUntil`: ms, 0 when he never was; it may have passed. */
export interface Bar { isBlocked: boolean, mutedUntil: number }

/** @returns what bars the member of a row. */
export function barOf (row: string): Bar {
  const mark = /!(b|\d+)$/.exec(row)?.[1]
  return { isBlocked: mark === 'b', mutedUntil: whole(mark) }
}
