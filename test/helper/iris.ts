// A running Iris for tests: a real Redis of its own, a real socket, and verbs that read like clauses.
import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import { buildApp } from '../../src/app.js'
import { loadConfig } from '../../src/config.js'
import { createLog } from '../../src/log.js'
import { createRedis } from '../../src/store/redis/redis.js'
import { startRedis } from './redis.js'
import { createUser, until } from './user.js'

export const SECRET = 'a-secret-for-tests-that-is-long-enough-0123456789'
export const SERVER_KEY = 'server-key-for-tests-0123456789'
/** Tests send as fast as they can. */
export const UNLIMITED = {
  IRIS_LIMIT_UP_RATE: '1000000',
  IRIS_LIMIT_UP_BURST: '1000000',
  IRIS_LIMIT_NEW_DIRECT: '1000000',
  IRIS_LIMIT_ATTACH_RATE: '1000000',
  IRIS_LIMIT_ATTACH_BURST: '1000000',
  IRIS_LIMIT_NEW_TERMINALS: '1000000'
}

interface Options {
  /** Configuration beside that of every test. */
  env?: Record<string, string>
  /** The demo page. */
  demo?: boolean
  /** Share another Iris' Redis: a second node. */
  redisPath?: string
  /** Work with a Redis that may be away, or may not be one: nothing is waited for, and a reason to give up is told. */
  unsound?: { url: string, onUnfit?: (sentence: string) => void }
  /** The disk of Redis, as it is to be seen. */
  disk?: Parameters<typeof buildApp>[0]['disk']
  /** Where log lines go; nowhere when absent. */
  logs?: { write (line: string): void }
  /** Adds routes. */
  extend?: (app: Awaited<ReturnType<typeof buildApp>>) => void
}

/** Makes `server(method, path, body?)`, which calls the server API at an address. */
export const serverOf = (url: string, serverKey = SERVER_KEY) => async (method: string, path: string, body?: unknown) => {
  const response = await fetch(`${url}/v1/server/${path}`, {
    method,
    headers: { authorization: `Bearer ${serverKey}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) })
  })
  return { status: response.status, body: await response.json() as Record<string, never> }
}

/** @returns a token of a user: a node that has only just started may be late with its first answers, on a busy machine. */
export async function tokenOf (server: ReturnType<typeof serverOf>, userId: string, ttlSec = 3600): Promise<string> {
  return await until<string>(async () => {
    const { status, body } = await server('POST', 'tokens', { userId, ttlSec })
    if (status !== 200 && status !== 503) throw new Error(`no token for ${userId}: ${JSON.stringify(body)}`)
    return body['token']
  })
}

/** Starts Iris on a free port; it and its Redis end with the test. */
export async function startIris (t: Test, { env = {}, demo = false, redisPath, unsound, disk, logs, extend }: Options = {}) {
  const { path } = redisPath === undefined && !unsound ? await startRedis(t) : { path: redisPath ?? unsound?.url ?? '' }
  const config = { ...loadConfig({ IRIS_TOKEN_SECRET: SECRET, IRIS_SERVER_KEY: SERVER_KEY, ...UNLIMITED, ...env }), demo }
  const redis = createRedis(path)
  redis.on('error', () => undefined)
  if (!unsound) await new Promise<void>(resolve => redis.once('ready', resolve))
  const app = await buildApp({
    config,
    redis,
    onUnfit: unsound?.onUnfit,
    disk,
    logger: logs ? createLog('trace', logs) : createLog('silent')
  })
  extend?.(app)
  t.teardown(async () => {
    await app.close()
    redis.disconnect()
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const server = serverOf(url)

  const token = (userId: string, ttlSec?: number) => tokenOf(server, userId, ttlSec)

  return {
    app,
    url,
    redis,
    redisPath: path,
    serverKey: SERVER_KEY,
    server,
    token,
    /** A user who sends and listens; ids are random unless given, so that tests do not meet. */
    user: async (t: Test, name = `u${randomUUID().slice(0, 8)}`) => createUser(t, { url, userId: name, token: await token(name) })
  }
}

export type Iris = Awaited<ReturnType<typeof startIris>>
