// How long the requests of one connection are worked on: by that is known what one that waits there has waited. [DEADLINE-2]
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'

/** Few slow requests, polls above all, make nobody wait too long: it is many that do. */
const MOST_MS = 50
/** What one read of a socket brings at most, bytes. After such a read more may wait outside of this process. */
const READ_BYTES = 65_536

/**
 * The work on a connection. `underWay`: the requests that are worked on, and since when. `ms`: how long any were, up to `to`, as far as
 * each counts. `came`: how many have come; `bytesRead`: when the last one did; `together`: so many came with that read; `unreadMs`:
 * what had been worked when nothing else waited to be read.
 */
export interface Work {
  underWay: Map<ServerResponse, { since: number, number: number }>
  ms: number
  to: number
  came: number
  bytesRead: number
  together: number
  unreadMs: number
}

/** Makes the work on a connection on which nothing was asked yet. */
export const createWork = (): Work => ({ underWay: new Map(), ms: 0, to: 0, came: 0, bytesRead: 0, together: 0, unreadMs: 0 })

/**
 * Notes that a request came. What comes with a read that is not full came while those before it were worked on; behind a full one, of
 * several requests, there was more, which had waited longer than anything here can tell.
 */
export function note (work: Work, { bytesRead }: Socket): void {
  work.came++
  if (bytesRead === work.bytesRead) {
    work.together++
    return
  }
  if (bytesRead - work.bytesRead < READ_BYTES || work.together === 1) work.unreadMs = work.ms
  work.bytesRead = bytesRead
  work.together = 1
}

/** A request is worked on from now on. */
export function begin (work: Work, { answer, number }: { answer: ServerResponse, number: number }): void {
  work.underWay.set(answer, { since: performance.now(), number })
}

/** The answer to a request is there, whether it can be taken yet or not. What was worked on it is no reason why those before it wait. */
export function isThere (work: Work, answer: ServerResponse, waiting: readonly { number: number, laterMs: number }[]): void {
  const found = work.underWay.get(answer)
  if (found === undefined) return
  const { since, number } = found
  work.underWay.delete(answer)
  const to = Math.min(performance.now(), since + MOST_MS)
  const ms = Math.max(0, to - Math.max(since, work.to))
  work.ms += ms
  work.to = Math.max(work.to, to)
  for (const one of waiting) if (one.number < number) one.laterMs += ms
}
