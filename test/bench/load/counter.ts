// What has come down, by whichever transport: how many messages, and how late each.
import { setTimeout as pause } from 'node:timers/promises'

const MAX_LATENCIES = 1_000_000
/** What takes longer is late, ms; so many of those are kept. */
const LATE_MS = 20
const MAX_LATE = 20_000

/** Makes the counter that all readers of this process share. */
export function createCounter () {
  const latencies = new Float64Array(MAX_LATENCIES)
  /** When each late one was posted, ms since 1970, and how late it was. */
  const late: { at: number, ms: number }[] = []
  let messages = 0
  let acks = 0
  let lastAt = 0

  function note (postedAt: number): void {
    const ms = lastAt - postedAt
    latencies[messages] = ms
    if (ms > LATE_MS && late.length < MAX_LATE) late.push({ at: performance.timeOrigin + postedAt, ms })
  }

  return {
    /** What has come since the last reset; latencies in ms, `lastAt` by `performance.now()`. */
    get counted () { return { messages, acks, lastAt, latencies: latencies.subarray(0, Math.min(messages, MAX_LATENCIES)) } },

    late,

    reset (): void { messages = acks = late.length = 0 },

    /** Something was read just now. */
    hasRead (): void { lastAt = performance.now() },

    /** There is a MSG_DOWN in this text, from here on: its own text says when it was posted. */
    message (text: string, from: number): void {
      const at = text.indexOf('"text":"@', from)
      if (at > 0 && messages < MAX_LATENCIES) note(Number(text.slice(at + 9, text.indexOf('@', at + 9))))
      messages++
    },

    ack (): void { acks++ },

    /** Waits until so many messages have come, or none comes any more. */
    async received (expected: number, lateMs: number): Promise<void> {
      let known = -1
      const isSettled = () => messages >= expected || performance.now() - Math.max(lastAt, began) > lateMs
      const began = performance.now()
      while (!isSettled() || known !== messages) {
        known = messages
        await pause(20) // at least once: a message too many, or an acknowledgement, may follow
      }
    }
  }
}

export type Counter = ReturnType<typeof createCounter>

/** @returns the median and the 99th percentile. */
export function quantiles (values: Float64Array): { p50: number, p99: number } {
  const sorted = values.toSorted()
  const at = (q: number) => sorted[Math.floor((sorted.length - 1) * q)] ?? 0
  return { p50: at(0.5), p99: at(0.99) }
}
