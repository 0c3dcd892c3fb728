// Probes: does the process live, and can it do its work?
import fp from 'fastify-plugin'
import { Problem } from '../protocol/problem.js'

interface Floor {
  /** Throws STORE_UNAVAILABLE with the reason while Redis does not answer, or must not be worked with. */
  ping (): Promise<void>
  /** Why the node should get no new work although Redis answers; undefined: it may. */
  unready (): string | undefined
}

/**
 * Registers `GET /livez` (the process answers) and `GET /readyz` (Redis answers too and has room, other nodes are heard, and the node
 * does not end; else 503). A probe may ask by HEAD, too. Their log lines are for debugging only.
 */
export const health = fp<Floor>(async (app, { ping, unready }) => {
  const quiet = { exposeHeadRoute: true, config: { quiet: true }, schema: { hide: true } as object }
  app.get('/livez', quiet, async () => ({ status: 'ok' }))
  app.get('/readyz', quiet, async () => {
    await ping()
    const detail = unready()
    if (detail !== undefined) throw new Problem('NOT_READY', { detail })
    return { status: 'ok' }
  })
}, { name: 'health' })
