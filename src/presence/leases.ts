// Who was seen here: noted in memory, and told to the store now and then, all at once. [LIFE-2]
import type { Limits } from '../protocol/limits.js'
import type { TerminalStateName } from '../protocol/presence.js'
import type { createLeases as createStoredLeases, Note, TerminalOf } from '../store/user/leases.js'
import { outside } from '../store/deadline.js'
import { isUnavailable } from '../store/redis/redis.js'
import type { Meter } from '../health/meter.js'

const MAX_FLUSH_MS = 5_000

/** @returns how often notes are told to the store, ms: often enough for a short lease. */
export const flushMs = ({ leaseSec }: Pick<Limits, 'leaseSec'>) => Math.min(MAX_FLUSH_MS, leaseSec * 250)

interface Floor {
  meter: Pick<Meter, 'leases'>
  leases: Pick<ReturnType<typeof createStoredLeases>, 'renew' | 'revive'>
  leaseMs: number
  /** A monotonic clock, ms, which counts for nobody's absence what this node could not hear. */
  awake (): number
  log: { error (facts: object, message: string): void }
}

/** A note, and the state that the store has last been told of by it. */
type Seen = Note & { awakeAt: number, isTold: boolean, said?: TerminalStateName | undefined }

const keyOf = ({ userId, terminalId }: TerminalOf) => `${userId}/${terminalId}`

/**
 * Makes the notes of a node: of each terminal that was seen here within a lease.
 * A sign of life counts when it came, also while the store is away.
 */
export function createLeases ({ leases, meter, leaseMs, awake, log }: Floor) {
  const notes = new Map<string, Seen>()
  let isFailing = false

  const ageOf = (terminal: TerminalOf) => awake() - (notes.get(keyOf(terminal))?.awakeAt ?? -Infinity)

  /** A note is changed in its place: to move it would cost more than the rest of a small request. */
  function note (terminal: TerminalOf, isTold: boolean, state?: TerminalStateName): void {
    const key = keyOf(terminal)
    const known = notes.get(key)
    if (!known) {
      const { userId, terminalId } = terminal
      return void notes.set(key, { userId, terminalId, at: performance.now(), awakeAt: awake(), isTold, ...(state && { state }) })
    }
    if (state !== undefined) known.state = state
    else if (known.state !== undefined && (known.isTold || isTold)) delete known.state
    known.at = performance.now()
    known.awakeAt = awake()
    known.isTold = isTold
    if (isTold) known.said = undefined // it may have come as another
  }

  /** What is older than a lease renews none: an outage may last, its notes are as many as the terminals of one lease. */
  function forgetOld (): void {
    const now = awake()
    for (const [key, { awakeAt }] of notes) if (now - awakeAt >= leaseMs) notes.delete(key)
  }

  /** The store did not hear them: unless something newer came meanwhile they are told once more. */
  function keep (untold: Note[]): void {
    for (const { userId, terminalId, state } of untold) {
      const known = notes.get(keyOf({ userId, terminalId }))
      if (known) Object.assign(known, { isTold: false, said: undefined, ...(known.state === undefined && state && { state }) })
    }
  }

  async function tell (fresh: Seen[]): Promise<void> {
    if (fresh.length === 0) return
    // as they are now: the next sign of life may come while the store hears of this one
    const told = fresh.map(each => ({ ...each }))
    for (const each of fresh) Object.assign(each, { isTold: true, ...(each.state && { said: each.state }) })
    meter.leases.renewed += told.length
    try {
      await leases.renew(told)
      isFailing = false
    } catch (err) {
      meter.leases.renewed -= told.length
      keep(told)
      if (!isFailing && !isUnavailable(err)) log.error({ err }, 'leases could not be renewed: they are told again')
      isFailing = true
    }
  }

  return {
    /**
     * A terminal gave a sign of life: a command or a heartbeat. Costs a line in memory; the store hears of it with the next flush, but of
     * a state that it was not told yet at once: by that a back end knows whom to push to [EVENT-2]. Unknown and leaving terminals are not
     * brought back: only a connection does that.
     */
    seen (terminal: TerminalOf, state?: TerminalStateName): void {
      note(terminal, false, state)
      if (state === undefined) return
      const noted = notes.get(keyOf(terminal))
      if (noted && noted.said !== state) outside(() => void tell([noted]))
    },

    /** A terminal was let in: the store has heard of it already. */
    came: (terminal: TerminalOf): void => note(terminal, true),

    /** Whether a terminal was seen here within a lease, whether the store has heard of it or not. */
    isSeen: (terminal: TerminalOf): boolean => ageOf(terminal) < leaseMs,

    /**
     * Brings a connected terminal back that was seen here within a lease, though another node found its lease ended.
     * @returns whether it is there now. Throws when the store does not answer.
     */
    async revive (terminal: TerminalOf): Promise<boolean> {
      const age = ageOf(terminal)
      return age < leaseMs && await leases.revive(terminal, age)
    },

    /** Tells the store: one pipeline, however many terminals were seen. Never rejects. */
    async flush (): Promise<void> {
      forgetOld()
      await tell([...notes.values()].filter(({ isTold }) => !isTold))
    }
  }
}

export type Leases = ReturnType<typeof createLeases>
