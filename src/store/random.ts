// Random names: bytes are fetched from the system many at a time, for a call of their own costs more than the rest of a small request.
import { randomFillSync } from 'node:crypto'

const POOL_BYTES = 4_096
const pool = Buffer.alloc(POOL_BYTES)
let used = POOL_BYTES

/** @param bytes how many random bytes, 64 at most. @returns them as lower-case hex: a text of its own, that keeps no other alive. */
export function randomHex (bytes: number): string {
  if (used + bytes > POOL_BYTES) {
    randomFillSync(pool)
    used = 0
  }
  used += bytes
  return pool.toString('hex', used - bytes, used)
}

/** @returns a TRACE_ID, as W3C Trace Context makes them: 16 bytes. [TRACE-1] */
export const newTraceId = (): string => randomHex(16)
