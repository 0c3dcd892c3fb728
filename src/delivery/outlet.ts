// The way into a socket: how much waits there, and for how long nothing has moved. [SLOW-1]
import type { Printer } from './opening.js'
import type { Frame } from './render.js'

/** No more bytes than this wait in a connection; what comes later stays in Redis. */
export const MAX_BACKLOG = 256 * 1024
const STUCK_MS = 15_000
/** A comment and an id-only block after so much silence, so that proxies and clients see a living stream. */
export const HEARTBEAT_MS = 15_000

/** The outlet of a connection. */
export class Outlet {
  readonly #printer: Printer
  readonly #now: () => number
  #lastWrite = 0
  #blockedSince = 0

  constructor (printer: Printer, now: () => number) {
    this.#printer = printer
    this.#now = now
  }

  /** Whether more may be written; while not, the time of being stuck runs. */
  hasRoom (): boolean {
    const room = this.#printer.backlog() < MAX_BACKLOG
    this.#blockedSince = room ? 0 : this.#blockedSince || this.#now()
    return room
  }

  write (text: string): void {
    this.#lastWrite = this.#now()
    this.#printer.write(text)
  }

  /** Whether there has been no room for 15 s, whoever has written what waits. [SLOW-2] */
  isStuck (): boolean { return !this.hasRoom() && this.#now() - this.#blockedSince >= STUCK_MS }

  /** After a silence says that the stream lives: a comment, and an id-only block when the cursor may be trusted. */
  beat (cursor?: Frame): void {
    if (this.#now() - this.#lastWrite < HEARTBEAT_MS || !this.hasRoom()) return
    this.write(this.#printer.comment + (cursor ? this.#printer.format(cursor) : ''))
  }
}
