// The requests of one connection: whose answers are not taken yet, and what waits for its turn. [SLOW-2]
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { createWork, type Work } from './work.js'

/** So many requests of a connection are worked on at once, each of another caller. Fewer would hide from the pressure how many wait. */
const AT_ONCE = 128

/**
 * A request that is worked on, or whose answer is not taken yet. `number`: how many had come with it.
 * `showsTexts`: its answer may bring messages.
 */
export interface Begun { caller: string, answer: ServerResponse, number: number, showsTexts: boolean }

/** A request that waits for its turn. `laterMs`: so long what came after it was worked on meanwhile. */
export interface Waiting extends Begun { laterMs: number, begin (): void, end (): void }

/** The requests of a connection. `begun`: the answers that are not taken yet, and their callers. */
export interface Line {
  begun: Begun[]
  waiting: Waiting[]
  work: Work
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
    work: createWork(),
    front: undefined,
    onClose: () => end(line)
  }
  return line
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
