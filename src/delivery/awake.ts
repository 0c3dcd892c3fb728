// The time in which this process ran: what nobody could hear counts for nobody's absence. [LIFE-2]

/** A clock that is asked every second, and was not for so long, has stood still: the process was stopped, or too busy to listen. */
const STOPPED_MS = 2_500

/**
 * Makes a monotonic clock that leaves out the times in which the process did not run. To be asked every second at least.
 * @param onStopped is called when such a time is over, by whoever asks first.
 * @returns `now()`, ms; only differences mean something.
 */
export function createAwake (onStopped: () => void) {
  let askedAt = performance.now()
  let missedMs = 0

  return function now (): number {
    const at = performance.now()
    const passed = at - askedAt
    askedAt = at
    if (passed > STOPPED_MS) {
      missedMs += passed
      onStopped()
    }
    return at - missedMs
  }
}
