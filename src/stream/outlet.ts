// The way into a socket: how much waits there, and for how long nothing has moved. [SLOW-1]
import type { Printer } from './opening.js'
import type { Frame } from './render.js'

/** No more bytes than this wait in a connection; what comes later stays in Redis. */
export const MAX_BACKLOG = 256 * 1024
/** A comment and an id-only block after so much silence, so that proxies and clients see a living stream. */
export const HEARTBEAT_MS = 15_000
/** What belongs to one attach waits so long to leave in one write: the store may be slow. */
const HOLD_MS = 50
/** More characters do not wait. */
const HOLD_CHARS = 32 * 1024

/** What the outlets of a node share: the monotonic clock, which nobody sets [TIME-1], and how long a socket may take nothing, both ms. */
export interface OutletFloor { ticks (): number, stuckMs: number }

/** The outlet of a connection. */
export class Outlet {
  readonly #printer: Printer
  #lastWrite = 0
  #blockedSince = 0
  #held: { text: string, timer: NodeJS.Timeout } | undefined
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

  /** From now on what is written waits for `release`, for a while: it leaves in one write. An answer of bounded size does so anyway. */
  hold (): void {
    if (this.#printer.fits) return
    this.#held = { text: '', timer: setTimeout(release, HOLD_MS, this) }
    holding.add(this)
  }

  /** What waits leaves. */
  release (): void {
    const { text } = this.#held ?? {}
    if (this.drop() && text) this.#printer.write(text)
  }

  /** Nobody is there any more who would read what waits. @returns whether something did, and so all that was ever written. */
  drop (): boolean {
    const wasHeld = Boolean(this.#held?.text)
    clearTimeout(this.#held?.timer)
    this.#held = undefined
    holding.delete(this)
    return wasHeld
  }

  write (text: string): void {
    this.#lastWrite = this.#floor.ticks()
    if (!this.#held) return this.#printer.write(text)
    this.#held.text += text
    if (this.#held.text.length > HOLD_CHARS) this.release()
  }

  /** Whether there has been no room for too long, whoever has written what waits. [SLOW-2] */
  isStuck (): boolean { return !this.hasRoom() && this.#floor.ticks() - this.#blockedSince >= this.#floor.stuckMs }

  /** After a silence says that the stream lives: a comment, and an id-only block when the cursor may be trusted. */
  beat (cursor?: Frame): void {
    if (this.#floor.ticks() - this.#lastWrite < HEARTBEAT_MS || !this.hasRoom()) return
    this.write(this.#printer.comment + (cursor ? this.#printer.format(cursor) : ''))
  }
}

const release = (held: { release (): void }) => held.release()

/** What of this process holds back for a moment what must not leave after a recall was answered. */
export const holding = new Set<{ release (): void }>()

/** What waits anywhere leaves at once: something of it is recalled, and must not leave after that was answered. [REVOKE-4] */
export const releaseAll = (): void => holding.forEach(release)
