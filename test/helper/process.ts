// The real process, as an operator starts it: killed, ended in order, and started again by tests.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { YOUNG_FLAG } from '../../src/young.js'
import { SECRET, SERVER_KEY, serverOf, tokenOf, UNLIMITED } from './iris.js'
import { startRedis } from './redis.js'
import { createUser } from './user.js'

const main = fileURLToPath(new URL('../../src/server.js', import.meta.url))
/**
 * What a process has of this one's environment: its programs, and what Node has compiled already.
 * What it would start itself anew for is said at once.
 */
export const inherited = {
  PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], NODE_OPTIONS: YOUNG_FLAG
}

/**
 * Starts Iris as a process, on a free port unless `env` names one.
 * @param env its configuration, beside limits of up-requests that no test reaches.
 * @returns its address, empty when it has ended instead;
 *   `exited` resolves with exit code and signal, `errors()` is what it said on stderr, `output()` on stdout.
 */
export async function startProcess (t: Test, env: Record<string, string>, args: string[] = []) {
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...inherited, IRIS_PORT: '0', ...UNLIMITED, ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const exited = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  let errors = ''
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => { output += chunk.toString() })
  child.stderr.on('data', (chunk: Buffer) => { errors += chunk.toString() })
  t.teardown(async () => {
    child.kill('SIGINT') // ends at once, and its private Redis with it
    await exited
  })
  let url = ''
  for await (const line of createInterface({ input: child.stdout })) {
    url = /Iris listens on (http:[^"]+)/.exec(line)?.[1] ?? ''
    if (url !== '') break
  }
  if (url === '') await exited
  child.stdout.resume()
  return { child, url, exited, errors: () => errors, output: () => output }
}

/** A Redis that is reached by TCP, as a process is told by its configuration, and by processes that follow one another. */
export async function startSharedRedis (t: Test) {
  const port = await freePort()
  const { path, pid } = await startRedis(t, ['--port', String(port), '--bind', '127.0.0.1'])
  const secrets = { IRIS_REDIS_URL: `redis://127.0.0.1:${port}`, IRIS_TOKEN_SECRET: SECRET, IRIS_SERVER_KEY: SERVER_KEY }

  /** Starts a process on this Redis. @returns what `startProcess` does, and the server API and users by its address. */
  async function start (t: Test, env: Record<string, string> = {}) {
    const process = await startProcess(t, { ...secrets, ...env })
    const server = serverOf(process.url)
    const user = async (userId: string) => createUser(t, { url: process.url, userId, token: await tokenOf(server, userId) })
    return { ...process, server, user }
  }
  return { path, pid, env: secrets, start }
}

/** @returns a port that nobody listens on just now. */
export async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
