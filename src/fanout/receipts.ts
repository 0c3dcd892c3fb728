// Questions to other nodes that are under way: each is settled by its answer, or by its deadline. [CMD-5] [GET-1]

import { leftMs } from '../store/deadline.js'

/** A node that hears a question later than this does nothing: whoever asked has gone another way. */
export const TAKE_MS = 500
/** So long an answer is waited for: what was taken in time has time to be said. */
const WAIT_MS = 800
/** More questions than this are not waited for. */
const MAX_WAITING = 20_000

/** Makes the questions of a node. */
export function createReceipts () {
  const waiting = new Map<number, (answer: unknown) => void>()
  let last = 0

  function settle (id: number, answer: unknown): void {
    waiting.get(id)?.(answer)
    waiting.delete(id)
  }

  return {
    settle,

    /**
     * Asks, and waits.
     * @param send sends the question under the number that its answer must name. @returns how many heard it.
     * @returns the answer; undefined when nobody listens or none comes in time. Throws what `send` throws.
     */
    async await (send: (id: number) => Promise<number>): Promise<unknown> {
      if (waiting.size >= MAX_WAITING) return undefined
      const id = ++last
      const answered = new Promise(resolve => waiting.set(id, resolve))
      const timer = setTimeout(() => settle(id, undefined), Math.max(0, Math.min(WAIT_MS, leftMs())))
      try {
        if (await send(id) === 0) return undefined
        return await answered
      } finally {
        clearTimeout(timer)
        waiting.delete(id)
      }
    }
  }
}
