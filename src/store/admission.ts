// Which up-requests of users go on: not those of kicked terminals, not more than the rate. [KICK-1], PROTOCOL.md section 2.
import type { Caller } from '../protocol/operation.js'
import { Problem } from '../protocol/problem.js'
import type { StoreContext } from './context.js'
import { keys } from './keys.js'
import { defineScript } from './scripts.js'

const admitRequest = defineScript('admit-request', { preludes: ['kick'], keys: ['kick', 'rate'], args: ['terminal', 'issuedAt', 'emissionUs', 'burst'] })

/** Makes the admission of a store: `upRate` requests a second and user, `upBurst` at once. */
export function createAdmission ({ redis, limits: { upRate, upBurst } }: StoreContext) {
  const emissionUs = 1_000_000 / upRate
  return {
    /**
     * Admits one up-request, in one round trip; a refused one does not count.
     * Throws KICKED (its detail is the reason of the kick) and RATE_LIMITED with `retryAfterSec`.
     */
    async admit ({ userId, terminalId, issuedAt }: Caller): Promise<void> {
      const [, verdict, reason, retryMs] = await admitRequest(redis, { kick: keys.kick(userId), rate: keys.rate(userId) }, { terminal: terminalId, issuedAt, emissionUs, burst: upBurst })
      if (verdict === 'kicked') throw new Problem('KICKED', { detail: String(reason) })
      if (verdict === 'limited') throw new Problem('RATE_LIMITED', { members: { retryAfterSec: Math.ceil(Number(retryMs) / 1000) } })
    }
  }
}
