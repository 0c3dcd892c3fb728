// The graceful end: streams go in waves, so that those who come back do not come all at once. Section 4, "Goodbye".
import { setTimeout as delay } from 'node:timers/promises'
import type { Hub } from './hub.js'

const WAVE_MS = 100

/** Makes the drain of a hub. */
export function createDrain (hub: Pick<Hub, 'refuse' | 'connections' | 'end'>) {
  async function waves (ms: number): Promise<void> {
    const streams = hub.connections()
    const began = performance.now()
    // one that left by itself leaves a hole in its wave; when all have, there is nothing to wait for
    for (let closed = 0; closed < streams.length && hub.connections().length > 0;) {
      await delay(WAVE_MS)
      const due = Math.ceil(streams.length * Math.min(1, (performance.now() - began) / ms))
      for (const stream of streams.slice(closed, due)) stream.close('DRAIN')
      closed = due
    }
  }

  /**
   * Says BYE 4200 to all streams, evenly spread over so many ms; 0: to all at once, before it returns. One that comes
   * meanwhile is answered with its goodbye, and asked to stay away until the end: there is no other node that it could reach.
   */
  return async function drain (ms: number): Promise<void> {
    hub.refuse('DRAIN', ms)
    if (ms > 0) await waves(ms)
    hub.end('DRAIN')
  }
}
