// What tests of hooks have in common: a hook, a server that asks it, and who sends.
import type { Test } from 'tap'
import { ALLOW, startHook } from './hook.js'
import { type Iris, startIris } from './iris.js'
import { ALLOW as LOOPBACK, SECRET } from './receiver.js'
import type { User } from './user.js'
import { openWs } from './ws.js'

/** Starts a hook, which lets everything be sent before each test, and a server that asks it. */
export async function startHooked (t: Test, more: Record<string, string> = {}) {
  const hook = await startHook(t)
  const env = { ...LOOPBACK, IRIS_HOOK_MESSAGE: hook.url, IRIS_HOOK_COMMAND: hook.url, IRIS_HOOK_SECRET: SECRET }
  const iris = await startIris(t, { env: { ...env, ...more } })
  t.beforeEach(() => { hook.answer = () => ALLOW })

  return {
    hook,
    iris,
    /** Another server at the same store, which asks the same hook. */
    beside: (t: Test, { env: others, logs }: Pick<NonNullable<Parameters<typeof startIris>[1]>, 'env' | 'logs'> = {}) =>
      startIris(t, { redisPath: iris.redisPath, env: { ...env, ...others }, ...(logs && { logs }) }),

    two: async (place: Iris = iris) => [await place.user(t), await place.user(t)] as const,

    messagesOf: async (id: string) =>
      (await iris.server('GET', `conversations/${id}/messages`)).body['items'] as unknown as Record<string, unknown>[] | undefined ?? [],

    /** The WebSocket of a user, ready. */
    async ws (t: { teardown (end: () => unknown): void }, user: User, place: Iris = iris) {
      const socket = await openWs(`${place.url}/v1/ws?terminalId=w`, { headers: { authorization: `Bearer ${user.token}` } })
      t.teardown(() => socket.cut())
      await socket.next('IRIS.READY')
      return socket
    }
  }
}
