// Looks at a Redis before Iris trusts it: what breaks the promises is refused, what endangers them is said. PROTOCOL.md section 6.
import { isUnavailable, type Redis } from './redis.js'

/** The largest node size at which short streams stay small: a one-entry stream costs 1.3 KB instead of 4.3 KB. */
const STREAM_NODE_BYTES = 1024

/**
 * Checks version and settings.
 * @returns the version, and a sentence for each setting that endangers the promises.
 *   Throws an Error of one sentence when it is older than 7.0, a cluster, or allowed to evict keys.
 */
export async function checkRedis (redis: Redis): Promise<{ version: string, warnings: string[] }> {
  const info = parseInfo(await redis.info())
  const version = info['redis_version'] ?? '0'
  if (Number.parseInt(version) < 7) throw new Error(`Redis ${version} is too old: 7.0 is the floor`)
  if (info['cluster_enabled'] === '1') throw new Error('this Redis is a cluster, which is not supported by this version')
  const config = await readConfig(redis)
  const policy = info['maxmemory_policy'] ?? config['maxmemory-policy'] ?? 'noeviction'
  if (policy !== 'noeviction') throw new Error(`maxmemory-policy is ${policy}: Redis may drop messages without a word. Set it to noeviction`)
  return { version, warnings: warningsOf(info, config) }
}

function warningsOf (info: Record<string, string>, config: Record<string, string>): string[] {
  const warnings: string[] = []
  if (info['aof_enabled'] !== '1') warnings.push('appendonly is off: a crash of Redis loses messages that were acknowledged')
  else if (config['appendfsync'] === 'no') warnings.push('appendfsync is no: a crash of the machine loses messages that were acknowledged')
  if (Object.keys(config).length === 0) warnings.push('CONFIG GET is not allowed: appendfsync, stream-node-max-bytes and perhaps maxmemory-policy (noeviction is needed) are unknown')
  const nodeBytes = Number(config['stream-node-max-bytes'] ?? STREAM_NODE_BYTES)
  if (nodeBytes === 0 || nodeBytes > STREAM_NODE_BYTES) warnings.push(`stream-node-max-bytes is ${nodeBytes}: with ${STREAM_NODE_BYTES} the stream of a quiet user takes a third of the memory`)
  return warnings
}

async function readConfig (redis: Redis): Promise<Record<string, string>> {
  try {
    const flat = await redis.config('GET', 'maxmemory-policy', 'appendfsync', 'stream-node-max-bytes')
    return Object.fromEntries(Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i] as string, flat[2 * i + 1] as string]))
  } catch (error) {
    if (isUnavailable(error)) throw error
    return {} // managed services often forbid CONFIG
  }
}

function parseInfo (info: string): Record<string, string> {
  const pairs = info.split('\r\n').filter(line => line.includes(':')).map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)] as const)
  return Object.fromEntries(pairs)
}
