// Carries what was read for one webhook to it, in order, and sees to what is not taken. [WEBHOOK-4] [WEBHOOK-5] [WEBHOOK-6]
import type { Limits } from '../protocol/limits.js'
import { isUnavailable } from '../store/redis/redis.js'
import type { Due, Outbox, Webhook } from '../store/webhook/outbox.js'
import type { Outcome } from './attempt.js'
import { createBreaker } from './breaker.js'
import { createOrder, type Waiting } from './order.js'
import { pauseMs } from './pause.js'

/** The longest time without an attempt at a webhook that answers nothing. */
const MOST_QUIET_MS = 60_000
/** Others were taken in between so often: it is the event that is not wanted, and not that nobody is there. */
const REFUSALS = 5
/** Whoever has more time than this before something is due is asked again in between. */
const LOOK_MS = 1_000

export interface CourierFloor {
  outbox: Outbox
  attempt (position: string, event: Due['event']): Promise<Outcome>
  /** It wants nothing any more. @returns false when it is not as it was: then it is asked again. */
  onGone (reason: string): Promise<boolean>
  limits: Limits
  now (): number
  counts: { delivered: number, failed: number, dead: number, lost: number }
  log: Record<'info' | 'warn' | 'error', (facts: object, message: string) => void>
}

/**
 * Makes the courier of a webhook.
 * @param mayCarry whether it is this node's to deliver. @param onDone is told each position that is done with.
 */
export function createCourier (webhook: Webhook, { mayCarry, onDone }: { mayCarry (): boolean, onDone (position: string): void }, {
  outbox, attempt, onGone, limits, now, counts, log
}: CourierFloor) {
  const { id } = webhook
  const mostPauseMs = limits.webhookPauseSec * 1000
  const order = createOrder()
  const breaker = createBreaker(Math.min(MOST_QUIET_MS, mostPauseMs))
  const underWay = new Set<Promise<void>>()
  let isGone = false
  let isEnded = false
  let since = 0
  /** Whoever delivered before may have said that something is wrong with it: what is taken takes that back. */
  let mayBeTrouble = true
  /** Events that were taken. */
  let taken = 0
  let timer: NodeJS.Timeout | undefined

  async function settle (one: Waiting, { kind, reason, afterMs }: Outcome): Promise<void> {
    one.isUnderWay = false
    if (kind === 'delivered') return delivered(one)
    if (kind === 'failed' && isEnded) return // it may have been cut: whoever goes on tries it again, and says what is wrong
    counts.failed++
    one.attempts++
    one.reason = reason
    if (afterMs === undefined) noteRefusal(one)
    one.dueAt = performance.now() + Math.max(afterMs ?? 0, pauseMs(one.attempts, mostPauseMs))
    if (kind === 'gone') return await leave(reason)
    if (one.refusals < REFUSALS || afterMs !== undefined) {
      const isNew = breaker.failed(afterMs)
      if (breaker.isOpen()) await sayTrouble(reason, isNew)
    }
    if (one.until <= now()) await bury(one, reason)
  }

  function noteRefusal (one: Waiting): void {
    if (taken > one.takenBefore) one.refusals++
    one.takenBefore = taken
  }

  async function leave (reason: string): Promise<void> {
    isGone = true
    let isLeft = false
    try {
      isLeft = await onGone(reason)
    } finally {
      isGone = isLeft
    }
  }

  function delivered (one: Waiting): void {
    counts.delivered++
    taken++
    order.remove(one)
    onDone(one.position)
    const isOver = breaker.succeeded()
    if (isOver || mayBeTrouble) void outbox.trouble(webhook, undefined).catch(() => { mayBeTrouble = true })
    mayBeTrouble = false
    if (!isOver) return
    order.hurry()
    log.info({ webhook: id, ms: now() - since }, 'a webhook takes events again')
  }

  async function sayTrouble (reason: string, isNew: boolean): Promise<void> {
    if (isNew) {
      since = now()
      log.warn({ webhook: id, reason, waiting: order.size }, 'a webhook takes no events: they wait, and are tried again')
    }
    await outbox.trouble(webhook, { since, reason }).catch(() => undefined)
  }

  /** @param isEarly others wait for room: it is a dead letter only if no other must go for it. @returns whether it is one. */
  async function bury (one: Waiting, reason: string, isEarly = false): Promise<boolean> {
    if (!await outbox.bury(webhook, one, { reason, attempts: one.attempts, isEarly })) return false
    order.remove(one)
    counts.dead++
    log.warn({ webhook: id, position: one.position, type: one.event.type, reason, attempts: one.attempts }, 'an event is a dead letter')
    return true
  }

  /** Gives up events that nobody wants, the oldest first, until there is room for others. */
  async function makeRoom (): Promise<void> {
    while (order.size >= limits.webhookPending) {
      const one = order.refused(REFUSALS) // asked again each time: others are taken meanwhile
      if (!one) return
      one.isUnderWay = true
      const isBuried = await bury(one, one.reason, true).finally(() => { one.isUnderWay = false })
      if (!isBuried) return
    }
  }

  const mayBegin = () => mayCarry() && !isGone && !isEnded && underWay.size < limits.webhookAtOnce

  /** Lets go what may go now. */
  function carry (): void {
    clearTimeout(timer)
    while (mayBegin()) {
      const quietMs = breaker.waitMs(underWay.size)
      const next = quietMs > 0 ? quietMs : order.next()
      if (typeof next !== 'number') begin(next)
      else {
        if (next < LOOK_MS) timer = setTimeout(carry, Math.ceil(next)).unref()
        return
      }
    }
  }

  function begin (one: Waiting): void {
    one.isUnderWay = true
    const work = attempt(one.position, one.event).then(outcome => settle(one, outcome)).catch((err: unknown) => {
      if (!isUnavailable(err)) log.error({ err, webhook: id }, 'an event could not be settled: it is tried again')
    }).finally(() => {
      underWay.delete(work)
      carry()
    })
    underWay.add(work)
  }

  return {
    add: order.add,
    has: order.has,
    carry,
    makeRoom,
    waiting: () => order.size,
    positions: order.positions,
    /** Another node delivers what was not done: what is under way comes to its end. */
    forget (): void {
      order.clear()
      mayBeTrouble = true
    },
    /** Resolves when nothing is under way; nothing more goes. */
    async end (): Promise<void> {
      isEnded = true
      clearTimeout(timer)
      await Promise.all(underWay)
    }
  }
}
