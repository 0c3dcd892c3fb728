// The time in which this process ran: what nobody could hear counts for nobody's absence. [LIFE-2]

/** A clock that is asked every second, and was not for so long, has stood still: the process was stopped, or too busy to listen. */
const STOPPED_MS = 2_500

/**
 * Makes a monotonic clock that leaves out the times in which the process did not run. To be asked every second at least.
 * @param leaseMs whoever lives gives three signs in it, so that a stop of less than a third ends nobody.
 * @param onStopped is called after a longer one, by whoever asks first: a process that is only busy has enough to do.
 * @returns `now()`, ms; only differences mean something.
 */
export function createAwake (leaseMs: number, onStopped: () => void) {
  let askedAt = performance.now()
  let missedMs = 0

  return function now (): number {
    const at = performance.now()
    const passed = at - askedAt
    askedAt = at
    if (passed > STOPPED_MS) {
      missedMs += passed
      if (passed > leaseMs / 3) onStopped()
    }
    return at - missedMs
  }
}
