// How a connection is let in: refused while the node ends, bounded per user, and past the gate before the store is asked.
import type { Bye } from '../protocol/events.js'
import type { Limits } from '../protocol/limits.js'
import { Problem } from '../protocol/problem.js'
import type { Attached } from '../store/user/attach.js'
import { type Login, REPLACED } from '../store/access/kicks.js'
import { retryMsOf, TOO_OFTEN, tooFast } from '../store/access/admission.js'
import { createBuckets } from '../store/access/bucket.js'
import { consequence } from '../store/deadline.js'
import type { createMailbox } from '../store/user/mailbox.js'
import { isUnavailable } from '../store/redis/redis.js'
import type { Connection } from '../stream/connection.js'
import { createGate } from './gate.js'
import type { Journal } from './journal.js'
import type { Leases } from '../presence/leases.js'
import { rotationTime } from '../stream/lifetime.js'
import type { AttachVerdict } from '../health/meter.js'
import type { Opening, Start } from '../stream/opening.js'
import type { createStarts } from '../stream/start.js'
import type { Present } from './waking.js'

/** Who is turned away at the gate is asked to stay away no longer, however many wait. */
const LONGEST_MS = 10_000
/** What a poll weighs that goes on where the last one ended: one comes with each event. */
const RESUMED_POLL = 0.25

interface Floor {
  mailbox: Pick<ReturnType<typeof createMailbox>, 'attach'>
  decideStart: ReturnType<typeof createStarts>
  limits: Pick<Limits, 'attaches' | 'attachQueue' | 'attachRate' | 'attachBurst' | 'connections' | 'rotateSec'>
  journal: Pick<Journal, 'attached'>
  /** Whether there is too much to do for one more. [DEADLINE-2] */
  refuses (): boolean
  /** What is meant for everybody reaches a user who attaches. [NOTICE-1] */
  bring (userId: string, login: Login): Promise<void>
  /** Takes a user's routes on nodes that are dead away. @returns whether there were any. */
  buryDead (userId: string): Promise<boolean>
  /** Notes who came: one who is let in, and one who is not for a trouble of ours, since he was here all the same. [LIFE-2] */
  presence: Pick<Leases, 'came' | 'seen'>
  /** A terminal was removed to make room for another. [COMPLETE-5] */
  onEvicted (userId: string, terminalId: string): Promise<void>
  /** Terminals of a user must go, since a newer login attached. [KICK-2] */
  onReplaced (userId: string, facts: { ids: string[], issuedUpTo: number, traceId: string }): Promise<void>
}

const isReplaced = (error: unknown) => error instanceof Problem && error.code === 'KICKED' && error.facts.detail === REPLACED

/** Makes the entrance of a node. */
export function createEntrance ({
  mailbox, decideStart, limits, journal, refuses, bring, buryDead, presence, onEvicted, onReplaced
}: Floor) {
  const gate = createGate({ places: limits.attaches, queue: limits.attachQueue })
  // asked before Redis: who comes back all the time costs it nothing [COST-1]
  const buckets = createBuckets({ rate: limits.attachRate, burst: limits.attachBurst })
  let ended: { bye: Bye, until: number } | undefined
  const closed = new WeakSet<object>()

  /** @returns what an attach weighs when it resumes. Throws RATE_LIMITED. */
  function count (opening: Opening): number {
    const { userId, transport, cursor } = opening
    const units = transport === 'poll' && cursor !== undefined ? RESUMED_POLL : 1
    const ms = buckets.waitMs(userId)
    if (ms > 0) {
      journal.attached(opening, 'rate_limited')
      throw tooFast(ms, TOO_OFTEN)
    }
    buckets.take(userId, units)
    return units
  }

  function verdictOf (error: unknown): AttachVerdict {
    const code = error instanceof Problem ? error.code : undefined
    return code === 'KICKED' ? 'kicked' : code === 'RATE_LIMITED' ? 'rate_limited' : 'failed'
  }

  /**
   * Attaches; when others who are connected stand in the way, once more without those whose node is dead [LIFE-3]. Whose connection is
   * closed does not come: nobody would leave.
   */
  async function enter (connection: Connection, opening: Opening): Promise<Attached | undefined | 'left'> {
    const attach = async () => closed.has(connection) ? 'left' : await mailbox.attach(opening)
    try {
      const attached = await attach()
      if (attached !== undefined) return attached
    } catch (error) {
      if (!isReplaced(error) || !await buryDead(opening.userId)) throw error
      return await attach()
    }
    return await buryDead(opening.userId) ? await attach() : undefined
  }

  /** What is done when the gate lets a connection in. @returns where it begins; false when the user has too many terminals. */
  async function attach (connection: Connection, opening: Opening, { feed, connections }: Present): Promise<Start | false | 'left'> {
    await bring(opening.userId, opening)
    const attached = await enter(connection, opening)
    if (attached === 'left') return attached
    if (attached === undefined) return false
    const { verdict, top, evicted, replaced, loginAt, serverTime } = attached
    connection.lifetime.attachedAt = serverTime
    if (!closed.has(connection)) presence.came(opening)
    if (feed.reached(top)) for (const other of connections) other.wake()
    if (replaced.length > 0) {
      await consequence(() => onReplaced(opening.userId, { ids: replaced, issuedUpTo: loginAt, traceId: opening.traceId }))
    }
    if (evicted !== undefined) await consequence(() => onEvicted(opening.userId, evicted))
    const start = await decideStart(opening, attached)
    journal.attached(opening, verdict === 'fresh' || verdict === 'resumed' ? verdict : `reset_${verdict}`, { from: start.position, top })
    return start
  }

  /** Other nodes may be asked: no place of the gate is held meanwhile. */
  async function begin (connection: Connection, opening: Opening, start: Start): Promise<void> {
    connection.begin(await opening.adopt?.(start) ?? start)
  }

  return {
    /**
     * Counts an attach.
     * @returns the opening with the time at which its connection is too old, and what it weighs.
     *   Throws RATE_LIMITED, before anybody else of the user is touched.
     */
    prepare: (
      opening: Opening
    ): Opening => {
      const askedAt = performance.now()
      return { ...opening, units: count(opening), rotateAt: rotationTime(askedAt, limits.rotateSec), askedAt }
    },

    /**
     * Lets a connection in that is among its user's already, so that nothing is missed from that instant on [ATTACH-3].
     * Beyond the limit the user's oldest connection, the one most likely dead, is ended with BYE 4302, a poll with 4303:
     * if it lives, it must not come back and end another.
     * @returns false when the user has too many terminals; else the connection prints, or is closed with its goodbye.
     *   Throws KICKED, RATE_LIMITED, and when the store does not answer.
     */
    async admit (connection: Connection, opening: Opening, present: Present): Promise<boolean> {
      if (ended) {
        journal.attached(opening, 'ended')
        connection.close(ended.bye, undefined, ended.until - performance.now())
        return true
      }
      const [oldest] = present.connections
      if (present.connections.size > limits.connections) oldest?.close(oldest.transport === 'poll' ? 'TOO_MANY_TERMINALS' : 'REPLACED')
      opening.printer.serve?.(connection)
      try {
        const entry = refuses() ? 'full' : await gate.pass(connection, () => attach(connection, opening, present))
        if (entry === 'full') {
          presence.seen(opening)
          connection.close('BUSY', undefined, Math.min(LONGEST_MS, gate.backlogMs))
        }
        if (entry === false) connection.gone()
        if (typeof entry === 'object') await begin(connection, opening, entry)
        else journal.attached(opening, entry === 'full' ? 'busy' : entry || 'too_many_terminals')
        return entry !== false
      } catch (error) {
        const verdict = verdictOf(error)
        journal.attached(opening, verdict)
        if (isUnavailable(error)) presence.seen(opening)
        if (error instanceof Problem && error.facts.detail === TOO_OFTEN) buckets.hold(opening.userId, retryMsOf(error))
        connection.gone()
        throw error
      }
    },

    /** From now on connections are answered with this goodbye, and asked to stay away for so many ms. */
    refuse (bye: Bye, ms: number): void { ended = { bye, until: performance.now() + ms } },

    /** Whether nobody is let in any more. */
    get isEnded (): boolean { return ended !== undefined },

    /** A connection is closed: it does not wait any more, and does not attach. */
    giveUp (connection: object): void {
      closed.add(connection)
      gate.giveUp(connection)
    },

    get census () { return gate.census }
  }
}

export type Entrance = ReturnType<typeof createEntrance>
