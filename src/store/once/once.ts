// Effects that happen once for a client's id although the request is sent again. Section 5, IRIS_CMD_SEND.
import { setTimeout } from 'node:timers/promises'
import type { ErrorCode } from '../../protocol/errors.js'
import { Problem } from '../../protocol/problem.js'
import { consequence } from '../deadline.js'
import type { StoreContext } from '../life/context.js'
import { heldBack } from '../redis/disk.js'
import { isFull, storeFull } from '../redis/full.js'
import { isOfAnotherType, parsed } from '../redis/readable.js'
import { isUnavailable } from '../redis/redis.js'
import { placeOf } from '../redis/sound.js'
import { setValue } from '../script/value.js'

const WAIT_MS = 1_000
const ASK_MS = 20

/** `about`: what is known of an effect while its result is not. */
interface Claim<Result> { fingerprint: string, id: string, about?: object | undefined, result?: Result }

interface Facts { key: string, fingerprint: string, id: string, conflict: ErrorCode, keepSec?: number, about?: object }

/**
 * Makes `once`, which claims a key, runs the effect, and keeps its result for retries.
 * The effect must itself be idempotent by `id`: after a crash between effect and result a retry runs it again with the same id.
 */
export function createOnce ({ redis, limits, onUnreadable }: StoreContext) {
  /** @returns a claim; undefined when it cannot be read. */
  function readClaim<Result> (claim: string, key: string): Claim<Result> | undefined {
    const found = parsed<Claim<Result>>(claim)
    if (typeof found?.fingerprint === 'string' && typeof found.id === 'string' && typeof (found.result ?? {}) === 'object') return found
    onUnreadable?.(placeOf(key))
    return undefined
  }

  /** Another request with the same id is under way: its result is worth a wait, an effect that nobody stores would happen twice. */
  async function resultOf<Result> (key: string): Promise<Result | undefined> {
    for (const end = performance.now() + WAIT_MS; performance.now() < end;) {
      const claim = await redis.get(key)
      if (claim === null) return undefined
      const { result } = readClaim<Result>(claim, key) ?? {}
      if (result !== undefined) return result
      await setTimeout(ASK_MS)
    }
    return undefined
  }

  async function claimed (key: string, [value, ...options]: [string, 'EX', number, 'NX', 'GET']): Promise<string | null> {
    if (heldBack(redis)) throw storeFull('disk')
    return await redis.set(key, value, ...options)
  }

  /**
   * A full store takes no claim; what was claimed before is answered all the same.
   * [STORE-2] A key of another type is one that cannot be read.
   */
  async function claimBefore (key: string, error: unknown): Promise<string> {
    if (isOfAnotherType(error)) return ''
    const claim = isFull(error) ? await redis.get(key) : null
    if (claim === null) throw error
    return claim
  }

  return async function once<Result> (facts: Facts, effect: (id: string) => Promise<Result>): Promise<Result & { duplicate: boolean }> {
    const { key, fingerprint, id, conflict, keepSec = limits.dedupeSec, about } = facts
    const mine: Claim<Result> = { fingerprint, id, about }
    const before = await claimed(key, [JSON.stringify(mine), 'EX', keepSec, 'NX', 'GET']).catch((error: unknown) => claimBefore(key, error))
    const claim = before === null ? mine : readClaim<Result>(before, key)
    // of one that cannot be read nobody knows what was made: it is not made twice
    if (claim?.fingerprint !== fingerprint) throw new Problem(conflict)
    const done = before === null ? undefined : claim.result ?? await resultOf<Result>(key)
    if (done !== undefined) return { ...done, duplicate: true }
    const result = await effect(claim.id).catch(async (error: unknown) => {
      // refused: nothing happened, and the corrected request may use the same id. Of an outage nobody knows what has happened
      if (before === null && error instanceof Problem && !isUnavailable(error)) await consequence(() => redis.del(key))
      throw error
    })
    await setValue(redis, key, [JSON.stringify({ fingerprint, id: claim.id, result }), 'KEEPTTL', 'XX'])
    return { ...result, duplicate: before !== null }
  }
}
