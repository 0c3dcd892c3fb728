// A disk that is really full, below a Redis that Iris has started: it ends where it cannot write, and comes back for what reads.
import { spawnSync } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { connectTo, directoryOf } from '../helper/embedded.js'
import { SECRET, SERVER_KEY, serverOf } from '../helper/iris.js'
import { startProcess } from '../helper/process.js'
import { createUser, dm, until } from '../helper/user.js'

const dataDir = await directoryOf(t)
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', dataDir]).status === 0

t.test('[STORE-2] a disk that another fills: what reads goes on though Redis has ended, then the same life', { skip: !mounted && 'no file system can be mounted here' }, async t => {
  t.after(() => spawnSync('umount', ['-l', dataDir]))
  const { url } = await startProcess(t, { IRIS_DATA_DIR: dataDir, IRIS_TOKEN_SECRET: SECRET, IRIS_SERVER_KEY: SERVER_KEY })
  const server = serverOf(url)
  const user = async (userId: string) => createUser(t, { url, userId, token: (await server('POST', 'tokens', { userId })).body['token'] as unknown as string })
  const [alice, bob] = [await user('alice'), await user('bob')]
  const { body: { epoch } } = await alice.send(bob, 'one')
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
  t.match(await alice.send(bob, 'two'), { status: 200, body: { epoch, seq: 2 } })
})
