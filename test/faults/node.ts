// A node as a process: it is killed, stopped, and started again at the same address, as another generation.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { jump } from '../helper/clock.js'
import { SECRET, SERVER_KEY, UNLIMITED } from '../helper/iris.js'
import { inherited } from '../helper/process.js'
import { createPoints } from './points.js'
import { startProxy } from './proxy.js'
import type { Scope } from './scope.js'

interface Facts {
  name: string
  /** The build that runs: the directory of `src`. */
  root: string
  storePort: number
  env?: Record<string, string>
}

export type Node = Awaited<ReturnType<typeof startNode>>

/**
 * Starts a node between two proxies: `clients` stands before it, `store` between it and Redis.
 * @returns `id`: name and generation, as another one has other memories; `points`: fault points on its way to Redis.
 */
export async function startNode (scope: Scope, { name, root, storePort, env = {} }: Facts) {
  const points = createPoints()
  const store = await startProxy(scope, storePort, points.watch)
  const clients = await startProxy(scope)
  let generation = 0
  let child: ChildProcess | undefined
  let log = ''

  async function kill (): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    clients.target = 0
    await exited
  }

  async function start (): Promise<void> {
    generation++
    child = spawn(process.execPath, [join(root, 'src/server.js')], {
      env: {
        ...inherited,
        IRIS_PORT: '0',
        IRIS_NODE_ID: `${name}${generation}`,
        IRIS_REDIS_URL: `redis://127.0.0.1:${store.port}`,
        IRIS_TOKEN_SECRET: SECRET,
        IRIS_SERVER_KEY: SERVER_KEY,
        ...UNLIMITED,
        ...env
      },
      stdio: ['ignore', 'pipe', 'pipe']
    })
    const from = log.length
    const port = await new Promise<number>((resolve, reject) => {
      const hear = (chunk: Buffer) => {
        log += chunk.toString()
        const found = /Iris listens on http:\/\/[^:]+:(\d+)/.exec(log.slice(from))?.[1]
        if (found !== undefined) resolve(Number(found))
      }
      child?.stdout?.on('data', hear)
      child?.stderr?.on('data', hear)
      child?.once('exit', () => reject(new Error(`node ${name} did not start: ${log.slice(from)}`)))
    })
    clients.target = port
  }

  scope.teardown(kill)
  await start()
  return {
    name,
    get id () { return `${name}${generation}` },
    /** For clients: it stays, whatever becomes of the process. */
    url: `http://127.0.0.1:${clients.port}`,
    clients,
    store,
    points,
    /** What all generations have said. */
    log: () => log,
    kill,
    start,
    stop: () => child?.kill('SIGSTOP'),
    goOn: () => child?.kill('SIGCONT'),
    /** Lets its clock jump, as far as its environment says (`clockEnv`). */
    jump: async () => { if (child) await jump({ child, output: () => log }) }
  }
}
