// One attempt to tell a webhook something: what it gets, and what its answer means. [WEBHOOK-3] [WEBHOOK-5]
import { deliveryOf } from '../protocol/webhook-body.js'
import type { Fact } from '../store/webhook/letters.js'
import { type Caller, troubleOf } from './caller.js'
import { retryAfterMs } from './pause.js'
import type { createSigner } from './sign.js'

/** `gone`: it wants nothing any more. `afterMs`: it asks to be left alone, for so long if it says so (else 0). */
export interface Outcome { kind: 'delivered' | 'failed' | 'gone', reason: string, afterMs?: number | undefined }

interface Floor {
  caller: Pick<Caller, 'post'>
  sign: ReturnType<typeof createSigner>
  /** The time of Redis: a receiver refuses what was signed by a clock that is wrong. [TIME-1] */
  now (): number
  timeoutMs: number
  mostPauseMs: number
}

/** @returns what a webhook is sent of an event. */
export const bodyOf = (event: Fact): string => JSON.stringify(deliveryOf(event))

/** @returns the id of an event for a receiver: the same in every attempt, on whatever node. */
const webhookId = (position: string) => `evt_${position}`

/** Makes `attempt(position, event)`. It never rejects. */
export function createAttempt ({ caller, sign, now, timeoutMs, mostPauseMs }: Floor) {
  return async function attempt (position: string, event: Fact): Promise<Outcome> {
    try {
      const body = bodyOf(event)
      const { traceId } = event
      const headers = { ...sign(webhookId(position), now(), body), ...(typeof traceId === 'string' && { 'trace-id': traceId }) }
      const { status, retryAfter } = await caller.post({ headers, body, timeoutMs })
      const isBusy = [429, 503].includes(status)
      return outcomeOf(status, isBusy ? retryAfterMs(retryAfter, { now: now(), mostMs: mostPauseMs }) ?? 0 : undefined)
    } catch (error) {
      return { kind: 'failed', reason: troubleOf(error) }
    }
  }
}

function outcomeOf (status: number, afterMs: number | undefined): Outcome {
  const reason = `it answered ${status}`
  if (status >= 200 && status < 300) return { kind: 'delivered', reason }
  return status === 410 ? { kind: 'gone', reason } : { kind: 'failed', reason, afterMs }
}
