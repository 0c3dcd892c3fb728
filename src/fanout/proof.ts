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
/** A proof that is waited for is asked for by a word of its own, unless the last one was said so lately. */
const SPARE_MS = 100
/** More words than this are not remembered: the store does not take any. */
const MAX_WORDS = 40

/** A word that was said: since when what it proves holds, when Redis had passed it on, and whether it has come back. */
interface Word { since: number, saidAt: number, passedAt?: number, isBack?: boolean }

interface Wait { until: number, end (): void }

interface Floor {
  /**
   * Publishes a word to this node.
   * @returns how many connections it was passed to; and when Redis had not passed it on yet: ms of `performance`, -Infinity: not known.
   */
  say (word: number): Promise<{ passedTo: number, since: number }>
  /** Drops the connection of the subscription, which is then dialled anew. */
  drop (): void
  /** Once a second while the node is deaf and the store answers. */
  onDeaf (): void
  log: { error (facts: object, message: string): void, info (facts: object, message: string): void }
}

/**
 * Makes the proof of a subscription. A subscription delivers in order: when a word has come back, so has everything that was
 * published before Redis passed it on. That is later than when it was said where one of the two has stood still.
 * @returns `connected()`, `subscribed()`, `lost()`: what became of the connection; `heard(word)`; `isHearing()`, `isProven()`,
 *   `isKeeping()`, `proven()`, `ageMs()`: see there; `drops()`: how often it was dropped; `stop()`.
 */
export function createProof ({ say, drop, onDeaf, log }: Floor) {
  /** The words that have not come back, the oldest first. */
  let words = new Map<number, Word>()
  let last = 0
  let state: 'away' | 'dialled' | 'subscribed' = 'away'
  let stateSince = performance.now()
  /** What was published until then has come in. */
  let provenAt = -Infinity
  let spokeAt = -Infinity
  /** Who waits for a proof. */
  const waits = new Set<Wait>()
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
    endWaits()
  }

  function endWaits (until = Infinity): void {
    for (const wait of waits) {
      if (wait.until > until) continue
      waits.delete(wait)
      wait.end()
    }
  }

  function prove ({ since }: Word): void {
    provenAt = Math.max(provenAt, since)
    if (isProven()) endWaits()
  }

  function speak (): void {
    spokeAt = performance.now()
    const word: Word = { since: spokeAt, saidAt: spokeAt }
    const mine = words.set(++last, word)
    const [oldest] = words.keys()
    if (words.size > MAX_WORDS && oldest !== undefined) words.delete(oldest)
    say(last).then(({ passedTo, since }) => {
      canSay = true
      word.passedAt = performance.now()
      if (since <= word.passedAt) word.since = Math.max(word.since, since) // else a clock was set
      if (word.isBack && mine === words) prove(word)
      // nobody listens there: who subscribed did so elsewhere, at a server that is not the one any more
      if (passedTo === 0 && state === 'subscribed' && mine === words) redial()
    }, (error: unknown) => { canSay = isForbidden(error) }) // who may not speak is deaf; else the store is away
  }

  function redial (): void {
    drops++
    become('away')
    drop()
  }

  const isProven = (since = Infinity) => performance.now() - provenAt <= RECALL_MS && stateSince <= since

  const isHearing = () => state === 'subscribed' && provenAt > -Infinity && !isOlder([...words.values()][0]?.saidAt, DEAF_MS)

  function judge (): void {
    const passed = [...words.values()].find(({ passedAt }) => passedAt !== undefined)?.passedAt
    if (state === 'subscribed' ? isOlder(passed, DEAF_MS) : state === 'dialled' && isOlder(stateSince, DIAL_MS)) redial()
    endWaits(isHearing() ? performance.now() : Infinity)
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
      said.isBack = true
      for (const earlier of words.keys()) if (earlier <= word) words.delete(earlier)
      prove(said)
    },

    /** Whether the node hears the others: false from 1.75 s after it does not. */
    isHearing,

    /** How old, ms, what has not come in yet can be. */
    ageMs: () => performance.now() - provenAt,

    /**
     * Whether all has come in that was published until `RECALL_MS` ago, from `since` on:
     * then what was recalled elsewhere by then is known here.
     */
    isProven,

    /** Whether what comes in may be proven later: nothing that is published is lost now. */
    isKeeping: () => state === 'subscribed' && provenAt > -Infinity,

    /**
     * Waits for a proof, by one word for all who wait: about so long, ms, and no longer than the node hears. Where none comes soon
     * Redis is still to be asked, before the deadline.
     * @returns whether it is there: see `isProven`.
     */
    async proven (since?: number, forMs = WORD_MS): Promise<boolean> {
      if (isProven(since) || !isHearing()) return isProven(since)
      if (performance.now() - spokeAt > SPARE_MS) speak()
      await new Promise<void>(resolve => waits.add({ until: performance.now() + forMs, end: resolve }))
      return isProven(since)
    },

    /** Says a word at once: the store takes words again. */
    speak,
    drops: () => drops,
    stop: () => clearInterval(timer)
  }
}

const isOlder = (time: number | undefined, ms: number) => time !== undefined && performance.now() - time > ms
