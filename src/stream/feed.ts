// A user's feed on this node: how far his stream is known to go, and its last entries in memory. docs/architecture.md, "The way down".
import type { Position } from '../protocol/ids.js'
import { type Item, seqOf } from '../store/entry.js'

/** So many entries wait in memory for a connection that lags; one that lags more reads Redis. */
const TAIL_ITEMS = 64

/** Whether bodies in memory (there since when, ms of `performance`) may be printed: what was recalled on other nodes is known here. Else Redis is read. [DOWN-2] */
export interface Memory { isProven (since?: number): boolean }

/** A feed. It knows nothing until a top is `reached` or a hint comes. A class: one per user, closures would cost each 700 bytes more. */
export class Feed {
  #top: Position | undefined
  #tail: Item[] = []

  /** The end of the stream as far as this node knows. */
  get top (): Position | undefined { return this.#top }

  /**
   * The stream was seen to end here: hints up to it were missed or are still to come, and will count for nothing.
   * @returns whether it goes further than was known: whoever reads it must be woken now, since no hint will do it.
   */
  reached (position: Position): boolean {
    if (this.#top?.epoch === position.epoch && position.seq <= this.#top.seq) return false
    this.#top = position
    this.#tail = []
    return true
  }

  /**
   * An entry was published. A hint that comes twice or late is dropped; one that comes early leaves a gap, which is
   * read from Redis: losing a hint costs latency, never an event. One that is not to be trusted leaves its place only.
   * @returns whether the stream goes further than was known.
   */
  hint (item: Item, isProven = true): boolean {
    const epoch = item.id.slice(0, item.id.indexOf('-'))
    const { seq } = item
    const top = this.#top
    if (top?.epoch === epoch && seq <= top.seq) return false
    if (top?.epoch !== epoch || seq !== top.seq + 1) this.#tail = []
    if (isProven) this.#tail.push(item)
    else this.#tail = []
    if (this.#tail.length > TAIL_ITEMS) this.#tail.shift()
    this.#top = { epoch, seq }
    return true
  }

  /**
   * @param isProven whether all is known that was recalled elsewhere: else bodies are not taken from memory. [DOWN-2]
   * @returns the entries after a position when memory has all of them; undefined: ask Redis.
   */
  since (position: Position, isProven = true): Item[] | undefined {
    if (this.#top?.epoch !== position.epoch) return undefined
    if (position.seq >= this.#top.seq) return []
    if (!isProven) return undefined
    const tail = this.#tail
    const first = tail[0]
    if (first === undefined || first.seq > position.seq + 1) return undefined
    return first.seq === position.seq + 1 ? tail : tail.slice(position.seq + 1 - first.seq)
  }

  /** Nobody needs what is in memory: it is let go, so that neither an idle connection nor a stalled one costs a tail. */
  forget (): void { this.#tail = [] }
}

/** @returns the item of a hint. */
export function hintedItem (id: string, reference: Item['reference'], body: string): Item {
  return { id, seq: seqOf(id), reference, body }
}
