// Probes: does the process live, and can it do its work?
import fp from 'fastify-plugin'
import { Problem } from '../protocol/problem.js'
import type { Redis } from '../store/redis.js'

/** Registers `GET /livez` (the process answers) and `GET /readyz` (Redis answers too, else 503). Their log lines are for debugging only. */
export const health = fp<{ redis: Pick<Redis, 'ping'> }>(async (app, { redis }) => {
  const quiet = { config: { quiet: true }, schema: { hide: true } as object }
  app.get('/livez', quiet, async () => ({ status: 'ok' }))
  app.get('/readyz', quiet, async () => {
    await redis.ping().catch(() => { throw new Problem('STORE_UNAVAILABLE') })
    return { status: 'ok' }
  })
}, { name: 'health' })
