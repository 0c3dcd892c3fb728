// A loss of power that cuts through a transaction:
// its half is in no state that Redis reads afterwards, however often it is started. [STORE-1]
import { appendFile, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { connectTo, directoryOf, embed, silent, within } from '../helper/embedded.js'

/** Opens what lies in a data directory, does something with it, and ends in order. */
async function visit <T> (t: Test, dataDir: string, work: (redis: Awaited<ReturnType<typeof connectTo>>) => Promise<T>): Promise<T> {
  const embedded = await embed(t, { dataDir, durability: 'disk' })
  const redis = await connectTo(t, embedded)
  const result = await work(redis)
  redis.disconnect()
  await embedded.stop()
  return result
}

const FOLDER = 'redis/appendonlydir'
const FIRST = 'appendonly.aof.1.incr.aof'
/** The half of a transaction as a loss of power leaves it. */
const HALF = '*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$4\r\nhalf\r\n$1\r\n1\r\n*3\r\n$3\r\nSET\r\n$5\r\noth'

const END = '*1\r\n$4\r\nEXEC\r\n'.length

for (const [where, lost] of [['between two commands', END], ['within a command', END + 5]] as const) {
  t.test(`[STORE-1] a transaction that is cut through ${where}`, async t => {
    const dataDir = await directoryOf(t)
    await visit(t, dataDir, async redis => {
      await redis.set('before', '1')
      await redis.eval("redis.call('SET', 'half', '1') redis.call('SET', 'other', '1')", 0)
    })
    const folder = join(dataDir, 'redis/appendonlydir')
    const name = (await readdir(folder)).find(name => name.endsWith('.incr.aof')) as string
    const { length } = await readFile(join(folder, name))
    await truncate(join(folder, name), length - lost)
    for (const round of [1, 2, 3]) {
      const found = await visit(t, dataDir, async redis => {
        await redis.set(`after-${round}`, '1')
        await redis.eval("redis.call('SET', 'both', '1') redis.call('SET', 'all', '1')", 0)
        return (await redis.keys('*')).sort()
      })
      t.same(found, ['before', 'both', 'all', 'after-1', 'after-2', 'after-3'].slice(0, 3 + round).sort(), `start ${round}`)
    }
  })
}

/** Dials all the time, and writes one key on each connection. @returns which were acknowledged so far, and by which processes. */
function startDialling (t: Test, socketPath: string) {
  const [acknowledged, pids] = [[] as string[], new Set<string>()]
  const end = new AbortController()
  t.teardown(() => end.abort())
  async function dial (name: string): Promise<void> {
    const socket = connect(socketPath, () => socket.write(`INFO server\r\nSET ${name} 1\r\n`))
    let answer = ''
    socket.on('error', () => undefined).on('data', chunk => {
      answer += chunk.toString()
      if (/^(\+OK|-)/m.test(answer)) socket.end()
    })
    await new Promise(resolve => socket.once('close', resolve)) // not events.once: it rejects on errors
    if (/^\+OK/m.test(answer)) acknowledged.push(name)
    pids.add(/process_id:(\d+)/.exec(answer)?.[1] ?? '')
  }
  void (async () => { for (let n = 0; !end.signal.aborted; n++) await dial(`dialled-${n}`) })()
  return { acknowledged, pids }
}

t.test('[STORE-1] a server that died is started again once, on a file without the half: who dials all the while loses nothing', async t => {
  const dataDir = await directoryOf(t)
  const said: string[] = []
  const embedded = await embed(t, { dataDir, durability: 'disk', log: { ...silent, warn: (_facts, message) => said.push(message) } })
  const redis = await connectTo(t, embedded)
  for (let n = 0; n < 20; n++) await redis.set(`big-${n}`, 'x'.repeat(1_000_000))
  process.kill(embedded.pid, 'SIGSTOP')
  await appendFile(join(dataDir, FOLDER, FIRST), HALF)
  process.kill(embedded.pid, 'SIGKILL')
  await within('its death is seen', () => redis.status !== 'ready')
  const { acknowledged, pids } = startDialling(t, embedded.socketPath)
  await within('it is back', () => embedded.restarts === 1 && acknowledged.length > 5)
  pids.delete('')
  t.same([...pids], [String(embedded.pid)], 'one process has answered')
  await within('the client is back', () => redis.status === 'ready')
  const mine = acknowledged.slice()
  t.equal(await redis.exists(mine), mine.length)
  t.equal(await redis.exists('half'), 0)
  t.match(said, [/^The append-only file ended with the half/])
})

for (const [what, half] of [['a transaction', HALF], ['a command', HALF.slice(HALF.lastIndexOf('*3'))]] as const) {
  t.test(`[STORE-1] the half of ${what} stands before a file that Redis has begun anew`, async t => {
    const dataDir = await directoryOf(t)
    await visit(t, dataDir, async redis => await redis.set('before', '1'))
    const folder = join(dataDir, FOLDER)
    await appendFile(join(folder, FIRST), half)
    await writeFile(join(folder, 'appendonly.aof.2.incr.aof'), '')
    await appendFile(join(folder, 'appendonly.aof.manifest'), 'file appendonly.aof.2.incr.aof seq 2 type i\n')
    for (const round of [1, 2]) {
      const found = await visit(t, dataDir, async redis => {
        await redis.eval("redis.call('SET', KEYS[1], '1') redis.call('SET', 'both', '1')", 1, `after-${round}`)
        return (await redis.keys('*')).sort()
      })
      t.same(found, ['after-1', 'after-2', 'before', 'both'].filter(name => name !== `after-${round + 1}`), `start ${round}`)
    }
  })
}

t.test('[STORE-1] a fault in the middle stays as it is: what stands behind it was acknowledged', async t => {
  const dataDir = await directoryOf(t)
  await visit(t, dataDir, async redis => await redis.set('before', '1'))
  const file = join(dataDir, FOLDER, FIRST)
  const whole = await readFile(file, 'latin1')
  for (const fault of ['junk', HALF]) {
    await writeFile(file, `${whole}${fault}${whole}${HALF}`, 'latin1')
    await t.rejects(embed(t, { dataDir }), { message: /does not start/ })
    t.equal((await readFile(file, 'latin1')).length, 2 * whole.length + fault.length + HALF.length)
  }
})
