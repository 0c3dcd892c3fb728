// A transaction through which a loss of power has cut, at the end of the append-only file. [STORE-1] Of one that ends within a command Redis 7.0
// lets go of that command only: those before it stay in the file, and at the next start they are done, with what was written after them.
import { spawn } from 'node:child_process'
import { readFile, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

/** What Redis says when it has read a file whose end was missing. */
export const saysTorn = (line: string) => line.includes('short read while loading the AOF')

/**
 * To be called when Redis has read such a file, and nothing was written since.
 * @param directory where the private Redis has its files.
 * @returns whether the half of a transaction was cut off: what runs must be started again. A file that cannot be looked at stays as it is.
 */
export async function cutTorn (directory: string): Promise<boolean> {
  const folder = join(directory, 'appendonlydir')
  const manifest = await readFile(join(folder, 'appendonly.aof.manifest'), 'utf8').catch(() => '')
  const name = [...manifest.matchAll(/^file (\S+) seq \d+ type i/gm)].at(-1)?.[1]
  if (name === undefined) return false
  const file = join(folder, name)
  // any other fault would be one in the middle: what stands behind it is not ours to cut
  const whole = /before reading EXEC[^]*\bok_up_to=(\d+)/.exec(await analysisOf(file))?.[1]
  if (whole !== undefined) await truncate(file, Number(whole))
  return whole !== undefined
}

/** @returns what redis-check-aof says: it is redis-server by another name, so nothing more must be installed. */
async function analysisOf (file: string): Promise<string> {
  const child = spawn('redis-server', [file], { argv0: 'redis-check-aof', stdio: ['ignore', 'pipe', 'ignore'] })
  child.on('error', () => undefined)
  return await text(child.stdout).catch(() => '')
}
