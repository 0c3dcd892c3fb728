// How many calls are under way at once, and of one user: the others wait in order, each for so long at most. [HOOK-4]
import { overloaded } from '../protocol/problem.js'

interface Waiting { owner: string, enter (leave: () => void): void }

/**
 * Makes slots.
 * @param most so many are taken at once; `ofOne`: of one owner, so that nobody holds them all; `queue`: so many may wait.
 */
export function createSlots ({ most, ofOne, queue }: { most: number, ofOne: number, queue: number }) {
  const taken = new Map<string, number>()
  let all = 0
  let waiting: Waiting[] = []

  const hasRoom = (owner: string) => all < most && (taken.get(owner) ?? 0) < ofOne

  function take (owner: string): () => void {
    all++
    taken.set(owner, (taken.get(owner) ?? 0) + 1)
    return () => {
      all--
      const left = (taken.get(owner) ?? 1) - 1
      if (left > 0) taken.set(owner, left)
      else taken.delete(owner)
      next()
    }
  }

  function next (): void {
    const one = waiting.find(({ owner }) => hasRoom(owner))
    if (!one) return
    waiting = waiting.filter(other => other !== one)
    one.enter(take(one.owner))
  }

  return {
    /**
     * Waits for a slot, `ms` at most.
     * @returns what gives it back, to be called once; undefined when there was none in time. Throws OVERLOADED when too many wait.
     */
    async enter (owner: string, ms: number): Promise<(() => void) | undefined> {
      if (hasRoom(owner)) return take(owner)
      if (waiting.length >= queue) throw overloaded()
      return await new Promise(resolve => {
        const one = {
          owner,
          enter (leave: () => void) {
            clearTimeout(timer)
            resolve(leave)
          }
        }
        const timer = setTimeout(() => {
          waiting = waiting.filter(other => other !== one)
          resolve(undefined)
        }, ms)
        waiting.push(one)
      })
    },

    /** How many are taken now, and how many wait. */
    count: () => ({ taken: all, waiting: waiting.length })
  }
}

export type Slots = ReturnType<typeof createSlots>
