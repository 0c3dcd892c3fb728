// A measured Iris and its load generators as children, and what a run of load costs each.
import { setTimeout as pause } from 'node:timers/promises'
import { startChild } from './child.js'
import type { LoadVerbs, Run, Transport } from './load.js'
import { YOUNG_FLAG } from '../../src/young.js'
import type { ServerVerbs } from './server.js'

/** What a run of load came to. `p50`, `p99`: ms from POST to event; `answers`: ms from POST to its answer. */
export interface Sample extends Cost {
  deliveriesPerSec: number
  loadUs: number
  p50: number
  p99: number
  answers: { p50: number, p99: number }
}

/** How fast something went, and the us of CPU that each cost. */
export interface Cost { perSec: number, serverUs: number, redisUs: number }

interface Facts {
  /** What is not as by default. */
  env: Record<string, string>
  socketPath: string
  secret: string
  serverKey: string
  /** Where its log goes. */
  logFile: number
  /** What Redis has used so far. */
  redisUs (): Promise<number>
}

/** What the bench does to a user no real user does: hence no limit of the rate up. The log is at its default level. */
const LIMITS = {
  IRIS_LIMIT_UP_RATE: '1000000',
  IRIS_LIMIT_UP_BURST: '1000000',
  IRIS_LIMIT_NEW_DIRECT: '1000000',
  IRIS_LIMIT_ATTACH_RATE: '1000000',
  IRIS_LIMIT_ATTACH_BURST: '1000000'
}

/** A server that uses no more than this part of a core has nothing left to do: the clock and the garbage collector. */
const REST_PART = 0.1
const REST_MS = 200
const REST_TRIES = 10

/** Starts an Iris and a load generator. */
export async function createIris ({ env: more, socketPath, secret, serverKey, logFile, redisUs }: Facts) {
  const own = { IRIS_TOKEN_SECRET: secret, IRIS_SERVER_KEY: serverKey, IRIS_NODE_ID: `bench-${process.hrtime.bigint()}` }
  const server = await startChild<ServerVerbs>('server.js', {
    args: [socketPath],
    execArgv: ['--expose-gc', YOUNG_FLAG],
    env: { ...own, ...LIMITS, ...more },
    stdout: logFile
  })
  const port = await server.ask('port')
  const loads: Load[] = []
  const authorization = { authorization: `Bearer ${serverKey}` }
  const load = await startLoad()

  async function startLoad (to = port) {
    const child = await startChild<LoadVerbs>('load.js', { args: [String(to), secret] })
    loads.push(child)
    return child
  }

  /** Does something. @returns what it came to, and the us of CPU that it took the server and Redis. */
  async function costOf<T> (work: () => Promise<T>) {
    const before = [await server.ask('cpu'), await redisUs()] as const
    const result = await work()
    return { result, serverUs: await server.ask('cpu') - before[0], redisUs: await redisUs() - before[1] }
  }

  /** Calls the server API. Throws when it refuses. */
  async function api (method: string, path: string, body: unknown): Promise<unknown> {
    const headers = { ...authorization, 'content-type': 'application/json' }
    const response = await fetch(`http://127.0.0.1:${port}/v1/server/${path}`, { method, headers, body: JSON.stringify(body) })
    const text = await response.text()
    if (response.status !== 200) throw new Error(`${path} was refused: ${text}`)
    return JSON.parse(text)
  }

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    server,
    load,
    costOf,
    api,

    /** A user's token. */
    token: async (userId: string) => (await api('POST', 'tokens', { userId, ttlSec: 3600 }) as { token: string }).token,

    /** Starts another load generator, which is not held up by what the first one does; it may load another server's port. */
    startLoad,

    /** Creates a group of these users. */
    async group (id: string, users: string[]): Promise<void> {
      await api('PUT', `conversations/${id}`, { members: users.map(userId => ({ userId, role: 'member' })) })
    },

    /** Attaches users. @returns streams per second, and what each cost. */
    async attach (users: string[], transport: Transport = 'sse'): Promise<Cost> {
      const { result: seconds, serverUs, redisUs } = await costOf(() => load.ask('attach', { users, transport }))
      return { perSec: users.length / seconds, serverUs: serverUs / users.length, redisUs: redisUs / users.length }
    },

    /** Waits until the server holds so many connections of a transport: a long-poll prints nothing by which a client could know. */
    async holds (transport: Transport, count: number): Promise<void> {
      for (;;) {
        const text = await (await fetch(`http://127.0.0.1:${port}/metrics`, { headers: authorization })).text()
        const value = (name: string) => Number(text.split('\n').find(line => line.startsWith(name + ' '))?.split(' ')[1])
        if (value(`iris_connections{transport="${transport}"}`) === count &&
          value('iris_attaches_under_way') + value('iris_attaches_waiting') === 0) {
          return
        }
        await pause(100)
      }
    },

    /** Waits until the server has nothing left to do; not for ever, since a profiler never rests. */
    async rests (): Promise<void> {
      for (let tries = 0; tries < REST_TRIES; tries++) {
        const before = await server.ask('cpu')
        await pause(REST_MS)
        if (await server.ask('cpu') - before < REST_MS * 1000 * REST_PART) return
      }
    },

    /** Runs load. A message that did not arrive, or a refused one, makes the whole bench worthless: it throws. */
    async run (facts: Run, by: Load = load): Promise<Sample> {
      const { result, serverUs, redisUs } = await costOf(() => by.ask('run', facts))
      const { posted, refused, seconds, messages, lost, latencies, answers, loadUs } = result
      if (refused > 0 || lost !== 0) throw new Error(`${facts.kind}: ${refused} of ${posted} were refused, ${lost} deliveries are missing`)
      return {
        perSec: posted / seconds,
        deliveriesPerSec: messages / seconds,
        serverUs: serverUs / posted,
        redisUs: redisUs / posted,
        loadUs: loadUs / posted,
        ...latencies,
        answers
      }
    },

    async stop (): Promise<void> {
      for (const child of loads) await child.stop()
      await server.stop()
    }
  }
}

/** A load generator. */
export type Load = Awaited<ReturnType<typeof startChild<LoadVerbs>>>
export type Iris = Awaited<ReturnType<typeof createIris>>
