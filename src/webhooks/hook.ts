// A hook: a URL that is asked before something is done, within so many ms, and what counts when it does not decide. [HOOK-1] to [HOOK-4]
import type { HookName } from '../protocol/hook-body.js'
import type { Limits } from '../protocol/limits.js'
import { comeBack, type FieldError, Problem } from '../protocol/problem.js'
import { leftMs } from '../store/deadline.js'
import { randomHex } from '../store/random.js'
import { type Call, type CallAnswer, type Caller, isCut, troubleOf } from './caller.js'
import type { createSigner } from './sign.js'
import type { Slots } from './slots.js'
import { type Content, denial, type Fault, type Verdict, verdictOf } from './verdict.js'

/** How questions ended. */
export interface HookCounts { allowed: number, modified: number, denied: number, failed: number, overloaded: number }

/** What counts when a hook does not decide. */
export const onFailures = ['allow', 'deny'] as const

export type OnFailure = typeof onFailures[number]

/** Reads JSON. `broken`: what would not come back as it is written. Throws when it is none. */
export type ReadJson = (bytes: Buffer) => { value: unknown, broken: FieldError[] }

export interface HookFloor {
  name: HookName
  onFailure: OnFailure
  caller: Pick<Caller, 'post'>
  slots: Slots
  sign: ReturnType<typeof createSigner>
  readJson: ReadJson
  limits: Pick<Limits, 'hookMs' | 'bodyBytes'>
  /** The time of Redis: a receiver refuses what was signed by a clock that is wrong. [TIME-1] */
  now (): number
  counts: HookCounts
  /** A question was answered, or its time is over. */
  onAsked (ms: number): void
  log: { warn (facts: object, sentence: string): void }
}

/** What is asked. `from`: the user whose doing it is; `brokenIn`: the rules that another content would break in its place. */
export interface Question { from: string, traceId: string, data: Record<string, unknown>, brokenIn (content: Content): FieldError[] }

/** Of the time of a request so much is for the store, which comes behind the hook. */
const STORE_MS = 300
/** With less than that no second connection is tried. */
const RETRY_MS = 20
/** Failures are in the log this often, ms, with how many there were: one line for each message would cost more than they do. */
const LOG_MS = 5_000

/**
 * Makes a hook.
 * @returns `ask(question)`: the content that is to take the place of what was sent; undefined when that stays as it is. Throws DENIED with
 *   what the hook has to say to the sender; HOOK_UNAVAILABLE when it has not decided and that is a no; OVERLOADED when too many wait.
 */
export function createHook (
  { name, onFailure, caller, slots, sign, readJson, limits, now, counts, onAsked, log }: HookFloor
) {
  let failures = 0
  let loggedAt = -Infinity

  /** A connection that was kept open may be closed by the other side just when it is used: the question is asked once more. */
  async function post (call: Omit<Call, 'timeoutMs'>, until: number): Promise<CallAnswer> {
    const leftNow = () => Math.ceil(until - performance.now())
    try {
      return await caller.post({ ...call, timeoutMs: Math.max(1, leftNow()) })
    } catch (error) {
      if (!isCut(error) || leftNow() < RETRY_MS) throw error
      return await caller.post({ ...call, timeoutMs: leftNow() })
    }
  }

  async function answerOf ({ traceId, data, brokenIn }: Question, until: number): Promise<Verdict | Fault> {
    const at = now()
    const body = JSON.stringify({ type: name, timestamp: new Date(at).toISOString(), data })
    const headers = { ...sign(`hook_${randomHex(12)}`, at, body), 'trace-id': traceId }
    const { status, text, isWhole } = await post({ headers, body, wanted: limits.bodyBytes }, until)
    if (status < 200 || status >= 300) return { fault: `it answered ${status}` }
    if (!isWhole) return { fault: `its answer did not come wholly in time, or has more than ${limits.bodyBytes} bytes` }
    const { value, broken } = readJson(Buffer.from(text))
    return verdictOf(value, { broken, brokenIn })
  }

  async function decide (question: Question, until: number): Promise<Verdict | Fault> {
    const leave = await slots.enter(question.from, until - performance.now())
    if (!leave) return { fault: 'too many were asked before' }
    try {
      return await answerOf(question, until)
    } catch (error) {
      return { fault: error instanceof Problem ? 'its answer is no JSON' : troubleOf(error) }
    } finally {
      leave()
    }
  }

  function failed (reason: string): void {
    counts.failed++
    failures++
    const at = performance.now()
    if (at - loggedAt < LOG_MS) return
    log.warn({ hook: name, reason, failures, onFailure }, 'a hook did not decide')
    loggedAt = at
    failures = 0
  }

  return async function ask (question: Question): Promise<Content | undefined> {
    const began = performance.now()
    const verdict = await decide(question, began + Math.min(limits.hookMs, leftMs() - STORE_MS)).catch((error: unknown) => {
      counts.overloaded++
      throw error
    })
    onAsked(performance.now() - began)
    if ('fault' in verdict) {
      failed(verdict.fault)
      if (onFailure === 'deny') throw comeBack('HOOK_UNAVAILABLE')
      return undefined
    }
    counts[({ allow: 'allowed', modify: 'modified', deny: 'denied' } as const)[verdict.action]]++
    if (verdict.action === 'deny') throw denial(verdict)
    return verdict.action === 'modify' ? verdict.content : undefined
  }
}

export type Hook = ReturnType<typeof createHook>
