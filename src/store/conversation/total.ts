// How much a user has not read: of very many conversations counted in steps. [REST-2] [COST-1]
import { keys } from '../keys.js'
import type { StoreContext } from '../life/context.js'
import { defineScript } from '../script/scripts.js'
import { createAging } from './aging.js'

const countUnread = defineScript('count-unread', {
  full: 'done',
  preludes: ['member', 'index', 'unread', 'aging', 'total'],
  keys: ['unread'],
  args: ['keptFrom', 'cursor']
})

/** @returns `totalUnread(userId)`: all his unread messages; of more than a step counts as they were while they were counted. */
export function createTotal (store: StoreContext) {
  const aging = createAging(store)
  return async function totalUnread (userId: string): Promise<number> {
    const keptFrom = aging.keptFrom()
    let total = 0
    let cursor = '0'
    do {
      const [, some, next] = await countUnread(store.redis, { unread: keys.unread(userId) }, { keptFrom, cursor })
      total += Number(some)
      cursor = String(next)
    } while (cursor !== '0')
    return total
  }
}
