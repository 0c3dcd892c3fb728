// The log's lines: gathered, and all there, in order, however the process ends.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { createGathered } from '../src/gathered.js'
import { SECRET, SERVER_KEY } from './helper/iris.js'
import { freePort, startSharedRedis } from './helper/process.js'
import { until } from './helper/user.js'

const REQUESTS = 200

const shared = await startSharedRedis(t)

t.test('lines are written together, in order, soon, and what is long at once', async t => {
  const written: string[] = []
  const lines = createGathered(text => written.push(text))
  for (let i = 0; i < 1_000; i++) lines.write(`${i}\n`)
  t.same(written, [], 'they wait for others')
  await until(async () => written.length > 0 || undefined)
  t.same(written, [Array.from({ length: 1_000 }, (_, i) => `${i}\n`).join('')])
  lines.write('a')
  lines.flushSync()
  lines.flushSync()
  t.same(written.slice(1), ['a'], 'nothing twice')
  for (let i = 0; i < 100; i++) lines.write('x'.repeat(1_000))
  t.equal(written.slice(2).join('').length >= 98_000, true, 'what is much is not kept')
})

t.test('[STORE-2] where the log cannot be written, on a full disk, everything else goes on', async t => {
  const port = await freePort()
  const log = await open('/dev/full', 'w')
  const main = fileURLToPath(new URL('../src/server.js', import.meta.url))
  const secrets = { IRIS_TOKEN_SECRET: SECRET, IRIS_SERVER_KEY: SERVER_KEY }
  const env = { ...process.env, ...secrets, IRIS_PORT: String(port), IRIS_DATA_DIR: t.testdir() }
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', log.fd, 'pipe'] })
  t.teardown(async () => {
    child.kill('SIGINT')
    await once(child, 'exit')
    await log.close()
  })
  const time = async () => (await fetch(`http://127.0.0.1:${port}/v1/time`).catch(() => undefined))?.status
  await until(async () => await time() === 200 || undefined)
  for (let i = 0; i < 200; i++) t.equal(await time(), 200)
  t.equal(child.exitCode, null)
})

for (const what of ['a pipe', 'a socket'] as const) {
  t.test(`a reader of the log who stalls holds nothing up: ${what}; what he does not take is dropped, and counted`, async t => {
    const fifo = join(t.testdir(), 'log')
    execFileSync('mkfifo', [fifo])
    const pipe = await open(fifo, 'r+')
    const reader = await open(fifo, 'r')
    const port = await freePort()
    const main = fileURLToPath(new URL('../src/server.js', import.meta.url))
    const env = { ...process.env, ...shared.env, IRIS_PORT: String(port), IRIS_METRICS: 'open' }
    const child = spawn(process.execPath, [main], { env, stdio: ['ignore', what === 'a pipe' ? pipe.fd : 'pipe', 'inherit'] })
    const exited = once(child, 'exit')
    t.teardown(async () => {
      child.kill('SIGKILL')
      await exited
      for (const end of [pipe, reader]) await end.close()
    })
    const get = async (path: string) => await fetch(`http://127.0.0.1:${port}${path}`, {
      headers: { 'trace-id': 'x'.repeat(64) }, signal: AbortSignal.timeout(5_000)
    })
    await until(async () => (await get('/readyz').catch(() => undefined))?.ok || undefined)
    const dropped = async () => Number(/^iris_log_lines_dropped_total (\d+)$/m.exec(await (await get('/metrics')).text())?.[1])
    while (await dropped() === 0) {
      const answers = await Promise.all(Array.from({ length: 200 }, () => get('/v1/time')))
      for (const answer of answers) await answer.arrayBuffer()
    }
    if (what === 'a socket') {
      child.kill('SIGTERM')
      t.same(await exited, [0, null], 'nobody is waited for at the end')
      return
    }
    const cat = spawn('cat', { stdio: [reader.fd, 'pipe', 'inherit'] })
    t.teardown(() => cat.kill())
    let text = ''
    cat.stdout?.on('data', (chunk: Buffer) => { text += chunk.toString() })
    await until(async () => text.includes('lines were dropped') || undefined)
    const lost = await dropped()
    child.kill('SIGTERM')
    t.same(await exited, [0, null])
    await until(async () => text.endsWith('"msg":"Iris has ended"}\n') || undefined)
    const lines = text.trim().split('\n').map(line => JSON.parse(line) as { msg: string, dropped?: number })
    t.equal(lines.reduce((sum, line) => sum + (line.dropped ?? 0), 0), lost)
  })
}

/** What a process is told by a signal: a bug that nobody catches, or an end without a word. */
const preload = (act: string) => ({ NODE_OPTIONS: `--import=data:text/javascript,process.once('SIGWINCH',()=>{${act}})` })

for (const [what, env, signal, code, last] of [
  ['at SIGTERM', { IRIS_DRAIN_SEC: '0' }, 'SIGTERM', 0, 'Iris has ended'],
  ['at an exception that nobody catches', { IRIS_DRAIN_SEC: '0', ...preload('setTimeout(()=>{throw/**/new/**/Error(1)})') },
    'SIGWINCH', 1, 'Iris has ended'],
  ['when the process exits', preload('process.exit(3)'), 'SIGWINCH', 3, 'answered']
] as const) {
  t.test(`[TRACE-2] the lines of all requests are there ${what}, in order`, async t => {
    const { child, url, exited, output } = await shared.start(t, env)
    for (let i = 0; i < REQUESTS; i += 20) {
      await Promise.all(Array.from({ length: 20 }, async (_, j) =>
        await (await fetch(`${url}/v1/time`, { headers: { 'trace-id': `of-${i + j}` } })).text()))
    }
    child.kill(signal)
    const [exitCode] = await exited
    const lines = output().trim().split('\n').filter(line => !line.includes('Iris listens')).map(line =>
      JSON.parse(line) as { time: number, msg: string, traceId?: string })
    t.equal(exitCode, code)
    const traces = lines.flatMap(({ msg, traceId }) => msg === 'answered' && traceId !== undefined ? [traceId] : [])
    t.same(traces.toSorted(), Array.from({ length: REQUESTS }, (_, i) => `of-${i}`).toSorted(), 'each once')
    t.ok(lines.every(({ time }, i) => time >= (lines[i - 1]?.time ?? 0)), 'in order')
    t.equal(lines.at(-1)?.msg, last)
  })
}
