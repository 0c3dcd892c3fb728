// What is to be told to one webhook, in order: of a conversation, and of a user, an event waits for those before it. [WEBHOOK-4]
import type { Due } from '../store/webhook/outbox.js'

/**
 * An event on its way. `dueAt`: not tried before, by `performance.now()`; `attempts` that failed, the last of them for a `reason`.
 * `refusals`: how many of these failed although others had been taken since the one before; `takenBefore`: how many, at the last.
 */
export interface Waiting extends Due {
  attempts: number
  reason: string
  refusals: number
  takenBefore: number
  dueAt: number
  isUnderWay: boolean
  keys: string[]
}

/** Whose order an event is part of. What is told beside the stream is in none. */
function keysOf ({ isBeside, event: { conversationId, userId } }: Due): string[] {
  if (isBeside) return []
  return [...(typeof conversationId === 'string' ? [`c ${conversationId}`] : []), ...(typeof userId === 'string' ? [`u ${userId}`] : [])]
}

/** Makes an empty order. */
export function createOrder () {
  const all = new Map<string, Waiting>()
  const queues = new Map<string, Waiting[]>()

  const isFirst = (one: Waiting) => one.keys.every(key => queues.get(key)?.[0] === one)

  return {
    get size () { return all.size },

    has: (position: string): boolean => all.has(position),

    positions: () => all.keys(),

    /** Puts an event behind the others; one that is there already stays where it is. */
    add (due: Due): void {
      if (all.has(due.position)) return
      const one: Waiting = {
        ...due, attempts: 0, reason: '', refusals: 0, takenBefore: Infinity, dueAt: 0, isUnderWay: false, keys: keysOf(due)
      }
      all.set(due.position, one)
      for (const key of one.keys) {
        const queue = queues.get(key)
        if (queue) queue.push(one)
        else queues.set(key, [one])
      }
    },

    /**
     * @returns an event that may go now, the one that failed least: what nobody takes is tried when there is nothing else;
     *   or how long until one may, ms: Infinity when all wait for something else.
     */
    next (): Waiting | number {
      const now = performance.now()
      let waitMs = Infinity
      let best: Waiting | undefined
      for (const one of all.values()) {
        if (one.isUnderWay || !isFirst(one)) continue
        if (one.dueAt > now) waitMs = Math.min(waitMs, one.dueAt - now)
        else if (one.attempts === 0) return one
        else if (!best || one.attempts < best.attempts) best = one
      }
      return best ?? waitMs
    },

    /** @returns the oldest that was refused so often, and is not just tried. */
    refused (refusals: number): Waiting | undefined {
      for (const one of all.values()) if (one.refusals >= refusals && !one.isUnderWay) return one
      return undefined
    },

    /** One is done with: the next of its order may go. Of one that was read again meanwhile another stands here, and stays. */
    remove (one: Waiting): void {
      if (all.get(one.position) !== one) return
      all.delete(one.position)
      for (const key of one.keys) {
        const queue = (queues.get(key) ?? []).filter(other => other !== one)
        if (queue.length > 0) queues.set(key, queue)
        else queues.delete(key)
      }
    },

    /** All may go at once: what kept them is over. */
    hurry (): void { for (const one of all.values()) one.dueAt = 0 },

    clear (): void {
      all.clear()
      queues.clear()
    }
  }
}
