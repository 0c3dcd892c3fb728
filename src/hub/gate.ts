// The gate before the store: so many attaches are under way, the others wait in order, so that a storm of them does not hurt commands.

/** Nobody waits longer to be let in: the answer is due within 2.5 s, and what is behind the gate needs its part. [DEADLINE-1] */
const GATE_MS = 1_200
/**
 * When nobody has come out for so many turns of a timer while all places were taken, the store stands still.
 * A process that was busy itself counts one.
 */
const STILL_TURNS = 5
const TURN_MS = 100

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

/** The mean is over so long, ms: one pause among many who come out quickly is no reason to turn anybody away. */
const PACE_MS = 1_000
/** Before anybody has come out the first pauses count little. */
const FIRST = 10

/** How fast they come out while others wait: time and people, of which the latest count most. */
function createPace () {
  let [passedMs, people] = [0, FIRST]
  return {
    add (ms: number): void {
      const share = Math.exp(-ms / PACE_MS)
      passedMs = passedMs * share + ms
      people = people * share + 1
    },
    /** Between two, ms. */
    get ms () { return passedMs / people }
  }
}

/** Makes a gate. A key names one who waits, so that he can leave without having cost anything. */
export function createGate ({ places, queue, waitMs = GATE_MS }: Facts) {
  const waiting = new Map<object, Waiting>()
  let inside = 0
  /** When the last one came out; or when the last place was taken, if that was later. */
  let leftAt = 0
  const pace = createPace()
  let stillTurns = 0
  let turning: NodeJS.Timeout | undefined

  /** How long one who comes now would wait, ms. */
  function waitAhead (): number {
    return stillTurns >= STILL_TURNS ? Infinity : waiting.size * pace.ms
  }

  function turn (): void {
    stillTurns++
    if (inside >= places) return
    clearInterval(turning)
    turning = undefined
  }

  async function enter (key: object): Promise<Entry> {
    if (inside < places) {
      if (++inside < places) return 'in'
      leftAt = performance.now()
      stillTurns = 0
      turning ??= setInterval(turn, TURN_MS).unref()
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
    if (waiting.size > 0) pace.add(now - leftAt)
    leftAt = now
    stillTurns = 0
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
    get backlogMs () { return waiting.size * pace.ms },

    /** How many are under way, and how many wait. */
    get census () { return { inside, waiting: waiting.size } }
  }
}
