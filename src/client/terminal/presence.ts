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
 *   `ask(users, watch)`; `watched()`; `watchAll(users)` and `watchOnly(users)`, as another tab says; `again()` after READY, when the list
 *   has ended
 */
export function createPresence ({ calls, emit, warn, timing: { heartbeatMs, tabMs } }: Base, isSilent: boolean) {
  let watched: string[] = []
  /** One list after the other is asked for: each grows from what the server has taken. */
  let asking: Promise<unknown> = Promise.resolve()
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

  // those that were named first make room; of too many at once the server says so
  const withAll = (users: string[]) => [...new Set([...watched, ...users])].slice(-Math.max(WATCHED, users.length))

  async function question (body: object): Promise<Presence[]> {
    return (await calls.insist<{ items: Presence[] }>('/v1/presence', body)).items
  }

  /** @param list of what is watched by then */
  function watch (list: () => string[]): Promise<Presence[]> {
    const answer = asking.then(async () => {
      const items = await question({ users: list(), watch: true })
      watched = list()
      return items
    })
    asking = answer.catch(() => undefined)
    return answer
  }

  async function ask (users: string[], isWatched?: boolean): Promise<Presence[]> {
    const items = await (isWatched ? watch(() => users.length ? withAll(users) : []) : question({ users }))
    return items.filter(({ userId }) => users.includes(userId))
  }

  function again (): void {
    if (watched.length) watch(() => watched).then(items => { for (const item of items) emit('presence', item) }, warn)
  }

  return {
    begin,
    stop,
    look,
    seen,
    ask,
    again,
    watched: () => watched,
    watchAll (users: string[]) { watched = withAll(users) },
    watchOnly (users: string[]) { watched = users }
  }
}
