// The bench's world: a private redis-server, and what it costs.
import { closeSync, openSync, rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedRedis } from '../../src/store/embedded/embedded.js'
import { createRedis } from '../../src/store/redis/redis.js'
import { createIris } from './iris.js'

const SECRET = 'a-secret-for-the-bench-that-is-long-enough-0123456789'
const SERVER_KEY = 'server-key-for-the-bench-0123456789'

export type Durability = 'memory' | 'disk'

/** Starts Redis, as the embedded one is set up; `stop()` ends everything and removes its directory. */
export async function startBench () {
  const directory = await mkdtemp(join(tmpdir(), 'iris-bench-'))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      rmSync(directory, { recursive: true, force: true })
      process.exit(1) // the children end with this process
    })
  }
  const say = (facts: object, message: string) => console.error(message, facts)
  const log = { info: () => undefined, warn: say, error: say }
  const embedded = await startEmbeddedRedis({ dataDir: directory, durability: 'disk', log })
  const redis = createRedis(embedded.socketPath)
  await new Promise(resolve => redis.once('ready', resolve))
  // a rewrite of the log would fall into one variant by chance
  await redis.config('SET', 'auto-aof-rewrite-percentage', '0')
  const logFile = openSync(join(directory, 'iris.log'), 'a')

  return {
    redis,
    redisUs,
    secret: SECRET,
    /** Where everything that the bench writes lies; it is removed at the end. */
    directory,
    /** The process of its Redis. */
    redisPid: async () => Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1]),
    version: async () => /redis_version:(\S+)/.exec(await redis.info('server'))?.[1] ?? '?',

    /** Switches between `appendfsync` always and everysec: the same server with the same data either way. */
    durability: async (durability: Durability) => {
      await redis.config('SET', 'appendfsync', durability === 'disk' ? 'always' : 'everysec')
    },

    /** Starts an Iris, set up as by default but for `env`, and its load generator. Its log goes to a file, at the default level. */
    startIris: async (env: Record<string, string> = {}) => await createIris({
      env,
      socketPath: embedded.socketPath,
      secret: SECRET,
      serverKey: SERVER_KEY,
      logFile,
      redisUs
    }),

    async stop (): Promise<void> {
      redis.disconnect()
      await embedded.stop()
      closeSync(logFile)
      await rm(directory, { recursive: true, force: true })
    }
  }

  async function redisUs (): Promise<number> {
    const info = await redis.info('cpu')
    return [...info.matchAll(/used_cpu_(?:sys|user):([\d.]+)/g)].reduce((sum, [, seconds]) => sum + Number(seconds) * 1e6, 0)
  }
}

export type Bench = Awaited<ReturnType<typeof startBench>>
