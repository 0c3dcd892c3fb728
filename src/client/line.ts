// The way down, kept open: watched, and connected again as a goodbye or a failure asks. docs/protocol.md section 4, "Goodbye".
import type { Base } from './base.js'
import { errorOf, IrisError } from './error.js'
import { eventSource } from './eventsource.js'
import { pauseOf, world } from './platform.js'
import { poll } from './poll.js'
import { sse } from './sse.js'
import type { Opening, Transport } from './transport.js'
import type { Options, State, TransportName } from './types.js'
import type { Frame } from './wire.js'
import type { createWays } from './ways.js'
import { webSocket } from './websocket.js'

/** The ways down, in the order in which they are tried: an EventSource gets through where one by fetch does, if at all. */
const transports: Record<TransportName, Transport> = { sse, websocket: webSocket, poll, eventsource: eventSource }

/** @returns the ways that can be had here, the best first, and what some of them need. Throws BAD_OPTION. */
export function meansOf ({ WebSocket = world.WebSocket, EventSource = world.EventSource, transports: wanted }: Options) {
  const names = (wanted ?? Object.keys(transports) as TransportName[])
    .filter(name => transports[name] && (name === 'websocket' ? WebSocket : name !== 'eventsource' || EventSource))
  if (!names.length) throw new IrisError('BAD_OPTION', 'No such transport here')
  return { names, WebSocket, EventSource } as { names: TransportName[] } & Pick<Opening, 'WebSocket' | 'EventSource'>
}

/** @returns what a connection says of itself, whatever its way. */
export const queryOf = ({ platform = world.document ? 'web' : 'other', lease }: Options, terminalId = '', cursor?: string) =>
  ({ terminalId, platform, ...(lease && { lease }), ...(cursor && { lastEventId: cursor }) })

/** One that was ready, and ends sooner than this, counts as one more failure in a row: whatever the goodbye, no loop is without a pause. */
const SHORT_MS = 5_000
/** After these it comes back at once, the first time; after a word that is not known, as after any failure. */
const AT_ONCE = /now|login|better/
/** A stream that is silent for so long is dead: three heartbeats. */
const SILENT_MS = 45_000

interface Bye { reason: string, reconnect: string, retryAfterMs?: number }
/** How a connection has ended, and when to come back: never by itself where `pauseMs` is absent. */
interface End { why: string, pauseMs?: number, error?: IrisError }

interface Parts extends Pick<Opening, 'WebSocket' | 'EventSource'> {
  ways: ReturnType<typeof createWays>
  /** Terminal, platform and cursor. */
  query (): Record<string, string>
  onFrame (frame: Frame): void
  onState (state: State): void
}

/** @returns `open()`; `stop()`; `wake()`: something has happened after which the connection may be dead, or may be had again. */
export function createLine ({ url, calls, tokens, timing }: Base, { ways, query, onFrame, onState, ...parts }: Parts) {
  let running = new AbortController()
  let wake = (): void => undefined
  let failures = 0

  const say = (state: State['state'], reason: string, more?: Partial<State>) => onState({ state, reason, transport: ways.name(), ...more })

  const path: Opening['path'] = (path, more) => `${path}?${String(new URLSearchParams({ ...query(), ...more } as Record<string, string>))}`

  async function address (way: string): Promise<string> {
    const { terminalId, platform } = query()
    const { ticket } = await calls.once<{ ticket: string }>('/v1/down/tickets', { terminalId, platform })
    return url + path(way, { ticket })
  }

  /** One connection, from its beginning to its end. */
  async function connect (stopped: AbortSignal): Promise<End> {
    // a back end that is slow is no way that is bad
    const refused = await tokens.get().then(() => undefined, errorOf)
    if (refused) {
      failures++
      return afterError(true, refused)
    }
    if (stopped.aborted) return { why: '' }
    const name = ways.name()
    const over = new AbortController()
    const beganAt = Date.now()
    let [heardAt, isReady, better, bye, error] = [beganAt, false] as [number, boolean, unknown?, Bye?, IrisError?]

    const stop = () => over.abort()
    const leave = (said: Bye) => {
      bye = said
      stop()
    }
    const look = (ms: number) => {
      if (Date.now() - heardAt <= ms) return
      error = new IrisError('SILENT', `${name} brings nothing: a proxy buffers it, or it is dead`, { retryable: isReady })
      stop()
    }
    // an EventSource hides its heartbeats
    const patience = () => !isReady ? timing.patienceMs : name === 'eventsource' ? Infinity : SILENT_MS
    const watch = setInterval(() => look(patience()), timing.patienceMs / 5)
    wake = () => { if (isReady) look(SILENT_MS / 2) }
    stopped.addEventListener('abort', stop)

    function frame (frame: Frame): void {
      if (over.signal.aborted) return
      onFrame(frame)
      const { name: said, data } = (frame.event === 'CMD_DOWN' ? frame.data ?? {} : {}) as { name?: string, data?: Bye }
      if (data && said === 'IRIS.BYE') leave(data)
      if (said === 'IRIS.READY') {
        isReady = true
        const betterMs = ways.good()
        if (betterMs) better = setTimeout(leave, betterMs, { reason: 'a better way is tried', reconnect: 'better' })
        say('live', 'all is there')
      }
    }

    await transports[name]({ ...parts, path, address, calls, frame, heard: () => { heardAt = Date.now() } }, over.signal)
      .catch((cause: unknown) => { error ??= errorOf(cause) })
    stop() // what nobody reads is not left open
    clearInterval(watch)
    clearTimeout(better as number)
    stopped.removeEventListener('abort', stop)
    if (stopped.aborted) return { why: '' } // the failures are those of the next run
    failures = isReady && Date.now() - beganAt > SHORT_MS ? 1 : failures + 1
    return bye ? await afterBye(bye) : afterError(isReady, error)
  }

  async function afterBye ({ reason: why, reconnect, retryAfterMs }: Bye): Promise<End> {
    if (reconnect === 'better') {
      failures = 0
      ways.better()
    }
    if (reconnect === 'login') await tokens.renew().catch(() => undefined) // the next attempt says why
    if (reconnect === 'never') return { why }
    return { why, pauseMs: retryAfterMs ?? (failures < 2 && AT_ONCE.test(reconnect) ? 0 : pauseOf(failures - 1)) }
  }

  function afterError (isReady: boolean, error?: IrisError): End {
    // a page is not told why an upgrade was refused, nor why an EventSource has ended
    const { message: why, code = '', retryable = true, retryAfter = 0 } = error ?? { message: 'it ended' }
    const isOfTheWay = error ? code === 'SILENT' || code === 'NOT_IRIS' : !isReady
    const pauseMs = isOfTheWay && ways.bad(!retryable) ? 0 : retryAfter * 1000 + pauseOf(failures - 1)
    return { why, ...(error && { error }), ...((retryable || isOfTheWay) && { pauseMs }) }
  }

  async function run (stopped: AbortSignal): Promise<void> {
    let end: End = { why: 'it begins', pauseMs: 0 }
    failures = 0
    while (end.pauseMs !== undefined) {
      const { why, pauseMs, ...error } = end
      if (pauseMs) {
        say('waiting', why, { retryInMs: Math.round(pauseMs), ...error })
        await pause(pauseMs, stopped)
      }
      if (stopped.aborted) return
      say('connecting', why, error)
      end = await connect(stopped)
      if (stopped.aborted) return
    }
    const { why, ...error } = end
    say('closed', why, error)
  }

  /** Waits, but no longer than until somebody wakes it. */
  const pause = (ms: number, stopped: AbortSignal) => new Promise<void>(resolve => {
    const over = () => {
      clearTimeout(timer)
      stopped.removeEventListener('abort', over)
      resolve()
    }
    const timer = setTimeout(over, ms)
    stopped.addEventListener('abort', over)
    wake = () => {
      failures = 0
      over()
    }
  })

  const stop = () => running.abort()

  function open (): void {
    stop()
    running = new AbortController()
    void run(running.signal)
  }

  return { open, stop, wake: () => wake() }
}
