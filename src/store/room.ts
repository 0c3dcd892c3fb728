// Whether Redis has room: looked at each second, and told by every command that it refuses. [STORE-2]
import type { Redis } from 'ioredis'
import { asProblem, type Full, fullOf } from './full.js'

const LOOK_MS = 1_000

const sentences: Record<Full, string> = {
  memory: 'Redis is out of memory (maxmemory)',
  disk: 'Redis cannot write to its disk'
}

interface Floor {
  /** The connection as it may be worked with. */
  redis: Redis
  /** Called when there is room again. */
  onRoom (): void
  log: { info (facts: object, message: string): void, error (facts: object, message: string): void }
}

export type Room = ReturnType<typeof createRoom>

/**
 * Watches for a full Redis.
 * @returns `watched`: the same connection, whose commands fail with STORE_FULL when Redis refuses them because it is full; `state()`;
 *   `start()` begins to look, `stop()` ends it.
 */
export function createRoom ({ redis, onRoom, log }: Floor) {
  let full: Full | undefined
  let words = ''
  let refused = 0
  let atLastLook = 0
  let timer: NodeJS.Timeout | undefined

  function fills (found: Full, detail: string): void {
    if (!full) log.error({ full: found, detail }, `${sentences[found]}: what adds to it answers 503 STORE_FULL, what reads or frees goes on`)
    full = found
    words = detail
  }

  /** @returns the failure as it is told. */
  function heard (error: Error): Error {
    const found = fullOf(error)
    if (!found) return error
    refused++
    fills(found, error.message)
    return asProblem(error)
  }

  async function look (): Promise<void> {
    // one that cannot be reached, or must not be worked with, is no news
    const info = await redis.info('memory', 'persistence').catch(() => undefined)
    if (info === undefined) return
    const found = fullBy(info, full)
    // at the brink Redis refuses one and takes the next: that is no end
    const isQuiet = refused === atLastLook
    atLastLook = refused
    if (found) return fills(found.full, found.detail)
    if (!full || !isQuiet) return
    full = undefined
    log.info({}, 'Redis has room again')
    onRoom()
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
    /** What is full, why in words (undefined: nothing is), and how many commands Redis has refused for it. */
    state: () => ({ full, reason: full && `${sentences[full]}: ${words}`, refused }),
    start (): void {
      void look()
      timer = setInterval(() => void look(), LOOK_MS).unref()
    },
    stop (): void { clearInterval(timer) }
  }
}

/** What is full by INFO. A failed snapshot (`save`) counts only where commands were refused for it: else nobody is stopped by it. */
function fullBy (info: string, before: Full | undefined): { full: Full, detail: string } | undefined {
  const valueOf = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? ''
  const [used, max] = [Number(valueOf('used_memory')) - Number(valueOf('mem_not_counted_for_evict')), Number(valueOf('maxmemory'))]
  if (max > 0 && used > max) return { full: 'memory', detail: `${used} bytes are used of ${max}` }
  if (valueOf('aof_last_write_status') === 'err') return { full: 'disk', detail: 'its append-only file cannot be written' }
  if (before === 'disk' && valueOf('rdb_last_bgsave_status') === 'err') return { full: 'disk', detail: 'its last snapshot failed' }
  return undefined
}
