// The way into a socket: how much waits there, and for how long nothing has moved. [SLOW-1]
import type { Printer } from './opening.js'

/** No more bytes than this wait in a connection; what comes later stays in Redis. */
const MAX_BACKLOG = 256 * 1024
const STUCK_MS = 15_000
/** A comment and an id-only block after so much silence, so that proxies and clients see a living stream. */
export const HEARTBEAT_MS = 15_000

/** Makes the outlet of a connection. */
export function createOutlet (printer: Printer, now: () => number) {
  let lastWrite = 0
  let blockedSince = 0
  return {
    /** Whether more may be written; while not, the time of being stuck runs. */
    hasRoom (): boolean {
      const room = printer.backlog() < MAX_BACKLOG
      blockedSince = room ? 0 : blockedSince || now()
      return room
    },
    write (text: string): void {
      lastWrite = now()
      printer.write(text)
    },
    /** Whether the reader has taken nothing for 15 s although something waits. */
    isStuck: () => blockedSince > 0 && now() - blockedSince >= STUCK_MS,
    /** Whether it is time for a heartbeat. */
    isSilent: () => now() - lastWrite >= HEARTBEAT_MS
  }
}
