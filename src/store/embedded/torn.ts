// An append-only file that a loss of power has cut within a command, or a transaction. [STORE-1] Redis 7.0 lets go of the cut command only:
// what stands before it in its transaction stays in the file, and is done at the next start, with what was written after it.
import { spawn } from 'node:child_process'
import { open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

/** A look costs about 1 ms a MB: so long it may take, ms, and so long nobody is told that it is waited for. */
const [LONGEST_MS, QUIET_MS] = [60_000, 1_000]
/** No transaction of ours is nearly as long, bytes: what is missing so much of its end was not cut by a loss of power. */
const MAX_TORN = 67_108_864

interface Look {
  /** Where the private Redis has its files. */
  directory: string
  /** Aborted: the look is given up. */
  signal: AbortSignal
  log: { warn (facts: object, message: string): void, error (facts: object, message: string): void }
}

/**
 * Cuts off the half of a command or a transaction with which the append-only file ends; nobody has acknowledged it.
 * To be called before Redis has read the file, by who owns the directory: what is written behind such a half would be cut off with it.
 * Any other fault stays as it is, and so does a file that cannot be looked at within 60 s. Throws where the half cannot be cut off.
 */
export async function cutTorn ({ directory, signal, log }: Look): Promise<void> {
  const found = await lastWritten(join(directory, 'appendonlydir'))
  if (!found) return
  const { file, bytes } = found
  const slow = setTimeout(() => log.warn({ file, bytes }, 'The append-only file is looked through before redis-server reads it'), QUIET_MS)
  const upTo = /\bok_up_to=(\d+)/.exec(await analysisOf(file, signal))?.[1]
  clearTimeout(slow)
  signal.throwIfAborted()
  if (upTo === undefined) {
    return log.error({ file, bytes }, 'The append-only file could not be looked through: the half of a transaction may be done')
  }
  const cut = await cutEnd(file, Number(upTo))
  if (cut > 0) log.warn({ file, bytes: cut }, 'The append-only file ended with the half of a command or a transaction: it is cut off')
}

/**
 * @returns the file with the last commands: one that Redis has begun anew may be empty, and the half in the one before.
 *   Undefined: there is none.
 */
async function lastWritten (folder: string): Promise<{ file: string, bytes: number } | undefined> {
  const manifest = await readFile(join(folder, 'appendonly.aof.manifest'), 'utf8').catch(() => '')
  for (const [, name = ''] of [...manifest.matchAll(/^file (\S+) seq \d+ type i/gm)].reverse()) {
    const file = join(folder, name)
    const { size } = await stat(file).catch(() => ({ size: 0 }))
    if (size > 0) return { file, bytes: size }
  }
  return undefined
}

/**
 * @returns what redis-check-aof says: it is redis-server by another name, so nothing more must be installed. Empty when it comes to no end.
 */
async function analysisOf (file: string, signal: AbortSignal): Promise<string> {
  const limits = { signal, timeout: LONGEST_MS, killSignal: 'SIGKILL' } as const
  const child = spawn('redis-server', [file], { argv0: 'redis-check-aof', stdio: ['ignore', 'pipe', 'ignore'], ...limits })
  child.on('error', () => undefined)
  return await text(child.stdout).catch(() => '')
}

/** @returns how many bytes were cut off behind what is whole; 0 where what stands there is not the beginning of something. */
async function cutEnd (file: string, whole: number): Promise<number> {
  const handle = await open(file, 'r+')
  try {
    const rest = (await handle.stat()).size - whole
    if (rest <= 0 || rest > MAX_TORN) return 0
    const { buffer } = await handle.read(Buffer.alloc(rest), 0, rest, whole)
    if (!isUnfinished(buffer.toString('latin1'))) return 0
    await handle.truncate(whole)
    await handle.sync()
    return rest
  } finally { await handle.close() }
}

/**
 * @returns whether commands break off at the end, in one transaction at most:
 *   any other fault is one in the middle, and what stands behind it is not ours to cut.
 */
function isUnfinished (commands: string): boolean {
  if (/\*1\r\n\$(5\r\nMULTI|4\r\nEXEC)\r\n/i.test(commands.slice(1))) return false
  const header = /[*$](\d+)\r\n/y
  for (let at = 0, toCome = 0; at < commands.length;) {
    header.lastIndex = at
    const [line, number] = header.exec(commands) ?? []
    if (commands[at] !== (toCome > 0 ? '$' : '*')) return false
    if (line === undefined) return /^.\d{0,16}\r?$/.test(commands.slice(at, at + 20))
    at += line.length
    if (toCome === 0) {
      toCome = Number(number)
      continue
    }
    toCome--
    at += Number(number) + 2
    if (at <= commands.length && !commands.startsWith('\r\n', at - 2)) return false
  }
  return true
}
