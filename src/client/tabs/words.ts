// What the tabs of a browser say to each other beside what comes down: who leads, and what each is to know.
import type { Base } from '../base/base.js'
import { IrisError } from '../base/error.js'
import type { Ask, Lead, SaidState } from '../base/shapes.js'
import type { State, TransportName } from '../base/types.js'
import { type createPresence, isVisible } from '../terminal/presence.js'
import type { Receiver } from '../terminal/receive.js'

interface Parts {
  presence: ReturnType<typeof createPresence>
  /** Says it to all other tabs. */
  say (word: string, data: object): void
  receiver (): Receiver
  /** The tab that leads has said how it is. @returns whether it leads no more */
  heard (state: State): boolean
  isLeading (): boolean
  reconnect (transport?: TransportName): void
  /** The user has signed out in another tab. */
  close (): void
}

function said ({ error, ...state }: State): SaidState {
  if (!error) return state
  const { code, message, status, retryable, retryAfter, problem } = error
  return { ...state, error: { code, message, status, retryable, retryAfter, problem } }
}

function heardOf ({ error, ...state }: SaidState): State {
  if (!error) return state
  const { code, message, ...facts } = error
  return { ...state, error: new IrisError(code, message, facts) }
}

/**
 * @returns `words`: what to do with each; `ask()` the tab that leads; `lead(toNew)`: say so, to one that knows nothing yet;
 *   `sayState(state)`
 */
export function createWords ({ me, show }: Base, { presence, say, receiver, heard, isLeading, reconnect, close }: Parts) {
  const ask = () => say('ASK', { visible: isVisible(), watched: presence.watched(), isNew: !receiver().cursor() })

  function lead (toNew?: boolean): void {
    const { cursor, pending } = receiver()
    const { terminalId, state } = me
    const known = { terminalId, state: said(state), watched: presence.watched(), cursor: cursor() }
    say('LEAD', { ...known, ...(toNew && { pending: pending() }) })
  }

  const words = {
    STATE: (state: SaidState) => void show(heardOf(state)),
    // two tabs may say so at once; an empty list ends all watching
    WATCH: (users: string[]) => users.length ? presence.watchAll(users) : presence.watchOnly([]),
    CONNECT: ({ transport }: { transport?: TransportName }) => { if (isLeading()) reconnect(transport) },
    CLOSE: close,
    ASK ({ visible, watched, isNew }: Ask) {
      if (!isLeading()) return
      if (visible) presence.seen()
      // one that was frozen may not have heard that all watching has ended
      if (isNew) presence.watchAll(watched)
      lead(isNew)
    },
    LEAD ({ terminalId, state, watched, ...known }: Lead) {
      if (heard(heardOf(state))) return
      me.terminalId = terminalId
      presence.watchOnly(watched)
      receiver().catchUp(known)
      show(heardOf(state))
    }
  }
  return { words, ask, lead, sayState: (state: State) => say('STATE', said(state)) }
}
