// One deadline for all that a request waits for, handed down by the asynchronous context: no signature names it. [DEADLINE-1]
import { AsyncLocalStorage } from 'node:async_hooks'
import type { ErrorCode } from '../protocol/errors.js'
import { Problem } from '../protocol/problem.js'

/** So long a request may ask the store, ms. Its answer is due within 2.5 s: the rest is for a busy event loop. */
export const REQUEST_MS = 2_200
/** So much later a request that hangs all the same is answered, with the next look. */
const LAST_MS = 80
/** One timer looks for all waits that are over: one for each would cost more than most of them last. */
const LOOK_MS = 20
/** So long a request may take at most, ms; one that waits on purpose, so much longer than it waits. */
export const LONGEST_MS = REQUEST_MS + LAST_MS + LOOK_MS

/**
 * What a request has had: how many writes were sent for it that may have been done, and for how long it has waited for somebody else than
 * this node and its store, ms.
 */
interface Effects { count: number, asideMs: number }

/** When the deadline is, by `performance.now()`. */
const current = new AsyncLocalStorage<{ at: number, effects: Effects } | undefined>()

/**
 * @returns how long the request that this belongs to may still wait, ms;
 *   less than nothing when it is too late, Infinity when it belongs to none.
 */
export function leftMs (): number {
  const { at = Infinity } = current.getStore() ?? {}
  return at - performance.now()
}

/** Does work whose waits all have an end of their own within `ms`: behind it the store is not asked any more. */
export function withDeadline<T> (work: () => T, ms = REQUEST_MS): T {
  return current.run({ at: performance.now() + ms, effects: current.getStore()?.effects ?? { count: 0, asideMs: 0 } }, work)
}

/** A write was sent for a request; less than nothing takes back what was refused. */
export function noteEffects (count: number): void {
  const { effects } = current.getStore() ?? {}
  if (effects) effects.count += count
}

/** A request has waited so long, ms, for what is neither this node's nor its store's doing. */
export function noteAside (ms: number): void {
  const { effects } = current.getStore() ?? {}
  if (effects) effects.asideMs += ms
}

/** @returns for how long it has. */
export const asideMs = (): number => current.getStore()?.effects.asideMs ?? 0

/** What was written so far (that a request was counted, or its id claimed) is no effect of it. */
export const forgetEffects = (): void => noteEffects(-(current.getStore()?.effects.count ?? 0))

/** @returns whether nothing that a request has asked for can have been done yet. */
export const isUndone = (): boolean => (current.getStore()?.effects.count ?? 0) === 0

/** Does work for a request, whatever it waits for: throws `late` when it is not done in time, and lets it end by itself. */
export function within<T> (work: () => Promise<T>, ms = REQUEST_MS, late: ErrorCode = 'STORE_UNAVAILABLE'): Promise<T> {
  return soon(withDeadline(work, ms), ms + LAST_MS, late)
}

/** The context in which this process began: that of no request. To enter it is cheaper than to make one without a deadline. */
const ofNobody = AsyncLocalStorage.snapshot()

/** Does work that outlives the request that began it: a stream's reads, the sweep. */
export function outside<T> (work: () => T): T {
  return current.getStore() === undefined ? work() : ofNobody(work)
}

/**
 * Does what follows from a write that is done: it is not given up half-way, the deadline only ends the waiting.
 * Throws STORE_UNAVAILABLE then.
 */
export async function consequence<T> (work: () => Promise<T>): Promise<T> {
  const ms = leftMs()
  return ms === Infinity ? await work() : await soon(outside(work), ms)
}

/** What a user is told then: it is not known how far the work got. */
const LATE = 'The store did not answer in time: the outcome is unknown'

interface Wait { until: number, end (): void }

const waits = new Set<Wait>()
let isLooking = false

function lookLater (): void {
  isLooking = waits.size > 0
  if (isLooking) setTimeout(look, LOOK_MS)
}

function look (): void {
  const now = performance.now()
  for (const wait of waits) if (wait.until <= now) wait.end()
  lookLater()
}

function soon<T> (work: Promise<T>, ms: number, late: ErrorCode = 'STORE_UNAVAILABLE'): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const wait: Wait = {
      until: performance.now() + ms,
      end () {
        waits.delete(wait)
        reject(new Problem(late, late === 'STORE_UNAVAILABLE' ? { detail: LATE } : {}))
      }
    }
    waits.add(wait)
    if (!isLooking) outside(lookLater)
    work.then(value => {
      waits.delete(wait)
      resolve(value)
    }, (error: Error) => {
      waits.delete(wait)
      reject(error)
    })
  })
}
