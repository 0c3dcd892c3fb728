// One request: bearer and terminal; a refusal as an IrisError, a fresh token once, and a few tries.
import { errorOf, IrisError, notIris, refusalOf } from './error.js'
import { pauseOf, wait } from './platform.js'
import type { Clock, Tokens } from './tokens.js'

const ANSWER_MS = 10_000
const TRIES = 4
/** A server that wants to be left alone for longer is the caller's to wait for. */
const LONGEST_SEC = 10

interface Parts { url: string, fetch: typeof fetch, tokens: Tokens, clock: Clock }

/** `signal` ends it; without one it ends after 10 s. */
type Facts = [path: string, body?: unknown, signal?: AbortSignal]

/**
 * Makes the calls of a terminal.
 * @returns `open`, one request, whose answer is 200: POST with a body, else GET; `once`, its JSON; `call`, tried again while that makes
 *   sense. What they throw is an IrisError: what was not refused by the server may have been done.
 */
export function createCalls ({ url, fetch, tokens, clock }: Parts) {
  let terminalId = ''

  async function attempt (token: string, [path, body, signal = AbortSignal.timeout(ANSWER_MS)]: Facts): Promise<Response> {
    const response = await fetch(url + path, {
      method: body ? 'POST' : 'GET',
      body: JSON.stringify(body),
      headers: { Authorization: `Bearer ${token}`, 'Terminal-Id': terminalId, 'Content-Type': 'application/json' },
      cache: 'no-store',
      signal
    }).catch((error: unknown) => { throw errorOf(error) })
    if (clock.aheadMs === undefined) clock.heard(Date.parse(response.headers.get('Date') ?? ''))
    if (response.status !== 200) throw await refusalOf(response)
    return response
  }

  /** A token that is refused is replaced once; what is refused then is for a human. */
  async function open (...facts: Facts): Promise<Response> {
    const used = await tokens.get()
    try {
      return await attempt(used, facts)
    } catch (error) {
      if (!isUnwelcome(error)) throw error
      const token = await tokens.renew(used)
      return await attempt(token, facts).catch((error: unknown) => {
        if (isUnwelcome(error)) error.message = `A fresh token is refused, too (${error.message}): is it what token() should return?`
        throw error
      })
    }
  }

  async function once<T> (...facts: Facts): Promise<T> {
    const response = await open(...facts)
    const answer = await response.json().catch((error: unknown) => { if (!(error instanceof SyntaxError)) throw errorOf(error) }) as T
    if (!(answer instanceof Object)) throw notIris(response)
    return answer
  }

  async function call<T> (...facts: Facts): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await once<T>(...facts)
      } catch (error) {
        const { retryable, retryAfter = 0 } = error as IrisError
        if (!retryable || tries === TRIES || retryAfter > LONGEST_SEC) throw error
        await wait(retryAfter * 1000 + pauseOf(tries - 2))
      }
    }
  }

  return { open, once, call, be: (id: string) => { terminalId = id } }
}
export type Calls = ReturnType<typeof createCalls>

const isUnwelcome = (error: unknown): error is IrisError => (error as IrisError).status === 401 && (error as IrisError).code !== 'KICKED'
