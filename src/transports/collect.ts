// What a long-poll collects: events up to a limit, and what HELLO, RESET, READY and BYE say. docs/protocol.md section 4.
import type { Printer } from '../stream/opening.js'
import type { Frame } from '../stream/render.js'
import { RECALL_MS } from '../store/life/fresh.js'

/** An answer is no larger, bytes; a single event that is goes alone. [SLOW-2] */
const MAX_BYTES = 1024 * 1024
/** What stands around the events. */
const ENVELOPE_BYTES = 1024
/** What stands around an event's name, id and data. */
const FRAME_BYTES = 32

type Told = Record<string, unknown>

/** Collects what the pump prints, as long as it fits: events with an id count against `limit`, all against the bytes. */
export class Collection {
  readonly events: Frame[] = []
  /** Since when it may not be known what of them was recalled: before the first was taken it was read. ms of `performance` */
  since = Infinity
  recovered: boolean | undefined
  reset: Told | undefined
  /** What READY said; it came: what follows is live. */
  ready: Told | undefined
  /** Something did not fit: there is more. */
  isFull = false
  /** The code of the goodbye. */
  bye: number | undefined
  /** How long it asks to stay away, when it does. */
  retryAfterMs: number | undefined
  #withId = 0
  #bytes = ENVELOPE_BYTES
  readonly #limit: number
  readonly #onRest: () => void

  constructor (limit: number, onRest: () => void) {
    this.#limit = limit
    this.#onRest = onRest
  }

  /** The printer of the connection: everything is taken where it is formatted, nothing is written anywhere. */
  printer (): Printer {
    return {
      format: frame => {
        this.#take(frame)
        return ''
      },
      fits: frame => this.#fits(frame),
      rest: this.#onRest,
      comment: '',
      write: () => undefined,
      backlog: () => this.isFull ? Infinity : 0,
      end: this.#onRest
    }
  }

  #fits ({ event, id, data = '' }: Frame): boolean {
    if (event === undefined || this.isFull) return !this.isFull
    const isTooLong = id !== undefined && this.#withId >= this.#limit
    const isTooLarge = this.events.length > 0 && this.#bytes + Buffer.byteLength(data) + ENVELOPE_BYTES > MAX_BYTES
    this.isFull = isTooLong || isTooLarge
    return !this.isFull
  }

  #take (frame: Frame): void {
    const told = gatewayWord(frame)
    if (told) return this.#listen(told)
    if (frame.event === undefined) return
    const { event, id, data = '' } = frame
    this.since = Math.min(this.since, performance.now() - RECALL_MS)
    this.events.push(frame)
    this.#bytes += FRAME_BYTES + event.length + (id?.length ?? 0) + Buffer.byteLength(data)
    if (id !== undefined) this.#withId++
  }

  #listen ({ name, data }: { name: string, data: Told }): void {
    if (name === 'IRIS.HELLO') this.recovered = data['recovered'] as boolean | undefined
    if (name === 'IRIS.READY') this.ready = data
    if (name === 'IRIS.RESET') {
      this.reset = data
      this.#bytes += Buffer.byteLength(JSON.stringify(data))
    }
    if (name !== 'IRIS.BYE') return
    this.bye = Number(data['code'])
    this.retryAfterMs = data['retryAfterMs'] as number | undefined
  }
}

const OWN = new Set(['IRIS.HELLO', 'IRIS.RESET', 'IRIS.READY', 'IRIS.BYE'])

/** @returns the gateway's own command in a frame, when it is one that the answer itself says. */
function gatewayWord ({ event, data }: Frame): { name: string, data: Told } | undefined {
  if (event !== 'CMD_DOWN' || !data?.includes('"name":"IRIS.')) return undefined
  const command = JSON.parse(data) as { name: string, data: Told }
  return OWN.has(command.name) ? command : undefined
}
