// Whether this node hears what is published to it:
// a word goes out by the commands' connection, and must come back by the subscription. [DOWN-2]
import { RECALL_MS } from '../store/life/fresh.js'
import { isForbidden } from '../store/redis/redis.js'

/** So often a word goes out. */
const WORD_MS = 250
/**
 * A word that does not come back for so long: the node is deaf. A little less than the protocol says, since it is looked at now and then.
 */
const DEAF_MS = 1_750
/** From a connection to its subscription it may take so long. */
const DIAL_MS = 3_000
/** So often a deaf node looks for itself at what it does not hear of. */
const LOOK_MS = 1_000
/** More words than this are not remembered: the store does not take any. */
const MAX_WORDS = 40

interface Floor {
  /** Publishes a word to this node. @returns how many connections it was passed to. */
  say (word: number): Promise<number>
  /** Drops the connection of the subscription, which is then dialled anew. */
  drop (): void
  /** Once a second while the node is deaf and the store answers. */
  onDeaf (): void
  log: { error (facts: object, message: string): void, info (facts: object, message: string): void }
}

/**
 * Makes the proof of a subscription. A subscription delivers in order: when a word has come back, so has everything that was
 * published before it was said.
 * @returns `connected()`, `subscribed()`, `lost()`: what became of the connection; `heard(word)`; `isHearing()`, `isProven()`,
 *   `ageMs()`: see there; `drops()`: how often it was dropped; `stop()`.
 */
export function createProof ({ say, drop, onDeaf, log }: Floor) {
  /** The words that have not come back, the oldest first: when each was said, and when Redis had passed it on. */
  let words = new Map<number, { saidAt: number, passedAt?: number }>()
  let last = 0
  let state: 'away' | 'dialled' | 'subscribed' = 'away'
  let stateSince = performance.now()
  /** When the last word was said that has come back. */
  let provenAt = -Infinity
  let canSay = false
  let lookedAt = 0
  /** When others were heard last, or could not be: the store was away. */
  let fineAt = performance.now()
  let saidDeaf = false
  let drops = 0

  function become (next: typeof state): void {
    state = next
    stateSince = performance.now()
    words = new Map()
    provenAt = -Infinity
  }

  function speak (): void {
    const word = { saidAt: performance.now() } as { saidAt: number, passedAt?: number }
    const mine = words.set(++last, word)
    const [oldest] = words.keys()
    if (words.size > MAX_WORDS && oldest !== undefined) words.delete(oldest)
    say(last).then(passedTo => {
      canSay = true
      word.passedAt = performance.now()
      // nobody listens there: who subscribed did so elsewhere, at a server that is not the one any more
      if (passedTo === 0 && state === 'subscribed' && mine === words) redial()
    }, (error: unknown) => { canSay = isForbidden(error) }) // who may not speak is deaf; else the store is away
  }

  function redial (): void {
    drops++
    become('away')
    drop()
  }

  const isHearing = () => state === 'subscribed' && provenAt > -Infinity && !isOlder([...words.values()][0]?.saidAt, DEAF_MS)

  function judge (): void {
    const passed = [...words.values()].find(({ passedAt }) => passedAt !== undefined)?.passedAt
    if (state === 'subscribed' ? isOlder(passed, DEAF_MS) : state === 'dialled' && isOlder(stateSince, DIAL_MS)) redial()
    if (isHearing() || !canSay) fineAt = performance.now()
    if (isHearing()) tellHearing()
    else if (isOlder(fineAt, LOOK_MS)) tellDeaf()
    if (isHearing() || !canSay || !isOlder(lookedAt, LOOK_MS)) return
    lookedAt = performance.now()
    onDeaf()
  }

  function tellHearing (): void {
    if (saidDeaf) log.info({}, 'Other nodes are heard again')
    saidDeaf = false
  }

  function tellDeaf (): void {
    if (!saidDeaf) {
      log.error({}, 'Other nodes are not heard: the subscription to Redis is dead or late. ' +
        'It is dialled anew; until then this node looks for itself every second')
    }
    saidDeaf = true
  }

  const timer = setInterval(() => {
    speak()
    // what has come in is taken first: this process may have stood still
    setImmediate(judge)
  }, WORD_MS)

  return {
    connected: () => become('dialled'),
    lost: () => become('away'),
    subscribed (): void {
      become('subscribed')
      speak()
    },

    heard (word: number): void {
      const said = words.get(word)
      if (!said) return
      provenAt = said.saidAt
      for (const earlier of words.keys()) if (earlier <= word) words.delete(earlier)
    },

    /** Whether the node hears the others: false from 1.75 s after it does not. */
    isHearing,

    /** How old, ms, what has not come in yet can be. */
    ageMs: () => performance.now() - provenAt,

    /**
     * Whether all has come in that was published until `RECALL_MS` ago, from `since` on:
     * then what was recalled elsewhere by then is known here.
     */
    isProven: (since = Infinity) => performance.now() - provenAt <= RECALL_MS && stateSince <= since,

    /** Says a word at once: the store takes words again. */
    speak,
    drops: () => drops,
    stop: () => clearInterval(timer)
  }
}

const isOlder = (time: number | undefined, ms: number) => time !== undefined && performance.now() - time > ms
