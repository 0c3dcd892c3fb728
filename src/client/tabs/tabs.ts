// One connection for the tabs of a browser: the one that holds the lock is connected, the others hear it by a channel.
import type { Channel, Locks } from '../base/platform.js'
import type { Frame } from '../base/wire.js'

/** So many questions without an answer, and the tab that leads is taken to be frozen. */
const PATIENCE = 2

interface Parts {
  name: string
  locks: Locks
  channel: Channel
  /** How often a tab looks, ms. */
  everyMs: number
  /** This tab is the one that is connected from now on; and it is that no more. */
  onLead (): void
  onFollow (): void
  onTick (): unknown
  /** Asks the one that leads, which answers; `heard` says so. */
  ask (): void
}

/** Makes a tab of many. @returns `join()`; `leave()`: it is frozen, or goes; `end()`; `ask()`; `say(frame)` to all others; `heard()` */
export function createTabs ({ name, locks, channel, everyMs, onLead, onFollow, onTick, ask }: Parts) {
  let release: (() => void) | undefined
  let joined: AbortController | undefined
  let timer: ReturnType<typeof setInterval> | undefined
  let unanswered = 0

  const lead = () => new Promise<void>(resolve => {
    release = resolve
    onLead()
  })

  function follow (): void {
    if (!release) return
    release()
    release = undefined
    onFollow()
  }

  /** Waits for the lock; one that is taken away is waited for again. */
  async function queue (mine: AbortController, steal: boolean): Promise<void> {
    while (!mine.signal.aborted) {
      const work = async () => { if (!mine.signal.aborted) await lead() }
      await locks.request(name, steal ? { steal } : { signal: mine.signal }, work)
        // where locks are forbidden (in a frame that is sandboxed) this tab is alone
        .catch(async ({ name }: Error) => { if (name !== 'AbortError') await work() })
      if (mine === joined) follow()
      steal = false
    }
  }

  function look (): void {
    onTick()
    if (release) return
    if (unanswered++ < PATIENCE) ask()
    else join(true)
  }

  function join (steal = false): void {
    leave()
    unanswered = 0
    timer = setInterval(look, everyMs)
    joined = new AbortController()
    void queue(joined, steal)
    ask()
  }

  function leave (): void {
    clearInterval(timer)
    joined?.abort()
    joined = undefined
    follow()
  }

  function end (): void {
    leave()
    channel.close()
  }

  return { join: () => join(), leave, end, ask, say: (frame: Frame) => channel.postMessage(frame), heard: () => { unanswered = 0 } }
}
