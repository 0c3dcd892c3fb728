// A gateway without its HTTP, for tests of an instant: what is connected is made by hand.
import type { Test } from 'tap'
import { createGateway } from '../../src/gateway.js'
import { defaultLimits, type Limits } from '../../src/protocol/limits.js'
import { eventKinds } from '../../src/protocol/server-events.js'
import type { Redis } from '../../src/store/redis/redis.js'
import { until } from './user.js'

/** Nothing is logged. */
export const quiet = { debug () {}, info () {}, warn () {}, error () {} }

const tokens = { mint: async () => ({ token: '', expiresAt: 0 }), verify: async () => ({ userId: '', issuedAt: 0, expiresAt: 0 }) }

/** Starts a gateway, and waits until it is ready. It ends with the test. */
export async function startGateway (t: Pick<Test, 'teardown'>, redis: Redis, limits: Partial<Limits> = {}) {
  const gateway = createGateway({
    redis, node: 'n', limits: { ...defaultLimits, ...limits }, events: eventKinds, loginPolicy: 'multi', tokens, log: quiet
  })
  t.teardown(() => gateway.stop())
  await until(async () => gateway.unready() === undefined || undefined)
  return gateway
}
