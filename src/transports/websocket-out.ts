// What goes out of a WebSocket: events and answers, all that comes together in one write. docs/protocol.md section 4.
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { type Bye, byes } from '../protocol/events.js'
import type { Printer, Served } from '../stream/opening.js'
import { holding, MAX_BACKLOG } from '../stream/outlet.js'
import { bytesOf } from './bytes.js'
import { webSocketFrame, webSocketText } from './frame-json.js'

/** A peer that does not answer a goodbye is cut off. */
const END_MS = 2_000

/** Whose it is: told when there is room again, and in whose report the goodbye is said. */
interface Owner { drained (): void, readonly report: { bye: Bye | undefined } }

/** How a WebSocket prints. A class: there is one per connection. */
export class WebSocketOut implements Printer {
  /** Answers that leave with the events of this turn, or at its end. */
  #answers = ''
  #reader: Served | undefined

  /** @param stream the connection below the socket. */
  constructor (private readonly socket: WebSocket, private readonly stream: Duplex, private readonly owner: Owner) {}

  get format () { return webSocketFrame }
  get comment (): string { return '' }

  backlog (): number { return this.socket.bufferedAmount + this.#answers.length }

  /** Past the package, which would write head and payload of each frame by themselves. */
  write (bytes: string): void {
    const all = this.#answers + bytes
    // they alone were too much, and what the socket takes at once leaves without a `drain`; not now: it may be the owner who writes
    if (this.#answers.length >= MAX_BACKLOG) setImmediate(tell, this.owner)
    this.drop()
    if (this.socket.readyState === this.socket.OPEN) this.stream.write(all, 'latin1')
  }

  /** Sends an answer. What was asked before a goodbye is not answered behind it. */
  answer (answer: object): void {
    if (this.socket.readyState !== this.socket.OPEN) return
    if (this.#answers === '') {
      holding.add(this)
      // behind the events that the same turn brings: they were asked for before it
      setImmediate(release, this)
    }
    this.#answers += webSocketText(bytesOf(JSON.stringify(answer)))
  }

  /** What waits leaves. */
  release (): void { if (this.#answers !== '') this.write('') }

  /** Nobody is there any more who would read what waits. */
  drop (): void {
    if (this.#answers === '') return
    this.#answers = ''
    holding.delete(this)
  }

  end (bytes: string, bye: Bye): void {
    this.owner.report.bye = bye
    this.write(bytes)
    this.socket.close(byes[bye].code)
    this.socket.resume() // the peer's close ends it at once
    setTimeout(cut, END_MS, this.socket).unref()
  }

  serve (reader: Served): void {
    this.#reader = reader
    if (this.socket.readyState !== this.socket.OPEN) reader.gone()
  }

  closed (): void {
    this.drop()
    this.#reader?.gone()
  }

  drained (): void { this.#reader?.wake() }
}

const tell = (owner: Owner) => owner.drained()
const release = (out: WebSocketOut) => out.release()
const cut = (socket: WebSocket) => socket.terminate()
