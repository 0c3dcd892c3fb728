// The way down, kept open: watched, and connected again as a goodbye or a failure asks. docs/protocol.md section 4, "Goodbye".
import type { Base } from '../base/base.js'
import { errorOf, IrisError } from '../base/error.js'
import { childOf, pauseOf, wait } from '../base/platform.js'
import type { State } from '../base/types.js'
import type { Frame } from '../base/wire.js'
import { type Means, transports } from './means.js'
import { createWatch } from './watch.js'
import type { Ways } from './ways.js'

/** One that was ready, and ends sooner than this, counts as one more failure in a row: whatever the goodbye, no loop is without a pause. */
const SHORT_MS = 5_000
/** After these it comes back at once, the first time; after a word that is not known, as after any failure. */
const AT_ONCE = /^(now|login|better)$/

/** The goodbye to one who comes, asks or makes terminals too fast. */
const BUSY = 4205

interface Bye { code?: number, reason: string, reconnect: string, retryAfterMs?: number }
/** How a connection has ended, and when to come back: never by itself where `retryInMs` is absent. `isTold`: the server has said when. */
type End = Pick<State, 'reason' | 'error' | 'retryInMs'> & { isTold?: boolean }

interface Parts {
  means: Means
  ways: Ways
  /** Terminal, platform and cursor. */
  query (): Record<string, string>
  onFrame (frame: Frame): void
  onState (state: State): void
}

/**
 * @returns `open()`; `stop()`; `wake()`: something has happened after which the connection may be dead, or may be had again;
 *   `answered()`: the gateway is there, as another way shows
 */
export function createLine ({ url, calls, tokens, timing, ended }: Base, { means, ways, query, onFrame, onState }: Parts) {
  let running = childOf(ended)
  let wake = (): void => undefined
  let answered = wake
  /** Whether that has ended a pause since the last READY: this way may be another one's, which stays shut. */
  let hasTried = false
  let failures = 0
  let isOpen = false

  const say = (state: State['state'], end: End) => onState({ state, transport: ways.current(), ...end })

  const pathOf = (path: string, more?: Record<string, string | number>) =>
    `${path}?${String(new URLSearchParams({ ...query(), ...more } as Record<string, string>))}`

  const addressUntil = (signal: AbortSignal) => async (path: string): Promise<string> => {
    const { terminalId, platform } = query()
    const { ticket } = await calls.once<{ ticket: string }>('/v1/down/tickets', { terminalId, platform }, signal)
    return url + pathOf(path, { ticket })
  }

  /** One connection, from its beginning to its end. */
  async function connect (stopped: AbortSignal): Promise<End> {
    // a back end that is slow is no way that is bad
    const refused = await tokens.get().then(() => undefined, errorOf)
    if (refused) {
      failures++
      return afterError(true, refused)
    }
    const name = ways.current()
    const over = childOf(stopped)
    const { signal } = over
    const beganAt = Date.now()
    let isReady = false
    let better: unknown
    let bye: Bye | undefined
    let error: IrisError | undefined

    const leave = (said: Bye) => {
      bye = said
      over.abort()
    }
    const fail = (cause: unknown) => {
      error ??= errorOf(cause)
      over.abort()
    }
    const watch = createWatch(name, timing.patienceMs, fail)
    wake = watch.wake

    function tell (frame: Frame): void {
      onFrame(frame)
      const { name: said, data } = (frame.event === 'CMD_DOWN' ? frame.data ?? {} : {}) as { name?: string, data?: Bye }
      if (data && said === 'IRIS.BYE') leave(data)
      if (said !== 'IRIS.READY') return
      isReady = true
      hasTried = false
      watch.ready()
      const betterMs = ways.good()
      if (betterMs) better = setTimeout(leave, betterMs, { reason: 'a better way is tried', reconnect: 'better' })
      say('live', { reason: 'all is there' })
    }

    function frame (read: () => Frame): void {
      if (signal.aborted) return
      try {
        tell(read())
      } catch (cause) {
        fail(cause)
      }
    }

    const opening = { ...means, pathOf, address: addressUntil(signal), calls, frame, heard: watch.heard }
    if (!stopped.aborted) await transports[name](opening, signal).catch(fail)
    over.abort() // what nobody reads is not left open
    watch.end()
    clearTimeout(better as number)
    if (stopped.aborted) return { reason: '' } // the failures are those of the next run
    failures = isReady && Date.now() - beganAt > SHORT_MS ? 1 : failures + 1
    return bye ? await afterBye(bye) : afterError(isReady, error)
  }

  async function afterBye ({ code, reason, reconnect, retryAfterMs }: Bye): Promise<End> {
    if (reconnect === 'better') {
      failures = 0
      ways.goTo()
    }
    if (reconnect === 'login') await tokens.renew().catch(() => undefined) // the next attempt says why
    if (reconnect === 'never') return { reason }
    const why = `${reason}. A program that starts often gives its terminalId, or a storage: else each start makes a terminal`
    const error = code === BUSY && new IrisError('RATE_LIMITED', why, { retryable: true })
    const pauseMs = failures < 2 && AT_ONCE.test(reconnect) ? 0 : pauseOf(failures - 1)
    return { reason, ...(error && { error }), retryInMs: retryAfterMs ?? pauseMs, isTold: retryAfterMs !== undefined }
  }

  function afterError (isReady: boolean, error?: IrisError): End {
    // a page is not told why an upgrade was refused, nor why an EventSource has ended
    const { message: reason, code = '', status = 0, retryable = true, retryAfter = 0 } = error ?? { message: 'it ended' }
    // 502 to 504: what stands behind a proxy is away, by all ways
    const isOfTheWay = error ? code === 'SILENT' || (code === 'NOT_IRIS' && status < 500) : !isReady
    const retryInMs = isOfTheWay && ways.bad(!retryable) ? 0 : retryAfter * 1000 + pauseOf(failures - 1)
    return { reason, ...(error && { error }), ...((retryable || isOfTheWay) && { retryInMs, isTold: retryAfter > 0 }) }
  }

  async function run (stopped: AbortSignal): Promise<void> {
    let end: End = { reason: 'it begins', retryInMs: 0 }
    failures = 0
    while (end.retryInMs !== undefined) {
      const { retryInMs, isTold, ...why } = end
      if (retryInMs) {
        say('waiting', { ...why, retryInMs })
        const pause = childOf(stopped)
        wake = () => {
          failures = 0
          pause.abort()
        }
        answered = () => {
          if (hasTried || isTold || pause.signal.aborted) return
          hasTried = true
          pause.abort()
        }
        await wait(retryInMs, pause.signal)
        pause.abort()
      }
      if (stopped.aborted) return
      say('connecting', why)
      end = await connect(stopped)
      if (stopped.aborted) return
    }
    isOpen = false
    say('closed', end)
  }

  function stop (): void {
    isOpen = false
    running.abort()
  }

  function open (): void {
    stop()
    isOpen = true
    running = childOf(ended)
    void run(running.signal)
  }

  tokens.onSignedOut(error => {
    if (!isOpen) return
    stop()
    say('closed', { reason: error.message, error })
  })

  return { open, stop, wake: () => wake(), answered: () => answered() }
}
