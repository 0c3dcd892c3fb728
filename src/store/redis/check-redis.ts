// Looks at a Redis before Iris trusts it: what breaks the promises is refused, what endangers them is said. docs/protocol.md section 6.
import { Problem } from '../../protocol/problem.js'
import { isUnavailable, type Redis } from './redis.js'
import { isRefusal, reasons } from './redis-errors.js'

/** The largest node size at which short streams stay small: a one-entry stream costs 1.3 KB instead of 4.3 KB. */
const STREAM_NODE_BYTES = 1024

/** What a look at a Redis finds. */
export interface Found {
  version: string
  /** When a write is on disk: before its answer, within a second, or never; `unknown` where CONFIG GET is forbidden. */
  durability: 'disk' | 'memory' | 'none' | 'unknown'
  /** A sentence for each setting that endangers the promises. */
  warnings: string[]
}

/**
 * Checks version, role and settings.
 * @param expected what IRIS_DURABILITY says of a Redis that is not Iris' own.
 *   Throws an Error of one sentence when it is older than 7.0, a cluster, or allowed to evict keys; the refusal of a
 *   database that it does not have; STORE_UNAVAILABLE when it is a replica: it may become the master.
 */
export async function checkRedis (redis: Redis, expected?: 'disk' | 'memory'): Promise<Found> {
  // where the database of IRIS_REDIS_URL is not there, the client goes on in database 0, which is somebody else's
  const db = redis.options?.db ?? 0
  if (db !== 0) await redis.select(db)
  const info = parseInfo(await redis.info())
  const version = info['redis_version'] ?? '0'
  if (Number.parseInt(version) < 7) throw new Error(`Redis ${version} is too old: 7.0 is the floor`)
  if (info['cluster_enabled'] === '1') throw new Error('This Redis is a cluster, which is not supported by this version')
  if (info['role'] === 'slave') throw new Problem('STORE_UNAVAILABLE', { detail: reasons.replica.why })
  const config = await readConfig(redis)
  const policy = info['maxmemory_policy'] ?? config['maxmemory-policy'] ?? 'noeviction'
  if (policy !== 'noeviction') {
    throw new Error(`maxmemory-policy is ${policy}: Redis may drop messages without a word. Set it to noeviction`)
  }
  const durability = durabilityOf(info, config)
  return { version, durability, warnings: [...warningsOf(info, config), ...disappointment(durability, expected)] }
}

function durabilityOf (info: Record<string, string>, { appendfsync }: Record<string, string>): Found['durability'] {
  if (info['aof_enabled'] !== '1') return 'none'
  if (appendfsync === undefined) return 'unknown'
  return appendfsync === 'always' ? 'disk' : appendfsync === 'everysec' ? 'memory' : 'none'
}

/** What is worse is said by `warningsOf`. */
function disappointment (durability: Found['durability'], expected?: 'disk' | 'memory'): string[] {
  if (expected !== 'disk' || durability !== 'memory') return []
  return ['IRIS_DURABILITY is disk, but appendfsync of this Redis is everysec: ' +
    'a crash of its machine loses the last second of what was acknowledged']
}

function warningsOf (info: Record<string, string>, config: Record<string, string>): string[] {
  const warnings: string[] = []
  if (info['aof_enabled'] !== '1') warnings.push('appendonly is off: a crash of Redis loses messages that were acknowledged')
  else if (config['appendfsync'] === 'no') warnings.push('appendfsync is no: a crash of the machine loses messages that were acknowledged')
  if (Object.keys(config).length === 0) {
    warnings.push('CONFIG GET is not allowed: appendfsync, ' +
      'stream-node-max-bytes and perhaps maxmemory-policy (noeviction is needed) are unknown')
  }
  const nodeBytes = Number(config['stream-node-max-bytes'] ?? STREAM_NODE_BYTES)
  if (nodeBytes === 0 || nodeBytes > STREAM_NODE_BYTES) {
    warnings.push(`stream-node-max-bytes is ${nodeBytes}: with ${STREAM_NODE_BYTES} the stream of a quiet user takes a third of the memory`)
  }
  return warnings
}

async function readConfig (redis: Redis): Promise<Record<string, string>> {
  try {
    const flat = await redis.config('GET', 'maxmemory-policy', 'appendfsync', 'stream-node-max-bytes')
    return Object.fromEntries(Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i] as string, flat[2 * i + 1] as string]))
  } catch (error) {
    if (isUnavailable(error) && !isRefusal(error)) throw error
    return {} // managed services often forbid CONFIG
  }
}

function parseInfo (info: string): Record<string, string> {
  const pairs = info.split('\r\n').filter(line => line.includes(':')).map(line =>
    [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)] as const)
  return Object.fromEntries(pairs)
}
