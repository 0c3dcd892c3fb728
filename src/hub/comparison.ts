// Compares a user's stream in the store with what its readers here know: the sweep, one user after the other. Section 6.
import { outside } from '../store/deadline.js'
import type { createMailbox } from '../store/user/mailbox.js'
import { isUnavailable } from '../store/redis/redis.js'
import { inParts } from '../store/redis/steps.js'
import type { Leases } from '../presence/leases.js'
import type { Meter } from '../health/meter.js'
import type { Retries } from '../stream/retries.js'
import { notedOf } from './standings.js'
import type { Held, Present } from './waking.js'

/** So many users are looked at in one step. */
const AT_ONCE = 200
/** So many are compared in one step: more would hold up, here and in Redis, whoever comes meanwhile. */
const COMPARED = 25

interface Floor {
  mailbox: Pick<ReturnType<typeof createMailbox>, 'touch' | 'glance'>
  meter: Pick<Meter, 'gaps' | 'sweeps'>
  presence: Pick<Leases, 'revive'>
  /** Closes what is kicked but still open. [KICK-1] */
  closeKicked (userId: string, connections: Held[]): Promise<void>
  retries: Pick<Retries, 'later'>
}

const textOf = ({ printed, brought }: ReturnType<typeof notedOf>) => `${printed} ${brought}`

type Users = ReadonlyMap<string, Present>
/** A comparison that is tried again; how often it has failed in a row. */
interface Retry { failures: number, wake (): void }

/**
 * @returns `sweep(users)`: renews the routes of all, wakes readers that missed a hint, closes what must not be open; `glance(users)`:
 *   does so for those only whose stream has gone on without them, or who have ever been kicked; `soon(userId, present)`: compares one.
 */
export function createComparison ({ mailbox, meter, presence, closeKicked, retries }: Floor) {
  const tries = new WeakMap<Present, Retry>()
  /** What was noted of each when the store was told of it. */
  const told = new WeakMap<Held, string>()

  /** Renews the routes of a user, and tells how far he was printed since. [DELIVERY-2] */
  async function touch (userId: string, connections: Held[]) {
    const terminals = connections.map(held => ({ held, noted: notedOf(held) }))
    const touched = await mailbox.touch(userId, terminals.map(({ held, noted }) => {
      const { terminalId, platform, transport } = held
      return { terminalId, platform, transport, ...(told.get(held) === textOf(noted) ? { printed: '', brought: '' } : noted) }
    }))
    for (const { held, noted } of terminals) told.set(held, textOf(noted))
    return touched
  }

  async function compare (userId: string, { feed, connections }: Present): Promise<void> {
    const known = feed.top
    const attached = [...connections].filter(({ isBegun }) => isBegun)
    const { top, ended: lapsed } = await touch(userId, [...connections])
    if (top === undefined || (known && (top.epoch !== known.epoch || top.seq < known.seq))) {
      // the store lost what these readers have seen: the next attach tells them by RESET
      for (const connection of connections) connection.close('STORE_LOST')
      return
    }
    if (known && top.seq > known.seq) meter.gaps.sweep++
    feed.reached(top)
    // first: who was kicked or replaced has no lease any more, either, and must not come back
    await closeKicked(userId, [...connections])
    // [LIFE-2] one that is attaching has no lease yet
    const gone = attached.filter(({ terminalId }) => lapsed.includes(terminalId))
    let isRevived = false
    for (const connection of gone) {
      if (!connections.has(connection)) continue // it was closed meanwhile, and has left
      if (await presence.revive(connection)) isRevived = true
      else connection.close('TIMEOUT')
    }
    // its route was taken away with its lease
    if (isRevived) await touch(userId, [...connections])
    for (const connection of connections) connection.wake()
  }

  async function compareAll (users: [string, Present][]): Promise<void> {
    for (const some of inParts(users, COMPARED)) await Promise.all(some.map(([userId, present]) => compare(userId, present)))
  }

  /** Throws when the store does not answer. */
  async function sweep (users: Users): Promise<void> {
    meter.sweeps++
    await compareAll([...users])
  }

  /** A tenth of what a sweep costs, so that it may be done every second. */
  async function glance (users: Users): Promise<void> {
    for (const some of inParts([...users], AT_ONCE)) {
      const found = await mailbox.glance(some.map(([userId]) => userId))
      const changed = some.filter(([, { feed: { top } }], n) => {
        const seen = found[n]
        return seen?.isKicked || (top && (seen?.top?.epoch !== top.epoch || seen.top.seq !== top.seq))
      })
      await compareAll(changed)
    }
  }

  /** @returns what tries again for a user while he is here: one, so that he waits once, however often he is to be compared meanwhile. */
  function retryOf (userId: string, present: Present): Retry {
    const retry = tries.get(present) ?? { failures: 0, wake: () => { if (present.connections.size > 0) soon(userId, present) } }
    tries.set(present, retry)
    return retry
  }

  /** While the store does not answer it is tried again, as long as he is here. What else goes wrong, the next sweep says. */
  function soon (userId: string, present: Present): void {
    const retry = retryOf(userId, present)
    outside(() => compare(userId, present)).then(() => { retry.failures = 0 }, (error: unknown) => {
      if (isUnavailable(error) && present.connections.size > 0) retries.later(retry, ++retry.failures)
    })
  }

  return {
    sweep,
    glance,
    soon
  }
}
