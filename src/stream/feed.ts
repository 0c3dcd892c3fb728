// A user's feed on this node: how far his stream is known to go, and its last entries in memory. docs/architecture.md, "The way down".
import type { Position } from '../protocol/ids.js'
import { isOfEpoch, type Item, seqOf } from '../store/user/entry.js'

/** So many entries wait in memory for a connection that lags; one that lags more reads Redis. */
const TAIL_ITEMS = 64

export interface Memory {
  /** Whether bodies in memory (there since when, ms of `performance`) may be printed: what was recalled on other nodes is known here. */
  isProven (since?: number): boolean
  /** Waits until it is so, ms. @returns false when it is not then: Redis is read. [DOWN-2] */
  proven (since?: number, forMs?: number): Promise<boolean>
}

/** What else is known of what comes in: whether it is heard, so that a proof is to be hoped for; and whether nothing of it is lost. */
export interface Hearing extends Memory { isHearing (): boolean, isKeeping (): boolean }

/** What most feeds have in memory: one for all of them, which nothing is added to. */
const NOTHING: Item[] = []

/** A feed. It knows nothing until a top is `reached` or a hint comes. A class: one per user, closures would cost each 700 bytes more. */
export class Feed {
  #epoch: string | undefined
  #seq = 0
  #tail: Item[] = NOTHING

  /** The end of the stream as far as this node knows. */
  get top (): Position | undefined { return this.#epoch === undefined ? undefined : { epoch: this.#epoch, seq: this.#seq } }
  /** Its number, of whatever epoch: asked for each reader of each event, without making a position. */
  get seq (): number | undefined { return this.#epoch === undefined ? undefined : this.#seq }

  /**
   * The stream was seen to end here: hints up to it were missed or are still to come, and will count for nothing.
   * @returns whether it goes further than was known: whoever reads it must be woken now, since no hint will do it.
   */
  reached ({ epoch, seq }: Position): boolean {
    if (this.#epoch === epoch && seq <= this.#seq) return false
    this.#epoch = epoch
    this.#seq = seq
    this.forget()
    return true
  }

  /**
   * An entry was published. A hint that comes twice or late is dropped; one that comes early leaves a gap, which is
   * read from Redis: losing a hint costs latency, never an event. One of which nobody would hear that it is recalled leaves its place only.
   * @returns whether the stream goes further than was known.
   */
  hint (item: Item, isKept = true): boolean {
    const { id, seq } = item
    const isKnownLife = this.#epoch !== undefined && isOfEpoch(id, this.#epoch)
    if (isKnownLife && seq <= this.#seq) return false
    const goesOn = isKept && isKnownLife && seq === this.#seq + 1
    if (!goesOn || this.#tail.length === 0) this.#tail = isKept ? [item] : NOTHING
    else if (this.#tail.push(item) > TAIL_ITEMS) this.#tail.shift()
    if (!isKnownLife) this.#epoch = id.slice(0, id.indexOf('-'))
    this.#seq = seq
    return true
  }

  /**
   * @param isProven whether all is known that was recalled elsewhere: else bodies are not taken from memory. [DOWN-2]
   * @returns the entries after a position when memory has all of them; undefined: ask Redis.
   */
  since ({ epoch, seq }: Position, isProven = true): readonly Item[] | undefined {
    if (this.#epoch !== epoch) return undefined
    if (seq >= this.#seq) return NOTHING
    const tail = this.#tail
    const first = tail[0]
    if (!isProven || first === undefined || first.seq > seq + 1) return undefined
    return first.seq === seq + 1 ? tail : tail.slice(seq + 1 - first.seq)
  }

  /** Nobody needs what is in memory: it is let go, so that neither an idle connection nor a stalled one costs a tail. */
  forget (): void { this.#tail = NOTHING }
}

/**
 * @returns the entries after a position when memory has all of them, and it is sure that they are true; undefined: ask Redis.
 *   Whether they are is asked by one word for all readers, before each asks for his own.
 */
export async function sureSince (feed: Feed, position: Position, memory: Memory): Promise<readonly Item[] | undefined> {
  if (!memory.isProven() && feed.since(position)?.length) await memory.proven()
  return feed.since(position, memory.isProven())
}

/** @returns the item of a hint. */
export function hintedItem (id: string, reference: Item['reference'], body: string): Item {
  return { id, seq: seqOf(id), reference, body }
}
