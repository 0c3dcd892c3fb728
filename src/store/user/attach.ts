// The instant at which a terminal attaches: decided in Redis, with all others of the same few ms in one call.
import type { ResetReason } from '../../protocol/events.js'
import { parseCursor, type Position } from '../../protocol/ids.js'
import type { LoginPolicy } from '../../protocol/login.js'
import { Problem } from '../../protocol/problem.js'
import { TOO_OFTEN, tooFast } from '../access/admission.js'
import { tokenArgs, TOMBSTONE_MS } from '../access/kicks.js'
import { createAging } from '../conversation/aging.js'
import { consequence, leftMs } from '../deadline.js'
import { partition } from '../keys.js'
import { downArgs, downValues, type StoreContext } from '../life/context.js'
import { reasons } from '../redis/redis-errors.js'
import { unavailable } from '../redis/unavailable.js'
import { decided, defineScript, noted, type Reply } from '../script/scripts.js'
import { createTurns } from '../script/turns.js'
import type { createLeases } from './leases.js'
import { createLook } from './look.js'
import { type Mailbox, oldestUnread, type Waiting } from './unread.js'

/** A route that its node does not renew for so long is void; the terminal's own lease is another (leases.ts). */
export const ROUTE_MS = 90_000
const HOUR_US = 3_600_000_000
/** So many attach in one call: Redis does nothing else meanwhile, for 5 ms. */
const AT_ONCE = 64
/** A call costs as much before its first attach as half of one: where many come, they wait for the one before, so long at most. */
const LINGER_MS = 5

const attachUsers = defineScript('attach-users', {
  full: 'done',
  preludes: [
    'life', 'down', 'event', 'routes', 'kick', 'logins', 'presence', 'foreground', 'going', 'connect', 'login', 'member', 'index', 'unread',
    'aging', 'waiting', 'mailbox', 'rate', 'begin', 'attach', 'each'
  ],
  keys: [],
  args: [
    ...downArgs, 'leaseMs', 'maxTerminals', 'mailboxMessages', 'policy', 'keepMs', 'heldMs', 'attachEmissionUs', 'burst',
    'newEmissionUs', 'newBurst', 'logMs'
  ]
})

/** Who attaches, and from where. `cursor` is what the client sent, unread; `issuedAt`, `expiresAt`: his token's life, ms. */
export interface Attaching {
  userId: string
  terminalId: string
  platform: string
  traceId: string
  cursor?: string
  issuedAt: number
  expiresAt: number
  lease?: 'socket'
  units?: number
}

/**
 * What a terminal finds. `top`: the end of the stream at that instant; `mailbox`: what is unread then; of a user with very many
 * conversations it is not known yet, and `look` finds it, in steps. `replaced`: terminals that must go by the policy of logins, as far as
 * their tokens were issued up to `loginAt`, ms [KICK-2].
 */
export interface Attached {
  verdict: 'fresh' | 'resumed' | ResetReason
  top: Position
  serverTime: number
  mailbox: Mailbox | undefined
  look (): Promise<Mailbox>
  pending: boolean
  evicted: string | undefined
  replaced: string[]
  loginAt: number
}

/**
 * Attaches a terminal: registers it, judges its cursor, and tells what waits for it, all at one instant. [ATTACH-3]
 * @returns undefined when the user has too many terminals, all of them connected. Throws KICKED (its detail is the reason),
 *   RATE_LIMITED with `retryAfterSec` (its detail tells why), and when the store does not answer.
 */
export type Attach = (attaching: Attaching) => Promise<Attached | undefined>

/** In what order terminals come and go, see leases.ts. */
export type Order = ReturnType<typeof createLeases>['order']

/** @returns the attach of a store. What is asked for together goes in one call; each is decided by itself. */
export function createAttach (store: StoreContext, policy: LoginPolicy, { come, leaveNow }: Order): Attach {
  const { redis, limits } = store
  const aging = createAging(store)
  const { attachRate, attachBurst, newTerminals, mailboxMessages } = limits
  const rules = {
    leaseMs: ROUTE_MS,
    maxTerminals: limits.terminals,
    mailboxMessages,
    policy,
    keepMs: TOMBSTONE_MS,
    heldMs: limits.leaseSec * 1000,
    attachEmissionUs: 1e6 / attachRate,
    burst: attachBurst,
    newEmissionUs: HOUR_US / newTerminals,
    newBurst: newTerminals,
    logMs: limits.logSec * 1000
  }

  async function attachAll (some: Attaching[]): Promise<Reply[]> {
    leaveNow()
    const [, ...answers] = await attachUsers(redis, {}, { ...downValues(store), ...rules }, some.flatMap(valuesOf))
    return answers as Reply[]
  }

  const ask = createTurns<Attaching, Reply>({ run: attachAll, weigh: () => 1, most: AT_ONCE, lingerMs: LINGER_MS })

  return async function attach (attaching) {
    if (leftMs() <= 0) throw unavailable(reasons.late.told, 'unasked')
    const reply = decided(await noted(consequence(() => come(attaching, () => ask(attaching)))))
    const [, verdict, top, serverTime, waiting, pending, evicted, replaced, loginAt, mark, rest = []] = reply
    if (verdict === 'full') return undefined
    if (verdict === 'limited') throw tooFast(Number(top), TOO_OFTEN)
    if (verdict === 'crowded') throw tooFast(Number(top), 'too many new terminals')
    if (verdict === 'kicked') throw new Problem('KICKED', { detail: String(top) })
    store.life.saw(mark)
    const end = positionOf(top)
    const begun = { waiting: waiting as Waiting, rest: rest as Reply, limit: mailboxMessages }
    return {
      verdict: verdict as Attached['verdict'],
      top: end,
      serverTime: Number(serverTime),
      mailbox: begun.rest.length === 0 ? oldestUnread(begun.waiting, mailboxMessages) : undefined,
      look: createLook(store, { userId: attaching.userId, top: end, keptFrom: aging.keptFrom() }, begun),
      pending: Number(pending) > 0,
      evicted: evicted === '' ? undefined : String(evicted),
      replaced: replaced as string[],
      loginAt: Number(loginAt)
    }
  }
}

/** @returns what attach-users.lua is told of each. */
function valuesOf ({ userId, terminalId, platform, traceId, cursor, lease, units = 1, ...token }: Attaching): (string | number)[] {
  const { epoch, seq } = cursor === undefined ? { epoch: '', seq: 0 } : parseCursor(cursor) ?? { epoch: 'malformed', seq: 0 }
  const { issuedAt, expiresAt } = tokenArgs(token)
  return [partition(userId), userId, terminalId, platform, epoch, seq, issuedAt, expiresAt, traceId, lease ?? '', units]
}

/** @returns the position of an id that the store has given. */
export function positionOf (id: unknown): Position {
  const position = parseCursor(String(id))
  if (!position) throw new Error('the store returned no position')
  return position
}
