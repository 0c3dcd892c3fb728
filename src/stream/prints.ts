// When what was printed on this node, for who asks whether somebody got it: the last prints, whosever they were. [DELIVERY-2]
import type { Position } from '../protocol/ids.js'
import type { Opening } from './opening.js'

/** So many prints are remembered; one print is all that a connection got in one turn. 28 bytes each. */
const MOST = 65_536
const PRIME = 16_777_619

/** Who is printed to. `who`: his number, once it was made. */
type Reader = Pick<Opening, 'userId' | 'terminalId' | 'who'>

/** @returns a number of a name (FNV-1a, 32 bits): to keep the names would cost more than all the rest. */
function numberOf (name: string): number {
  let number = 2_166_136_261
  for (let i = 0; i < name.length; i++) number = Math.imul(number ^ name.charCodeAt(i), PRIME)
  return number
}

/** The number of a reader of one stream: of another epoch it is another. */
function whoIs (reader: Reader, epoch: string): number {
  reader.who ??= numberOf(`${reader.userId}/${reader.terminalId}`)
  return (reader.who ^ (Number(epoch) % 4_294_967_296)) >>> 0
}

/** What a printer notes its prints in. */
export interface Printing { prints: Pick<Prints, 'note'> }

/** The last prints of a node. The oldest give way. */
export class Prints {
  readonly #who = new Uint32Array(MOST)
  readonly #after = new Float64Array(MOST)
  readonly #upTo = new Float64Array(MOST)
  readonly #at = new Float64Array(MOST)
  readonly #now: () => number
  #next = 0

  /** @param now ms of the store's clock */
  constructor (now: () => number) { this.#now = now }

  /** Entries were printed: those after a position, up to a number. */
  note (reader: Reader, { epoch, seq }: Position, upTo: number): void {
    const i = this.#next
    this.#who[i] = whoIs(reader, epoch)
    this.#after[i] = seq
    this.#upTo[i] = upTo
    this.#at[i] = this.#now()
    this.#next = (i + 1) % MOST
  }

  /** @returns when an entry was printed to a terminal the last time, ms of the store's clock; undefined when that is not remembered. */
  printedAt (reader: Reader, { epoch, seq }: Position): number | undefined {
    const who = whoIs(reader, epoch)
    for (let n = 1; n <= MOST; n++) {
      const i = (this.#next - n + MOST) % MOST
      const at = this.#at[i]
      if (!at) return undefined
      if (this.#who[i] === who && seq > (this.#after[i] ?? 0) && seq <= (this.#upTo[i] ?? 0)) return at
    }
    return undefined
  }
}
