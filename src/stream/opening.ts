// How a connection is opened: who reads, how his transport prints, and where he begins.
import type { Bye } from '../protocol/events.js'
import type { Position } from '../protocol/ids.js'
import type { More } from '../store/user/unread.js'
import type { Job } from './jobs.js'
import type { Lifetime } from './lifetime.js'
import type { Frame, Viewer } from './render.js'

/** Who prints by a transport: told when the client has gone, and when the socket has taken everything. */
export interface Served { gone (): void, wake (): void }

/** How a transport prints. `format` makes the text of a frame; `backlog` is what waits in the socket, in bytes. */
export interface Printer {
  format (frame: Frame): string
  comment: string
  write (text: string): void
  backlog (): number
  /** Writes the last text, a goodbye, and closes; nothing is written after it. */
  end (text: string, bye: Bye): void
  /** The text that makes a client wait so long before it comes back, where the transport has one. */
  retry? (ms: number): string
  /** Whether an answer of bounded size takes this frame, too; a stream takes all, as fast as it drains. [SLOW-2] */
  fits? (frame: Frame): boolean
  /** Nothing is under way any more: all that is known was printed, or there is no room. */
  rest? (): void
  /**
   * Who prints is told what becomes of the connection from now on, also while his attach waits; at once when the client has gone already.
   */
  serve? (printing: Served): void
}

/** By what a connection is held; SSE unless it is said. */
export type Transport = 'sse' | 'poll' | 'ws'

/** Where a connection begins: its cursor, the position that counts as live, and what is printed in between. */
export interface Start { position: Position, target: number, jobs: Job[], more: More, greeting: Frame[], fresh: boolean }

/**
 * What a connection is opened with. `issuedAt`, `expiresAt`: the token's life, ms. `traceId`: of the attaching request.
 * `rotateAt`: when it is too old, ms of the monotonic clock; set by the hub, as `units`: what it weighs when it resumes [COST-1].
 * `onLife`: is told the lifetime of the connection at once, while its attach is under way.
 * `lease`: its being open is the terminal's sign of life [LIFE-2]. `adopt`: what the session of a poll makes of its start.
 * `askedAt`: when it was asked for, by the monotonic clock; `from`: where it began, a cursor, once it was let in.
 * `who`: its reader's number among the prints.
 */
export interface Opening extends Viewer {
  cursor?: string
  issuedAt: number
  expiresAt: number
  traceId: string
  printer: Printer
  transport?: Transport
  rotateAt?: number
  onLife? (lifetime: Lifetime): void
  units?: number
  lease?: 'socket'
  adopt? (start: Start): Promise<Start>
  askedAt?: number
  from?: string | undefined
  who?: number
}
