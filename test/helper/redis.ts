// A private redis-server for a test: its own directory, a unix socket, gone with the test.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { createRedis, type Redis } from '../../src/store/redis/redis.js'

/** Starts a redis-server; `args` come after the defaults and so win over them. */
export async function startRedis (t: Pick<Test, 'teardown'>, args: string[] = []) {
  const directory = await mkdtemp(join(tmpdir(), 'iris-test-'))
  const path = join(directory, 'redis.sock')
  let child: ChildProcess | undefined

  async function start (): Promise<void> {
    child = spawn('redis-server', ['--port', '0', '--unixsocket', path, '--dir', directory, '--save', '', ...args], { stdio: 'ignore' })
    await once(child, 'spawn')
    // after a crash the client reconnects by itself: a second connect() would start a second chain that outlives disconnect()
    if (redis.status === 'wait') await redis.connect().catch(() => undefined)
    // not events.once: it rejects on the errors of the attempts that come too early
    if (redis.status !== 'ready') await new Promise<void>(resolve => redis.once('ready', resolve))
  }

  const redis = createRedis(path, { lazyConnect: true })
  redis.on('error', () => undefined)
  // before the start: one that fails leaves no server behind
  t.teardown(async () => {
    redis.disconnect()
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await rm(directory, { recursive: true, force: true })
  })
  await start()

  return {
    path,
    directory,
    redis,
    /** The process as it is now. */
    get pid () { return child?.pid as number },
    /** Ends the server as a crash would. */
    async kill (): Promise<void> {
      if (!child) return
      const exited = once(child, 'exit')
      // until the client knows, it would pass for one that is ready
      const noticed = redis.status === 'ready' && new Promise<void>(resolve => redis.once('close', resolve))
      child.kill('SIGKILL')
      await exited
      await noticed
    },
    /** Starts it again in the same directory. */
    start
  }
}

/** @returns the time of a Redis, ms. */
export async function timeOf (redis: Pick<Redis, 'time'>): Promise<number> {
  const [seconds, micros] = await redis.time()
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000)
}
