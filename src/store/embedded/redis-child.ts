// One redis-server process: who may own the directory, how it is launched, when it is ready, how it ends.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { claimDirectory, heldBy, namePid } from './pidfile.js'
import { redisProgram } from './redis-program.js'

/** A server that says nothing for so long is given up; one that says it is loading is waited for. */
const SILENT_MS = 30_000
const KILL_MS = 5_000
/** flock's exit code when another process holds the directory. */
const HELD = 75
/** The redis-server of a process that was killed takes a moment to end. */
const HELD_MS = 3_000
/** Its last words: so many lines of its last ms. What it said at its start explains no end hours later. */
const [LAST_LINES, LAST_MS] = [3, 2_000]
/** What is said by a process that owns the directory, and waits for a line before it becomes redis-server. */
const OWNS = 'owns the directory'
/** Where a file may not grow any more, a write fails as on a full disk, and no signal ends Redis. [STORE-2] Who is left alone ends. */
const GATE = `trap "" XFSZ; echo "${OWNS}"; read -r line && exec "$@" < /dev/null`

export interface Exit { code: number | null, signal: NodeJS.Signals | null }
export type RedisChild = ReturnType<typeof watch>
type Guard = 'flock' | 'pidfile'

interface Launch {
  directory: string
  socketPath: string
  /** Asked before each attempt: when a write is on disk, before its answer or within a second. */
  fsync (): Promise<'always' | 'everysec'>
  /** Aborted: the launch is given up and its process ended. */
  signal: AbortSignal
  /** Done while this process owns the directory, before redis-server has read its files. */
  prepare (): Promise<void>
  /** Called with each warning that a server which is ready prints. */
  say (line: string): void
}

/**
 * Looks at the programs of this machine.
 * @returns `flock` when flock and setpriv can do what is needed (those of util-linux; busybox's cannot), else `pidfile`.
 *   Throws as `redisProgram` does.
 */
function findGuard (directory: string): Guard {
  redisProgram()
  const { status } = spawnSync('flock', guardArgs(directory, ['true']), { stdio: 'ignore' })
  return status === 0 || status === HELD ? 'flock' : 'pidfile'
}

/**
 * Launches a redis-server and waits until it has read its data and answers.
 * @returns the running process. Throws an Error of one sentence, with Redis' last words, when it ends before that;
 *   an error that names the directory when another process owns it.
 */
export async function launchRedis (launch: Launch): Promise<RedisChild> {
  const guard = findGuard(launch.directory)
  for (const began = performance.now(); ;) {
    if (guard === 'pidfile') await claimDirectory(launch.directory)
    const child = watch(spawnRedis(launch, guard, await launch.fsync()), launch.say)
    if (guard === 'pidfile') await namePid(launch.directory, child.pid)
    if (await child.owns(launch.signal)) {
      await launch.prepare().catch(async (error: unknown) => {
        await child.end(KILL_MS)
        throw error
      })
      child.go()
      if (await becomesReady(child, launch)) return child
    }
    await child.end(KILL_MS)
    launch.signal.throwIfAborted()
    const { code } = await child.exited
    if (code !== HELD) throw new Error(`redis-server does not start in ${launch.directory}: ${child.lastWords() || 'it said nothing'}`)
    if (performance.now() - began > HELD_MS) throw new Error(heldBy('another process', launch.directory))
    await delay(50)
  }
}

/** A process group of its own: a Ctrl-C in the terminal must reach Iris only, which still needs Redis while it drains. */
function spawnRedis ({ directory, socketPath }: Launch, guard: Guard, fsync: string): ChildProcess {
  const redis = [
    'redis-server', '--port', '0', '--unixsocket', socketPath, '--unixsocketperm', '700', '--dir', directory,
    '--appendonly', 'yes', '--appendfsync', fsync, '--save', '',
    '--maxmemory-policy', 'noeviction', '--stream-node-max-bytes', '1024',
    '--latency-tracking', 'no' // it costs a fifth of what a script does
  ]
  const gated = ['/bin/sh', '-c', GATE, 'sh', ...redis]
  const [program = '', ...args] = guard === 'flock' ? ['flock', ...guardArgs(directory, gated)] : gated
  return spawn(program, args, { stdio: 'pipe', detached: true })
}

function guardArgs (directory: string, command: string[]): string[] {
  return ['-n', '--no-fork', '-E', String(HELD), join(directory, 'lock'), 'setpriv', '--pdeathsig', 'TERM', ...command]
}

/** Follows a process: what it said last, and its end. */
function watch (child: ChildProcess, say: (line: string) => void) {
  const lines: { at: number, line: string }[] = []
  let endedAt: number | undefined
  let isReady = false
  let onOwns: () => void = () => undefined
  const owning = new Promise<void>(resolve => { onOwns = resolve })
  const hear = (chunk: Buffer) => {
    for (const line of chunk.toString().split('\n')) {
      if (line.trim() === '') continue
      if (line === OWNS) {
        onOwns()
        continue
      }
      lines.push({ at: performance.now(), line: line.trim() })
      if (isReady && / # /.test(line)) say(line)
    }
    lines.splice(0, lines.length - LAST_LINES)
  }
  child.stdin?.on('error', () => undefined) // it has ended
  child.stdout?.on('data', hear)
  child.stderr?.on('data', hear)
  const exited = new Promise<Exit>(resolve => {
    child.once('exit', (code, signal) => {
      endedAt = performance.now()
      resolve({ code, signal })
    })
    child.once('error', err => {
      lines.push({ at: performance.now(), line: err.message })
      resolve({ code: -1, signal: null })
    })
  })
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null || child.pid === undefined
  return {
    pid: child.pid ?? 0,
    exited,
    hasEnded,
    /**
     * @returns whether it owns the directory now, and waits for `go()`;
     *   false when it has ended (another does), hangs, or is not wanted any more.
     */
    owns: async (signal: AbortSignal) => await Promise.race([
      owning.then(() => true), exited.then(() => false), delay(SILENT_MS, false, { signal, ref: false }).catch(() => false)
    ]),
    /** Lets it become redis-server. */
    go: () => child.stdin?.end('\n'),
    /** From now on its warnings are said. */
    ready: () => { isReady = true },
    lastWords: () => lines.filter(({ at }) => at > (endedAt ?? performance.now()) - LAST_MS).map(({ line }) => line).join(' | '),
    /** Ends it: SIGTERM, SIGKILL after `ms`. Resolves when it has ended and all that it said is heard. */
    async end (ms: number): Promise<void> {
      isReady = false
      const closed = child.stdout?.closed === false ? once(child, 'close') : undefined
      if (!hasEnded()) child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), ms)
      await exited
      clearTimeout(timer)
      // a child that writes the log anew holds the pipes for a while: not waited for
      await Promise.race([closed, delay(200, undefined, { ref: false })])
    }
  }
}

/** @returns false when it has ended, was silent for too long, or is not wanted any more. */
async function becomesReady (child: RedisChild, { socketPath, signal }: Launch): Promise<boolean> {
  let heard = performance.now()
  for (let pause = 5; !signal.aborted && !child.hasEnded(); pause = Math.min(1.1 * pause, 200)) {
    const state = await ask(socketPath, child.pid)
    if (state === 'ready') {
      child.ready()
      return true
    }
    if (state === 'loading') heard = performance.now()
    else if (performance.now() - heard > SILENT_MS) return false
    await Promise.race([delay(pause), child.exited])
  }
  return false
}

/** What the process `pid` itself answers: the socket may still be that of a dying one. */
async function ask (path: string, pid: number): Promise<'ready' | 'loading' | 'silent'> {
  const reply = await new Promise<string>(resolve => {
    const socket = connect(path)
    let text = ''
    socket.setTimeout(1_000, () => socket.destroy())
    socket.on('connect', () => socket.write('INFO server\r\nPING\r\n'))
    socket.on('data', chunk => {
      text += chunk.toString()
      if (/^(\+PONG|-)/m.test(text)) socket.end()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(text))
  })
  if (!reply.includes(`process_id:${pid}\r\n`)) return 'silent'
  return reply.includes('+PONG') ? 'ready' : 'loading'
}
