// Who is connected where, as the routes say.
import type { StoreContext } from './context.js'
import { keys } from './keys.js'

/** A connected terminal and the node that holds it. */
export interface Route { node: string, terminalId: string, platform: string }

/** Makes the terminals of a store. */
export function createTerminals ({ redis }: StoreContext) {
  return {
    /** @returns the connected terminals of a user; a route whose lease has run out does not count. */
    async routes (userId: string, now: number): Promise<Route[]> {
      const fields = await redis.hgetall(keys.routes(userId))
      return Object.entries(fields).flatMap(([route, value]) => {
        const [node, terminalId] = route.split('/') as [string, string]
        const [platform, leaseUntil] = value.split(' ') as [string, string]
        return Number(leaseUntil) > now ? [{ node, terminalId, platform }] : []
      })
    }
  }
}
