// One attempt by hand: an event that means nothing, and what came of it. [WEBHOOK-8]
import { bodyOf } from './attempt.js'
import { type Caller, troubleOf } from './caller.js'
import type { createSigner } from './sign.js'

/** So long it may take, at most, ms. */
export const TRIAL_MS = 10_000
/** Bytes of the answer that are shown. */
const SHOWN_BYTES = 1_024

/** What became of it. */
export interface Trial { delivered: boolean, ms: number, status?: number, reason?: string, answer?: string }

interface Floor { sign: ReturnType<typeof createSigner>, now (): number, timeoutMs: number }

/** Sends it, once, and closes the caller. */
export async function tryOut (caller: Caller, { sign, now, timeoutMs }: Floor): Promise<Trial> {
  const body = bodyOf({ id: '0-0', type: 'webhook.test', ts: now() })
  const began = performance.now()
  const ms = () => Math.round(performance.now() - began)
  try {
    const headers = sign(`test_${now()}`, now(), body)
    const { status, text } = await caller.post({ headers, body, timeoutMs: Math.min(timeoutMs, TRIAL_MS), wanted: SHOWN_BYTES })
    return { delivered: status >= 200 && status < 300, ms: ms(), status, answer: text }
  } catch (error) {
    return { delivered: false, ms: ms(), reason: troubleOf(error) }
  } finally {
    await caller.close()
  }
}
