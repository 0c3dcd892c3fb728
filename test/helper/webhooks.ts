// What tests of webhooks have in common: who comes and goes, a webhook with a receiver, and what is said of it.
import type { Test } from 'tap'
import type { Iris } from './iris.js'
import { SECRET, startReceiver } from './receiver.js'
import type { User } from './user.js'

export interface Letter { id: string, kind: string, event: Record<string, unknown> }

let made = 0

/** What is said of a user who comes and goes. */
export const visited = ['terminal.connected', 'user.online', 'terminal.disconnected']

/** Verbs for the webhooks of a server. */
export function webhooksOf ({ server }: Pick<Iris, 'server'>) {
  return {
    /** Comes and goes: three events of a user who was not there, in this order. */
    async visit (user: User): Promise<void> {
      const stream = await user.listen()
      await stream.next('IRIS.READY')
      await stream.cut()
      await server('DELETE', `users/${user.userId}/terminals/default`)
    },

    /** A webhook to a receiver of its own. */
    async webhook (t: Test, { types, ...options }: Parameters<typeof startReceiver>[1] & { types?: string[] } = {}) {
      const id = `w${++made}`
      const receiver = await startReceiver(t, options)
      const { status, body } = await server('PUT', `webhooks/${id}`, { url: receiver.url, secrets: [SECRET], ...(types && { types }) })
      t.equal(status, 200, JSON.stringify(body))
      t.teardown(async () => await server('DELETE', `webhooks/${id}`))
      return { id, receiver }
    },

    show: async (id: string) => (await server('GET', `webhooks/${id}`)).body as Record<string, unknown>,

    deadLetters: async (id: string) => (await server('GET', `webhooks/${id}/dead-letters`)).body['items'] as unknown as Letter[]
  }
}
