// Routes of nodes that were killed: their lease is long, and what depends on who is connected cannot wait for its end. [LIFE-3]
import type { createLeases } from '../store/leases.js'
import type { createTerminals } from '../store/terminals.js'
import type { Nodes } from './nodes.js'

interface Floor {
  terminals: Pick<ReturnType<typeof createTerminals>, 'routes'>
  leases: Pick<ReturnType<typeof createLeases>, 'leave'>
  nodes: Pick<Nodes, 'hears'>
  now (): number
}

/**
 * @returns `bury(userId)`: takes a user's routes on nodes that do not hear away; their terminals have their grace, as after a
 *   broken link. A node that had only lost Redis for a while sets its routes again with its next sweep. Resolves with whether there were any.
 */
export function createDead ({ terminals, leases, nodes, now }: Floor) {
  return async function bury (userId: string): Promise<boolean> {
    const routes = await terminals.routes(userId, now())
    const asked = [...new Set(routes.map(({ node }) => node))]
    const hears = await Promise.all(asked.map(node => nodes.hears(userId, node)))
    const dead = routes.filter(({ node }) => !hears[asked.indexOf(node)])
    await Promise.all(dead.map(({ node, terminalId }) => leases.leave({ userId, terminalId }, 'TIMEOUT', node)))
    return dead.length > 0
  }
}
