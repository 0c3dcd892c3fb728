// The bench's world: a private redis-server, Iris and the load generator as children, and what a run of load costs each.
import { closeSync, openSync, rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedRedis } from '../../src/store/embedded.js'
import { createRedis } from '../../src/store/redis.js'
import { startChild } from './child.js'
import type { LoadVerbs, Run } from './load.js'
import type { ServerVerbs } from './server.js'

const SECRET = 'a-secret-for-the-bench-that-is-long-enough-0123456789'
const SERVER_KEY = 'server-key-for-the-bench-0123456789'

export type Durability = 'memory' | 'disk'

/** What a run of load came to. `p50` and `p99`: ms from POST to event. */
export interface Sample extends Cost { deliveriesPerSec: number, loadUs: number, p50: number, p99: number }

/** How fast something went, and the us of CPU that each cost. */
interface Cost { perSec: number, serverUs: number, redisUs: number }

/** Starts Redis, as the embedded one is set up; `stop()` ends everything and removes its directory. */
export async function startBench () {
  const directory = await mkdtemp(join(tmpdir(), 'iris-bench-'))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      rmSync(directory, { recursive: true, force: true })
      process.exit(1) // the children end with this process
    })
  }
  const log = { info: () => undefined, error: (facts: object, message: string) => console.error(message, facts) }
  const embedded = await startEmbeddedRedis({ dataDir: directory, durability: 'disk', log })
  const redis = createRedis(embedded.socketPath)
  await new Promise(resolve => redis.once('ready', resolve))
  // a rewrite of the log would fall into one variant by chance
  await redis.config('SET', 'auto-aof-rewrite-percentage', '0')
  const logFile = openSync(join(directory, 'iris.log'), 'a')

  return {
    redis,
    version: async () => /redis_version:(\S+)/.exec(await redis.info('server'))?.[1] ?? '?',

    /** Switches between `appendfsync` always and everysec: the same server with the same data either way. */
    durability: async (durability: Durability) => { await redis.config('SET', 'appendfsync', durability === 'disk' ? 'always' : 'everysec') },

    /** Starts an Iris and its load generator. Its log goes to a file, at the default level. */
    async startIris () {
      const env = { IRIS_TOKEN_SECRET: SECRET, IRIS_SERVER_KEY: SERVER_KEY, IRIS_NODE_ID: `bench-${process.hrtime.bigint()}`, IRIS_LIMIT_UP_RATE: '1000000', IRIS_LIMIT_UP_BURST: '1000000' }
      const server = await startChild<ServerVerbs>('server.js', { args: [embedded.socketPath], execArgv: ['--expose-gc'], env, stdout: logFile })
      const port = await server.ask('port')
      const load = await startChild<LoadVerbs>('load.js', { args: [String(port), SECRET] })
      return createIris({ server, load, port, redisUs })
    },

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

interface Parts {
  server: Awaited<ReturnType<typeof startChild<ServerVerbs>>>
  load: Awaited<ReturnType<typeof startChild<LoadVerbs>>>
  port: number
  redisUs (): Promise<number>
}

function createIris ({ server, load, port, redisUs }: Parts) {
  async function costOf<T> (work: () => Promise<T>) {
    const before = [await server.ask('cpu'), await redisUs()] as const
    const result = await work()
    return { result, serverUs: await server.ask('cpu') - before[0], redisUs: await redisUs() - before[1] }
  }

  return {
    server,
    load,

    /** Creates a group of these users. */
    async group (id: string, users: string[]): Promise<void> {
      const members = users.map(userId => ({ userId, role: 'member' }))
      const headers = { authorization: `Bearer ${SERVER_KEY}`, 'content-type': 'application/json' }
      const { status } = await fetch(`http://127.0.0.1:${port}/v1/server/conversations/${id}`, { method: 'PUT', headers, body: JSON.stringify({ members }) })
      if (status !== 200) throw new Error(`the group was refused: ${status}`)
    },

    /** Attaches users. @returns streams per second, and what each cost. */
    async attach (users: string[]): Promise<Cost> {
      const { result: seconds, serverUs, redisUs } = await costOf(() => load.ask('attach', users))
      return { perSec: users.length / seconds, serverUs: serverUs / users.length, redisUs: redisUs / users.length }
    },

    /** Runs load. A message that did not arrive, or a refused one, makes the whole bench worthless: it throws. */
    async run (facts: Run): Promise<Sample> {
      const { result, serverUs, redisUs } = await costOf(() => load.ask('run', facts))
      const { posted, refused, seconds, messages, lost, latencies, loadUs } = result
      if (refused > 0 || lost !== 0) throw new Error(`${facts.kind}: ${refused} of ${posted} were refused, ${lost} deliveries are missing`)
      return {
        perSec: posted / seconds,
        deliveriesPerSec: messages / seconds,
        serverUs: serverUs / posted,
        redisUs: redisUs / posted,
        loadUs: loadUs / posted,
        ...latencies
      }
    },

    async stop (): Promise<void> {
      await load.stop()
      await server.stop()
    }
  }
}

export type Bench = Awaited<ReturnType<typeof startBench>>
export type Iris = ReturnType<typeof createIris>
