// A Redis that can be hurt: killed, stopped, robbed of its last moments, made full or a replica.
import { readdirSync, readFileSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../helper/process.js'
import { startRedis } from '../helper/redis.js'
import { createFrames, wordsOf } from './resp.js'
import type { Scope } from './scope.js'

/** `disk`: appendfsync always. `memory`: everysec, so that a loss of power takes up to the last second. */
export type Durability = 'disk' | 'memory'

export type Store = Awaited<ReturnType<typeof startStore>>

/**
 * @returns how much of the beginning of an append-only file is whole transactions. Its size may be
 *   looked at in the middle of a write; and where it ends within a command of a transaction, Redis
 *   7.0 leaves the beginning of that, and takes it for one of what is written next.
 */
export function wholeOf (file: Buffer): number {
  let [at, whole, isOpen] = [0, 0, false]
  for (const frame of createFrames().push(file)) {
    at += frame.length
    const [verb] = wordsOf(frame, 1)
    isOpen = verb === 'MULTI' || (isOpen && verb !== 'EXEC')
    if (!isOpen) whole = at
  }
  return whole
}

/** Starts a redis-server on a port of its own, set up as Iris' own is. */
export async function startStore (scope: Pick<Scope, 'teardown'>, durability: Durability) {
  const port = await freePort()
  const server = await startRedis(scope, [
    '--port', String(port), '--bind', '127.0.0.1', '--appendonly', 'yes',
    '--appendfsync', durability === 'disk' ? 'always' : 'everysec',
    '--auto-aof-rewrite-percentage', '0', '--stream-node-max-bytes', '1024', '--repl-diskless-sync-delay', '0'
  ])
  const { redis, directory, kill, start } = server

  /** The append-only file that is written now. */
  function log (): string {
    const folder = join(directory, 'appendonlydir')
    const [newest] = readdirSync(folder).filter(name => name.endsWith('.incr.aof')).sort((a, b) =>
      Number(b.split('.')[2]) - Number(a.split('.')[2]))
    return join(folder, newest ?? '')
  }

  return {
    port,
    durability,
    /** For the history's own questions and orders. */
    redis,
    /** Ends it as kill -9 does: what it has written is in the kernel's hands, and stays. */
    kill,
    /** Starts it again, with what its file has. */
    start,
    /** Stops the process where it is: its connections stay open and say nothing. */
    stop: () => process.kill(server.pid, 'SIGSTOP'),
    goOn: () => process.kill(server.pid, 'SIGCONT'),
    /** How much has been written: what a loss of power leaves, when it comes after a sync at this instant. */
    written: () => statSync(log()).size,
    /**
     * The machine loses its power: of the append-only file so much is left, as far as it is whole transactions. It is down afterwards.
     * @returns how many bytes are lost.
     */
    async losePower (bytesLeft: number): Promise<number> {
      await kill()
      const file = readFileSync(log())
      const left = wholeOf(file.subarray(0, bytesLeft))
      truncateSync(log(), left)
      return file.length - left
    },
    /** Follows a master, by a way that may lag; without one it is a master itself. */
    follow: async (masterPort?: number) => {
      await (masterPort === undefined ? redis.replicaof('NO', 'ONE') : redis.replicaof('127.0.0.1', masterPort))
    },
    /** Whether a replica has all that there was when it began to follow, and writes its own file. */
    isInSync: async () => /master_link_status:up/.test(await redis.info('replication')) &&
      /aof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0/.test(await redis.info('persistence')),
    /** How far the row of writes has come, or has been heard. */
    offset: async () => Number(/(?:slave_repl_offset|master_repl_offset):(\d+)/.exec(await redis.info('replication'))?.[1]),
    /** Bounds its memory; 0 for no bound. */
    allow: async (bytes: number) => { await redis.config('SET', 'maxmemory', bytes) },
    /** How often it has refused something with this word. */
    refusals: async (word: string) => Number(new RegExp(`errorstat_${word}:count=(\\d+)`).exec(await redis.info('errorstats'))?.[1] ?? 0)
  }
}
