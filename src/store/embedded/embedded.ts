// The embedded Redis: the system's redis-server as a private child, started again when it dies, ended with its parent.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve as absolute } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { keys } from '../keys.js'
import { diskOf, heldOn } from '../redis/disk.js'
import type { Redis } from '../redis/redis.js'
import { setValue } from '../script/value.js'
import { makeDirectory, sayWhy } from './directory.js'
import { launchRedis, type RedisChild } from './redis-child.js'
import { breakSeal, placesOf, seal } from './seal.js'
import { cutTorn } from './torn.js'

/** `sun_path` of a unix socket holds 107 bytes and a zero. */
const MAX_SOCKET_PATH = 107
const STOP_MS = 5_000
const MIN_PAUSE_MS = 50
const MAX_PAUSE_MS = 2_000
/** A server that lived this long was well: its death begins a new row of pauses. */
const STEADY_MS = 10_000

/** What Redis says of a write that failed, also of its last one. */
const unwritten = /Error writing|Short write|AOF write error|AOF for fsync error/

interface Log {
  info (facts: object, message: string): void
  warn (facts: object, message: string): void
  error (facts: object, message: string): void
}

interface Facts {
  dataDir: string
  /** `disk`: every write is on disk before its answer. `memory`: once a second; a kill of Redis alone may take acknowledged writes, too. */
  durability: 'memory' | 'disk'
  log: Log
  /** How long `stop()` waits before SIGKILL, in ms. */
  limits?: { stopMs?: number }
}

export type EmbeddedRedis = Awaited<ReturnType<typeof startEmbeddedRedis>>

/**
 * Starts a redis-server that belongs to this process, in `<dataDir>/redis`: it ends with it, even by `kill -9`, and is
 * started again, for ever, when it dies by itself. One process owns a directory; a second one is refused.
 * To be called in the main thread: Linux ends the child with the thread that made it.
 * @returns where it listens and writes, its pid as it is now, how often it was started again, and `stop()`.
 *   Throws an Error of one sentence, with Redis' last words, when it cannot start.
 */
export async function startEmbeddedRedis ({ dataDir, durability, log, limits = {} }: Facts) {
  const { directory, socketPath, temporary } = await findPlace(dataDir)
  const places = placesOf(absolute(dataDir), directory)
  const isSealed = await breakSeal(places)
    .catch((error: unknown) => { throw sayWhy(`IRIS_DATA_DIR: ${places.file} cannot be removed`, error) })
  const leave = async () => { if (temporary !== undefined) await rm(temporary, { recursive: true, force: true }) }
  const ending = new AbortController()
  const say = (line: string) => log.warn({ line }, 'redis-server says')
  let isRelaxed = false
  let couldNotWrite = false
  /**
   * One that answers when it has written ends where it cannot write:
   * on a full disk one is started that refuses, and serves what reads. [STORE-2]
   */
  async function fsync () {
    isRelaxed = durability === 'disk' && (couldNotWrite || heldOn(await diskOf(directory)) !== undefined)
    if (isRelaxed) log.error({}, 'The disk is full: redis-server is started to serve what reads')
    return durability === 'disk' && !isRelaxed ? 'always' : 'everysec'
  }
  const { signal } = ending
  const cut = async () => await cutTorn({ directory, signal, log })
  const launch = async (prepare = cut) => await launchRedis({ directory, socketPath, fsync, signal, prepare, say })
  let restarts = 0
  let child = await launch(isSealed ? async () => undefined : cut).catch(async (err: unknown) => {
    await leave()
    throw err
  })
  const onBack = (next: RedisChild) => { child = next; restarts++ }
  const onEnd = (words: string) => { couldNotWrite = unwritten.test(words) }
  const supervised = supervise({ child, launch, signal, log, onBack, onEnd })

  return {
    socketPath,
    /** Where its files are. */
    directory,
    /** The process as it is now; flock and setpriv have become redis-server. */
    get pid () { return child.pid },
    get restarts () { return restarts },
    /** Whether it was found as it was left by an end in order: nothing is missing. [STORE-1] */
    isSealed,
    disk: async () => await diskOf(directory),
    /** Whether it answers before it has written, since it could not write: nothing is written meanwhile. */
    isRelaxed: () => isRelaxed,
    /** There may be room again: from now on, if there is, it writes before it answers, as it was asked to. */
    async harden (redis: Redis): Promise<void> {
      if (!await takesWrites(redis)) return
      await redis.config('SET', 'appendfsync', 'always')
      isRelaxed = couldNotWrite = false
      log.info({ durability }, 'The disk has room again: redis-server writes before it answers')
    },
    /**
     * Ends it in order: what is acknowledged is on disk afterwards.
     * @param wholeSince how often it had been started again when it was known to have all that was ever there: then its files are sealed.
     */
    async stop (wholeSince?: number): Promise<void> {
      ending.abort()
      const isWhole = wholeSince === restarts
      await child.end(limits.stopMs ?? STOP_MS)
      const { code } = await child.exited
      await supervised
      if (isWhole && code === 0 && !unwritten.test(child.lastWords())) {
        await seal(places).catch((error: unknown) =>
          log.error({ err: error }, 'The data directory cannot be sealed: the next start is another life'))
      }
      await leave()
    }
  }
}

/**
 * What is written on trial: of a bound that is not the disk's own (a limit of files, a quota) only a write can tell.
 * As much as a large body, so that the rest does not end with the next one.
 */
const TRIAL = 'x'.repeat(65_536)

/** @returns whether a write has reached the file: Redis tries before it answers, unless a sync is under way. */
async function takesWrites (redis: Redis): Promise<boolean> {
  await setValue(redis, keys.trial, [TRIAL, 'PX', 1])
  const info = await redis.info('persistence')
  return info.includes('aof_last_write_status:ok') && info.includes('aof_buffer_length:0')
}

interface Supervision {
  child: RedisChild
  launch (): Promise<RedisChild>
  signal: AbortSignal
  log: Log
  onBack (child: RedisChild): void
  /** Called with its last words when it has ended by itself. */
  onEnd (words: string): void
}

/** Starts the server again whenever it ends, with growing pauses while it does not stay, until `signal` says that it should end. */
async function supervise ({ child, launch, signal, log, onBack, onEnd }: Supervision): Promise<void> {
  let pause = MIN_PAUSE_MS
  for (let current: RedisChild | undefined = child; ;) {
    if (current) {
      const born = performance.now()
      const exit = await current.exited
      if (signal.aborted) return
      onEnd(current.lastWords())
      if (performance.now() - born > STEADY_MS) pause = MIN_PAUSE_MS
      log.error({ ...exit, pause, output: current.lastWords() }, 'redis-server died: it is started again')
    }
    await delay(pause, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return
    pause = Math.min(2 * pause, MAX_PAUSE_MS)
    current = await launch().catch((err: unknown) => {
      if (!signal.aborted) log.error({ err, pause }, 'redis-server does not come back: it is tried again')
      return undefined
    })
    if (!current) continue
    onBack(current)
    if (signal.aborted) return await current.end(STOP_MS)
    log.info({ pid: current.pid }, 'redis-server is back')
  }
}

/** The socket lies in the data directory, or in a private temporary one when that path is too long for a socket. */
async function findPlace (dataDir: string): Promise<{ directory: string, socketPath: string, temporary?: string }> {
  const directory = absolute(dataDir, 'redis')
  await makeDirectory(directory)
  const socketPath = socketOf(dataDir)
  if (socketPath !== undefined) return { directory, socketPath }
  const temporary = await mkdtemp(join(tmpdir(), 'iris-'))
  return { directory, socketPath: join(temporary, 'redis.sock'), temporary }
}

/** @returns where the private Redis of a data directory listens; undefined where that path is too long: only who started it knows. */
export function socketOf (dataDir: string): string | undefined {
  const path = absolute(dataDir, 'redis', 'redis.sock')
  return Buffer.byteLength(path) <= MAX_SOCKET_PATH ? path : undefined
}
