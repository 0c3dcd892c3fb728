// The token of the user: asked for when there is none, when it ends soon by the server's clock, and when the server refuses it.
import { IrisError } from './error.js'
import { childOf, pauseOf, wait } from './platform.js'
import type { Claims } from './shapes.js'
import type { Options, State } from './types.js'

const TOKEN_MS = 15_000
/** So long before its end a token is replaced, or a quarter of what it had left at first. */
const EARLY_MS = 30_000

/** The server's clock: this one may be wrong by a day. Nothing is known of it until something was heard. */
export function createClock () {
  let ahead: number | undefined
  return {
    aheadMs: () => ahead,
    heard (serverTime: number | undefined) { if (serverTime) ahead = serverTime - Date.now() },
    serverMs: () => Date.now() + (ahead ?? 0)
  }
}
export type Clock = ReturnType<typeof createClock>

/** @returns what a JWT says; nothing when it cannot be read here. */
function claimsOf (token: string): Claims {
  try {
    return JSON.parse(atob((token.split('.')[1] as string).replace(/-/g, '+').replace(/_/g, '/'))) as Claims | null ?? {}
  } catch {
    return {}
  }
}

/**
 * Makes the keeper of the token.
 * @param owner the one user whose tokens are taken, that of the first one unless he is given: what was written as him goes as nobody else
 * @returns `get()`; `renew(refused)`, which asks for another one, once for all who wait, and who were refused with the same;
 *   `whose(show)`; `dropToken()`.
 *   They throw `TOKEN`, which passes, or `SIGNED_OUT`, which does not.
 */
export function createTokens ({ token: ask, userId: owner }: Options, clock: Clock, ended: AbortSignal) {
  let held = ''
  let earlyAt: number | undefined
  let asking: Promise<string> | undefined

  const failed = (why: string, cause?: unknown) => new IrisError('TOKEN', `token() ${why}`, { retryable: true, cause })
  const signedOut = (why: string) => new IrisError('SIGNED_OUT', `token() gave ${why}`)

  async function askNow (): Promise<string> {
    const own = childOf(ended)
    const token = await Promise.race([
      (async () => await ask())(),
      wait(TOKEN_MS, own.signal).then(() => { throw new Error('no answer') })
    ]).catch((cause: unknown) => { throw failed(`failed: ${String(cause)}`, cause) })
      .finally(() => own.abort())
    if (!token) throw signedOut('none: sign in, then call reconnect()')
    const { sub } = claimsOf(token)
    if (!sub) throw failed(`gave no token, but ${String(token).slice(0, 40)}`)
    owner ??= sub
    if (sub !== owner) throw signedOut(`one of ${sub}, not of ${owner}: close(), and connect() anew`)
    earlyAt = undefined
    held = token
    return token
  }

  /** When a token is to be replaced can be said as soon as the server's clock is known. */
  function endsSoon (): boolean {
    const now = clock.serverMs()
    const end = 1000 * (claimsOf(held).exp ?? Infinity)
    if (clock.aheadMs() === undefined) return false
    earlyAt ??= end - Math.min(EARLY_MS, (end - now) / 4)
    return now >= earlyAt && now < end
  }

  /**
   * @param show says how it is, and returns whether to go on
   * @returns whose the token is, as soon as there is one; undefined when there will be none
   */
  async function whose (show: (state: State) => boolean): Promise<string | undefined> {
    for (let failures = 0; ; failures++) {
      try {
        await renew()
        return owner
      } catch (cause) {
        const { message: reason, retryable } = cause as IrisError
        const retryInMs = pauseOf(failures)
        show({ state: retryable ? 'waiting' : 'closed', reason, transport: '', retryInMs, error: cause as IrisError })
        if (!retryable) return undefined
        await wait(retryInMs, ended)
        if (!show({ state: 'connecting', reason, transport: '' })) return undefined
      }
    }
  }

  /** One that ends soon serves as long as it is good, whatever the back end does meanwhile. */
  async function get (): Promise<string> {
    if (!held) return await renew()
    if (endsSoon()) void renew().catch(() => undefined)
    return held
  }

  async function renew (refused = held): Promise<string> {
    if (held && held !== refused) return held
    return await (asking ??= askNow().finally(() => { asking = undefined }))
  }

  return {
    renew,
    get,
    whose,
    dropToken: () => { held = '' }
  }
}
export type Tokens = ReturnType<typeof createTokens>
