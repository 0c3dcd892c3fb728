// Whether Redis has room: looked at each second, and told by every command that it refuses. [STORE-2]
import type { Redis } from 'ioredis'
import { type Disk, heldOn, oneAtATime, type OwnDisk, type Sparing } from './disk.js'
import { asProblem, type Full, fullOf } from './full.js'

const LOOK_MS = 1_000

/** What is full, and why in words. */
interface Finding { full: Full, why: string }

const outOfMemory = (detail: string): Finding => ({ full: 'memory', why: `Redis is out of memory (maxmemory)${detail}` })
const diskFails = (detail: string): Finding => ({ full: 'disk', why: `Redis cannot write to its disk: ${detail}` })
const [UNWRITTEN, UNSAVED] = ['its append-only file cannot be written', 'its last snapshot failed']
const diskEnds = ({ free, size }: Disk): Finding => ({
  full: 'disk',
  why: `The disk of Redis is all but full: ${free} bytes are free of ${size}`
})

interface Floor {
  /** The connection as it may be worked with. */
  redis: Redis
  /** Asks for its disk, where that is known. */
  disk?: (() => Promise<Disk>) | undefined
  /** How it is kept from ending on a full disk, where Iris has started it. */
  own?: Pick<OwnDisk, 'isRelaxed' | 'harden'> | undefined
  /** Called when there is room again. */
  onRoom (): void
  /** Called while Redis may drop keys by its `maxmemory-policy`: full, it would not refuse, but lose messages. */
  onEvicting (): void
  log: { info (facts: object, message: string): void, error (facts: object, message: string): void }
}

export type Room = ReturnType<typeof createRoom>

/**
 * Watches for a full Redis.
 * @returns `watched`: the same connection, whose commands fail with STORE_FULL when Redis refuses them because it is full, or when its
 *   disk is known to be all but full; `state()`; `start()` begins to look, `stop()` ends it.
 */
export function createRoom ({ redis, disk, own, onRoom, onEvicting, log }: Floor) {
  let found: Finding | undefined
  let held: Sparing | undefined
  let refused = 0
  let atLastLook = 0
  let isLooking = false
  let timer: NodeJS.Timeout | undefined
  const askDisk = disk && oneAtATime(disk, LOOK_MS)

  /** @param words those of Redis, where they are not its own. */
  function fills (now: Finding, words?: string): void {
    if (!found) log.error({ full: now.full, words }, `${now.why}; what adds to it answers 503 STORE_FULL, what reads or frees goes on`)
    found = now
  }

  /** What a look has found says more than the refusal of a command. @returns the failure as it is told. */
  function heard (error: Error): Error {
    const full = fullOf(error)
    if (!full) return error
    refused++
    if (found?.full !== full) {
      fills(full === 'memory' ? outOfMemory('') : diskFails(/AOF/.test(error.message) ? UNWRITTEN : UNSAVED), error.message)
    }
    return asProblem(error)
  }

  function findingOf (space: Disk | undefined, info: string | undefined): Finding | undefined {
    if (space && held) return diskEnds(space)
    if (own?.isRelaxed()) return diskFails('it had to be started again')
    return held || info === undefined ? found : findingIn(info, found)
  }

  async function look (): Promise<void> {
    const space = await askDisk?.()
    if (space) held = heldOn(space)
    // one that cannot be reached, or must not be worked with, is no news
    const info = await redis.info('memory', 'persistence').catch(() => undefined)
    if (info !== undefined && mayEvict(info)) onEvicting()
    if (own?.isRelaxed() && !held && info?.includes('aof_last_write_status:ok')) await own.harden(redis).catch(() => undefined)
    const now = findingOf(space, info)
    // at the brink Redis refuses one and takes the next: that is no end
    const isQuiet = refused === atLastLook
    atLastLook = refused
    if (now) return fills(now)
    if (!found || !isQuiet) return
    found = undefined
    log.info({}, 'Redis has room again')
    onRoom()
  }

  const heldNow = (): Sparing | undefined => own?.isRelaxed() ? 'writing' : held

  /** One after the other: what a late one has seen is no news any more. */
  function lookAgain (): void {
    if (isLooking) return
    isLooking = true
    void look().finally(() => { isLooking = false })
  }

  const watched = Object.create(redis, {
    sendCommand: {
      value (...[command, stream]: Parameters<Redis['sendCommand']>) {
        const { reject } = command
        command.reject = error => reject(heard(error))
        return redis.sendCommand(command, stream)
      }
    }
  }) as Redis

  return {
    watched,
    /** What is held back to spare the disk. */
    held: heldNow,
    /** What is full, why in words (undefined: nothing is), and how many commands Redis has refused for it. */
    state: () => ({ full: found?.full, reason: found?.why, refused }),
    start (): void {
      lookAgain()
      timer = setInterval(lookAgain, LOOK_MS).unref()
    },
    stop (): void { clearInterval(timer) }
  }
}

const mayEvict = (info: string) => /^maxmemory_policy:(?!noeviction)/m.test(info)

const valueIn = (info: string, name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? ''

/** @returns the bytes that count against `maxmemory`, and that, by INFO; 0: there is no bound. */
export function memoryIn (info: string): { used: number, max: number } {
  const number = (name: string) => Number(valueIn(info, name))
  return { used: number('used_memory') - number('mem_not_counted_for_evict'), max: number('maxmemory') }
}

/** What is full by INFO. A failed snapshot (`save`) counts only where commands were refused for it: else nobody is stopped by it. */
function findingIn (info: string, before: Finding | undefined): Finding | undefined {
  const { used, max } = memoryIn(info)
  if (max > 0 && used > max) return outOfMemory(`: ${used} bytes are used of ${max}`)
  if (valueIn(info, 'aof_last_write_status') === 'err') return diskFails(UNWRITTEN)
  if (before?.full === 'disk' && valueIn(info, 'rdb_last_bgsave_status') === 'err') return diskFails(UNSAVED)
  return undefined
}
