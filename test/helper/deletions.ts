// What tests of deletions have in common: somebody with something of everything, and what is left of him.
import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import type { Iris } from './iris.js'
import { loginOf } from './token.js'
import { dm, groupOf, two, type User } from './user.js'

export interface Outcome { done: boolean, removed: Record<string, number>, tokensFrom: number }

/** What may stay of one who was deleted, and for how long. */
export const stays = /^(SYSTEM_INSTRUCT_USER_KICK|TERMINALS):<user>$|^DEDUPE:<user>:/

/** What a user reads of a conversation; the status when that is refused. */
export const textsOf = async (user: User, conversationId: string) => {
  const { status, body } = await user.getReadMsg({ conversationId, deliver: 'inline' })
  return status === 200 ? (body['messages'] as { from: string, type: string, content?: { text: string } }[]) : status
}

/** Verbs for those who are deleted at a server. */
export function deletionsOf (iris: Iris) {
  /** Somebody who logged in a while ago. */
  const someone = (t: Test) => loginOf(t, iris, `u${randomUUID().slice(0, 8)}`)

  return {
    someone,
    /** The same id, logged in after what happened until now. */
    again: (t: Test, { userId }: { userId: string }) => loginOf(t, iris, userId, { agoSec: -10 }),

    async remove ({ userId }: { userId: string }, query = '') {
      const { status, body } = await iris.server('DELETE', `users/${userId}${query}`)
      return { status, body: body as unknown as Outcome }
    },

    /** Alice with something of everything, beside Bob; a group that she is in, one that she has left, one that is closed. */
    async live (t: Test) {
      const [alice, bob] = await two(() => someone(t))
      const [group, former, closed] = [await groupOf(iris, bob, alice), await groupOf(iris, bob, alice), await groupOf(iris, bob, alice)]
      for (const to of [bob, group, former, closed]) await alice.send(to, 'of alice')
      for (const to of [alice, group]) await bob.send(to, 'of bob')
      await iris.server('POST', `conversations/${former}/members`, { remove: [alice.userId] })
      await iris.server('DELETE', `conversations/${closed}`)
      await alice.read({ conversationId: group, seqs: [2] })
      await alice.rest({ items: [{ conversationId: dm(alice, bob), unreadMark: true }] })
      await bob.command({ clientCmdId: randomUUID(), name: 'order', to: { users: [alice.userId] }, mode: 'reliable', collapseKey: 'k' })
      await iris.server('POST', 'notices', { noticeId: randomUUID(), to: alice.userId, content: {} })
      await iris.server('PUT', `users/${alice.userId}/blocked/${bob.userId}`)
      const used = await alice.post('/v1/down/tickets', { terminalId: 'phone' })
      await fetch(`${iris.url}/v1/down/poll?timeoutMs=0&ticket=${String(used.body['ticket'])}`)
      await alice.post('/v1/down/tickets', {})
      return { alice, bob, group, former, closed }
    },

    /** The keys that are a user's own, without their partition. */
    ownKeys: async ({ userId }: { userId: string }) =>
      (await iris.redis.keys(`*:${userId}*`)).map(key => key.replace(/^iris:\{\d+\}:/, '').replace(userId, '<user>')).sort()
  }
}
