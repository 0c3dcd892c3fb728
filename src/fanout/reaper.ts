// Ends the leases that have run out, of all nodes: that of one that died, too. [LIFE-2] [LIFE-3]
import type { createLeases } from '../store/user/leases.js'
import { isUnavailable } from '../store/redis/redis.js'
import type { Meter } from '../health/meter.js'
import type { Nodes } from './nodes.js'

/** How often ended leases are looked for. */
export const REAP_MS = 1_000
/** A little less than the interval, so that the next turn is free again. */
const CLAIM_MS = 800

interface Floor {
  leases: Pick<ReturnType<typeof createLeases>, 'claimReaping' | 'duePartitions' | 'aheadPartitions' | 'reap'>
  nodes: Pick<Nodes, 'tell'>
  meter: Pick<Meter, 'leases'>
  now (): number
  log: { error (facts: object, message: string): void }
}

/** Makes the reaper of a node. Every node has one; in each interval the first to ask does the work of all. */
export function createReaper ({ leases, nodes, meter, now, log }: Floor) {
  let isReaping = false
  /** The break, or the step of Redis' clock, after which all was looked at last: what ends too late is not due for as long. */
  let lookedSince: number | undefined

  async function reapPartition (p: number, since: number): Promise<void> {
    for (let more = true; more;) {
      const reaped = await leases.reap(p, since)
      more = reaped.more
      meter.leases.ended += reaped.ended
      await Promise.all(reaped.routes.map(({ userId, terminalId, node }) =>
        nodes.tell(userId, node, { close: { userId, bye: 'TIMEOUT', filter: { ids: [terminalId] } } })))
    }
  }

  return {
    /** One turn; a call during one does nothing. Never rejects. */
    async run (): Promise<void> {
      if (isReaping) return
      isReaping = true
      try {
        const since = await leases.claimReaping(CLAIM_MS)
        if (since === undefined) return
        meter.leases.reaps++
        const ahead = since === lookedSince ? [] : await leases.aheadPartitions(since)
        for (const p of new Set([...ahead, ...await leases.duePartitions(now())])) await reapPartition(p, since)
        lookedSince = since
      } catch (err) {
        // the store knows that nobody has looked, and lets each have a lease after that
        if (!isUnavailable(err)) log.error({ err }, 'leases could not be ended')
      } finally {
        isReaping = false
      }
    }
  }
}
