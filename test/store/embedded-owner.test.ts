// The embedded Redis: one owner per directory, nothing is left behind, with and without flock. docs/protocol.md section 10.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { connectTo, directoryOf, embed, kill, lives, pathOf, startOwner, within } from '../helper/embedded.js'

t.test('one owner per directory', async t => {
  const dataDir = await directoryOf(t)
  const owner = await startOwner(t, dataDir)
  await t.rejects(embed(t, { dataDir }), {
    message: `another process uses the data directory ${dataDir}/redis: end it, or set another IRIS_DATA_DIR`
  })
  t.ok(await lives(owner.pid), 'the owner is not disturbed')
})

t.test('a killed owner takes redis-server with it, and the directory is free at once', async t => {
  const dataDir = await directoryOf(t)
  const owner = await startOwner(t, dataDir)
  await (await connectTo(t, owner)).set('k', 'v')
  await kill(owner.process)
  const next = await embed(t, { dataDir })
  await within('the redis-server of the killed owner is gone', async () => !await lives(owner.pid))
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
  const { pid = 0 } = owner.process
  t.equal(second.error, `another process (pid ${pid}) uses the data directory ${dataDir}/redis: end it, or set another IRIS_DATA_DIR`)

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

t.test('redis-server missing, or too old', async t => {
  const dataDir = await directoryOf(t)
  const missing = await startOwner(t, dataDir, await pathOf(t, ['flock', 'setpriv']))
  t.match(missing.error, /^redis-server is not installed: .*IRIS_REDIS_URL/)
  const old = await startOwner(
    t, dataDir, await pathOf(t, ['flock', 'setpriv'], { 'redis-server': 'echo "Redis server v=6.0.16 sha=00000000:0"' })
  )
  t.match(old.error, /^redis-server 6\.0\.16 is too old: 7\.0 is the floor/)
})
