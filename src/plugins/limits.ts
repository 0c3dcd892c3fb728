// Requests of one address: so many in a window, then 429. Counted in the memory of this node, by @fastify/rate-limit.
import rateLimit, { type FastifyRateLimitStore } from '@fastify/rate-limit'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../protocol/problem.js'

/** The rate is the mean over this time: within it a burst may come at once. */
const WINDOW_SEC = 10
/** So many addresses are remembered; the one that was quiet longest is forgotten. */
const ADDRESSES = 50_000

/**
 * What each address has asked for since its window began, by the monotonic clock. The package's own store goes by the machine's clock:
 * when that is set back, a window ends as much later. [TIME-1]
 */
class Windows implements FastifyRateLimitStore {
  readonly #windows = new Map<string, { current: number, began: number }>()

  incr (address: string, done: Parameters<FastifyRateLimitStore['incr']>[1], windowMs: number): void {
    const now = performance.now()
    const before = this.#windows.get(address)
    const { current, began } = before && now - before.began < windowMs ? before : { current: 0, began: now }
    this.#keep(address, { current: current + 1, began })
    done(null, { current: current + 1, ttl: windowMs - (now - began) })
  }

  child (): this { return this }

  #keep (address: string, window: { current: number, began: number }): void {
    this.#windows.delete(address)
    this.#windows.set(address, window)
    const [quietest] = this.#windows.keys()
    if (this.#windows.size > ADDRESSES && quietest !== undefined) this.#windows.delete(quietest)
  }
}

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
  await app.register(rateLimit, { global: false, max: perSec * WINDOW_SEC, timeWindow: WINDOW_SEC * 1000, store: Windows })
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
