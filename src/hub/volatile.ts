// What the connections of this node are told and nobody keeps: frames that are shown [CMD-1], and who of them watches whom. [SEE-4]
import type { Meter } from '../health/meter.js'
import type { TerminalOf } from '../store/user/leases.js'
import { type Frame, isAddressed, type TerminalFilter } from '../stream/render.js'
import type { Held } from './waking.js'

/** A frame for the terminals of some users that a filter names; without a frame they are only counted. */
export interface Showing { userIds: string[], frame?: Frame, filter?: TerminalFilter }

/** Whom a terminal watches from now on, instead of those before: nobody when it names none. */
export interface Watching extends TerminalOf { users: string[] }

interface Floor {
  connectionsOf (userId: string, terminalId?: string): Held[]
  meter: Pick<Meter, 'printed'>
}

/** Makes the part of a hub that nobody keeps. */
export function createVolatile ({ connectionsOf, meter }: Floor) {
  const watches = new Map<Held, readonly string[]>()
  /** Who is watched -> by which connections. */
  const watched = new Map<string, Set<Held>>()

  /** @returns whether the connection has taken the frame. */
  function print (connection: Held, frame: Frame): boolean {
    if (!connection.volatile(frame)) return false
    meter.printed.volatile[frame.event ?? 'SKIPPED']++
    return true
  }

  function unwatch (connection: Held): void {
    for (const userId of watches.get(connection) ?? []) {
      const watchers = watched.get(userId)
      watchers?.delete(connection)
      if (watchers?.size === 0) watched.delete(userId)
    }
    watches.delete(connection)
  }

  function watchBy (connection: Held, users: readonly string[]): void {
    unwatch(connection)
    if (users.length === 0) return
    watches.set(connection, users)
    for (const userId of users) {
      const watchers = watched.get(userId)
      if (watchers) watchers.add(connection)
      else watched.set(userId, new Set([connection]))
    }
  }

  return {
    print,

    /** A connection is closed: it watches nobody any more. */
    unwatch,

    /** Prints a frame, which is stored nowhere. @returns the terminals that have taken it, each once, as `<user>/<terminal>`. [CMD-5] */
    show ({ userIds, frame, filter }: Showing): string[] {
      const taken = new Set<string>()
      for (const connection of userIds.flatMap(userId => connectionsOf(userId)).filter(connection => isAddressed(filter, connection))) {
        if (frame ? !print(connection, frame) : !connection.isBegun) continue
        taken.add(`${connection.userId}/${connection.terminalId}`)
      }
      return [...taken]
    },

    /** The connections that a terminal has now watch these users, each until it is closed. @returns whether there is one. */
    watch ({ userId, terminalId, users }: Watching): boolean {
      const begun = connectionsOf(userId, terminalId).filter(({ isBegun }) => isBegun)
      for (const connection of begun) watchBy(connection, users)
      return begun.length > 0
    },

    /** A session goes on here: it watches whom it has watched, unless it was told anew meanwhile. */
    inherit ({ userId, terminalId, users }: Watching): void {
      for (const connection of connectionsOf(userId, terminalId)) if (!watches.has(connection)) watchBy(connection, users)
    },

    /** Whom a terminal's connections watch: for one that goes on at another node. */
    watchedBy: ({ userId, terminalId }: TerminalOf): string[] =>
      [...new Set(connectionsOf(userId, terminalId).flatMap(connection => watches.get(connection) ?? []))],

    /** Whom the connections of a user watch, each by each. */
    watchesOf: (userId: string): { watcher: Held, userId: string }[] =>
      connectionsOf(userId).flatMap(watcher => (watches.get(watcher) ?? []).map(watched => ({ watcher, userId: watched }))),

    /** Who is watched on this node. */
    watchedUsers: (): string[] => [...watched.keys()],

    watchersOf: (userId: string): Held[] => [...watched.get(userId) ?? []]
  }
}
