// What the gateway counts about itself: plain numbers, read when somebody asks. No library is known here.
import type { Bye, EventName, Source } from '../protocol/events.js'
import { Problem } from '../protocol/problem.js'
import type { Why } from '../store/life/life.js'

/** How an attach ended: served (`reset` with its reason), or not. */
export type AttachVerdict =
  'fresh' | 'resumed' | `reset_${string}` | 'too_many_terminals' | 'busy' | 'rate_limited' | 'left' | 'ended' | 'kicked' | 'failed'

/** Events of one kind; `SKIPPED` are entries that had nothing to say to a terminal. */
type Kinds = Record<EventName | 'SKIPPED', number>

const noKinds = (): Kinds => ({ MSG_DOWN: 0, ACK_DOWN: 0, CMD_DOWN: 0, NOTICE_DOWN: 0, SKIPPED: 0 })

const noAnswers = () => ({ allowed: 0, modified: 0, denied: 0, failed: 0, overloaded: 0 })

/** Makes the meter of a node. What it is told does nothing, and what it is asked is empty, until somebody replaces it by assignment. */
export function createMeter () {
  const attaches = new Map<AttachVerdict, number>()
  const goodbyes = new Map<Bye, number>()
  const rateLimited = new Map<string, number>()
  const shed = { loop: 0, store: 0, connection: 0 }
  return {
    attaches,
    goodbyes,
    /** Requests of users refused for their rate, by operation. [COST-1] */
    rateLimited,
    /** Requests that were refused since there was too much to do, by what held them up. [DEADLINE-2] */
    shed,
    /** Events handed to printers: one increment each, nothing more. */
    printed: {
      live: noKinds(), replay: noKinds(), mailbox: noKinds(), history: noKinds(), volatile: noKinds()
    } satisfies Record<Source | 'volatile', Kinds>,
    /** Hints that were missed: found by the next hint's number, or by the sweep. */
    gaps: { hint: 0, sweep: 0 },
    /** Of terminals: renewed and ended by this node; how often it looked for ended ones, as the node that does so for all. */
    leases: { renewed: 0, ended: 0, reaps: 0 },
    /** Other lives of the store that began while this node was there, by why. */
    lives: { lost: 0, record: 0, unwitnessed: 0, silent: 0, elsewhere: 0 } satisfies Record<Why, number>,
    sweeps: 0,
    /** Items that could not be read, each time that one was skipped. */
    unreadable: 0,
    evictions: 0,
    /** How many lines of the log were dropped. */
    droppedLines: () => 0,
    /** Of webhooks: deliveries that were taken, that failed; events that are not tried any more, and that were gone. [WEBHOOK-6] */
    webhooks: { delivered: 0, failed: 0, dead: 0, lost: 0 },
    /** Questions to hooks, by how they ended. [HOOK-6] */
    hooks: { message: noAnswers(), command: noAnswers() },
    /** A question to a hook was answered, or its time is over. */
    hookAsked (_ms: number, _kind: string): void {},
    /** Events that this node has read for webhooks, and that are not done. */
    webhooksWaiting: () => 0,
    /** How old, ms, what other nodes have said may be when it comes in; how often the subscription was dropped. */
    hearing: { ageMs: () => Infinity, drops: () => 0 },
    attach (verdict: AttachVerdict): void { attaches.set(verdict, (attaches.get(verdict) ?? 0) + 1) },
    goodbye (bye: Bye): void { goodbyes.set(bye, (goodbyes.get(bye) ?? 0) + 1) },
    refused (name: string): void { rateLimited.set(name, (rateLimited.get(name) ?? 0) + 1) },
    /** An up-command was acknowledged. @param ms from its validation on. */
    acknowledged (_name: string, _ms: number): void {},
    /** The hints of one turn of the event loop were printed. @param ms since the first of them. */
    delivered (_ms: number): void {},
    /** Redis answered a round trip. */
    redisAnswered (_ms: number): void {},
    /** Why the store cannot be worked with, and why it refuses to write. */
    store: (): { reason: string | undefined, refusal: string } => ({ reason: undefined, refusal: '' }),
    /** What of the store is full, and how many commands it has refused for that. */
    room: (): { full?: 'memory' | 'disk' | undefined, refused: number } => ({ refused: 0 })
  }
}

export type Meter = ReturnType<typeof createMeter>

/** @returns `execute`, whose acknowledgements the meter times, and whose refusals for the rate it counts. */
export function timed<Request> (
  execute: (name: string, request: Request) => Promise<unknown>, meter: Pick<Meter, 'acknowledged' | 'refused'>
) {
  return function (name: string, request: Request): Promise<unknown> {
    const began = performance.now()
    return execute(name, request).then(result => {
      meter.acknowledged(name, performance.now() - began)
      return result
    }, (error: unknown) => {
      if (error instanceof Problem && error.code === 'RATE_LIMITED') meter.refused(name)
      throw error
    })
  }
}
