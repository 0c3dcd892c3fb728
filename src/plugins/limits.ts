// Requests of one address: so many in a window, then 429. Counted in the memory of this node, by @fastify/rate-limit.
import rateLimit from '@fastify/rate-limit'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../protocol/problem.js'

/** The rate is the mean over this time: within it a burst may come at once. */
const WINDOW_SEC = 10
/** So many addresses are remembered; the one that was quiet longest is forgotten. */
const ADDRESSES = 50_000

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route answers those who are over the limit itself: see `isOverLimit`. */
    answersOverLimit?: boolean
  }
  interface FastifyRequest { isOverLimit?: boolean }
}

/**
 * Registers the limit: `perSec` requests of an address per second, 0 for none. Loopback addresses are not counted: they are
 * this machine, or a proxy on it that `IRIS_TRUST_PROXY` does not name, and then everybody comes from there. Nor is who has
 * no address any more: a connection that was reset behind its request.
 */
export const limits = fp<{ perSec: number }>(async (app, { perSec }) => {
  if (perSec === 0) return
  await app.register(rateLimit, { global: false, max: perSec * WINDOW_SEC, timeWindow: WINDOW_SEC * 1000, cache: ADDRESSES })
  const count = app.createRateLimit()
  app.addHook('onRequest', (request, reply, done) => {
    const { ip } = request as { ip?: string }
    if (ip === undefined || isLoopback(ip)) return done()
    check(request).then(retryAfterSec => {
      if (retryAfterSec !== undefined) reply.header('retry-after', retryAfterSec)
      done(retryAfterSec === undefined ? undefined : new Problem('RATE_LIMITED'))
    }, done)
  })

  /** @returns after how many seconds a refused request may come again. */
  async function check (request: FastifyRequest): Promise<number | undefined> {
    const counted = await count(request)
    if (counted.isAllowed || !counted.isExceeded) return undefined
    request.isOverLimit = true
    return request.routeOptions.config.answersOverLimit ? undefined : counted.ttlInSeconds
  }
}, { name: 'limits' })

const isLoopback = (address: string) => address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.')
