// Routes of nodes that were killed: their lease is long, and what depends on who is connected cannot wait for its end. [LIFE-3]
import { setTimeout as pause } from 'node:timers/promises'
import type { createLeases } from '../store/user/leases.js'
import type { createTerminals } from '../store/user/terminals.js'
import type { Nodes } from './nodes.js'

/** Who is not heard is asked once more so much later: a node that dials its subscription anew is deaf for a moment, too. */
const AGAIN_MS = 400

interface Floor {
  terminals: Pick<ReturnType<typeof createTerminals>, 'routes'>
  leases: Pick<ReturnType<typeof createLeases>, 'leave'>
  nodes: Pick<Nodes, 'hears'>
  now (): number
}

/**
 * @returns `bury(userId)`: takes a user's routes on nodes that do not hear away; their terminals have their grace, as after a
 *   broken link. A node that has lost Redis for longer sets its routes again with its next sweep. Resolves with whether there were any.
 */
export function createDead ({ terminals, leases, nodes, now }: Floor) {
  async function deaf (userId: string, all: string[]): Promise<string[]> {
    const hears = await Promise.all(all.map(node => nodes.hears(userId, node)))
    return all.filter((_node, i) => !hears[i])
  }

  return async function bury (userId: string): Promise<boolean> {
    const routes = await terminals.routes(userId, now())
    const doubtful = await deaf(userId, [...new Set(routes.map(({ node }) => node))])
    if (doubtful.length === 0) return false
    await pause(AGAIN_MS)
    const silent = new Set(await deaf(userId, doubtful))
    const dead = routes.filter(({ node }) => silent.has(node))
    await Promise.all(dead.map(({ node, terminalId }) => leases.leave({ userId, terminalId }, 'TIMEOUT', node)))
    return dead.length > 0
  }
}
