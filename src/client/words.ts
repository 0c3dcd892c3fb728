// What the tabs of a browser say to each other beside what comes down: who leads, and what each is to know.
import { type createPresence, isVisible } from './presence.js'
import type { Receiver } from './receive.js'
import type { State, TransportName } from './types.js'

type Known = Parameters<Receiver['catchUp']>[0]
interface Lead extends Known { terminalId: string, state: State, watched: string[] }
interface Ask { visible: boolean, watched: string[], isNew: boolean }

interface Parts {
  presence: ReturnType<typeof createPresence>
  /** Says it to all other tabs. */
  say (word: string, data: object): void
  receiver (): Receiver
  tabs (): { heard (): void } | undefined
  isLeading (): boolean
  /** Takes the terminal of the tab that leads. */
  be (terminalId: string): void
  /** The terminal, and how it is with it. */
  is (): object
  show (state: State): void
  reconnect (transport?: TransportName): void
}

/** @returns `words`: what to do with each; `ask()` the tab that leads; `lead(toNew)`: say so, to one that knows nothing yet. */
export function createWords ({ presence, say, receiver, tabs, isLeading, be, is, show, reconnect }: Parts) {
  const ask = () => say('ASK', { visible: isVisible(), watched: presence.watched(), isNew: !receiver().cursor })

  function lead (toNew?: boolean): void {
    const { cursor, pending } = receiver()
    say('LEAD', { ...is(), watched: presence.watched(), cursor, ...(toNew && { pending }) })
  }

  const words = {
    STATE: show,
    WATCH: presence.watchAll,
    CONNECT: ({ transport }: { transport?: TransportName }) => { if (isLeading()) reconnect(transport) },
    ASK ({ visible, watched, isNew }: Ask) {
      if (!isLeading()) return
      if (visible) presence.seen()
      presence.watchAll(watched)
      lead(isNew)
    },
    LEAD ({ terminalId, state, watched, ...known }: Lead) {
      tabs()?.heard()
      be(terminalId)
      presence.watchAll(watched)
      receiver().catchUp(known)
      show(state)
    }
  }
  return { words, ask, lead }
}
