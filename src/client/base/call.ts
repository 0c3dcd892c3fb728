// One request: bearer and terminal; a refusal as an IrisError, a fresh token once, and a few tries.
import { closed, errorOf, IrisError, jsonOf, notIris, refusalOf } from './error.js'
import { anyOver, childOf, pauseOf, wait, whenOver, world } from './platform.js'
import type { Clock, Tokens } from './tokens.js'

const ANSWER_MS = 10_000
const TRIES = 4
/** A server that wants to be left alone for longer is the caller's to wait for. */
const LONGEST_SEC = 10

interface Parts {
  url: string
  fetch: typeof fetch
  tokens: Tokens
  clock: Clock
  /** The terminal that asks. */
  me: { terminalId?: string | undefined }
  /** Says when it is known which. */
  known: AbortSignal
  /** Says when nothing is asked any more. */
  ended: AbortSignal
}

/** `signal` ends it, and what it would be tried again for; without one an attempt ends after 10 s. */
type Facts = [path: string, body?: unknown, signal?: AbortSignal | undefined]

/**
 * Makes the calls of a terminal.
 * @returns `open`, one request, whose answer is 200: POST with a body, else GET; `once`, its JSON; `insist`, tried again while that makes
 *   sense. What they throw is an IrisError: what was not refused by the server may have been done.
 */
export function createCalls ({ url, fetch, tokens, clock, me, known, ended }: Parts) {
  const { origin } = world.location ?? {}
  // a page is not told that this is why
  const where = origin === undefined || origin === new URL(url).origin
    ? ''
    : ` at ${url}, or is ${origin} missing in the gateway's IRIS_ALLOWED_ORIGINS`

  /** Who asks in the line after connect() waits until it is known as whom; that there is no token he hears at once. */
  async function whoAsks (signal: AbortSignal): Promise<void> {
    if (me.terminalId || signal.aborted) return
    await tokens.get()
    await anyOver(known, signal)
  }

  async function attempt (token: string, [path, body, signal = ended]: Facts): Promise<Response> {
    const response = await fetch(url + path, {
      method: body === undefined ? 'GET' : 'POST',
      body: jsonOf(() => body),
      headers: { Authorization: `Bearer ${token}`, 'Terminal-Id': me.terminalId ?? '', 'Content-Type': 'application/json' },
      cache: 'no-store',
      signal
    }).catch((error: unknown) => { throw errorOf(error, signal.aborted ? '' : where) })
    // a portal may live in another time
    if (response.headers.has('Trace-Id')) clock.heard(Date.parse(response.headers.get('Date') ?? ''), true)
    if (response.status !== 200) throw await refusalOf(response)
    return response
  }

  /** A token that is refused is replaced once; what is refused then is for a human. */
  async function open (facts: Facts, refused?: string): Promise<Response> {
    const token = await (refused ? tokens.renew(refused) : tokens.get())
    try {
      return await attempt(token, facts)
    } catch (cause) {
      const error = cause as IrisError
      if (error.status !== 401 || error.code === 'KICKED') throw error
      if (!refused) return await open(facts, token)
      error.message = `A fresh token is refused, too (${error.message}): check what token() returns`
      throw error
    }
  }

  async function once<T> (...[path, body, signal]: Facts): Promise<T> {
    const own = childOf(ended)
    if (signal) whenOver(signal, () => own.abort(signal.reason), own.signal)
    try {
      await whoAsks(own.signal)
      if (own.signal.aborted) throw errorOf(own.signal.reason)
      if (!signal) void wait(ANSWER_MS, own.signal).then(() => own.abort('in 10 s'))
      const response = await open([path, body, own.signal])
      const answer = await response.json().catch((error: unknown) => { if (!(error instanceof SyntaxError)) throw errorOf(error) }) as T
      if (!(answer instanceof Object)) throw notIris(response)
      return answer
    } finally {
      own.abort()
    }
  }

  async function insist<T> (...facts: Facts): Promise<T> {
    const [, , signal = ended] = facts
    let last: IrisError | undefined
    for (let tries = 1; ; tries++) {
      try {
        return await once<T>(...facts)
      } catch (cause) {
        const error = cause as IrisError
        if (ended.aborted) throw closed
        // that it was broken off says less than why it was tried again
        if (signal.aborted) throw last ?? error
        const { retryable, retryAfter = 0 } = last = error
        if (!retryable || tries === TRIES || retryAfter > LONGEST_SEC) throw error
        await wait(retryAfter * 1000 + pauseOf(tries - 2), signal)
      }
    }
  }

  return { open, once, insist }
}
export type Calls = ReturnType<typeof createCalls>
