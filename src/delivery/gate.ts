// The gate before the store: so many attaches are under way, the others wait in order, so that a storm of them does not hurt commands.

/** Nobody waits longer for his HELLO; who does is asked to come back. */
const WAIT_MS = 15_000

/** How an attempt to come in ends. */
type Entry = 'in' | 'full' | 'left'

interface Facts {
  /** So many are inside at once. */
  places: number
  /** So many wait at most. */
  queue: number
  /** The clock, ms. */
  now (): number
}

/** Makes a gate. A key names one who waits, so that he can leave without having cost anything. */
export function createGate ({ places, queue, now }: Facts) {
  const waiting = new Map<object, { since: number, answer (entry: Entry): void }>()
  let inside = 0

  async function enter (key: object): Promise<Entry> {
    if (inside < places) {
      inside++
      return 'in'
    }
    if (waiting.size >= queue) return 'full'
    return await new Promise(resolve => waiting.set(key, { since: now(), answer: resolve }))
  }

  function answer (key: object, entry: Entry): void {
    waiting.get(key)?.answer(entry)
    waiting.delete(key)
  }

  /** The place is handed on: it is never free while somebody waits, so nobody is overtaken. */
  function leave (): void {
    const [next] = waiting.keys()
    if (next) answer(next, 'in')
    else inside--
  }

  return {
    /**
     * Does `work` when there is a place, first come, first served.
     * @returns what it returns; `full` when too many wait already, or for too long; `left` when he gave up meanwhile.
     *   Throws what the work throws.
     */
    async pass<T> (key: object, work: () => Promise<T>): Promise<T | 'full' | 'left'> {
      const entry = await enter(key)
      if (entry !== 'in') return entry
      try {
        return await work()
      } finally {
        leave()
      }
    },

    /** Who waits under this key does not want to come in any more. */
    giveUp: (key: object): void => answer(key, 'left'),

    /** Now and then: turns away those who have waited too long. */
    tick (): void {
      for (const [key, { since }] of waiting) {
        if (now() - since < WAIT_MS) break
        answer(key, 'full')
      }
    },

    /** How many are under way, and how many wait. */
    get census () { return { inside, waiting: waiting.size } }
  }
}
