// Who was seen here: noted in memory, and told to the store now and then, all at once. [LIFE-2]
import type { Limits } from '../protocol/limits.js'
import type { TerminalStateName } from '../protocol/presence.js'
import type { createLeases as createStoredLeases, Note, TerminalOf } from '../store/leases.js'
import type { Meter } from './meter.js'
import { isUnavailable } from '../store/redis.js'

const MAX_FLUSH_MS = 5_000

/** @returns how often notes are told to the store, ms: often enough for a short lease. */
export const flushMs = ({ leaseSec }: Pick<Limits, 'leaseSec'>) => Math.min(MAX_FLUSH_MS, leaseSec * 250)

interface Floor {
  meter: Pick<Meter, 'leases'>
  leases: Pick<ReturnType<typeof createStoredLeases>, 'renew'>
  log: { error (facts: object, message: string): void }
}

/** Makes the notes of a node. */
export function createLeases ({ leases, meter, log }: Floor) {
  let notes = new Map<string, Note>()

  /** What was not told stays noted, unless something newer came meanwhile. */
  function keep (untold: Map<string, Note>): void {
    for (const [key, note] of notes) untold.set(key, { ...untold.get(key), ...note })
    notes = untold
  }

  return {
    /**
     * A terminal gave a sign of life: a command or a heartbeat. Costs a line in memory; the store hears of it with the
     * next flush. Unknown and leaving terminals are not brought back: only a connection does that.
     */
    seen ({ userId, terminalId }: TerminalOf, state?: TerminalStateName): void {
      const key = `${userId}/${terminalId}`
      const said = state ?? notes.get(key)?.state
      notes.set(key, { userId, terminalId, at: performance.now(), ...(said && { state: said }) })
    },

    /** Tells the store: one pipeline, however many terminals were seen. Never rejects. */
    async flush (): Promise<void> {
      if (notes.size === 0) return
      const told = notes
      notes = new Map()
      meter.leases.renewed += told.size
      await leases.renew([...told.values()]).catch((err: unknown) => {
        meter.leases.renewed -= told.size
        if (isUnavailable(err)) keep(told)
        else log.error({ err }, 'leases could not be renewed')
      })
    }
  }
}

export type Leases = ReturnType<typeof createLeases>
