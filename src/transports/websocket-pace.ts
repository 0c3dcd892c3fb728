// When the frames of a WebSocket are read: not faster than their answers are taken, nor than the user may be. [SLOW-2] [COST-1]
import type { WebSocket } from 'ws'
import { MAX_BACKLOG } from '../stream/outlet.js'
import type { WebSocketOut } from './websocket-out.js'

/** So many frames of one connection are under way; then it is not read from until half of them are done. */
const MAX_AT_ONCE = 8
/** Nobody rests longer: the peer's pongs must be heard, too. */
const MAX_REST_MS = 10_000
/** Who is too fast again so soon after a rest has not been told anything by it. */
const CALM_MS = 1_000
/** So many rests in a row, and the connection ends. */
const MAX_RESTS = 10

/** Whose pace it is. */
interface Paced {
  socket: WebSocket
  out: Pick<WebSocketOut, 'backlog'>
  /** Answers a frame. Never rejects. */
  take (frame: Buffer): Promise<void>
  /** He goes on and on. */
  onBusy (): void
}

/** The pace of a connection. A class: there is one per connection, and its closures were a kilobyte. */
export class Pace {
  /** What one read of the socket brought beyond what may be taken: no more than that comes while it is paused. */
  #waiting: Buffer[] | undefined
  #underWay = 0
  #resting: NodeJS.Timeout | undefined
  #rests = 0
  #restedAt = 0
  /** The ping that waits for its pong: of those that come meanwhile only the newest has to be answered. RFC 6455 5.5.3 */
  #pinged: Buffer | undefined

  constructor (private readonly peer: Paced) {}

  receive (frame: Buffer): void {
    (this.#waiting ??= []).push(frame)
    this.#pump()
  }

  /** The user was too fast: nothing is read for so long, ms. */
  rest (ms: number): void {
    if (this.#resting !== undefined) return // refused together with another
    const now = performance.now()
    this.#rests = now - this.#restedAt < CALM_MS ? this.#rests + 1 : 1
    if (this.#rests > MAX_RESTS) return this.peer.onBusy()
    this.#resting = setTimeout(() => {
      this.#resting = undefined
      this.#restedAt = performance.now()
      this.#pump()
    }, Math.min(ms, MAX_REST_MS))
  }

  pinged (data: Buffer): void {
    this.#pinged = data
    this.drained()
  }

  /** The socket has taken what was written. */
  drained (): void {
    this.#answerPing()
    this.#pump()
  }

  closed (): void {
    clearTimeout(this.#resting)
    this.#waiting = undefined
  }

  get #isFull (): boolean { return this.peer.out.backlog() >= MAX_BACKLOG }
  get #isHeld (): boolean { return this.#resting !== undefined || this.#isFull }

  #pump (): void {
    const { socket } = this.peer
    // a goodbye was said: what still comes is heard for the peer's own close
    if (socket.readyState !== socket.OPEN) this.#waiting = undefined
    while (this.#waiting && this.#underWay < MAX_AT_ONCE && !this.#isHeld) this.#take(this.#waiting)
    if (this.#waiting || this.#underWay >= MAX_AT_ONCE || this.#isHeld) socket.pause()
    else if (socket.isPaused && this.#underWay <= MAX_AT_ONCE / 2) socket.resume()
  }

  #take (waiting: Buffer[]): void {
    const frame = waiting.shift() as Buffer
    if (waiting.length === 0) this.#waiting = undefined
    this.#underWay++
    void this.peer.take(frame).finally(() => {
      this.#underWay--
      this.#pump()
    })
  }

  // the package's own pongs would end a socket that does not read without a word
  #answerPing (): void {
    const { socket } = this.peer
    if (this.#pinged === undefined || this.#isFull || socket.readyState !== socket.OPEN) return
    socket.pong(this.#pinged)
    this.#pinged = undefined
  }
}
