// How long a message of one's own may be taken back: the button goes when the server would refuse. [REVOKE-1]

/** A timer further ahead overflows. */
const MAX_TIMER_MS = 2 ** 31 - 1

/**
 * @param iris the client, which knows how far the server's clock is ahead of this one; times of messages are the server's
 * @returns `isRevocable(message)`; the terminal has changed when the time of one that was revocable is over.
 */
export function createRevocable ({ iris, revokeSec, changed }) {
  let timer
  let due = Infinity

  function look (at) {
    if (at >= due) return
    clearTimeout(timer)
    due = at
    timer = setTimeout(() => {
      due = Infinity
      changed()
    }, Math.min(MAX_TIMER_MS, Math.max(0, at - Date.now())))
  }

  return function isRevocable ({ ts }) {
    const until = ts + revokeSec * 1000 - iris.aheadMs
    if (until <= Date.now()) return false
    look(until)
    return true
  }
}
