// The real process with its embedded Redis: killed, started again, and ended in order. docs/protocol.md sections 4 and 10.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { createRedis } from '../src/store/redis/redis.js'
import { YOUNG_FLAG } from '../src/young.js'
import { lives } from './helper/embedded.js'
import { serverOf, tokenOf } from './helper/iris.js'
import { startProcess } from './helper/process.js'
import { createUser, sendUntilStored, until } from './helper/user.js'

/** Starts the process with its private Redis in this directory. */
const start = async (t: Test, dataDir: string, env: Record<string, string> = {}) =>
  await startProcess(t, { IRIS_DATA_DIR: dataDir, ...env })

async function directory (t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'iris-process-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

async function userOf (t: Test, url: string, dataDir: string, userId: string) {
  const { serverKey } = JSON.parse(await readFile(join(dataDir, 'secrets.json'), 'utf8')) as { serverKey: string }
  return createUser(t, { url, userId, token: await tokenOf(serverOf(url, serverKey), userId) })
}

t.test('[MSG-1] [MSG-4] [STORE-1] kill -9 of the process under traffic: what was acknowledged is there once; ' +
  'nobody is left who knows that it is all, so the stream says that it begins anew', async t => {
  const dataDir = await directory(t)
  const first = await start(t, dataDir)
  const [alice, bob] = [await userOf(t, first.url, dataDir, 'alice'), await userOf(t, first.url, dataDir, 'bob')]
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  const acknowledged: number[] = []
  const sending = (async () => {
    for (let n = 1; ; n++) {
      const { status } = await alice.send(bob, `m${n}`, { clientMsgId: `c-${n}` }).catch(() => ({ status: 0 }))
      if (status === 503) { n--; continue } // it has only just started
      if (status !== 200) return n
      acknowledged.push(n)
    }
  })()
  await stream.next(({ data }) => data['seq'] === 60)
  first.child.kill('SIGKILL')
  const unknown = await sending
  await stream.ended

  const second = await start(t, dataDir)
  const [alice2, bob2] = [await userOf(t, second.url, dataDir, 'alice'), await userOf(t, second.url, dataDir, 'bob')]
  await sendUntilStored(alice2, bob2, `m${unknown}`, `c-${unknown}`) // the one without an answer
  const resumed = await bob2.listen({ cursor: stream.cursor })
  await resumed.next('IRIS.READY')
  t.match(resumed.events[1]?.data, { name: 'IRIS.RESET', data: { reason: 'epoch' } })
  const texts = resumed.events.filter(({ event }) => event === 'MSG_DOWN').map(({ data }) => (data['content'] as { text: string }).text)
  t.same(texts, [...acknowledged, unknown].map(n => `m${n}`))
})

/** The command line of a process. */
const commandOf = async (pid: number | undefined) => (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')

t.test('the young generation is bounded however it is started, unless a size was said', {
  skip: process.platform !== 'linux' && 'no /proc'
}, async t => {
  const dataDir = await directory(t)
  const bare = await start(t, dataDir, { NODE_OPTIONS: '' })
  const said = await start(t, await directory(t), { NODE_OPTIONS: '--max-semi-space-size=4' })
  t.ok((await commandOf(bare.child.pid)).includes(YOUNG_FLAG), 'in the process that was started, not in a child of it')
  t.notOk((await commandOf(said.child.pid)).some(word => word.includes('semi-space')))
  t.match(
    await readFile(new URL('../../scripts/node.js', import.meta.url), 'utf8'), `'${YOUNG_FLAG}'`, 'and where npm start starts another Node'
  )
})

t.test('[SSE-1] [STORE-1] SIGTERM: BYE 4200, exit 0, nothing is lost, and the life goes on', async t => {
  const dataDir = await directory(t)
  const first = await start(t, dataDir)
  const [alice, bob] = [await userOf(t, first.url, dataDir, 'alice'), await userOf(t, first.url, dataDir, 'bob')]
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  first.child.kill('SIGTERM')
  t.match((await stream.next('IRIS.BYE')).data.data, { code: 4200 })
  t.same(await first.exited, [0, null])
  const second = await start(t, dataDir)
  await sendUntilStored(await userOf(t, second.url, dataDir, 'alice'), bob, 'again')
  t.equal(alice.userId, 'alice')
  const resumed = await (await userOf(t, second.url, dataDir, 'bob')).listen({ cursor: stream.cursor })
  t.match((await resumed.next('IRIS.HELLO')).data.data, { recovered: true, replay: 1 })
})

/** Ends the process and its Redis at once, and takes back what was written since the append-only file was of this size. */
async function losePower (first: Awaited<ReturnType<typeof start>>, dataDir: string, size: number): Promise<void> {
  const redis = Number(/process_id:(\d+)/.exec(await infoOf(dataDir))?.[1])
  process.kill(redis, 'SIGKILL')
  first.child.kill('SIGKILL')
  await first.exited
  await until(async () => !await lives(redis) || undefined)
  await truncate(appendOnly(dataDir), size)
}

const appendOnly = (dataDir: string) => join(dataDir, 'redis/appendonlydir/appendonly.aof.1.incr.aof')

async function infoOf (dataDir: string): Promise<string> {
  const redis = createRedis(join(dataDir, 'redis/redis.sock'))
  await once(redis, 'ready')
  return await redis.info('server').finally(() => redis.disconnect())
}

t.test('[STORE-1] an end in order proves what is there once: ' +
  'not what is lost after the next start, nor a copy that is put back', async t => {
  const dataDir = await directory(t)
  const begin = async () => {
    const iris = await start(t, dataDir, { IRIS_DURABILITY: 'memory' })
    return { ...iris, alice: await userOf(t, iris.url, dataDir, 'alice'), bob: await userOf(t, iris.url, dataDir, 'bob') }
  }
  const end = async ({ child, exited }: Awaited<ReturnType<typeof begin>>) => { child.kill('SIGINT'); await exited }
  const ask = async ({ alice, bob }: Awaited<ReturnType<typeof begin>>, text: string, cursor?: string) => {
    const { body: { epoch, seq } } = await sendUntilStored(alice, bob, text)
    const stream = await bob.listen(cursor === undefined ? {} : { cursor })
    await stream.next('IRIS.READY')
    await stream.cut()
    return { number: `${String(epoch)} ${String(seq)}`, cursor: stream.cursor, isRecovered: stream.events[0]?.data.data?.['recovered'] }
  }

  const first = await begin()
  const { cursor } = await ask(first, '1')
  await end(first)
  const size = (await stat(appendOnly(dataDir))).size

  const second = await begin()
  const lost = await ask(second, 'lost 2', cursor)
  t.equal(lost.isRecovered, true, 'the life goes on')
  await losePower(second, dataDir, size)

  const third = await begin()
  const anew = await ask(third, '2', lost.cursor)
  t.equal(anew.isRecovered, false)
  t.not(anew.number, lost.number, 'no number is given to two messages')
  await end(third)
  const copy = await directory(t)
  await cp(dataDir, copy, { recursive: true })

  const fourth = await begin()
  const gone = await ask(fourth, 'gone 3', anew.cursor)
  t.equal(gone.isRecovered, true)
  await end(fourth)
  await rm(join(dataDir, 'redis/appendonlydir'), { recursive: true })
  await cp(copy, dataDir, { recursive: true, preserveTimestamps: true })

  const fifth = await begin()
  const again = await ask(fifth, '3', gone.cursor)
  t.equal(again.isRecovered, false)
  t.not(again.number, gone.number)
})

t.test('[STORE-1] what keeps it from starting is said in one line, exit 1; whatever has started by then ends in order', async t => {
  const dataDir = await directory(t)
  const { url: taken } = await start(t, dataDir)
  const other = await directory(t)
  const { port } = new URL(taken)
  const cases: [Record<string, string>, RegExp][] = [
    [{}, /^Iris cannot start: another process uses the data directory \S+: end it, or set another IRIS_DATA_DIR\n$/],
    [{ IRIS_PORT: 'x' }, /^Iris cannot start: IRIS_PORT must be a decimal integer from 0 to 65535, not "x"\n$/],
    [{ IRIS_HOST: '0.0.0.0' }, /^Iris cannot start: IRIS_HOST is not a loopback address/],
    [{ PATH: '/nonexistent' }, /^Iris cannot start: redis-server is not installed: .*IRIS_REDIS_URL/],
    [{ IRIS_DATA_DIR: other, IRIS_PORT: port },
      /^Iris cannot start: IRIS_PORT \d+ of 127.0.0.1 is in use by another process: end that one, or set another IRIS_PORT\n$/]
  ]
  for (const [env, sentence] of cases) {
    const { child, url, errors } = await start(t, dataDir, env)
    t.equal(url, '')
    t.equal(child.exitCode, 1)
    t.match(errors(), sentence)
  }
  t.same(await left(other), { seal: true, socket: false }, 'the next start is none after a crash')

  const early = spawn(process.execPath, [fileURLToPath(new URL('../src/server.js', import.meta.url))], {
    env: { PATH: process.env['PATH'], IRIS_PORT: '0', IRIS_DATA_DIR: other }, stdio: 'ignore'
  })
  const exited = once(early, 'exit')
  t.teardown(() => early.kill('SIGKILL'))
  await until(async () => (await left(other)).socket || undefined)
  early.kill('SIGINT')
  t.same(await exited, [0, null])
  t.same(await left(other), { seal: true, socket: false }, 'nor is it when a start is broken off')
})

/** What is left in a data directory. */
async function left (dataDir: string) {
  const isThere = async (path: string) => await stat(join(dataDir, path)).then(() => true, () => false)
  return { seal: await isThere('sealed.json'), socket: await isThere('redis/redis.sock') }
}
