// Whether a connection still leads to a Redis: TCP says nothing of a way that swallows bytes.
// What is silent too long is dropped and dialled anew.
import type { Socket } from 'node:net'
import type { Redis } from './redis.js'

/** How often a connection is asked for a sign of life. */
const ASK_MS = 500
/** Longer than a command is waited for: what is cut then is answered already. A script of so long is a fault, too. */
const SILENT_MS = 2_000

interface Watching {
  redis: Redis
  /** Called before a connection that is dead without a word is dropped. */
  onDead? (): void
}

export type Probe = ReturnType<typeof createProbe>

/**
 * Asks a connection for a sign of life twice a second, from `ready` on; before that the client's own deadlines hold. Whatever
 * comes counts, not only the answer: one that is busy is not dead. After 2 s without a byte the socket is destroyed (an
 * orderly end would wait for the other side), what was under way fails, and the client dials anew.
 * @returns `stop()` ends the watch.
 */
export function createProbe ({ redis, onDead }: Watching) {
  let watched: Socket | undefined
  let bytes = 0
  let heardAt = 0

  function listen (): void {
    const { stream } = redis
    if (stream === watched && stream.bytesRead === bytes) return
    watched = stream
    bytes = stream.bytesRead
    heardAt = performance.now()
  }

  function look (): void {
    if (redis.status !== 'ready') {
      watched = undefined
      return
    }
    listen()
    if (performance.now() - heardAt >= SILENT_MS) {
      onDead?.()
      redis.stream.destroy()
    } else redis.ping().catch(() => undefined) // a refusal is an answer, too
  }

  // what came while this process was busy is read before it is judged
  const timer = setInterval(() => setImmediate(look), ASK_MS).unref()
  return { stop: () => clearInterval(timer) }
}
