// Kicks as the store keeps them: tombstones in SYSTEM_INSTRUCT_USER_KICK, asked at every attach and up-request. [KICK-1] [KICK-3]
import { LATEST_MS, TOLERANCE_MS } from '../../protocol/login.js'
import { keys, partition } from '../keys.js'
import type { StoreContext } from '../life/context.js'
import { defineScript } from '../script/scripts.js'

/** As long as the longest token that Iris mints: then nobody holds one from before the kick, but who is known to hold a longer one. */
export const TOMBSTONE_MS = 2_592_000_000

const kickUser = defineScript('kick-user', {
  full: 'done',
  preludes: ['event', 'kick', 'logins', 'presence', 'foreground', 'going'],
  keys: ['kick', 'terminals', 'routes', 'leases'],
  args: ['feed', 'keepMs', 'banMs', 'revokeTokens', 'reason', 'user', 'graceMs', 'removeMs', 'traceId']
})
const findKicked = defineScript('find-kicked', { full: 'done', preludes: ['kick'], keys: ['kick'], args: [] })
const findWelcome = defineScript('find-welcome', { full: 'reads', preludes: ['kick'], keys: ['kick'], args: [] })
const liftKicks = defineScript('lift-kicks', { full: 'done', preludes: ['kick'], keys: ['kick'], args: [] })
const renewLogin = defineScript('renew-login', {
  full: 'done',
  preludes: ['kick', 'logins'],
  keys: ['kick', 'terminals'],
  args: ['terminal', 'issuedAt', 'expiresAt']
})

/** The reason in the tombstone of a terminal whose place a newer login took. [KICK-2] */
export const REPLACED = 'replaced'

/**
 * Who is kicked, and what for. `terminals`: all when absent; `banSec`: later logins are refused for so long, too;
 * `isDeletion`: all are, until what is kept of him is gone [USER-2].
 */
export interface KickFacts { terminals?: string[], reason: string, revokeTokens?: boolean, banSec?: number, isDeletion?: boolean }

/** A terminal and the login it holds: its token's life, ms. */
export interface Login { terminalId: string, issuedAt: number, expiresAt: number }

/** Whom a kick met. `before`: what was issued up to then (ms) is refused; `welcomeFrom`: tokens issued from then on are not, ms. */
export interface Buried { kicked: string[], before: number, welcomeFrom: number }

/** What was lifted; without `terminalId` it was in force for all terminals. `until`: when it would have ended, ms. */
export interface Lifted { kind: 'kick' | 'ban' | 'tokens', terminalId?: string, reason: string, until: number }

/** @returns the arguments by which scripts know a token: its tombstone must last until it is taken nowhere. */
export function tokenArgs ({ issuedAt, expiresAt }: Pick<Login, 'issuedAt' | 'expiresAt'>) {
  return { issuedAt, expiresAt: Math.min(expiresAt, LATEST_MS) + TOLERANCE_MS }
}

/** Makes the kicks of a store. */
export function createKicks ({ redis, limits, feed }: StoreContext) {
  return {
    /**
     * Writes the tombstones; the instant is that of Redis [TIME-1].
     * From its answer on, nothing that was issued up to `before` attaches or is admitted.
     */
    async bury (userId: string, facts: KickFacts, traceId: string): Promise<Buried> {
      const { terminals = [], reason, revokeTokens = false, banSec = 0, isDeletion = false } = facts
      const [, kicked, before, welcomeFrom] = await kickUser(redis, {
        kick: keys.kick(userId),
        terminals: keys.terminals(userId),
        routes: keys.routes(userId),
        leases: keys.leases(partition(userId))
      }, {
        feed: feed.text,
        keepMs: TOMBSTONE_MS,
        banMs: banSec * 1000,
        revokeTokens: Number(revokeTokens),
        reason,
        user: userId,
        graceMs: limits.graceSec * 1000,
        removeMs: isDeletion ? TOMBSTONE_MS : 0,
        traceId
      }, terminals)
      return { kicked: kicked as string[], before: Number(before), welcomeFrom: Number(welcomeFrom) }
    },

    /** @returns those of a user's logins that are kicked, and why. */
    async among<L extends Login> (userId: string, logins: L[]): Promise<(L & { reason: string })[]> {
      const triples = logins.flatMap(login => [login.terminalId, ...Object.values(tokenArgs(login))])
      const [, kicked] = await findKicked(redis, { kick: keys.kick(userId) }, {}, triples)
      return (kicked as [number, string][]).map(([place, reason]) => ({ ...logins[place] as L, reason }))
    },

    /** A terminal hands in a fresh token: it counts as its login. [KICK-2] @returns why it is kicked, undefined when it is not. */
    async renew (userId: string, { terminalId, ...token }: Login): Promise<string | undefined> {
      const [, reason] = await renewLogin(redis, { kick: keys.kick(userId), terminals: keys.terminals(userId) }, {
        terminal: terminalId,
        ...tokenArgs(token)
      })
      return reason === '' ? undefined : String(reason)
    },

    /** @returns when a token must be issued so that no kick of before refuses it: now, or a little later, ms. [KICK-3] */
    async welcomeFrom (userId: string): Promise<number> {
      const [, issuedAt] = await findWelcome(redis, { kick: keys.kick(userId) }, {})
      return Number(issuedAt)
    },

    /** Lifts all kicks and bans of a user. @returns those that were in force. [KICK-3] */
    async lift (userId: string): Promise<Lifted[]> {
      const [, lifted] = await liftKicks(redis, { kick: keys.kick(userId) }, {})
      return (lifted as [string, string, string][]).map(([name, ends, reason]) => {
        const [mark, terminalId] = name.split(':') as [string, string | undefined]
        const kind = mark === 't' ? 'kick' : mark === 'ban' ? 'ban' : 'tokens'
        return { kind, ...(terminalId !== undefined && !/^[*/]$/.test(terminalId) && { terminalId }), reason, until: Number(ends) }
      })
    }
  }
}

export type Kicks = ReturnType<typeof createKicks>
