// The world of a history: nodes on one Redis, each between two proxies, and the users who live there.
import { tokenOf } from '../helper/token.js'
import { surely } from './ask.js'
import { type Node, startNode } from './node.js'
import { createHistory } from './record.js'
import type { Scope } from './scope.js'
import { type Durability, startStore } from './store.js'

export const users = ['alice', 'bob', 'carol', 'dave'] as const
export type UserId = typeof users[number]

/** Everybody's group, and one that dave joins and leaves. */
export const GROUP = 'g.all'
export const DOOR = 'g.door'
export const DIRECT = 'dm.alice.bob'

export interface Facts { root: string, durability?: Durability, nodes?: number, env?: Record<string, string> }

export type World = Awaited<ReturnType<typeof startWorld>>

/** Starts it. Everything ends with the scope. */
export async function startWorld (scope: Scope, { root, durability = 'disk', nodes: count = 2, env = {} }: Facts) {
  const store = await startStore(scope, durability)
  const names = ['a', 'b', 'c'].slice(0, count)
  const facts = { root, storePort: store.port, env: { IRIS_EVENTS: 'all', ...env } }
  const nodes: Node[] = await Promise.all(names.map(async name => await startNode(scope, { ...facts, name })))
  let isOver = false
  scope.teardown(() => { isOver = true })
  const logins = new Set<string>()

  const world = {
    scope,
    /** The one that the nodes work with: after a failover another. */
    store,
    nodes,
    history: createHistory(),
    /** Nobody goes on asking then. */
    isOver: () => isOver,
    /** A token of a user: the first is signed here, a later one is minted, since only such a one is sure to be later than a kick. */
    async token (userId: string): Promise<{ text: string, at: number }> {
      const body = logins.has(userId)
        ? await surely(world, { began: performance.now() }, { path: '/v1/server/tokens', body: { userId } })
        : undefined
      logins.add(userId)
      const text = body === undefined ? await tokenOf(userId, { agoSec: 5 }) : String(body['token'])
      return { text, at: performance.now() }
    }
  }
  await found(world, GROUP, users)
  await found(world, DOOR, ['alice', 'bob', 'dave'])
  for (const userId of ['alice', 'bob']) world.history.stays.push({ userId, conversationId: DIRECT, joined: performance.now() })
  return world
}

async function found (world: World, conversationId: string, members: readonly string[]): Promise<void> {
  const body = { members: members.map(userId => ({ userId, role: 'member' })) }
  if (!await surely(world, { began: 0 }, { method: 'PUT', path: `/v1/server/conversations/${conversationId}`, body })) {
    throw new Error(`${conversationId} was refused`)
  }
  for (const userId of members) world.history.stays.push({ userId, conversationId, joined: performance.now() })
}
