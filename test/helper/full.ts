// A Redis that can be filled up and given room again: its memory by `maxmemory`, its disk by the size that its files may have.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { createRedis, type Redis } from '../../src/store/redis/redis.js'
import { startRedis } from './redis.js'
import { until } from './user.js'

export interface Fillable { path: string, redis: Redis, fill (): Promise<void>, empty (): Promise<void> }

/** Why a full disk cannot be tried here; false when it can. */
export const noPrlimit = spawnSync('prlimit', ['--version']).error !== undefined &&
  'no prlimit (util-linux): the size of files cannot be bounded'

export const fillable = {
  async memory (t: Test): Promise<Fillable> {
    const { path, redis } = await startRedis(t)
    const allow = (bytes: number) => async () => void await redis.config('SET', 'maxmemory', bytes)
    return { path, redis, fill: allow(1), empty: allow(0) }
  },

  /** Its append-only file may not grow: a write gets EFBIG, as it would get ENOSPC. */
  async disk (t: Test): Promise<Fillable> {
    const directory = await mkdtemp(join(tmpdir(), 'iris-full-'))
    const path = join(directory, 'redis.sock')
    const args = ['--port', '0', '--unixsocket', path, '--dir', directory, '--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec']
    // the signal would end it; who ignores it gets the error
    const child: ChildProcess = spawn('bash', ['-c', 'trap "" XFSZ; exec redis-server "$@"', 'bash', ...args], { stdio: 'ignore' })
    const redis = createRedis(path)
    redis.on('error', () => undefined)
    t.teardown(async () => {
      redis.disconnect()
      const exited = once(child, 'exit')
      if (child.kill('SIGKILL')) await exited
      await rm(directory, { recursive: true, force: true })
    })
    // not events.once: it rejects on the errors of the attempts that come too early
    await new Promise<void>(resolve => redis.once('ready', resolve))
    const allow = (bytes: number | 'unlimited') => spawnSync('prlimit', ['--pid', String(child.pid), `--fsize=${bytes}:`])
    const status = async () => /aof_last_write_status:(\w+)/.exec(await redis.info('persistence'))?.[1]
    return {
      path,
      redis,
      async fill (): Promise<void> {
        const { size } = await stat(join(directory, 'appendonlydir', 'appendonly.aof.1.incr.aof'))
        allow(size)
        await until(async () => await redis.set('x', 1, 'PX', 1).then(() => undefined, () => true))
      },
      async empty (): Promise<void> {
        allow('unlimited')
        await until(async () => await status() === 'ok' || undefined)
      }
    }
  }
} satisfies Record<'memory' | 'disk', (t: Test) => Promise<Fillable>>

/** @returns all that is kept, but what says when somebody was here or who is told: every key with its content, as Redis would copy it. */
export async function contentOf (redis: Redis): Promise<Record<string, string | undefined>> {
  const names = (await redis.keys('*'))
    .filter(name => !/^x$|RATE:|:TERMINALS:|:LEASES$|:REAPER$|:NODES$|:IDEMPOTENCY:|^iris:events$|:WEBHOOK:/.test(name))
    .sort()
  const dumps = await Promise.all(names.map(name => redis.dumpBuffer(name)))
  return Object.fromEntries(names.map((name, i) => [name, dumps[i]?.toString('base64')]))
}
