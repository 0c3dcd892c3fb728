// Readers of streams: raw sockets that look for the ends of frames and the names of events, and nothing else.
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

const AT_ONCE = 200
/** A stream that is not live by then never will be. */
const READY_MS = 15_000
const MAX_LATENCIES = 1_000_000
/** One buffer for all sockets: a read is scanned before the next one begins. */
const buffer = Buffer.allocUnsafeSlow(256 * 1024)

/** Makes the readers of a server. */
export function createStreams (port: number, tokenOf: (userId: string) => string) {
  const sockets = new Set<Socket>()
  const latencies = new Float64Array(MAX_LATENCIES)
  let messages = 0
  let acks = 0
  let lastAt = 0

  function message (text: string, from: number): void {
    const at = text.indexOf('"text":"@', from)
    if (at > 0 && messages < MAX_LATENCIES) latencies[messages] = lastAt - Number(text.slice(at + 9, text.indexOf('@', at + 9)))
    messages++
  }

  /** Opens a stream. @returns when it is live. */
  async function open (userId: string): Promise<void> {
    return await new Promise((resolve, reject) => {
      let rest = ''
      let ready = false
      function scan (length: number): boolean {
        const text = rest + buffer.toString('latin1', 0, length)
        lastAt = performance.now()
        let from = 0
        for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n', from)) {
          if (text.startsWith('event: MSG_DOWN', from)) message(text, from)
          else if (text.startsWith('event: ACK_DOWN', from)) acks++
          else if (!ready && text.slice(from, end).includes('"IRIS.READY"')) {
            ready = true
            clearTimeout(timer)
            resolve()
          }
          from = end + 2
        }
        rest = text.slice(from)
        return true
      }
      const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer, callback: scan } })
      socket.write(`GET /v1/down/events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAccept: text/event-stream\r\nAuthorization: Bearer ${tokenOf(userId)}\r\n\r\n`)
      sockets.add(socket)
      const timer = setTimeout(() => socket.destroy(), READY_MS)
      socket.on('error', reject)
      socket.on('close', () => {
        clearTimeout(timer)
        sockets.delete(socket)
        reject(new Error(`the stream of ${userId} ended: ${rest.slice(0, 300)}`))
      })
    })
  }

  return {
    /** What has come since the last reset. */
    get counted () { return { messages, acks, lastAt, latencies: latencies.subarray(0, Math.min(messages, MAX_LATENCIES)) } },

    reset (): void { messages = acks = 0 },

    /** Waits until so many messages have come, or none comes any more. */
    async received (expected: number, lateMs: number): Promise<void> {
      let known = -1
      const isSettled = () => messages >= expected || performance.now() - Math.max(lastAt, began) > lateMs
      const began = performance.now()
      while (!isSettled() || known !== messages) {
        known = messages
        await pause(20) // at least once: a message too many, or an acknowledgement, may follow
      }
    },

    /** Opens a stream for each user. @returns how long it took, in seconds, until all were live. */
    attach: async (users: string[]): Promise<number> => {
      const began = performance.now()
      const waiting = users.values()
      const worker = async () => { for (const userId of waiting) await open(userId) }
      await Promise.all(Array.from({ length: AT_ONCE }, worker))
      return (performance.now() - began) / 1000
    },

    /** Cuts all streams. */
    detach: async (): Promise<void> => {
      for (const socket of sockets) socket.destroy()
      while (sockets.size > 0) await pause(10)
    }
  }
}
