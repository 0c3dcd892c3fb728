// The embedded Redis: one owner, ends with its parent, comes back when it dies. PROTOCOL.md section 10.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { checkRedis } from '../../src/store/check-redis.js'
import { startEmbeddedRedis } from '../../src/store/embedded.js'
import { createRedis } from '../../src/store/redis.js'
import { startRedis } from '../helper/redis.js'
import { until } from '../helper/user.js'

const log = { info () {}, error () {} }

async function directory (t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'iris-embedded-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

async function start (t: Test, dataDir: string, durability: 'memory' | 'disk' = 'disk') {
  const embedded = await startEmbeddedRedis({ dataDir, durability, log })
  t.teardown(() => embedded.stop())
  const redis = createRedis(embedded.socketPath)
  redis.on('error', () => undefined)
  t.teardown(() => redis.disconnect())
  await new Promise<void>(resolve => redis.once('ready', resolve))
  return { embedded, redis }
}

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

for (const durability of ['memory', 'disk'] as const) {
  t.test(`${durability}: settings are those of the promises, and a kill -9 of Redis loses nothing that was ${durability === 'disk' ? 'acknowledged' : 'written'}`, async t => {
    const { embedded, redis } = await start(t, await directory(t), durability)
    t.same(await redis.config('GET', 'appendfsync'), ['appendfsync', durability === 'disk' ? 'always' : 'everysec'])
    t.same((await checkRedis(redis)).warnings, [])
    for (let round = 1; round <= 3; round++) {
      await Promise.all(Array.from({ length: 50 }, () => redis.incr('n')))
      // memory: Redis answers before it writes, and what waits there dies with it; disk: nothing waits
      if (durability === 'memory') await until(async () => (await redis.info('persistence')).includes('aof_buffer_length:0\r') || undefined)
      const { pid } = embedded
      process.kill(pid, 'SIGKILL')
      t.equal(await until(async () => Number(await redis.get('n').catch(() => undefined)) || undefined), round * 50)
      t.not(embedded.pid, pid)
    }
  })
}

t.test('one process owns a data directory: the second is refused in one sentence', async t => {
  const dataDir = await directory(t)
  await start(t, dataDir)
  await t.rejects(startEmbeddedRedis({ dataDir, durability: 'disk', log }), { message: /^another process uses the data directory .*redis$/ })
})

t.test('what was written is there after a stop and a start', async t => {
  const dataDir = await directory(t)
  const first = await start(t, dataDir)
  await first.redis.set('a', '1')
  first.redis.disconnect()
  await first.embedded.stop()
  const second = await start(t, dataDir)
  t.equal(await second.redis.get('a'), '1')
})

t.test('a path that is too long for a socket is no trouble', async t => {
  const { redis } = await start(t, join(await directory(t), 'd'.repeat(100)))
  t.equal(await redis.ping(), 'PONG')
})

t.test('an append-only file that cannot be read is said, not overwritten', async t => {
  const dataDir = await directory(t)
  await mkdir(join(dataDir, 'redis/appendonlydir'), { recursive: true })
  await writeFile(join(dataDir, 'redis/appendonlydir/appendonly.aof.manifest'), 'rubbish\n')
  await t.rejects(startEmbeddedRedis({ dataDir, durability: 'disk', log }), { message: /^redis-server does not start in / })
})

t.test('it ends with its parent, even by kill -9, and the next process takes the directory over', async t => {
  const dataDir = await directory(t)
  const module = fileURLToPath(new URL('../../src/store/embedded.js', import.meta.url))
  const script = `import { startEmbeddedRedis } from ${JSON.stringify(module)}
    const { pid } = await startEmbeddedRedis({ dataDir: ${JSON.stringify(dataDir)}, durability: 'disk', log: console })
    console.log(pid)
    setInterval(() => {}, 1000)`
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(createInterface({ input: parent.stdout }), 'line') as [string]
  const pid = Number(line)
  t.ok(isAlive(pid))
  parent.kill('SIGKILL')
  const { redis } = await start(t, dataDir)
  t.equal(await redis.ping(), 'PONG')
  await until(async () => !isAlive(pid) || undefined)
})

t.test('a Redis that may evict keys is refused, one without a log on disk is warned of', async t => {
  const evicting = await startRedis(t, ['--maxmemory-policy', 'allkeys-lru'])
  await t.rejects(checkRedis(evicting.redis), { message: /^maxmemory-policy is allkeys-lru/ })
  const forgetful = await startRedis(t)
  t.match((await checkRedis(forgetful.redis)).warnings, [/^appendonly is off/, /^stream-node-max-bytes is 4096/])
  const closed = await startRedis(t, ['--appendonly', 'yes', '--rename-command', 'CONFIG', ''])
  t.match((await checkRedis(closed.redis)).warnings, [/^CONFIG GET is not allowed/])
})
