// The terminals of a user: where they are connected, as the routes say, and who is there, as the leases say.
import type { GoneReason, TerminalStateName } from '../../protocol/presence.js'
import { keys, partition } from '../keys.js'
import type { StoreContext } from '../life/context.js'
import { hashesOf } from '../redis/hash.js'
import { isWhole, whole } from '../redis/readable.js'
import { together } from '../redis/redis.js'
import { placeOf } from '../redis/sound.js'
import { defineScript } from '../script/scripts.js'

const removeTerminal = defineScript('remove-terminal', {
  full: 'done',
  preludes: ['event', 'presence', 'foreground', 'going'],
  keys: ['terminals', 'routes', 'leases'],
  args: ['feed', 'user', 'terminal', 'reason', 'graceMs']
})

/** A connected terminal and the node that holds it. */
export interface Route { node: string, terminalId: string, platform: string }

/**
 * A terminal as it is known. `since`: when it came, or went; `lastSeen`:
 * its last sign of life. Both ms. `lease`: its open connection is its sign of life.
 */
export interface Terminal {
  terminalId: string
  platform: string
  online: boolean
  state: TerminalStateName
  since: number
  lastSeen: number
  node: string
  lease?: 'socket'
}

/** Where connections of a removed terminal may be: those that attached up to `at`, ms, on these nodes. */
export interface Removed { wasKnown: boolean, at: number, nodes: string[] }

/** Makes the terminals of a store. */
export function createTerminals ({ redis, limits, feed, onUnreadable }: StoreContext) {
  /** @returns the connected terminals of each of these users, in one round trip; a route whose lease has run out does not count. */
  async function routesOf (userIds: string[], now: number): Promise<Route[][]> {
    return (await hashesOf(redis, userIds.map(keys.routes))).map((routes, i) => [...routes].flatMap(([route, value]) => {
      const [node, terminalId] = route.split('/')
      const [platform = '', leaseUntil] = value.split(' ')
      if (node && terminalId && whole(leaseUntil) > 0) return whole(leaseUntil) > now ? [{ node, terminalId, platform }] : []
      onUnreadable?.(placeOf(keys.routes(userIds[i] ?? '')))
      return []
    }))
  }

  return {
    routesOf,

    /** @returns the connected terminals of a user. */
    routes: async (userId: string, now: number): Promise<Route[]> => (await routesOf([userId], now))[0] ?? [],

    /**
     * Forgets a terminal; one that comes back is a new one. What it was asked to complete is not touched:
     * see `forgetTerminal`. [COMPLETE-5]
     */
    async remove (userId: string, terminalId: string, reason: GoneReason): Promise<Removed> {
      const [, removed, at, nodes] = await removeTerminal(redis, {
        terminals: keys.terminals(userId),
        routes: keys.routes(userId),
        leases: keys.leases(partition(userId))
      }, { feed: feed.text, user: userId, terminal: terminalId, reason, graceMs: limits.graceSec * 1000 })
      return { wasKnown: removed === 1, at: Number(at), nodes: nodes as string[] }
    },

    /**
     * One is online until its end is said, and that is done when its lease is taken away: one that has run out may be held after an
     * outage. [LIFE-1] [LIFE-2]
     * @returns the known terminals of each of these users, the last seen first; two round trips for all.
     */
    async of (userIds: string[]): Promise<Terminal[][]> {
      const kept = (await hashesOf(redis, userIds.map(keys.terminals)))
        .map(fields => new Map([...fields].filter(([field]) => !field.includes('/'))))
      const ids = kept.map(terminals => [...terminals.keys()])
      const owners = userIds.map((userId, i) => ({ userId, terminals: ids[i] ?? [] })).filter(({ terminals }) => terminals.length > 0)
      const leases = await together(redis, owners, (pipeline, { userId, terminals: mine }) =>
        pipeline.zmscore(keys.leases(partition(userId)), ...mine.map(id => `${userId}/${id}`))) as ((string | null)[] | undefined)[]
      return kept.map((terminals, i) => {
        const ends = ids[i]?.length ? leases.shift() ?? [] : []
        const place = placeOf(keys.terminals(userIds[i] ?? ''))
        const known = [...terminals].flatMap(([terminalId, value], at) =>
          readTerminal(terminalId, value, typeof ends[at] === 'string') ?? onUnreadable?.(`${place} ${terminalId}`) ?? [])
        return known.sort((a, b) => b.lastSeen - a.lastSeen)
      })
    }
  }
}

/** Reads what `presence.lua` keeps: `platform state standing node since seen lease`. @returns undefined for what it does not write. */
function readTerminal (terminalId: string, value: string, online: boolean): Terminal | undefined {
  if (!/^\S+ [fb] \S+ \S+ \d+ \d+(?: socket)?$/.test(value)) return undefined
  const [platform, state, , node, since, seen, lease] = value.split(' ') as [string, string, string, string, string, string, string?]
  if (!isWhole(since) || !isWhole(seen)) return undefined
  return {
    terminalId,
    platform,
    online,
    state: state === 'f' ? 'foreground' : 'background',
    since: whole(since),
    lastSeen: whole(seen),
    node,
    ...(lease === 'socket' && { lease })
  }
}
