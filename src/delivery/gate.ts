// The gate before the store: so many attaches are under way, the others wait in order, so that a storm of them does not hurt commands.

/** Nobody waits longer to be let in: the answer is due within 2.5 s, and what is behind the gate needs its part. [DEADLINE-1] */
const GATE_MS = 1_200
/** When nobody has come out for so long while all places were taken, the store stands still. */
const STILL_MS = 500
/** How much the last pause between two who come out counts in their mean. */
const SHARE = 0.1

/** How an attempt to come in ends. */
type Entry = 'in' | 'full' | 'left'

interface Facts {
  /** So many are inside at once. */
  places: number
  /** So many wait at most. */
  queue: number
  /** Nobody waits longer, ms. */
  waitMs?: number
}

interface Waiting { answer (entry: Entry): void, timer: NodeJS.Timeout }

/** Makes a gate. A key names one who waits, so that he can leave without having cost anything. */
export function createGate ({ places, queue, waitMs = GATE_MS }: Facts) {
  const waiting = new Map<object, Waiting>()
  let inside = 0
  /** When the last one came out; or when the last place was taken, if that was later. */
  let leftAt = 0
  /** Between two who come out while others wait, ms. */
  let paceMs = 0

  /** How long one who comes now would wait, ms. */
  function waitAhead (): number {
    return performance.now() - leftAt > STILL_MS ? Infinity : waiting.size * paceMs
  }

  async function enter (key: object): Promise<Entry> {
    if (inside < places) {
      if (++inside === places) leftAt = performance.now()
      return 'in'
    }
    if (waiting.size >= queue || waitAhead() > waitMs) return 'full'
    return await new Promise(resolve => {
      const timer = setTimeout(answer, waitMs, key, 'full')
      waiting.set(key, { answer: resolve, timer })
    })
  }

  function answer (key: object, entry: Entry): void {
    const found = waiting.get(key)
    if (!found) return
    clearTimeout(found.timer)
    waiting.delete(key)
    found.answer(entry)
  }

  /** The place is handed on: it is never free while somebody waits, so nobody is overtaken. */
  function leave (): void {
    const now = performance.now()
    if (waiting.size > 0) paceMs += SHARE * (now - leftAt - paceMs)
    leftAt = now
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

    /** How long those who wait now will take, ms: who is turned away need not come back sooner. */
    get backlogMs () { return waiting.size * paceMs },

    /** How many are under way, and how many wait. */
    get census () { return { inside, waiting: waiting.size } }
  }
}
