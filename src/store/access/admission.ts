// Which up-requests of users go on: not those of kicked terminals, not more than the rate. [KICK-1] [COST-1]
import type { Weight } from '../../protocol/cost.js'
import type { Caller, Door } from '../../protocol/operation.js'
import { Problem } from '../../protocol/problem.js'
import { leftMs } from '../deadline.js'
import { keys, partition } from '../keys.js'
import type { StoreContext } from '../life/context.js'
import { reasons } from '../redis/redis-errors.js'
import { unavailable } from '../redis/unavailable.js'
import { decided, defineScript, noted, type Reply } from '../script/scripts.js'
import { createTurns } from '../script/turns.js'
import { createBuckets } from './bucket.js'
import { tokenArgs } from './kicks.js'

const admitRequests = defineScript('admit-requests', {
  full: 'done',
  preludes: ['each', 'kick', 'rate', 'admission'],
  keys: [],
  args: ['emissionUs', 'burst']
})

/** Of who was admitted nothing more is taken: it is only looked whether he was kicked meanwhile. admission.lua */
const PAID: Weight = { units: -1 }

/** So many are asked about in one call. */
const AT_ONCE = 64

/** Why an attach is refused: the user comes too often; a new terminal alone is another matter. */
export const TOO_OFTEN = 'too many attaches'

/** @returns the refusal of one who is too fast. @param ms until he has a unit. */
export function tooFast (ms: number, detail?: string): Problem {
  return new Problem('RATE_LIMITED', {
    members: { retryAfterSec: Math.max(1, Math.ceil(ms / 1000)) },
    ...(detail !== undefined && { detail })
  })
}

/**
 * Makes the admission of a store: `upRate` units a second and user, `upBurst` at once. This node's own bucket is asked
 * first; Redis, which knows of all nodes, decides.
 */
export function createAdmission ({ redis, limits: { upRate, upBurst } }: StoreContext) {
  const emissionUs = 1_000_000 / upRate
  const buckets = createBuckets({ rate: upRate, burst: upBurst })

  const together = createTurns<Door, Reply>({
    most: AT_ONCE,
    weigh: () => 1,
    async run (doors) {
      const [, ...verdicts] = await admitRequests(redis, {}, { emissionUs, burst: upBurst }, doors.flatMap(doorValues))
      return verdicts as Reply[]
    }
  })

  async function ask (door: Door): Promise<Verdict> {
    if (leftMs() <= 0) throw unavailable(reasons.late.told, 'unasked')
    return readVerdict(decided(await noted(together(door))))
  }

  /** Refuses who is too fast as far as this node knows; costs Redis nothing. Throws RATE_LIMITED with `retryAfterSec`. */
  function glance ({ userId }: Pick<Caller, 'userId'>): void {
    const ms = buckets.waitMs(userId)
    if (ms > 0) throw tooFast(ms)
  }

  /**
   * Admits one up-request by what `decide` is told; a refused one does not count, and its door says so.
   * Whoever is not in debt is admitted whatever it weighs, and in debt afterwards: else those who send little things
   * all the time could never send a great one. Who comes by the same door again has paid.
   * @param decide asks the store for its verdict, and for more if need be. @returns the rest of what it was told.
   * Throws KICKED (its detail is the reason of the kick), RATE_LIMITED with `retryAfterSec`, and when the store does not answer.
   */
  async function through<Rest extends unknown[]> (door: Door, decide: () => Promise<[Verdict, ...Rest]>): Promise<Rest> {
    const { caller: { userId }, weight } = door
    const units = Math.max(0, weight.units)
    // before Redis is asked: what comes meanwhile must not all be asked for
    buckets.take(userId, units)
    const [{ verdict, reason, retryMs, taken }, ...rest] = await decide().catch((error: unknown) => {
      buckets.take(userId, -units)
      throw error
    })
    if (taken !== units) buckets.take(userId, taken - units)
    door.isAdmitted = verdict === 'ok'
    if (door.isAdmitted) {
      door.weight = PAID
      return rest
    }
    if (verdict === 'kicked') throw new Problem('KICKED', { detail: reason })
    buckets.hold(userId, retryMs)
    throw tooFast(retryMs)
  }

  return {
    glance,
    through,
    /** Asks for the verdict on a request, and nothing else. */
    ask,

    /** Counts in this node's bucket what Redis is not asked about: a request that goes on without it, or what it has taken already. */
    count: ({ userId }: Pick<Caller, 'userId'>, units = 1): void => buckets.take(userId, units),

    /** Admits one up-request of a weight, in one round trip: see `through`. */
    async admit (caller: Caller, weight: Weight): Promise<void> {
      glance(caller)
      const door = { caller, weight }
      await through(door, async () => [await ask(door)])
    }
  }
}

export type Admission = ReturnType<typeof createAdmission>

/** @returns a door in the order of admit-requests.lua. */
function doorValues ({ caller: { userId, terminalId, ...token }, weight: { units, members } }: Door): (string | number)[] {
  const { issuedAt, expiresAt } = tokenArgs(token)
  return [partition(userId), userId, terminalId, issuedAt, expiresAt, units, members?.per ?? 0, members
    ? keys.members(members.conversationId)
    : '']
}

/** What Redis says to an up-request. `taken`: what it weighed, units. */
export interface Verdict { verdict: unknown, reason: string, retryMs: number, taken: number }

/** @returns the four values of `admit` in admission.lua. */
export function readVerdict ([verdict, reason, retryMs, units]: Reply): Verdict {
  return { verdict, reason: String(reason), retryMs: Number(retryMs), taken: Number(units) }
}

/** @returns how long a refusal asks to stay away, ms; 0 when it does not say. */
export function retryMsOf (error: unknown): number {
  return error instanceof Problem ? Number(error.facts.members?.['retryAfterSec'] ?? 0) * 1000 : 0
}
