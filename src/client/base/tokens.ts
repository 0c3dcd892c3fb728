// The token of the user: asked for when there is none, when it ends soon by the server's clock, and when the server refuses it.
import { closed, IrisError } from './error.js'
import { childOf, inTime, pauseOf, wait } from './platform.js'
import type { Claims } from './shapes.js'
import type { Options, State } from './types.js'

const TOKEN_MS = 15_000
/** So long before its end a token is replaced, or a quarter of what it had left at first. */
const EARLY_MS = 30_000
/** What ends later than another by so much is not that one. */
const APART_MS = 5_000
/** What heads of answers say of the time is not as exact as HELLO. */
const ROUGH_MS = 2_000
/** Tokens that live for less are warned of: IRIS.AUTH comes 60 s before their end. */
const SHORT_MS = 90_000

interface Parts { ended: AbortSignal, warn (error: IrisError): void }

/** The server's clock: this one may be wrong by a day. Nothing is known of it until something was heard. */
export function createClock () {
  let ahead: number | undefined
  return {
    aheadMs: () => ahead,
    /** @param isRough it may be late by a second: it counts where nothing is known, or what is known is wrong */
    heard (serverTime = NaN, isRough?: boolean) {
      const now = serverTime - Date.now()
      if (isNaN(now) || (isRough && Math.abs(now - (ahead ?? Infinity)) < ROUGH_MS)) return
      ahead = now
    },
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
 * @param warn hears once that tokens hardly live
 * @returns `get()`; `renew(refused)`, which asks for another one, once for all who wait, and who were refused with the same;
 *   `next(expiresInSec)`, the one to hand in at IRIS.AUTH; `whose(show)`; `hurry()`: a back end that has failed is asked again now;
 *   `dropToken()`; `onSignedOut(hear)`, which says so whoever has asked.
 *   They throw `TOKEN`, which passes, or `SIGNED_OUT` or `CLOSED`, which do not.
 */
export function createTokens ({ token: ask, userId: owner }: Options, clock: Clock, { ended, warn }: Parts) {
  if (typeof ask !== 'function') throw new IrisError('BAD_OPTION', 'token must be a function that asks your back end for one')
  let held = ''
  let heldAt = 0
  let handed = ''
  let earlyAt: number | undefined
  let asking: Promise<string> | undefined
  let ripening: Promise<string> | undefined
  let isWarned = false
  let hear: (error: IrisError) => void = () => undefined
  /** What the back end has failed with, and until when it is left alone. */
  let failure: { error: IrisError, until: number } | undefined
  let failures = 0
  let pause = childOf(ended)

  const failed = (why: string, cause?: unknown) => new IrisError('TOKEN', `token() ${why}`, { retryable: true, cause })

  function signedOut (why: string): IrisError {
    const error = new IrisError('SIGNED_OUT', `token() gave ${why}`)
    hear(error)
    return error
  }

  async function askNow (): Promise<string> {
    const token = await inTime((async () => await ask())(), TOKEN_MS, ended)
      .catch((cause: unknown) => { throw failed(`failed: ${String(cause)}`, cause) })
    if (!token) throw signedOut('none: sign in, then call reconnect()')
    const { sub } = claimsOf(token)
    if (!sub) throw failed(`gave no token, but ${String(token).slice(0, 40)}`)
    owner ??= sub
    if (sub !== owner) throw signedOut(`one of ${sub}, not of ${owner}: close(), and connect() anew`)
    earlyAt = undefined
    if (token !== held) heldAt = Date.now()
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
    for (;;) {
      try {
        await renew()
        return owner
      } catch (cause) {
        const { message: reason, retryable } = cause as IrisError
        const retryInMs = Math.max(0, (failure?.until ?? 0) - Date.now())
        show({ state: retryable ? 'waiting' : 'closed', reason, transport: '', retryInMs, error: cause as IrisError })
        if (!retryable) return undefined
        await wait(retryInMs, pause.signal)
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
    if (ended.aborted) throw closed
    // one pause for all who ask
    if (failure && Date.now() < failure.until) throw failure.error
    return await (asking ??= askNow().then(passed, failedWith).finally(() => { asking = undefined }))
  }

  function passed (token: string): string {
    failure = undefined
    failures = 0
    return token
  }

  function failedWith (cause: unknown): never {
    const error = cause as IrisError
    if (error.retryable) failure = { error, until: Date.now() + pauseOf(failures++) }
    throw error
  }

  function hurry (): void {
    failure = undefined
    pause.abort()
    pause = childOf(ended)
  }

  /**
   * @param expiresInSec how long the one that is in use is good for
   * @returns the one after that: what is here when it is another one; else asked for when half of the life of this one is over, as it may
   *   be shorter than the time before its end at which IRIS.AUTH comes
   */
  function next (expiresInSec: number): Promise<string> {
    ripening ??= ripen(expiresInSec).finally(() => { ripening = undefined })
    return ripening
  }

  async function ripen (expiresInSec: number): Promise<string> {
    const age = Date.now() - heldAt
    const left = 1000 * (claimsOf(held).exp ?? Infinity) - clock.serverMs()
    if (left > 1000 * expiresInSec + APART_MS && held !== handed) return hand(held)
    const life = left + age
    if (life < SHORT_MS && !isWarned) {
      isWarned = true
      warn(new IrisError('TOKEN', `token() gave one that ends in ${Math.round(life / 1000)} s: let them live for some minutes`))
    }
    await wait(Math.max(0, life / 2 - age), ended)
    return hand(await renew())
  }

  function hand (token: string): string {
    handed = token
    return token
  }

  return {
    renew,
    get,
    next,
    whose,
    hurry,
    onSignedOut (work: (error: IrisError) => void) { hear = work },
    dropToken () {
      held = ''
      hurry()
    }
  }
}
export type Tokens = ReturnType<typeof createTokens>
