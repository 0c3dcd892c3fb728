// Kicks: the tombstone first, then every connection is closed with its last word, on whatever node. [KICK-1] [KICK-2]
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type Bye, byes } from '../protocol/events.js'
import { consequence } from '../store/deadline.js'
import { type Buried, type KickFacts, type Kicks, REPLACED } from '../store/access/kicks.js'
import type { createTerminals } from '../store/user/terminals.js'
import type { Connection } from '../stream/connection.js'
import type { Deliver } from './deliver.js'
import type { Closing } from '../hub/hub.js'
import { type Frame, isAddressed, type TerminalFilter } from '../stream/render.js'

/** A node that has not closed its connections by then hangs: its routes end with their lease. */
const WAIT_MS = 1_000
const ASK_MS = 10
/** The reason that a deleted user's terminals are told. */
const DELETED = 'deleted'

interface Floor {
  kicks: Kicks
  terminals: Pick<ReturnType<typeof createTerminals>, 'routes' | 'remove'>
  deliver: Pick<Deliver, 'close' | 'closeOn' | 'forgetTerminal'>
  /** Takes a user's routes on nodes that are dead away. */
  buryDead (userId: string): Promise<boolean>
  now (): number
}

/** @returns the NOTICE_DOWN that stands before the BYE: why, and whether the terminal may come back. */
function kickNotice (reason: string, { bye, now, traceId }: { bye: Bye, now: number, traceId: string }): Frame {
  const { reconnect } = byes[bye]
  const notice = {
    noticeId: `kick-${randomUUID()}`, kind: 'kick', content: { reason, reconnect }, needComplete: false, op: 'show', ts: now, traceId
  }
  return { event: 'NOTICE_DOWN', data: JSON.stringify(notice) }
}

/** Makes the kicker of a gateway. */
export function createKicker ({ kicks, terminals, deliver, buryDead, now }: Floor) {
  /** A node takes a route away when it has closed the last connection behind it. */
  async function closed (userId: string, filter: TerminalFilter | undefined): Promise<number> {
    let open = Infinity
    for (const end = performance.now() + WAIT_MS; open > 0 && performance.now() < end;) {
      open = (await terminals.routes(userId, now())).filter(route => isAddressed(filter, route)).length
      if (open > 0) await delay(ASK_MS)
    }
    return open
  }

  async function close (userId: string, filter: TerminalFilter | undefined, closing: Omit<Closing, 'filter'>): Promise<void> {
    await deliver.close(userId, { ...closing, ...(filter && { filter }) })
    await closed(userId, filter)
  }

  return {
    /**
     * Kicks terminals of a user, also those that are not connected. From its answer on nothing of them is accepted and
     * nothing reaches them, except on a node that does not answer within a second. A ban removes them. [COMPLETE-5]
     * @returns the terminals that are meant, and from when on tokens are welcome, ms.
     */
    async kick (userId: string, facts: KickFacts, traceId: string): Promise<Pick<Buried, 'kicked' | 'welcomeFrom'>> {
      const { terminals: named, reason, revokeTokens, banSec } = facts
      const { kicked, before, welcomeFrom } = await kicks.bury(userId, facts, traceId)
      const closing = { bye: 'KICKED' as const, lastWord: kickNotice(reason, { bye: 'KICKED', now: now(), traceId }) }
      await consequence(async () => {
        await buryDead(userId) // nobody waits for them
        // what attaches from now on is welcome, unless it is banned
        await close(userId, named && { ids: named }, { ...closing, ...(banSec === undefined && { issuedUpTo: before }) })
        if (named && revokeTokens) await close(userId, undefined, { ...closing, issuedUpTo: before })
        for (const terminalId of banSec === undefined ? [] : named ?? kicked) {
          await terminals.remove(userId, terminalId, 'KICKED')
          await deliver.forgetTerminal(userId, terminalId, traceId)
        }
      })
      return { kicked, welcomeFrom }
    },

    /**
     * Ends all sessions of a user who is deleted, whatever their tokens: nobody is let in as him until that is done. Done again it closes
     * what is still open. [USER-2]
     */
    async shutOut (userId: string, traceId: string): Promise<void> {
      await kicks.bury(userId, { reason: DELETED, revokeTokens: true, isDeletion: true }, traceId)
      const lastWord = kickNotice(DELETED, { bye: 'KICKED', now: now(), traceId })
      await consequence(async () => {
        await buryDead(userId)
        await close(userId, undefined, { bye: 'KICKED', lastWord })
      })
    },

    /**
     * Removes a terminal: it is forgotten, its connections are closed, its shares are done. It may come back. [COMPLETE-5]
     * @returns whether it was known.
     */
    async remove (userId: string, terminalId: string, traceId: string): Promise<boolean> {
      const { wasKnown, at, nodes } = await terminals.remove(userId, terminalId, 'LOGOUT')
      await consequence(async () => {
        await deliver.closeOn(userId, nodes, { bye: 'REMOVED', filter: { ids: [terminalId] }, attachedUpTo: at })
        await deliver.forgetTerminal(userId, terminalId, traceId)
      })
      return wasKnown
    },

    /** Closes terminals that a newer login has replaced; the script of its attach has set their tombstones. */
    async replaced (userId: string, { ids, issuedUpTo, traceId }: { ids: string[], issuedUpTo: number, traceId: string }): Promise<void> {
      await deliver.close(userId, {
        bye: 'REPLACED',
        filter: { ids },
        issuedUpTo,
        lastWord: kickNotice(REPLACED, { bye: 'REPLACED', now: now(), traceId })
      })
    },

    /** The safety net of the sweep: closes connections that are still open although their terminal is kicked. */
    async closeKicked (userId: string, connections: Pick<Connection, 'terminalId' | 'lifetime' | 'close'>[]): Promise<void> {
      const logins = connections.map(connection => {
        const { terminalId, lifetime: { loggedInAt, expiresAt } } = connection
        return { connection, terminalId, issuedAt: loggedInAt, expiresAt }
      })
      for (const { connection, reason } of await kicks.among(userId, logins)) {
        const bye = reason === REPLACED ? 'REPLACED' : 'KICKED'
        connection.close(bye, kickNotice(reason, { bye, now: now(), traceId: 'sweep' }))
      }
    }
  }
}

export type Kicker = ReturnType<typeof createKicker>
