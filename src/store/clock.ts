// The clock of Redis as this process knows it. Times of the wire are Redis's, so that several nodes agree. Section 2.
import type { Redis } from './redis.js'

const SAMPLES = 4

/** Makes the clock; until it is `adjusted` it is this machine's. @param onRoundTrip is told how long Redis took to answer, ms. */
export function createClock (redis: Redis, onRoundTrip?: (ms: number) => void) {
  let offset = 0
  return {
    /** @returns ms since 1970, as Redis would say it within a round trip. */
    now: () => Date.now() + offset,

    /** Asks Redis for its time, a few times: the fastest answer is the truest, as in NTP (RFC 5905, clock filter). */
    async adjust (): Promise<void> {
      let best = Infinity
      for (let i = 0; i < SAMPLES; i++) {
        const asked = performance.now()
        const before = Date.now()
        const [seconds, micros] = await redis.time()
        const after = Date.now()
        onRoundTrip?.(performance.now() - asked)
        if (after - before >= best) continue
        best = after - before
        offset = Math.round(Number(seconds) * 1000 + Number(micros) / 1000 - (before + after) / 2)
      }
    }
  }
}
