// The embedded Redis: one owner per directory, acknowledged writes survive, nothing is left behind.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/store/embedded.js'
import { createRedis, type Redis } from '../../src/store/redis.js'

const silent = { info: () => undefined, error: () => undefined }
const WAIT_MS = 20_000
const rounds = [{ durability: 'memory', fsync: 'everysec' }, { durability: 'disk', fsync: 'always' }] as const

async function directoryOf (t: Test): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'iris-embedded-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
}

type Facts = Partial<Parameters<typeof startEmbeddedRedis>[0]>

async function embed (t: Test, facts: Facts = {}): Promise<EmbeddedRedis> {
  const embedded = await startEmbeddedRedis({ dataDir: facts.dataDir ?? await directoryOf(t), durability: 'memory', log: silent, ...facts })
  t.teardown(() => embedded.stop())
  return embedded
}

async function connectTo (t: Test, { socketPath }: { socketPath: string }): Promise<Redis> {
  const redis = createRedis(socketPath)
  redis.on('error', () => undefined)
  t.teardown(() => redis.disconnect())
  await once(redis, 'ready')
  return redis
}

/** Waits for a condition; the test fails when it does not come true. */
async function until (what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (const began = performance.now(); !await isTrue(); await delay(10)) {
    if (performance.now() - began > WAIT_MS) throw new Error(`not within ${WAIT_MS} ms: ${what}`)
  }
}

/** A process that waits for its parent to ask for its end does not live any more. */
const lives = async (pid: number) => !/\) Z |^$/.test(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''))

/** Another process that owns an embedded Redis: an Iris of its own. `path` is its PATH. */
async function startOwner (t: Test, dataDir: string, path = process.env['PATH']) {
  const code = `import { startEmbeddedRedis } from ${JSON.stringify(import.meta.resolve('../../src/store/embedded.js'))}
    const log = { info () {}, error () {} }
    const tell = facts => console.log(JSON.stringify(facts))
    try {
      const embedded = await startEmbeddedRedis({ dataDir: process.argv[1], durability: 'memory', log })
      tell({ pid: embedded.pid, socketPath: embedded.socketPath })
    } catch (error) { tell({ error: error.message }) }`
  const owner = spawn(process.execPath, ['--input-type=module', '-e', code, dataDir], { stdio: ['ignore', 'pipe', 'inherit'], env: { PATH: path } })
  t.teardown(() => kill(owner))
  const [line] = await once(createInterface({ input: owner.stdout }), 'line') as [string]
  const facts = JSON.parse(line) as { pid: number, socketPath: string, error?: string }
  if (facts.pid) t.teardown(async () => { if (await lives(facts.pid)) process.kill(facts.pid, 'SIGKILL') })
  return { ...facts, process: owner }
}

async function kill (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

/** A PATH with these programs only; `own` ones are shell scripts. */
async function pathOf (t: Test, programs: string[], own: Record<string, string> = {}): Promise<string> {
  const directory = await directoryOf(t)
  for (const program of programs) await symlink(`/usr/bin/${program}`, join(directory, program))
  for (const [name, script] of Object.entries(own)) await writeFile(join(directory, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return directory
}

for (const { durability, fsync } of rounds) {
  t.test(`durability ${durability}: appendfsync ${fsync}, and what the promises need`, async t => {
    const embedded = await embed(t, { durability })
    const redis = await connectTo(t, embedded)
    const names = ['appendonly', 'appendfsync', 'save', 'maxmemory-policy', 'stream-node-max-bytes', 'port']
    const values = await Promise.all(names.map(async name => (await redis.config('GET', name))[1]))
    t.same(values, ['yes', fsync, '', 'noeviction', '1024', '0'])
    t.equal((await stat(embedded.socketPath)).mode & 0o777, 0o700)
    t.match(await redis.info('server'), `process_id:${embedded.pid}`)
  })
}

t.test('durability disk: what was acknowledged is there after redis-server was killed', async t => {
  const embedded = await embed(t, { durability: 'disk' })
  const redis = await connectTo(t, embedded)
  let stored = 0
  for (const round of [1, 2, 3]) {
    const { pid } = embedded
    const writes = Array.from({ length: 2_000 }, () => redis.xadd('log', '*', 'k', 'v').then(() => stored++, () => undefined))
    await until('half of the writes are acknowledged', () => stored >= round * 1_000)
    process.kill(pid, 'SIGKILL')
    await Promise.all(writes)
    await until('it is back', () => embedded.restarts === round && redis.status === 'ready')
    t.not(embedded.pid, pid)
    t.ok(await redis.xlen('log') >= stored, `${stored} acknowledged writes survive`)
  }
})

t.test('durability memory: what Redis has handed to the system is there after redis-server was killed', async t => {
  const embedded = await embed(t, { durability: 'memory' })
  const redis = await connectTo(t, embedded)
  for (const round of [1, 2, 3]) {
    await Promise.all(Array.from({ length: 50 }, () => redis.incr('n')))
    // while an fsync is under way, Redis keeps acknowledged writes in its own memory: those a kill takes
    await until('nothing waits to be written', async () => /aof_buffer_length:0\r/.test(await redis.info('persistence')))
    process.kill(embedded.pid, 'SIGKILL')
    await until('it is back', () => embedded.restarts === round && redis.status === 'ready')
    t.equal(await redis.get('n'), String(round * 50))
  }
})

t.test('what was acknowledged is there after an orderly stop', async t => {
  const dataDir = await directoryOf(t)
  const first = await embed(t, { dataDir })
  await (await connectTo(t, first)).set('k', 'v')
  await first.stop()
  t.equal(await lives(first.pid), false)
  const second = await embed(t, { dataDir })
  t.equal(await (await connectTo(t, second)).get('k'), 'v')
  t.equal(second.restarts, 0)
})

t.test('a redis-server that does not end is ended', async t => {
  const embedded = await embed(t, { limits: { stopMs: 200 } })
  process.kill(embedded.pid, 'SIGSTOP')
  await embedded.stop()
  t.equal(await lives(embedded.pid), false)
})

t.test('stop() while it is being started again leaves nothing behind', async t => {
  const lines: string[] = []
  const embedded = await embed(t, { log: { ...silent, error: (_facts, line) => lines.push(line) } })
  const pid = embedded.pid
  process.kill(pid, 'SIGKILL')
  await until('its death is noticed', () => lines.length > 0)
  t.match(lines, [/died/])
  await embedded.stop()
  t.equal(await lives(embedded.pid), false)
  t.equal(embedded.restarts, 0)
})

t.test('one owner per directory', async t => {
  const dataDir = await directoryOf(t)
  const owner = await startOwner(t, dataDir)
  await t.rejects(embed(t, { dataDir }), { message: `another process uses the data directory ${dataDir}/redis` })
  t.ok(await lives(owner.pid), 'the owner is not disturbed')
})

t.test('a killed owner takes redis-server with it, and the directory is free at once', async t => {
  const dataDir = await directoryOf(t)
  const owner = await startOwner(t, dataDir)
  await (await connectTo(t, owner)).set('k', 'v')
  await kill(owner.process)
  const next = await embed(t, { dataDir })
  await until('the redis-server of the killed owner is gone', async () => !await lives(owner.pid))
  t.equal(await (await connectTo(t, next)).get('k'), 'v')
})

t.test('a Ctrl-C in the terminal does not reach redis-server', async t => {
  const [, group] = /\) \S \d+ (\d+)/.exec(await readFile(`/proc/${(await embed(t)).pid}/stat`, 'utf8')) ?? []
  const [, own] = /\) \S \d+ (\d+)/.exec(await readFile('/proc/self/stat', 'utf8')) ?? []
  t.not(group, own, 'it has a process group of its own')
})

t.test('without flock and setpriv a pidfile guards the directory', async t => {
  const dataDir = await directoryOf(t)
  const path = await pathOf(t, ['redis-server'])
  const owner = await startOwner(t, dataDir, path)
  const second = await startOwner(t, dataDir, path)
  t.equal(second.error, `another process (pid ${owner.process.pid}) uses the data directory ${dataDir}/redis`)

  await (await connectTo(t, owner)).set('k', 'v')
  await kill(owner.process)
  t.ok(await lives(owner.pid), 'nothing ends it by itself here')
  const third = await startOwner(t, dataDir, path)
  t.equal(await lives(owner.pid), false, 'the next owner does')
  t.equal(await (await connectTo(t, third)).get('k'), 'v')
})

t.test('a pidfile whose pids are used by others by now is no owner', async t => {
  const dataDir = await directoryOf(t)
  await mkdir(join(dataDir, 'redis'))
  await writeFile(join(dataDir, 'redis/redis.pid'), `1 ${process.pid}\n`)
  const owner = await startOwner(t, dataDir, await pathOf(t, ['redis-server']))
  t.equal(owner.error, undefined)
  t.equal(await readFile(join(dataDir, 'redis/redis.pid'), 'utf8'), `${owner.process.pid} ${owner.pid}\n`)
})

t.test('a data directory that is too deep for a socket', async t => {
  const dataDir = join(await directoryOf(t), 'deep'.repeat(30), 'deeper')
  const embedded = await embed(t, { dataDir })
  t.ok(Buffer.byteLength(embedded.socketPath) <= 107)
  t.equal(await (await connectTo(t, embedded)).ping(), 'PONG')
  t.ok((await stat(join(dataDir, 'redis/appendonlydir'))).isDirectory(), 'the data is where it should be')
  await embedded.stop()
  await t.rejects(stat(join(embedded.socketPath, '..')), { code: 'ENOENT' })
})

t.test('files of others in the data directory stay as they are', async t => {
  const dataDir = await directoryOf(t)
  await mkdir(join(dataDir, 'redis'))
  await writeFile(join(dataDir, 'redis/dump.rdb'), 'not from Redis')
  await writeFile(join(dataDir, 'redis/redis.sock'), 'not a socket')
  const embedded = await embed(t, { dataDir })
  t.equal(await (await connectTo(t, embedded)).dbsize(), 0)
  t.equal(await readFile(join(dataDir, 'redis/dump.rdb'), 'utf8'), 'not from Redis')
})

t.test('a broken append-only file: the error has the last words of Redis', async t => {
  const dataDir = await directoryOf(t)
  await (await embed(t, { dataDir })).stop()
  await writeFile(join(dataDir, 'redis/appendonlydir/appendonly.aof.1.incr.aof'), 'not from Redis, and long enough to be no truncated command\r\n')
  await t.rejects(embed(t, { dataDir }), { message: /redis-server does not start in .*redis: .*Bad file format reading the append only file/ })
})

t.test('a data directory that is a file', async t => {
  await t.rejects(embed(t, { dataDir: fileURLToPath(import.meta.url) }), { message: /^the data directory .* cannot be made: / })
})

t.test('redis-server missing, or too old', async t => {
  const dataDir = await directoryOf(t)
  const missing = await startOwner(t, dataDir, await pathOf(t, ['flock', 'setpriv']))
  t.match(missing.error, /^redis-server is not installed: .*IRIS_REDIS_URL/)
  const old = await startOwner(t, dataDir, await pathOf(t, ['flock', 'setpriv'], { 'redis-server': 'echo "Redis server v=6.0.16 sha=00000000:0"' }))
  t.match(old.error, /^redis-server 6\.0\.16 is too old: 7\.0 is the floor/)
})
