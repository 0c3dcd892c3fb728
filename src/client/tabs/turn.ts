// Whose turn it is to be connected. One connection for the tabs of a browser: the one that holds the lock is connected, the others hear it
// by a channel; and what the life of a page does to that.
import type { Base } from '../base/base.js'
import { type Channel, channelOf, type Locks } from '../base/platform.js'
import type { Told } from '../base/shapes.js'
import type { State } from '../base/types.js'
import type { Frame } from '../base/wire.js'
import type { createLine } from '../line/line.js'
import type { Outbox } from '../terminal/outbox.js'
import type { createPresence } from '../terminal/presence.js'
import { watchLife } from './life.js'

/** So many questions without an answer, and the tab that leads is taken to be frozen. */
const PATIENCE = 2

interface Parts {
  line: ReturnType<typeof createLine>
  presence: ReturnType<typeof createPresence>
  outbox: Outbox
  /** What another tab says. */
  receive (frame: Told): void
  /** Asks the tab that leads how it is. */
  ask (): void
  /** It is this tab's turn. */
  onLead (): void
}

/**
 * @returns `open(name, locks)`, without locks this tab is alone; `leave()`, at the end; `begin()`: it is connected from now on;
 *   `isLeading()`; `tell(frame)`, all other tabs; `heard(state)`, when the one that leads has said how it is
 */
export function createTurn ({ me, show, timing, tokens, ended }: Base, { line, presence, outbox, receive, ask, onLead }: Parts) {
  let [isOpen, isLeading] = [false, false]
  let channel: Channel | undefined
  let release: (() => void) | undefined
  let joined: AbortController | undefined
  let timer: ReturnType<typeof setInterval> | undefined
  let unanswered = 0
  let isYoung = true
  /** Asks for the lock, and does the work while it is held. */
  let hold: (options: { signal?: AbortSignal, steal?: boolean }, work: () => Promise<void>) => Promise<unknown>

  /** What was told to stay away comes back when somebody says so: not since a tab was closed, or a page thawed. */
  function begin (): void {
    isLeading = true
    if (me.state.state !== 'closed') line.open()
  }

  function rest (): void {
    isLeading = false
    line.stop()
    presence.stop()
  }

  function follow (): void {
    if (!release) return
    release()
    release = undefined
    rest()
  }

  /** Waits for the lock; one that is taken away is waited for again. */
  async function queue (mine: AbortController, steal: boolean): Promise<void> {
    const { signal } = mine
    const work = async () => {
      if (signal.aborted) return
      await new Promise<void>(resolve => {
        release = resolve
        onLead()
      })
    }
    while (!signal.aborted) {
      // where locks are forbidden (in a frame that is sandboxed) this tab is alone
      await hold(steal ? { steal } : { signal }, work).catch(async ({ name }: Error) => { if (name !== 'AbortError') await work() })
      if (mine === joined) follow()
      steal = false
    }
  }

  function look (): void {
    if (isLeading) {
      presence.look()
      // of those that are there each sends its own, as soon as it can
      void outbox.look(me.state.state === 'live')
    }
    if (release) return
    if (unanswered++ < PATIENCE) ask()
    else join(true)
  }

  function join (steal = false): void {
    part()
    unanswered = 0
    timer = setInterval(look, timing.tabMs)
    joined = new AbortController()
    void queue(joined, steal)
    ask()
  }

  function part (): void {
    clearInterval(timer)
    joined?.abort()
    joined = undefined
    follow()
  }

  function open (name: string, locks?: Locks): void {
    isOpen = true
    channel = locks ? channelOf(name) : undefined
    if (!locks || !channel) return onLead()
    hold = (...args) => locks.request(name, ...args)
    channel.onmessage = ({ data }) => receive(data as Told)
    join()
  }

  watchLife(ended, {
    onShown: () => isLeading ? presence.look() : channel && ask(),
    onWake (isOther) {
      tokens.hurry()
      if (isOther && isLeading) begin()
      else line.wake()
      outbox.hurry()
    },
    onFreeze () {
      part()
      rest()
      if (me.state.state !== 'closed') show({ state: 'waiting', reason: 'the page is frozen', transport: '' })
    },
    onThaw () {
      if (!isOpen || isLeading) return
      if (channel) join()
      else begin()
    }
  })

  function leave (): void {
    part()
    rest()
    channel?.close()
    channel = undefined
  }

  return {
    open,
    leave,
    begin,
    isLeading: () => isLeading,
    tell: (frame: Frame) => channel?.postMessage(frame),
    /** @returns whether this tab takes the lead: one that is opened now may know better than one that was told to stay away */
    heard (state: State): boolean {
      const isBetter = isYoung && state.state === 'closed'
      unanswered = 0
      isYoung = false
      if (isBetter) join(true)
      return isBetter
    }
  }
}
