// The graceful end: streams go in waves, so that those who come back do not come all at once. Section 4, "Goodbye".
import { setTimeout as delay } from 'node:timers/promises'
import type { Hub } from './hub.js'

const WAVE_MS = 100
/** So often the log says how far it is. */
const SAY_MS = 2_000

interface Log { info (facts: object, message: string): void }

/** Makes the drain of a hub. What it does stands in the log while it does it. [DELIVERY-4] */
export function createDrain (hub: Pick<Hub, 'refuse' | 'connections' | 'end'>, log: Log) {
  async function waves (ms: number, began: number): Promise<void> {
    const streams = hub.connections()
    let said = began
    // one that left by itself leaves a hole in its wave; when all have, there is nothing to wait for
    for (let closed = 0; closed < streams.length && hub.connections().length > 0;) {
      await delay(WAVE_MS)
      const now = performance.now()
      const due = Math.ceil(streams.length * Math.min(1, (now - began) / ms))
      for (const stream of streams.slice(closed, due)) stream.close('DRAIN')
      closed = due
      if (now - said < SAY_MS) continue
      said = now
      log.info({ left: hub.connections().length, ms: Math.round(now - began) }, 'the drain goes on')
    }
  }

  /**
   * Says BYE 4200 to all streams, evenly spread over so many ms; 0: to all at once, before it returns. One that comes
   * meanwhile is answered with its goodbye, and asked to stay away until the end: there is no other node that it could reach.
   */
  return async function drain (ms: number): Promise<void> {
    const began = performance.now()
    const connections = hub.connections().length
    hub.refuse('DRAIN', ms)
    if (ms > 0) await waves(ms, began)
    hub.end('DRAIN')
    log.info({ connections, ms: Math.round(performance.now() - began) }, 'the drain is over')
  }
}
