// A way down: what each of the four is given, and tells.
import type { Calls } from '../base/call.js'
import { type EventSourceLike, type SocketLike, whenOver } from '../base/platform.js'
import type { Frame } from '../base/wire.js'

export interface Opening {
  /** The path of a way down with its query: terminal, platform, cursor, and what is given. */
  pathOf (path: string, more?: Record<string, string | number>): string
  /** The whole address, with a ticket, for what cannot send headers. */
  address (path: string): Promise<string>
  calls: Calls
  /** Something came, be it only that the way is open. */
  heard (): void
  /** What breaks while it is read ends the way, too: it is resumed before that. */
  frame (read: () => Frame): void
  WebSocket?: (new (url: string, protocol: string) => SocketLike) | undefined
  EventSource?: (new (url: string) => EventSourceLike) | undefined
}

/** Opens a way down. @returns a promise that settles when it has ended, and rejects with why. It ends when the signal says so. */
export type Transport = (opening: Opening, signal: AbortSignal) => Promise<void>

/** What is closed when the signal says so. @param start is given what says that it has ended by itself */
export const untilOver = (signal: AbortSignal, start: (over: () => void) => { close (): void }): Promise<void> => new Promise(resolve => {
  const source = start(resolve)
  whenOver(signal, () => {
    source.close()
    resolve()
  })
})
