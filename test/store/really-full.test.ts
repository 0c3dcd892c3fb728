// A disk that is really full, below a Redis that Iris has started: it ends where it cannot write, and comes back for what reads.
import { spawnSync } from 'node:child_process'
import { rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { connectTo, directoryOf } from '../helper/embedded.js'
import { noPrlimit } from '../helper/full.js'
import { SECRET, SERVER_KEY, serverOf, tokenOf } from '../helper/iris.js'
import { startProcess } from '../helper/process.js'
import type { Redis } from '../../src/store/redis/redis.js'
import { createUser, dm, sendUntilStored, until } from '../helper/user.js'

t.jobs = 3
const dataDir = await directoryOf(t)
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', dataDir]).status === 0

t.test('[STORE-2] a disk that another fills: what reads goes on though Redis has ended, then the same life', {
  skip: !mounted && 'no file system can be mounted here'
}, async t => {
  t.after(() => spawnSync('umount', ['-l', dataDir]))
  const { url, output } = await startProcess(t, { IRIS_DATA_DIR: dataDir, IRIS_TOKEN_SECRET: SECRET, IRIS_SERVER_KEY: SERVER_KEY })
  const server = serverOf(url)
  const user = async (userId: string) => createUser(t, { url, userId, token: await tokenOf(server, userId) })
  const [alice, bob] = [await user('alice'), await user('bob')]
  const { body: { epoch } } = await sendUntilStored(alice, bob, 'one')
  const detail = async () => (await (await fetch(`${url}/readyz`)).json() as { detail?: string }).detail
  const redis = await connectTo(t, { socketPath: join(dataDir, 'redis/redis.sock') })

  await writeFile(join(dataDir, 'junk'), Buffer.alloc(9_000_000)).catch(() => undefined)
  const ended = new Promise(resolve => redis.once('close', resolve))
  for (let n = 0; redis.status === 'ready' && n < 50; n++) await redis.set('big', 'x'.repeat(5_000)).catch(() => undefined)
  await ended
  await until(async () => redis.status === 'ready' || undefined)
  t.same(await redis.config('GET', 'appendfsync'), ['appendfsync', 'everysec'])
  const read = async () => (await bob.getReadMsg({ conversationId: dm(alice, bob), deliver: 'inline' })).body
  t.match(await until(async () => (await read())['count'] === 1 ? await read() : undefined), { epoch })
  t.match(await until(detail), /[Dd]isk/)
  t.match(await alice.send(bob, 'x'), { status: 503, body: { code: 'STORE_FULL' } })

  await rm(join(dataDir, 'junk'))
  await until(async () => await detail() === undefined || undefined)
  t.same(await redis.config('GET', 'appendfsync'), ['appendfsync', 'always'])
  t.match((await sendUntilStored(alice, bob, 'two')).body, { epoch, seq: 2 })
  const lines = output().trim().split('\n').map(line =>
    JSON.parse(line) as { level: number, msg: string, line?: string, durability?: string })
  t.ok(lines.some(({ level, line }) => level === 40 && /AOF write error/.test(line ?? '')), 'why it ended is a warning')
  const story = lines.filter(({ msg, durability }) => durability === 'memory' || / disk (is full: redis|has room)/.test(msg))
    .map(({ msg, durability }) => [msg.split(':')[0], durability])
  t.same(story, [['The disk is full', undefined], ['Redis is there', 'memory'], ['The disk has room again', 'disk']])
})

/** The process of a private Redis: it says its own number. */
const pidOf = async (redis: Redis) => Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1])

for (const durability of ['disk', 'memory'] as const) {
  t.test(`[STORE-2] files that may not grow any more (${durability}): it is as with a full disk, until they may`, {
    skip: noPrlimit
  }, async t => {
    const dataDir = await directoryOf(t)
    const { url, child } = await startProcess(t, {
      IRIS_DATA_DIR: dataDir,
      IRIS_DURABILITY: durability,
      IRIS_TOKEN_SECRET: SECRET,
      IRIS_SERVER_KEY: SERVER_KEY
    })
    const server = serverOf(url)
    const user = async (userId: string) => createUser(t, { url, userId, token: await tokenOf(server, userId) })
    const [alice, bob] = [await user('alice'), await user('bob')]
    const { body: { epoch } } = await sendUntilStored(alice, bob, 'one')
    const { id: cursor = '' } = await (await bob.listen()).next('IRIS.READY')
    const redis = await connectTo(t, { socketPath: join(dataDir, 'redis/redis.sock') })
    let ends = 0
    redis.on('close', () => ends++)
    const allow = async (bytes: number | 'unlimited') => {
      for (const pid of [child.pid, await pidOf(redis)]) spawnSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`])
    }
    const state = async () => {
      const { detail = 'ready' } = await (await fetch(`${url}/readyz`)).json() as { detail?: string }
      const metrics = await (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${SERVER_KEY}` } })).text()
      return { detail, full: /^iris_store_full\{of="disk"\} (\d)$/m.exec(metrics)?.[1] }
    }

    await allow((await stat(join(dataDir, 'redis/appendonlydir/appendonly.aof.1.incr.aof'))).size)
    // under `memory` the first write is answered before it fails: it must be no message
    await until(async () => await redis.set('x', 1, 'PX', 1).then(() => undefined, () => true))
    await until(async () => (await alice.send(bob, 'x'.repeat(10_000))).body.code === 'STORE_FULL' || undefined)
    const before = await until(async () => redis.status === 'ready' ? ends : undefined)
    const looked = performance.now()
    for (let n = 0; n < 4 || performance.now() - looked < 2_500; n++) {
      t.match(await until(async () => (await alice.send(bob, `${n}`)).body), { code: 'STORE_FULL' })
      t.match((await bob.getReadMsg({ conversationId: dm(alice, bob), deliver: 'inline' })).body, { epoch, count: 1 })
      const stream = await bob.listen({ cursor })
      t.match((await stream.next('IRIS.HELLO')).data.data, { recovered: true })
      await stream.cut()
      await pause(300)
    }
    t.match(await state(), { detail: /[Dd]isk/, full: '1' })
    t.equal(ends, before, 'it does not end again and again')

    await allow('unlimited')
    t.match(await until(async () => {
      const { status, body } = await alice.send(bob, 'two', { clientMsgId: 'two' })
      return status === 200 ? body : undefined
    }), { epoch, seq: 2 })
    // what was missed meanwhile is made good first
    await until(async () => { const { full, detail } = await state(); return (full === '0' && detail === 'ready') || undefined })
    t.same(await redis.config('GET', 'appendfsync'), ['appendfsync', durability === 'disk' ? 'always' : 'everysec'])
  })
}
