// Effects that happen once for a client's id although the request is sent again. Section 5, IRIS_CMD_SEND.
import type { ErrorCode } from '../protocol/errors.js'
import { Problem } from '../protocol/problem.js'
import type { StoreContext } from './context.js'

interface Claim<Result> { fingerprint: string, id: string, result?: Result }

/**
 * Makes `once`, which claims a key, runs the effect, and keeps its result for retries.
 * The effect must itself be idempotent by `id`: after a crash between effect and result a retry runs it again with the same id.
 */
export function createOnce ({ redis, limits }: StoreContext) {
  return async function once<Result> (facts: { key: string, fingerprint: string, id: string, conflict: ErrorCode, keepSec?: number }, effect: (id: string) => Promise<Result>): Promise<Result & { duplicate: boolean }> {
    const { key, fingerprint, id, conflict, keepSec = limits.dedupeSec } = facts
    const mine: Claim<Result> = { fingerprint, id }
    const before = await redis.set(key, JSON.stringify(mine), 'EX', keepSec, 'NX', 'GET')
    const claim = before === null ? mine : JSON.parse(before) as Claim<Result>
    if (claim.fingerprint !== fingerprint) throw new Problem(conflict)
    if (claim.result !== undefined) return { ...claim.result, duplicate: true }
    const result = await effect(claim.id)
    await redis.set(key, JSON.stringify({ ...claim, result }), 'KEEPTTL', 'XX')
    return { ...result, duplicate: before !== null }
  }
}
