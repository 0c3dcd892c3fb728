// Polls of this node: each is a connection of its own, in the session of its terminal. [POLL-2]
import type { TerminalOf } from '../store/user/leases.js'
import { Connection } from '../stream/connection.js'
import type { Entrance } from './entrance.js'
import type { Opening } from '../stream/opening.js'
import type { Handed } from '../stream/kept.js'
import { Session, type SessionFloor } from './session.js'
import type { createVolatile } from './volatile.js'
import type { Held, Present } from './waking.js'

interface Floor {
  entrance: Entrance
  /** What a user has here, from now on if he had nothing. */
  join (userId: string): Present
  connectionsOf (userId: string, terminalId: string): Held[]
  /** What the connections of a node share. */
  connect: ConstructorParameters<typeof Connection>[2]
  session: SessionFloor
  /** Whom a terminal watches goes along with its session. [SEE-4] */
  unkept: Pick<ReturnType<typeof createVolatile>, 'watchedBy' | 'inherit'>
  /** A poll is a sign of life. [LIFE-2] */
  onPolled (terminal: TerminalOf): void
  /** The session of a terminal is its open connection of `lease=socket`. [LIFE-2] */
  onSocket (session: Session): void
}

/** Makes the polls of a hub. */
export function createPolls ({ entrance, join, connectionsOf, connect, session: shared, unkept, onPolled, onSocket }: Floor) {
  const sessionFloor: SessionFloor = {
    ...shared,
    async inherit (userId, terminalId) {
      const handed = await shared.inherit(userId, terminalId)
      if (handed?.watch) unkept.inherit({ userId, terminalId, users: handed.watch })
      return handed
    }
  }
  const sessionOf = ({ userId, terminalId }: TerminalOf) => connectionsOf(userId, terminalId).find(held => held instanceof Session)

  /** The session of a terminal, which is from now on the one of its user's connections that came last. */
  function sessionFor (opening: Opening, { feed, connections }: Present): Session {
    const session = sessionOf(opening) ?? new Session(opening, feed, sessionFloor)
    connections.delete(session)
    connections.add(session)
    return session
  }

  return {
    /**
     * Begins a poll in the session of its terminal; what the session cannot serve by itself is an attach.
     * @returns at once; `isAdmitted` is false when the user has too many terminals, and throws what `attach` throws. Throws RATE_LIMITED.
     */
    poll (asked: Opening): { connection: Connection, session: Session, isAdmitted: Promise<boolean> } {
      const prepared = entrance.prepare(asked)
      const present = join(asked.userId)
      const session = sessionFor(asked, present)
      const opening: Opening = { ...prepared, adopt: start => session.adopt(connection, asked, start) }
      const onClosed: typeof connect.onClosed = (poll, bye) => {
        entrance.giveUp(poll)
        session.ended(bye)
      }
      const connection = new Connection(opening, present.feed, { ...connect, onClosed })
      session.enter(connection, asked)
      if (asked.lease === 'socket') onSocket(session)
      const start = entrance.isEnded ? undefined : session.resume(connection, asked)
      if (start) {
        onPolled(asked)
        connection.begin(start)
      }
      const isAdmitted = start ? Promise.resolve(true) : entrance.admit(connection, opening, present)
      return { connection, session, isAdmitted: isAdmitted.finally(() => session.equip(connection, asked)) }
    },

    /** The session of a terminal goes on at another node. @returns null when there is none here. */
    handOver (terminal: TerminalOf): Handed | null {
      const watch = unkept.watchedBy(terminal)
      const handed = sessionOf(terminal)?.handOver()
      return handed ? { ...handed, ...(watch.length > 0 && { watch }) } : null
    }
  }
}
