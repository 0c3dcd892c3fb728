// Terminals that come and go in tests: two nodes with a short lease, and what keeps somebody there.
import type { Test } from 'tap'
import { untilSaid } from './events.js'
import { type Iris, startIris } from './iris.js'
import { createUser, type User } from './user.js'

/** What is said of a user who comes. */
export const both = ['user.online', 'terminal.connected']

/** Two nodes, `a` and `b`, on one Redis: a lease of 3 s, a grace of 1 s. */
export async function startPair (t: Test) {
  const env = { IRIS_LIMIT_LEASE_SEC: '3', IRIS_LIMIT_GRACE_SEC: '1' }
  const a = await startIris(t, { env: { ...env, IRIS_NODE_ID: 'a' } })
  const b = await startIris(t, { env: { ...env, IRIS_NODE_ID: 'b' }, redisPath: a.redisPath })

  /** The same user on another node. */
  const on = (t: Test, { url }: Pick<Iris, 'url'>, { userId, token }: User) => createUser(t, { url, userId, token })

  /** Lets as much time go by as a grace and a turn of the reaper last: another user comes and goes meanwhile. */
  async function graceOver (t: Test): Promise<void> {
    const other = await a.user(t)
    await (await listening(other)).cut()
    await untilSaid(a, other, 'user.offline')
  }
  return { a, b, env, on, graceOver }
}

export const heartbeat = (user: User, body: object = {}, terminalId = 'default') =>
  user.post('/v1/up/heartbeat', body, { 'terminal-id': terminalId })

/** Opens a stream that is live. */
export async function listening (user: User, terminalId = 'default') {
  const stream = await user.listen({ terminalId })
  await stream.next('IRIS.READY')
  return stream
}

/** Sends signs of life again and again as long as `during` takes. */
export async function alive<T> (beats: (() => Promise<{ status: number }>)[], during: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => { for (const beat of beats) beat().catch(() => undefined) }, 400)
  return await during().finally(() => clearInterval(timer))
}
