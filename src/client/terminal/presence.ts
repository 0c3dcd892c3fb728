// Being there: a heartbeat for the terminal, in front when one of its tabs is, and whom it watches. [LIFE-2] [SEE-4]
import type { Base } from '../base/base.js'
import { world } from '../base/platform.js'
import type { Presence } from '../base/wire.js'

/** So many users one question may name. */
const WATCHED = 100

export const isVisible = (): boolean => world.document?.visibilityState !== 'hidden'

/**
 * Makes the presence of a terminal.
 * @param isSilent its open connection is the sign of life
 * @returns `begin()` and `stop()` of the heartbeats; `look()`, when it may be shown or hidden; `seen()`: another tab is shown;
 *   `ask(users, watch)`; `watched`, with `watchAll(users)` of another tab, and `again()` after READY, when the list has ended
 */
export function createPresence ({ calls, emit, timing: { heartbeatMs, tabMs } }: Base, isSilent: boolean) {
  let watched: string[] = []
  let timer: ReturnType<typeof setInterval> | undefined
  let seenAt = 0
  let said = ''

  const state = () => isVisible() || Date.now() - seenAt < 3 * tabMs ? 'foreground' : 'background'

  function beat (): void {
    said = state()
    // not tried again: it may be otherwise by then. The next one tells, or the stream does
    calls.once('/v1/up/heartbeat', { state: said }).catch(() => { said = '' })
  }

  function look (): void {
    if (timer && said !== state()) beat()
  }

  function stop (): void {
    clearInterval(timer)
    timer = undefined
  }

  function begin (): void {
    stop()
    if (isSilent) return
    timer = setInterval(beat, heartbeatMs)
    beat()
  }

  function seen (): void {
    seenAt = Date.now()
    look()
  }

  function watchAll (users: string[]): void {
    watched = [...new Set([...watched, ...users])].slice(-WATCHED)
  }

  async function ask (users: string[], watch?: boolean): Promise<Presence[]> {
    if (watch && users.length) watchAll(users)
    else if (watch) watched = []
    const { items } = await calls.insist<{ items: Presence[] }>('/v1/presence', watch ? { users: watched, watch } : { users })
    return items.filter(({ userId }) => users.includes(userId))
  }

  function again (): void {
    if (watched.length) ask(watched, true).then(items => { for (const item of items) emit('presence', item) }, () => undefined)
  }

  return { begin, stop, look, seen, ask, again, watchAll, watched: () => watched }
}
