// One direction of a connection through the proxy: what becomes of the bytes.
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/**
 * What a network does to one direction. `stall` keeps the bytes until the mode changes; what `swallow` takes is gone, so the
 * connection must be cut before it is used again; `cut` lets so many bytes through and then resets the connection.
 */
export type Mode =
  | { do: 'pass' | 'stall' | 'swallow' }
  | { do: 'delay', ms: number }
  | { do: 'trickle', bytes: number, ms: number }
  | { do: 'cut', afterBytes: number }

/** More waits in the kernel: the sender is not read. */
const MAX_QUEUE_BYTES = 4 * 1024 * 1024

export type Lane = ReturnType<typeof createLane>

interface Facts { from: Socket, to: Socket, mode: Mode, reset (): void, onHit (): void, filter (chunk: Buffer): Buffer }

/** Makes a lane. `onHit` is called for each chunk that a fault has met; `filter` returns what is to go on of a chunk. */
export function createLane ({ from, to, mode, reset, onHit, filter }: Facts) {
  let queue: Buffer[] = []
  let isPumping = false
  let hasEnded = false
  let isDamaged = false
  let changed: () => void = () => undefined

  const size = () => queue.reduce((sum, { length }) => sum + length, 0)

  function take (bytes: number): Buffer {
    const all = Buffer.concat(queue)
    queue = all.length > bytes ? [all.subarray(bytes)] : []
    return all.subarray(0, bytes)
  }

  /** Writes what waits, as the mode of the moment says. */
  async function step (): Promise<void> {
    if (mode.do === 'stall') return await new Promise(resolve => { changed = resolve })
    if (mode.do === 'delay' || mode.do === 'trickle') await pause(mode.ms)
    // it may have changed meanwhile, to a stall
    if (mode.do as string === 'stall' || to.destroyed) return
    if (!to.write(take(mode.do === 'trickle' ? mode.bytes : Infinity))) {
      await Promise.race([once(to, 'drain'), once(to, 'close')])
        .catch(() => undefined)
    }
  }

  async function pump (): Promise<void> {
    if (isPumping) return
    isPumping = true
    while (queue.length > 0 && !to.destroyed) await step()
    isPumping = false
    if (from.isPaused()) from.resume()
    if (hasEnded) to.end()
  }

  function push (chunk: Buffer): void {
    if (mode.do !== 'pass') onHit()
    if (mode.do === 'swallow') return void (isDamaged = true)
    if (mode.do === 'cut') {
      const { afterBytes } = mode
      mode = { do: 'cut', afterBytes: afterBytes - chunk.length }
      if (chunk.length >= afterBytes) return to.write(chunk.subarray(0, afterBytes)) ? reset() : reset()
    }
    queue.push(chunk)
    if (size() > MAX_QUEUE_BYTES) from.pause()
    void pump()
  }

  from.on('data', (chunk: Buffer) => {
    const rest = filter(chunk)
    if (rest.length > 0) push(rest)
  })
  // in a network that is silent, the end of the other side is not heard either
  from.on('end', () => {
    if (mode.do === 'swallow') return void (isDamaged = true)
    hasEnded = true
    void pump()
  })

  return {
    set (next: Mode): void {
      mode = next
      changed()
      void pump()
    },
    /** Something is missing that was sent: the connection cannot be used any more. */
    get isDamaged () { return isDamaged },
    damage (): void { isDamaged = true }
  }
}
