// What all parts of a client are made with: its address, its clock, its token, its calls, its events, and who it is.
import { createCalls } from './call.js'
import { createEmitter } from './emitter.js'
import { closed, errorOf, IrisError } from './error.js'
import { childOf, world } from './platform.js'
import { createClock, createTokens } from './tokens.js'
import type { Options, State } from './types.js'

/** Who this is, and how it is with him. */
interface Me { userId?: string | undefined, terminalId?: string | undefined, state: State }

/** @returns the address of the gateway, in full; none is the page's own origin. Throws BAD_OPTION. */
function addressOf (url: string): string {
  try {
    const { origin, pathname } = new URL(url || '/', world.location?.href)
    if (/^http/.test(origin)) return origin + pathname.replace(/\/+$/, '')
  } catch {}
  throw new IrisError('BAD_OPTION', `${url} is no address: give the url in full`)
}

/** Throws BAD_OPTION. */
export function createBase (options: Options) {
  const { userId, terminalId, fetch: own = (...args) => fetch(...args) } = options
  const { patienceMs = 5_000, betterMs = 600_000, heartbeatMs = 30_000, tabMs = 5_000 } = options.timing ?? {}
  const url = addressOf(options.url)
  const over = new AbortController()
  const ended = over.signal
  const known = childOf(ended)
  const clock = createClock()
  const me: Me = { userId, terminalId, state: { state: 'connecting', reason: 'it begins', transport: '' } }
  const { emit, on, iterate, whenHandled, end } = createEmitter()
  /** What goes on, but not as it should; that it was closed meanwhile is none. */
  const warn = (error: unknown) => { if (error !== closed) emit('warning', errorOf(error)) }
  const tokens = createTokens(options, clock, { ended, warn })

  /** @returns whether there is anything to go on with. */
  function show (next: State): boolean {
    const { state } = me
    if (ended.aborted && next.state !== 'closed') return false
    me.state = next
    if (next.state !== state.state || next.reason !== state.reason || next.transport !== state.transport) emit('state', next)
    return !ended.aborted
  }

  return {
    url,
    clock,
    tokens,
    me,
    show,
    emit,
    warn,
    on,
    iterate,
    whenHandled,
    ended,
    /** The terminal is known: what was asked before goes now. */
    identify: () => known.abort(),
    /** Ends everything that is asked, and the iterators. */
    end () {
      over.abort(closed)
      end()
    },
    calls: createCalls({ url, clock, tokens, me, known: known.signal, ended, fetch: own }),
    timing: { patienceMs, betterMs, heartbeatMs, tabMs }
  }
}
export type Base = ReturnType<typeof createBase>
