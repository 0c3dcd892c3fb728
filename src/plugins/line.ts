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

/**
 * A request that is worked on, or whose answer is not taken yet. `number`: it came as so manieth.
 * `showsTexts`: its answer may bring messages.
 */
export interface Begun { caller: string, answer: ServerResponse, number: number, showsTexts: boolean }

/** A request that waits for its turn. `laterMs`: so long what came after it was worked on meanwhile. */
export interface Waiting extends Begun { laterMs: number, begin (): void, end (): void }

/**
 * The requests of a connection. `begun`: the answers that are not taken yet, and their callers. `underWay`: those that are worked on, and
 * since when. `workedMs`: how long any were, up to `workedTo`, as far as each counts. `came`: how many have come; `bytesRead`: when the
 * last one did; `together`: so many came with that read; `unreadMs`: what had been worked when nothing else waited to be read.
 */
export interface Line {
  begun: Begun[]
  waiting: Waiting[]
  underWay: Map<ServerResponse, { since: number, number: number }>
  workedMs: number
  workedTo: number
  came: number
  bytesRead: number
  together: number
  unreadMs: number
  /** The answer whose end is waited for. */
  front: ServerResponse | undefined
  /** What is done when the connection ends. */
  onClose (): void
}

/** Makes the line of a connection on which nothing was asked yet. */
export function createLine (): Line {
  const line: Line = {
    begun: [],
    waiting: [],
    underWay: new Map(),
    workedMs: 0,
    workedTo: 0,
    came: 0,
    bytesRead: 0,
    together: 0,
    unreadMs: 0,
    front: undefined,
    onClose: () => end(line)
  }
  return line
}

/**
 * Notes that a request came. What comes with a read that is not full came while those before it were worked on; behind a full one, of
 * several requests, there was more, which had waited longer than anything here can tell.
 */
export function note (line: Line, { bytesRead }: Socket): void {
  line.came++
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
  const work = line.underWay.get(answer)
  if (work === undefined) return
  const { since, number } = work
  line.underWay.delete(answer)
  const to = Math.min(performance.now(), since + MOST_MS)
  const ms = Math.max(0, to - Math.max(since, line.workedTo))
  line.workedMs += ms
  line.workedTo = Math.max(line.workedTo, to)
  for (const waiting of line.waiting) if (waiting.number < number) waiting.laterMs += ms
}

/** A request is worked on from now on. */
export function begin (line: Line, { answer, number }: Begun): void {
  line.underWay.set(answer, { since: performance.now(), number })
}

/**
 * Whether a request may be worked on. Who has the socket has a place, whatever the others are: all of them wait for his answer. There are
 * few: to look at each is cheaper than to make a number of a token, whose text is new each time.
 */
export const hasPlace = ({ begun }: Line, { caller, answer }: Pick<Begun, 'caller' | 'answer'>) =>
  (begun.length < AT_ONCE || answer.socket !== null) && !begun.some(one => one.caller === caller)

/** Whether so few are here that another may come in while one waits for its turn to be answered. */
export const hasRoom = ({ begun, waiting }: Line) => begun.length + waiting.length < AT_ONCE

/** Whether a request waits until it can be answered: a text of its answer could be revoked while that waits. [DOWN-2] */
export const isBehind = ({ answer, showsTexts }: Begun) => showsTexts && answer.socket === null

/** Lets begin who may, in order; those of one caller one after the other. */
export function letBegin (line: Line): void {
  if (line.waiting.length === 0) return
  const passed = new Set<string>()
  for (const next of line.waiting) {
    if (!passed.has(next.caller) && !isBehind(next) && hasPlace(line, next)) {
      line.waiting.splice(line.waiting.indexOf(next), 1)
      next.begin()
      return letBegin(line)
    }
    passed.add(next.caller)
  }
}

/** Looks again when the answer that has the socket has left: it may be one that was refused before it came into the line. */
export function follow (line: Line, socket: Socket): void {
  const front = (socket as { _httpMessage?: ServerResponse | null })._httpMessage
  if (!front || line.front === front) return
  line.front = front
  front.once('close', () => {
    line.front = undefined
    letBegin(line)
    if (line.waiting.some(isBehind)) follow(line, socket)
  })
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
