// The requests of one connection: whose answers are not taken yet, what waits for its turn, and how long that is worked on. [SLOW-2]
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'

/** So many requests of a connection are worked on at once, each of another caller. Fewer would hide from the pressure how many wait. */
const AT_ONCE = 128
/** Few slow requests, polls above all, make nobody wait too long: it is many that do. */
const MOST_MS = 50
/** What one read of a socket brings at most, bytes. After such a read more may wait outside of this process. */
const READ_BYTES = 65_536

/** A request that is worked on, or whose answer is not taken yet. */
export interface Begun { caller: string, answer: ServerResponse }

/** A request that waits for its turn. */
interface Waiting extends Begun { begin (): void, end (): void }

/**
 * The requests of a connection. `begun`: the answers that are not taken yet, and their callers. `underWay`: those that are worked on, and
 * since when. `workedMs`: how long any were, up to `workedTo`, as far as each counts. `bytesRead`: when the last one came; `together`: so
 * many came with that read; `unreadMs`: what had been worked when nothing else waited to be read.
 */
export interface Line {
  begun: Begun[]
  waiting: Waiting[]
  underWay: Map<ServerResponse, number>
  workedMs: number
  workedTo: number
  bytesRead: number
  together: number
  unreadMs: number
  /** What is done when the connection ends. */
  onClose (): void
}

/** Makes the line of a connection on which nothing was asked yet. */
export function createLine (): Line {
  const line: Line = {
    begun: [], waiting: [], underWay: new Map(), workedMs: 0, workedTo: 0, bytesRead: 0, together: 0, unreadMs: 0, onClose: () => end(line)
  }
  return line
}

/**
 * Notes that a request came. What comes with a read that is not full came while those before it were worked on; behind a full one, of
 * several requests, there was more, which had waited longer than anything here can tell.
 */
export function note (line: Line, { bytesRead }: Socket): void {
  if (bytesRead === line.bytesRead) {
    line.together++
    return
  }
  if (bytesRead - line.bytesRead < READ_BYTES || line.together === 1) line.unreadMs = line.workedMs
  line.bytesRead = bytesRead
  line.together = 1
}

/** The answer to a request is there, whether it can be taken yet or not. */
export function isThere (line: Line, answer: ServerResponse): void {
  const since = line.underWay.get(answer)
  if (since === undefined) return
  line.underWay.delete(answer)
  const to = Math.min(performance.now(), since + MOST_MS)
  line.workedMs += Math.max(0, to - Math.max(since, line.workedTo))
  line.workedTo = Math.max(line.workedTo, to)
}

/**
 * Whether a request of this caller may begin. There are few:
 * to look at each is cheaper than to make a number of a token, whose text is new each time.
 */
export const mayBegin = ({ begun }: Line, caller: string) => begun.length < AT_ONCE && !begun.some(one => one.caller === caller)

/** Lets begin who may, in order. */
export function letBegin (line: Line): void {
  for (const next of line.waiting) {
    if (!mayBegin(line, next.caller)) continue
    line.waiting.splice(line.waiting.indexOf(next), 1)
    next.begin()
    return letBegin(line)
  }
}

/** The connection has ended: Node 22 tells only the answer that has the socket. */
function end (line: Line): void {
  const waiting = line.waiting.splice(0)
  for (const answer of [...line.begun, ...waiting].map(({ answer }) => answer)) {
    if (answer.closed || answer.socket) continue
    answer.destroyed = true
    answer.emit('close')
  }
  for (const { end } of waiting) end()
}
