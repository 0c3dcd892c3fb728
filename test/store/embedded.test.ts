// The embedded Redis: what was acknowledged survives, and where its files lie. docs/protocol.md section 10.
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { checkRedis } from '../../src/store/redis/check-redis.js'
import { connectTo, directoryOf, embed, lives, silent, within } from '../helper/embedded.js'

const rounds = [{ durability: 'memory', fsync: 'everysec' }, { durability: 'disk', fsync: 'always' }] as const

for (const { durability, fsync } of rounds) {
  t.test(`durability ${durability}: appendfsync ${fsync}, and what the promises need`, async t => {
    const embedded = await embed(t, { durability })
    const redis = await connectTo(t, embedded)
    const names = ['appendonly', 'appendfsync', 'save', 'maxmemory-policy', 'stream-node-max-bytes', 'port']
    const values = await Promise.all(names.map(async name => (await redis.config('GET', name))[1]))
    t.same(values, ['yes', fsync, '', 'noeviction', '1024', '0'])
    t.equal((await stat(embedded.socketPath)).mode & 0o777, 0o700)
    t.match(await redis.info('server'), `process_id:${embedded.pid}`)
    t.same((await checkRedis(redis)).warnings, [])
  })
}

t.test('durability disk: what was acknowledged is there after redis-server was killed', async t => {
  const embedded = await embed(t, { durability: 'disk' })
  const redis = await connectTo(t, embedded)
  let stored = 0
  for (const round of [1, 2, 3]) {
    const { pid } = embedded
    const writes = Array.from({ length: 2_000 }, () => redis.xadd('log', '*', 'k', 'v').then(() => stored++, () => undefined))
    await within('half of the writes are acknowledged', () => stored >= round * 1_000)
    process.kill(pid, 'SIGKILL')
    await Promise.all(writes)
    await within('it is back', () => embedded.restarts === round && redis.status === 'ready')
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
    await within('nothing waits to be written', async () => /aof_buffer_length:0\r/.test(await redis.info('persistence')))
    process.kill(embedded.pid, 'SIGKILL')
    await within('it is back', () => embedded.restarts === round && redis.status === 'ready')
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

t.test('one that is killed long after its start: what it said then is not taken for its last words', async t => {
  let output: unknown
  const embedded = await embed(t, { log: { ...silent, error: facts => { output = (facts as { output: string }).output } } })
  // its last lines stand in its log before it answers, but may be read here later
  const began = performance.now()
  await within('its start is long ago', () => performance.now() - began > 4_000)
  process.kill(embedded.pid, 'SIGKILL')
  await within('its death is noticed', () => output !== undefined)
  t.equal(output, '')
})

t.test('stop() while it is being started again leaves nothing behind', async t => {
  const lines: string[] = []
  const embedded = await embed(t, { log: { ...silent, error: (_facts, line) => lines.push(line) } })
  const pid = embedded.pid
  process.kill(pid, 'SIGKILL')
  await within('its death is noticed', () => lines.length > 0)
  t.match(lines, [/died/])
  await embedded.stop()
  t.equal(await lives(embedded.pid), false)
  t.equal(embedded.restarts, 0)
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
  await writeFile(join(dataDir, 'redis/appendonlydir/appendonly.aof.1.incr.aof'), 'not from Redis, ' +
    'and long enough to be no truncated command\r\n')
  await t.rejects(embed(t, { dataDir }), {
    message: /redis-server does not start in .*redis: .*Bad file format reading the append only file/
  })
})

t.test('a data directory that is a file', async t => {
  await t.rejects(embed(t, { dataDir: fileURLToPath(import.meta.url) }), {
    message: /^IRIS_DATA_DIR: the directory .* cannot be made: a part of the path is a file$/
  })
})
