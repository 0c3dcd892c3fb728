// The way into a socket: how much waits there, and for how long nothing has moved. [SLOW-1]
import type { Printer } from './opening.js'
import type { Frame } from './render.js'

/** No more bytes than this wait in a connection; what comes later stays in Redis. */
export const MAX_BACKLOG = 256 * 1024
/** A comment and an id-only block after so much silence, so that proxies and clients see a living stream. */
export const HEARTBEAT_MS = 15_000

/** What the outlets of a node share: the monotonic clock, which nobody sets [TIME-1], and how long a socket may take nothing, both ms. */
export interface OutletFloor { ticks (): number, stuckMs: number }

/** The outlet of a connection. */
export class Outlet {
  readonly #printer: Printer
  #lastWrite = 0
  #blockedSince = 0
  readonly #floor: OutletFloor

  constructor (printer: Printer, floor: OutletFloor) {
    this.#printer = printer
    this.#floor = floor
  }

  /** Whether more may be written; while not, the time of being stuck runs. */
  hasRoom (): boolean {
    const room = this.#printer.backlog() < MAX_BACKLOG
    this.#blockedSince = room ? 0 : this.#blockedSince || this.#floor.ticks()
    return room
  }

  write (text: string): void {
    this.#lastWrite = this.#floor.ticks()
    this.#printer.write(text)
  }

  /** Whether there has been no room for too long, whoever has written what waits. [SLOW-2] */
  isStuck (): boolean { return !this.hasRoom() && this.#floor.ticks() - this.#blockedSince >= this.#floor.stuckMs }

  /** After a silence says that the stream lives: a comment, and an id-only block when the cursor may be trusted. */
  beat (cursor?: Frame): void {
    if (this.#floor.ticks() - this.#lastWrite < HEARTBEAT_MS || !this.hasRoom()) return
    this.write(this.#printer.comment + (cursor ? this.#printer.format(cursor) : ''))
  }
}
