// When the frames of a WebSocket are read: not faster than their answers are taken, nor than the user may be. [SLOW-2] [COST-1]
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { MAX_BACKLOG } from '../stream/outlet.js'

/** So many frames of one connection are under way; then it is not read from until half of them are done. */
const MAX_AT_ONCE = 8
/** Nobody rests longer: the peer's pongs must be heard, too. */
const MAX_REST_MS = 10_000
/** Who is too fast again so soon after a rest has not been told anything by it. */
const CALM_MS = 1_000
/** So many rests in a row, and the connection ends. */
const MAX_RESTS = 10

interface Facts {
  socket: WebSocket
  /** The connection below it, which says when it has taken what was written. */
  stream: Duplex
  /** Answers a frame. Never rejects. */
  take (frame: Buffer): Promise<void>
  /** He goes on and on. */
  onBusy (): void
}

/**
 * Makes the pace of a connection.
 * @returns `receive(frame)`; `rest(ms)`: the user was too fast, and nothing is read for so long.
 */
export function createPace ({ socket, stream, take, onBusy }: Facts) {
  /** What one read of the socket brought beyond what may be taken: no more than that comes while it is paused. */
  const waiting: Buffer[] = []
  let underWay = 0
  let resting: NodeJS.Timeout | undefined
  let rests = 0
  let restedAt = 0

  /** The ping that waits for its pong: of those that come meanwhile only the newest has to be answered. RFC 6455 5.5.3 */
  let pinged: Buffer | undefined

  const isFull = () => socket.bufferedAmount >= MAX_BACKLOG
  const isHeld = () => resting !== undefined || isFull()

  function pump (): void {
    // a goodbye was said: what still comes is heard for the peer's own close
    if (socket.readyState !== socket.OPEN) waiting.length = 0
    while (underWay < MAX_AT_ONCE && !isHeld()) {
      const frame = waiting.shift()
      if (frame === undefined) break
      underWay++
      void take(frame).finally(done)
    }
    if (waiting.length > 0 || underWay >= MAX_AT_ONCE || isHeld()) socket.pause()
    else if (socket.isPaused && underWay <= MAX_AT_ONCE / 2) socket.resume()
  }

  function done (): void {
    underWay--
    pump()
  }

  function rest (ms: number): void {
    if (resting !== undefined) return // refused together with another
    const now = performance.now()
    rests = now - restedAt < CALM_MS ? rests + 1 : 1
    if (rests > MAX_RESTS) return onBusy()
    resting = setTimeout(() => {
      resting = undefined
      restedAt = performance.now()
      pump()
    }, Math.min(ms, MAX_REST_MS))
  }

  // the package's own pongs would end a socket that does not read without a word
  function answerPing (): void {
    if (pinged === undefined || isFull() || socket.readyState !== socket.OPEN) return
    socket.pong(pinged)
    pinged = undefined
  }

  socket.on('ping', (data: Buffer) => {
    pinged = data
    answerPing()
    pump()
  })
  stream.on('drain', () => {
    answerPing()
    pump()
  })
  socket.on('close', () => {
    clearTimeout(resting)
    waiting.length = 0
  })

  return {
    receive (frame: Buffer): void {
      waiting.push(frame)
      pump()
    },
    rest
  }
}
