// Ownership of a data directory on machines without flock and setpriv: a file that names the owner and his redis-server.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { sayWhy } from './directory.js'

/** How long the redis-server of an owner who is gone may take to end. */
const ORPHAN_MS = 5_000

export const heldBy = (owner: string, directory: string): string =>
  `${owner} uses the data directory ${directory}: end it, or set another IRIS_DATA_DIR`

/**
 * Makes this process the owner of a directory. What an owner who is gone has left is cleared away, his redis-server too:
 * nothing ends that one by itself here.
 * Throws an Error of one sentence when the owner, or a redis-server of his, is alive.
 */
export async function claimDirectory (directory: string): Promise<void> {
  const file = join(directory, 'redis.pid')
  const draft = `${file}.${process.pid}`
  await writeFile(draft, `${process.pid} 0\n`)
    .catch((error: unknown) => { throw sayWhy(`IRIS_DATA_DIR: ${directory} cannot be written`, error) })
  try {
    while (await exists(link(draft, file))) {
      const [owner = 0, redis = 0] = (await readFile(file, 'utf8').catch(() => '')).split(' ').map(Number)
      await clearAway({ directory, owner, redis })
      await rm(file, { force: true })
    }
  } finally {
    await rm(draft)
  }
}

/** Writes down which redis-server the owner has launched. */
export async function namePid (directory: string, pid: number): Promise<void> {
  const file = join(directory, 'redis.pid')
  await writeFile(`${file}.${process.pid}`, `${process.pid} ${pid}\n`)
  await rename(`${file}.${process.pid}`, file)
}

async function clearAway ({ directory, owner, redis }: { directory: string, owner: number, redis: number }): Promise<void> {
  const isRedis = () => /redis-server/.test(look(redis)?.command ?? '')
  const held = isRedis()
    ? look(redis)?.parent === owner
    // pids are used again: in a container this process often has the pid of the one before
    : owner !== process.pid && /node|MainThread/.test(look(owner)?.command ?? '')
  if (held) throw new Error(heldBy(`another process (pid ${owner})`, directory))
  if (!isRedis()) return
  process.kill(redis, 'SIGTERM')
  for (const began = performance.now(); isRedis(); await delay(20)) {
    if (performance.now() - began > ORPHAN_MS) {
      throw new Error(`a redis-server without an owner (pid ${redis}) uses the data directory ${directory}: end it`)
    }
  }
}

/** @returns the parent and the name of a process; undefined when it does not live. */
function look (pid: number): { parent: number, command: string } | undefined {
  if (!(pid > 0)) return undefined
  const [, command, state, parent] = /^\d+ \((.*)\) (\S) (\d+)/.exec(readStat(pid)) ?? []
  return command === undefined || state === 'Z' ? undefined : { command, parent: Number(parent) }
}

/** /proc where there is one, in its format from ps elsewhere. */
function readStat (pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    const { stdout } = spawnSync('ps', ['-o', 'ppid=,stat=,comm=', '-p', String(pid)], { encoding: 'utf8' })
    const [, parent, state, command] = /^ *(\d+) +(\S)\S* +(.*)/.exec(stdout ?? '') ?? []
    return command === undefined ? '' : `${pid} (${command}) ${state} ${parent}`
  }
}

/** @returns whether a link failed because the file is there already: of two who claim at once, one wins. */
async function exists (linked: Promise<void>): Promise<boolean> {
  try {
    await linked
    return false
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return true
    throw error
  }
}
