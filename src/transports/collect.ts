// What a long-poll collects: events up to a limit, and what HELLO, RESET, READY and BYE say. PROTOCOL.md section 4.
import type { Printer } from '../delivery/opening.js'
import type { Frame } from '../delivery/render.js'
import { jsonLine } from './frame-json.js'

type Told = Record<string, unknown>

/**
 * Collects what the pump prints. Events with an id count against `limit`; what comes behind it is let go, since `cursor`
 * is the id of the last one taken, and the next poll reads on from there.
 */
export class Collection {
  readonly events: string[] = []
  cursor: string | undefined
  recovered: boolean | undefined
  reset: Told | undefined
  /** READY came: what follows is live. */
  isReady = false
  /** READY said that there are more unread messages, or the limit let something go. */
  hasMore = false
  /** The code of the goodbye. */
  bye: number | undefined
  /** How long it asks to stay away, when it does. */
  retryAfterMs: number | undefined
  #taken = 0
  readonly #limit: number
  readonly #onChange: () => void

  constructor (limit: number, onChange: () => void) {
    this.#limit = limit
    this.#onChange = onChange
  }

  get isFull (): boolean { return this.#taken >= this.#limit }

  /** The printer of the connection: everything is taken where it is formatted, nothing is written anywhere. */
  printer (): Printer {
    return {
      format: frame => {
        this.#take(frame)
        this.#onChange()
        return ''
      },
      comment: '',
      write: () => undefined,
      backlog: () => this.isFull ? Infinity : 0,
      end: () => undefined
    }
  }

  #take (frame: Frame): void {
    const { event, id } = frame
    const told = gatewayWord(frame)
    if (told?.name === 'IRIS.BYE') {
      this.bye = Number(told.data['code'])
      this.retryAfterMs = told.data['retryAfterMs'] as number | undefined
    }
    if (this.isFull) {
      this.hasMore ||= told?.name !== 'IRIS.BYE'
      return
    }
    if (id !== undefined) this.cursor = id
    if (told) return this.#listen(told)
    if (event === undefined) return
    this.events.push(jsonLine(frame).trimEnd())
    if (id !== undefined) this.#taken++
  }

  #listen ({ name, data }: { name: string, data: Told }): void {
    if (name === 'IRIS.HELLO') this.recovered = data['recovered'] as boolean | undefined
    if (name === 'IRIS.RESET') this.reset = data
    if (name !== 'IRIS.READY') return
    this.isReady = true
    this.hasMore ||= data['more'] === true
  }
}

const OWN = new Set(['IRIS.HELLO', 'IRIS.RESET', 'IRIS.READY', 'IRIS.BYE'])

/** @returns the gateway's own command in a frame, when it is one that the answer itself says. */
function gatewayWord ({ event, data }: Frame): { name: string, data: Told } | undefined {
  if (event !== 'CMD_DOWN' || !data?.includes('"name":"IRIS.')) return undefined
  const command = JSON.parse(data) as { name: string, data: Told }
  return OWN.has(command.name) ? command : undefined
}
