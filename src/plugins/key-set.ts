// The key set of who signs the tokens (RFC 7517). What happens to it is a temporary trouble, never a verdict on a token.
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import { Problem } from '../protocol/problem.js'
import { within } from '../store/deadline.js'

/** A set is kept so long at most, ms; less when its `max-age` says so: a withdrawn key must not be good for longer. */
const FRESH_MS = 600_000
/** An unknown key is looked for in a newer set, but not in one that is younger than this, ms. */
const COOLDOWN_MS = 10_000
/** After a fetch that failed nobody asks again for so long, ms. */
const RETRY_MS = 1_000
const TIMEOUT_MS = 2_000
const MAX_BYTES = 1_048_576

/** `ticks`: the monotonic clock, ms. */
interface Facts { ticks (): number, log: { warn (facts: object, message: string): void } }
interface Kept { find: JWTVerifyGetKey, at: number, freshUntil: number, edition: number }

/**
 * Makes a key set that is fetched when it is needed, once for all who wait.
 * @returns `find`: the key of a token; throws KEYS_UNAVAILABLE when the set cannot be had, and an error of the library when
 *   the set has no such key. `edition()`: which set is in force, undefined when none is: what was verified by another is void.
 */
export function createKeySet (url: string, { ticks, log }: Facts) {
  let kept: Kept | undefined
  let pending: Promise<Kept> | undefined
  let failedAt = -Infinity

  /** One fetch at a time. */
  async function fetched (): Promise<Kept> {
    if (ticks() - failedAt < RETRY_MS) throw new Problem('KEYS_UNAVAILABLE')
    pending ??= load(url).then(({ keys, freshMs }) => {
      failedAt = -Infinity
      kept = { find: createLocalJWKSet(keys), at: ticks(), freshUntil: ticks() + freshMs, edition: (kept?.edition ?? 0) + 1 }
      return kept
    }).catch((error: unknown) => {
      // one line per trouble, not per token
      if (failedAt === -Infinity) log.warn({ reason: reasonOf(error) }, 'the key set of tokens cannot be fetched')
      failedAt = ticks()
      throw new Problem('KEYS_UNAVAILABLE')
    }).finally(() => { pending = undefined })
    return await pending
  }

  const fresh = async () => kept && ticks() < kept.freshUntil ? kept : await fetched()

  const find: JWTVerifyGetKey = async (header, token) => {
    const set = await fresh()
    try {
      return await set.find(header, token)
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey && ticks() - set.at >= COOLDOWN_MS) return await (await fetched()).find(header, token)
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error
      throw new Problem('KEYS_UNAVAILABLE', { detail: 'the key in the key set cannot be read' })
    }
  }

  return {
    // a set that is stale and a newer one may both be fetched: in the time of one [DEADLINE-1]
    find: (async (header, token) => await within(async () => await find(header, token), TIMEOUT_MS, 'KEYS_UNAVAILABLE')) as JWTVerifyGetKey,
    edition: () => kept && ticks() < kept.freshUntil ? kept.edition : undefined
  }
}

async function load (url: string): Promise<{ keys: JSONWebKeySet, freshMs: number }> {
  // a redirect may lead away from the address that was configured
  const response = await fetch(url, {
    redirect: 'manual',
    signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: { accept: 'application/json, application/jwk-set+json' }
  })
  if (response.status !== 200) throw new Error(`status ${response.status}`)
  const keys = JSON.parse(await textOf(response)) as JSONWebKeySet
  createLocalJWKSet(keys) // throws when it is no key set
  const [, seconds] = /(?:^|[\s,])max-age=(\d+)/i.exec(response.headers.get('cache-control') ?? '') ?? []
  return { keys, freshMs: Math.min(FRESH_MS, Math.max(COOLDOWN_MS, Number(seconds ?? FRESH_MS) * 1000)) }
}

async function textOf ({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += (chunk as Uint8Array).length
    if (bytes > MAX_BYTES) throw new Error('too large')
    chunks.push(chunk as Uint8Array)
  }
  return Buffer.concat(chunks).toString()
}

/** Why a fetch failed: Node hides the reason in the cause. */
function reasonOf (error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error ? `${message}: ${cause.message}` : message
}
