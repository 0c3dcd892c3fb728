// The embedded Redis: the system's redis-server as a private child, on a unix socket in the data directory.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve as absolute } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** `sun_path` of a unix socket holds 107 bytes and a zero. */
const MAX_SOCKET_PATH = 107
const START_MS = 30_000
const STOP_MS = 5_000
/** flock's exit code when another process holds the directory. */
const HELD = 75
/** The redis-server of a process that was killed takes a moment to end. */
const HELD_MS = 3_000

interface Log { info (facts: object, message: string): void, error (facts: object, message: string): void }
interface Facts { dataDir: string, durability: 'memory' | 'disk', log: Log }

/**
 * Starts a redis-server that belongs to this process: it ends with it, even by `kill -9`, and is started again when it dies.
 * One process owns a directory; a second one is refused.
 * @returns where it listens, and `stop()`. Throws an Error of one sentence when it cannot start.
 */
export async function startEmbeddedRedis ({ dataDir, durability, log }: Facts) {
  for (const program of ['redis-server', 'flock', 'setpriv']) {
    if (spawnSync(program, ['--version'], { stdio: 'ignore' }).error) throw new Error(`${program} is not installed: install it (Debian: apt-get install redis-server util-linux), or set IRIS_REDIS_URL`)
  }
  const directory = absolute(dataDir, 'redis')
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const { path: socketPath, temporary } = await socketFor(directory)
  let child: ChildProcess
  let stopping = false
  let output = ''
  const isWanted = () => !stopping

  function launch (): void {
    child = spawn('flock', launchArgs(directory, socketPath, durability), { stdio: ['ignore', 'pipe', 'pipe'] })
    output = ''
    const keep = (chunk: Buffer) => { output = (output + chunk.toString()).slice(-2_000) }
    child.stdout?.on('data', keep)
    child.stderr?.on('data', keep)
    child.on('error', err => log.error({ err }, 'redis-server cannot be spawned'))
  }

  async function begin (): Promise<void> {
    launch()
    const began = performance.now()
    while (!await isServing(socketPath, child.pid)) {
      const waited = performance.now() - began
      if (child.exitCode === HELD && waited > HELD_MS) throw new Error(`another process uses the data directory ${directory}`)
      if ((child.exitCode !== null && child.exitCode !== HELD) || waited > START_MS) throw new Error(`redis-server does not start in ${directory}: ${lastLine(output)}`)
      await delay(5)
      if (child.exitCode === HELD) launch()
    }
  }

  async function restart (code: number | null, signal: string | null): Promise<void> {
    log.error({ code, signal, output: lastLine(output) }, 'redis-server died: it is started again')
    for (let pause = 50; isWanted(); pause = Math.min(2 * pause, 2_000)) {
      try {
        await begin()
        watch()
        log.info({ pid: child.pid }, 'redis-server is back')
        return
      } catch (err) {
        log.error({ err }, 'redis-server does not come back')
        await delay(pause)
      }
    }
  }

  function watch (): void {
    child.once('exit', (code, signal) => { if (!stopping) void restart(code, signal) })
    if (child.exitCode !== null && !stopping) void restart(child.exitCode, child.signalCode)
  }

  await begin()
  watch()
  return {
    socketPath,
    /** The process as it is now; flock and setpriv have become redis-server. */
    get pid () { return child.pid as number },
    /** Ends it in order: what is acknowledged is on disk afterwards. */
    async stop (): Promise<void> {
      stopping = true
      if (child.exitCode === null && child.signalCode === null) {
        const exited = once(child, 'exit')
        child.kill('SIGTERM')
        const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
        await exited
        clearTimeout(timer)
      }
      if (temporary !== undefined) await rm(temporary, { recursive: true, force: true })
    }
  }
}

function launchArgs (directory: string, socketPath: string, durability: 'memory' | 'disk'): string[] {
  return [
    '-n', '--no-fork', '-E', String(HELD), join(directory, 'lock'),
    'setpriv', '--pdeathsig', 'TERM',
    'redis-server', '--port', '0', '--unixsocket', socketPath, '--unixsocketperm', '700', '--dir', directory,
    '--appendonly', 'yes', '--appendfsync', durability === 'disk' ? 'always' : 'everysec', '--save', '',
    '--maxmemory-policy', 'noeviction', '--stream-node-max-bytes', '1024'
  ]
}

/** The socket lies in the data directory, or in a private temporary one when that path is too long for a socket. */
async function socketFor (directory: string): Promise<{ path: string, temporary?: string }> {
  const path = join(directory, 'redis.sock')
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH) return { path }
  const temporary = await mkdtemp(join(tmpdir(), 'iris-'))
  return { path: join(temporary, 'redis.sock'), temporary }
}

/** Whether the process `pid` itself answers there, and has read its data: the socket may still be that of a dying one. */
async function isServing (path: string, pid: number | undefined): Promise<boolean> {
  return await new Promise(resolve => {
    const socket = connect(path)
    let reply = ''
    socket.on('connect', () => socket.write('INFO server\r\nPING\r\n'))
    socket.on('data', chunk => {
      reply += chunk.toString()
      if (/^[+-](PONG|LOADING|MASTERDOWN|ERR)/m.test(reply)) socket.end()
    })
    socket.on('error', () => resolve(false))
    socket.on('close', () => resolve(reply.includes(`process_id:${pid}\r\n`) && reply.includes('+PONG')))
  })
}

const lastLine = (output: string) => output.trim().split('\n').at(-1) ?? ''
