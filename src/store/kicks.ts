// Kicks as the store keeps them: tombstones in SYSTEM_INSTRUCT_USER_KICK, asked at every attach and up-request. [KICK-1]
import type { StoreContext } from './context.js'
import { keys, partition } from './keys.js'
import { defineScript } from './scripts.js'

/** As long as the longest token that Iris mints: then nobody holds one from before the kick. */
export const TOMBSTONE_MS = 2_592_000_000

const kickUser = defineScript('kick-user', {
  preludes: ['kick', 'presence'],
  keys: ['kick', 'terminals', 'routes', 'leases', 'events'],
  args: ['at', 'keepMs', 'banMs', 'revokeTokens', 'reason', 'user', 'graceMs', 'maxEvents']
})

const findKicked = defineScript('find-kicked', { preludes: ['kick'], keys: ['kick'], args: [] })

/** The reason in the tombstone of a terminal whose place a newer login took. [KICK-2] */
export const REPLACED = 'replaced'

/** Who is kicked, and what for. `at`: the instant, ms; `terminals`: all when absent; `banSec`: later logins are refused for so long, too. */
export interface KickFacts { at: number, terminals?: string[], reason: string, revokeTokens?: boolean, banSec?: number }

/** A terminal and the login it holds: when its token was issued, ms. */
export interface Login { terminalId: string, issuedAt: number }

/** Makes the kicks of a store. */
export function createKicks ({ redis, limits }: StoreContext) {
  return {
    /**
     * Writes the tombstones. From its answer on, nothing that was issued up to `at` attaches or is admitted.
     * @returns the terminals that are meant: those named, else all that are known.
     */
    async bury (userId: string, { at, terminals = [], reason, revokeTokens = false, banSec = 0 }: KickFacts): Promise<string[]> {
      const [, kicked] = await kickUser(redis, {
        kick: keys.kick(userId),
        terminals: keys.terminals(userId),
        routes: keys.routes(userId),
        leases: keys.leases(partition(userId)),
        events: keys.events
      }, {
        at,
        keepMs: TOMBSTONE_MS,
        banMs: banSec * 1000,
        revokeTokens: Number(revokeTokens),
        reason,
        user: userId,
        graceMs: limits.graceSec * 1000,
        maxEvents: limits.events
      }, terminals)
      return kicked as string[]
    },

    /** @returns those of a user's logins that are kicked, and why. */
    async among<L extends Login> (userId: string, logins: L[]): Promise<(L & { reason: string })[]> {
      const [, kicked] = await findKicked(redis, { kick: keys.kick(userId) }, {}, logins.flatMap(({ terminalId, issuedAt }) => [terminalId, issuedAt]))
      return (kicked as [number, string][]).map(([place, reason]) => ({ ...logins[place] as L, reason }))
    }
  }
}

export type Kicks = ReturnType<typeof createKicks>
