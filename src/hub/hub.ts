// The connections of this node, and what wakes them: hints, the clock, the sweep. docs/protocol.md section 6, "Live delivery".
import { type Bye, byes } from '../protocol/events.js'
import type { Limits } from '../protocol/limits.js'
import { goneReason } from '../protocol/presence.js'
import { outside } from '../store/deadline.js'
import type { createLeases } from '../store/user/leases.js'
import type { createMailbox } from '../store/user/mailbox.js'
import { isUnavailable } from '../store/redis/redis.js'
import { censusOf } from './census.js'
import { createCollected } from './collected.js'
import { createComparison } from './comparison.js'
import { Connection } from '../stream/connection.js'
import type { Entrance } from './entrance.js'
import { Feed, type Hearing } from '../stream/feed.js'
import type { MakeJob, Todo } from '../stream/jobs.js'
import type { Leases } from '../presence/leases.js'
import type { Meter } from '../health/meter.js'
import type { Opening } from '../stream/opening.js'
import type { TokenLife } from '../stream/lifetime.js'
import { type Frame, isAddressed, type Renderer, type TerminalFilter, type Viewer } from '../stream/render.js'
import { createHints } from './hints.js'
import type { Journal } from './journal.js'
import { createPolls } from './polls.js'
import { createVolatile } from './volatile.js'
import type { Retries } from '../stream/retries.js'
import type { SessionFloor } from './session.js'
import { bequeath, createStandings, notedOf } from './standings.js'
import type { Held, Present } from './waking.js'

/**
 * Which connections are closed, and what they are told. `issuedUpTo`: those that were opened with a token issued until then;
 * `attachedUpTo`: those that were let in until then. Both ms.
 */
export interface Closing { bye: Bye, filter?: TerminalFilter, issuedUpTo?: number, attachedUpTo?: number, lastWord?: Frame }

interface Floor {
  mailbox: ReturnType<typeof createMailbox>
  leases: Pick<ReturnType<typeof createLeases>, 'leave'>
  entrance: Entrance
  journal: Pick<Journal, 'left'>
  renderer: Renderer
  meter: Meter
  makeJob: MakeJob
  limits: Pick<Limits, 'pollSec' | 'connections' | 'downEntries' | 'stuckSec'>
  now (): number
  /** What is noted of signs of life: an open connection may be one, a poll is. [LIFE-2] */
  presence: Pick<Leases, 'seen' | 'isSeen' | 'revive'>
  /** Closes what is kicked but still open. [KICK-1] */
  closeKicked (userId: string, connections: Held[]): Promise<void>
  inherit: SessionFloor['inherit']
  retries: Retries
  /** Looks again in the store at frames that were collected. */
  recheck (frames: Frame[], viewer: Viewer): Promise<void>
  memory: Hearing
  log: { warn (facts: object, message: string): void }
}

/** Makes the hub of a node. */
export function createHub ({
  mailbox, leases, entrance, journal, renderer, meter, makeJob, limits, now, inherit, retries, recheck, memory, presence, closeKicked, log
}: Floor) {
  const users = new Map<string, Present>()
  /** Those opened with `?lease=socket`. */
  const sockets = new Set<Held>()
  const comparison = createComparison({ mailbox, meter, presence, closeKicked, retries })
  const { prints, standing } = createStandings(connectionsOf, now)
  const shared = {
    mailbox, renderer, prints, retries, log, now, ticks: () => performance.now(), ...memory, onClosed: leave, stuckMs: limits.stuckSec * 1e3
  }

  function join (userId: string): Present {
    const present = users.get(userId) ?? { feed: new Feed(), connections: new Set<Held>() }
    users.set(userId, present)
    return present
  }

  function leave (connection: Held, bye?: Bye): void {
    const { userId, terminalId } = connection
    sockets.delete(connection)
    unkept.unwatch(connection)
    entrance.giveUp(connection)
    journal.left(connection, bye, now())
    const present = users.get(userId)
    if (!present?.connections.delete(connection)) return
    if (present.connections.size === 0) users.delete(userId)
    const [other] = connectionsOf(userId, terminalId)
    if (other) return bequeath(connection, other)
    // a route that stays behind ends by itself, the terminal with its lease
    const ending = { ...notedOf(connection), transport: connection.transport, code: bye ? byes[bye].code : 0 }
    outside(() => leases.leave({ userId, terminalId, ending }, goneReason(bye))).catch((err: unknown) => {
      if (!isUnavailable(err)) log.warn({ err }, 'a route could not be taken away')
    })
  }

  function connectionsOf (userId: string, terminalId?: string): Held[] {
    return [...users.get(userId)?.connections ?? []].filter(connection => terminalId === undefined || connection.terminalId === terminalId)
  }

  const unkept = createVolatile({ connectionsOf, meter })
  const polls = createPolls({
    entrance,
    join,
    connectionsOf,
    connect: shared,
    unkept,
    onPolled: presence.seen,
    onSocket: session => sockets.add(session),
    session: {
      now, makeJob, inherit, onClosed: leave, restMs: limits.pollSec * 1000, maxPolls: limits.connections, maxBehind: limits.downEntries
    }
  })

  /** All connections as they are now. */
  const connections = () => [...users.values()].flatMap(present => [...present.connections])

  return {
    /**
     * Attaches a connection: in the hub first, so that from that instant on nothing is missed [ATTACH-3], then the store is asked.
     * @returns the connection, already printing, or closed with its goodbye; undefined when the user has too many terminals.
     *   Throws KICKED, and when the store does not answer.
     */
    async attach (asked: Opening): Promise<Connection | undefined> {
      const opening = entrance.prepare(asked)
      const present = join(opening.userId)
      const connection = new Connection(opening, present.feed, shared)
      opening.onLife?.(connection.lifetime)
      present.connections.add(connection)
      if (opening.lease === 'socket') sockets.add(connection)
      return await entrance.admit(connection, opening, present) ? connection : undefined
    },

    ...polls,
    ...unkept,
    ...createCollected({ renderer, memory, recheck }),
    ...createHints({ users, meter, memory }),

    /**
     * Adds what is to be printed to the connections of one terminal.
     * @returns whether one of them has taken it; none does when too many pages wait.
     */
    addJob (userId: string, terminalId: string, todo: Todo): boolean {
      const found = connectionsOf(userId, terminalId).filter(({ isBegun }) => isBegun)
      return found.map(connection => connection.add(makeJob(todo, connection))).includes(true)
    },

    /** Who is connected here. */
    userIds: (): string[] => [...users.keys()],
    isHere: (userId: string): boolean => users.has(userId),

    /** Once a second: heartbeats, expiry, stuck readers; one timer for all connections. */
    tick (): void {
      for (const connection of sockets) presence.seen(connection)
      for (const { connections } of users.values()) for (const connection of connections) connection.tick()
    },

    /** Renews all routes and compares every stream with what its readers know: every 25 s, and after every reconnect to Redis. */
    sweep: async (): Promise<void> => await comparison.sweep(users),

    /** Looks at the ends of all streams, and compares those where something has changed: every second while other nodes are not heard. */
    glance: async (): Promise<void> => await comparison.glance(users),

    /**
     * Closes the connections of a user that the filter names, each with its goodbye, after a last word if there is one.
     * @returns how many.
     */
    close (userId: string, { bye, filter, issuedUpTo, attachedUpTo, lastWord }: Closing): number {
      const named = connectionsOf(userId)
        .filter(connection => isAddressed(filter, connection) && connection.lifetime.isBefore({ issuedUpTo, attachedUpTo }))
      // [LIFE-2] whoever says so has not heard of a sign of life: it is brought back
      const found = named.filter(connection => bye !== 'TIMEOUT' || !presence.isSeen(connection))
      if (found.length < named.length) comparison.soon(userId, join(userId))
      for (const connection of found) connection.close(bye, lastWord)
      return found.length
    },

    /** A terminal handed in a fresh token: its connections live as long as that. */
    renew (userId: string, terminalId: string, fresh: TokenLife): void {
      for (const { lifetime } of connectionsOf(userId, terminalId)) lifetime.renew(fresh)
    },

    refuse: entrance.refuse,

    /** Ends all streams, each with its goodbye, and those that still come. */
    end (bye: Bye): void {
      entrance.refuse(bye, 0)
      for (const connection of connections()) connection.close(bye)
    },

    connections,
    standing,

    census: () => censusOf(connections(), entrance.census)
  }
}

export type Hub = ReturnType<typeof createHub>
