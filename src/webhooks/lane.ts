// The way to one webhook: one node at a time reads what is to be told, and says what is done. [WEBHOOK-4] [WEBHOOK-7]
import { setTimeout as delay } from 'node:timers/promises'
import { isUnavailable } from '../store/redis/redis.js'
import { HOLD_MS, type Taken } from '../store/webhook/outbox.js'
import type { Target } from '../store/webhook/targets.js'
import { type CourierFloor, createCourier } from './courier.js'

/** How often a node asks for a webhook, or says that it still delivers to it. */
const ROUND_MS = 1_000
/** So much is read in one step. */
const PAGE = 100
/** What is done is said when it is so much, or all. */
const TOLD_AT_ONCE = 50
/** What is under way when a node ends is waited for so long. */
const END_MS = 1_000

export interface LaneFloor extends CourierFloor {
  /** Waits for something behind a position. */
  until (after: string, ms: number): Promise<void>
}

/** Begins the way to a webhook. @returns `stop()`: resolves when nothing is under way, and another node may go on. */
export function startLane (target: Target, floor: LaneFloor) {
  const { id, types } = target
  const { outbox, until, limits, counts, log } = floor
  const stopped = new AbortController()
  let settled: string[] = []
  let isMine = false
  /** Whether all that was read for it and is not done is known here. */
  let hasAll = false
  /** Another node may deliver from then on, by `performance.now()`: this one does not any more. */
  let mineUntil = 0
  let last = '0-0'
  let alarm = Promise.withResolvers<void>()
  const courier = createCourier(target, { mayCarry, onDone }, floor)

  function mayCarry (): boolean { return isMine && !stopped.signal.aborted && performance.now() < mineUntil }

  /** What is done, and was not told yet, is still to be found in the store. */
  const isKnown = (position: string) => courier.has(position) || settled.includes(position)

  const isFull = () => courier.waiting() >= limits.webhookPending

  function onDone (position: string): void {
    settled.push(position)
    if (courier.waiting() === 0 || settled.length >= TOLD_AT_ONCE) alarm.resolve()
  }

  /** Says what is done; what could not be said is said with the next. */
  async function tellDone (): Promise<void> {
    const done = settled
    settled = []
    await outbox.done(id, done).catch((error: unknown) => {
      settled.push(...done)
      throw error
    })
  }

  function add ({ due, unread, lost, last: reached }: Taken): void {
    settled.push(...unread)
    for (const one of due.filter(({ position }) => !isKnown(position))) {
      if (!types || types.includes(one.event.type)) courier.add(one)
      else settled.push(one.position)
    }
    if (lost > 0) {
      counts.lost += lost
      log.error({ webhook: id, lost, after: last }, 'events were gone before a webhook was told of them: it is told so')
    }
    last = reached ?? last
  }

  /**
   * What another node has read and not done, or this one, which was not answered what it was.
   * @returns whether that is all: no other node has gone on meanwhile.
   */
  async function takeOver (): Promise<boolean> {
    for (let from = '0-0'; ;) {
      const known = [...courier.positions(), ...settled]
      const taken = await outbox.take(target, { count: PAGE, from, known })
      add(taken)
      if (taken.state !== 'mine' || taken.last === undefined) return taken.state === 'mine'
      from = taken.last
    }
  }

  async function addAgain (): Promise<void> {
    const { due, unread } = await outbox.again(id, isKnown)
    settled.push(...unread)
    due.forEach(courier.add)
  }

  /** @returns whether there may be more to read at once. */
  async function round (): Promise<boolean> {
    await tellDone()
    const began = performance.now()
    if (isFull() && mayCarry()) await courier.makeRoom()
    // behind what nobody takes there may be something that shows that somebody is there: a page in a round, up to as much again
    const wasFull = isFull()
    const room = Math.max(0, Math.min(PAGE, limits.webhookPending * (wasFull ? 2 : 1) - courier.waiting()))
    const taken = await outbox.take(target, { count: hasAll ? room : 0 })
    if (taken.state !== 'mine') {
      isMine = hasAll = false
      courier.forget()
      return false
    }
    mineUntil = began + HOLD_MS
    hasAll ||= await takeOver()
    isMine = hasAll
    add(taken)
    if (taken.again > 0) await addAgain()
    courier.carry()
    return !wasFull && room > 0 && taken.due.length + taken.unread.length === room
  }

  /** Waits until there is something to do: news, room, or the next round. */
  async function rest (): Promise<void> {
    const over = isMine && !isFull() ? until(last, ROUND_MS) : delay(ROUND_MS, undefined, { signal: stopped.signal, ref: false })
    await Promise.race([over, alarm.promise]).catch(() => undefined)
    alarm = Promise.withResolvers()
  }

  async function run (): Promise<void> {
    while (!stopped.signal.aborted) {
      const hasMore = await round().catch((err: unknown) => {
        if (!isUnavailable(err)) log.error({ err, webhook: id }, 'a webhook could not be served: it is tried again')
        hasAll = false
        return undefined
      })
      if (hasMore === undefined) await delay(ROUND_MS, undefined, { signal: stopped.signal, ref: false }).catch(() => undefined)
      else if (!hasMore) await rest()
    }
  }

  const running = run()

  return {
    target,
    waiting: courier.waiting,
    async stop (): Promise<void> {
      stopped.abort()
      alarm.resolve()
      await Promise.race([Promise.all([running, courier.end()]), delay(END_MS, undefined, { ref: false })])
      await tellDone().catch(() => undefined)
      if (isMine) await outbox.leave(id).catch(() => undefined)
    }
  }
}

export type Lane = ReturnType<typeof startLane>
