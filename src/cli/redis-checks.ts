// What the doctor looks at in the Redis of a gateway: by the eyes of the start, and beside them.
import { stat } from 'node:fs/promises'
import type { Config } from '../config.js'
import { socketOf } from '../store/embedded/embedded.js'
import { redisProgram } from '../store/embedded/redis-program.js'
import { checkRedis, type Found } from '../store/redis/check-redis.js'
import { createClock } from '../store/redis/clock.js'
import { diskOf, heldOn } from '../store/redis/disk.js'
import { createRedis, type Redis } from '../store/redis/redis.js'
import { reasonOf } from '../store/redis/redis-errors.js'
import { memoryIn } from '../store/redis/room.js'
import { failed, type Finding, type Findings, ok, warn } from './finding.js'

const CONNECT_MS = 5_000
/** Clocks that are further apart say of tokens that they are not valid yet, or still are. */
const APART_MS = 1_000
/** The part of `maxmemory` from which on it should be raised. */
const FULL = 0.8
const MIB = 1_048_576

type Facts = Pick<Config, 'redisUrl' | 'dataDir' | 'durability'>

/** @returns what is found of the Redis that a configuration names, or of the private one. */
export async function * checksOfRedis (config: Facts): Findings {
  if (config.redisUrl !== undefined) return yield * lookAt(config.redisUrl, config.durability)
  yield program()
  const { dataDir } = config
  const place = await lookFor(dataDir)
  if (place === 'hidden') return yield hidden('data directory')
  if (place === 'file') return yield failed('data directory', `${dataDir} is no directory`, 'Set IRIS_DATA_DIR to one')
  if (place === 'absent') return yield ok('data directory', `${dataDir} is made at the start`)
  yield await disk(dataDir)
  const socket = socketOf(dataDir)
  const door = socket === undefined ? 'absent' : await lookFor(socket)
  if (socket === undefined || door === 'absent') return yield ok('Redis', 'the private one is started with the gateway')
  if (door === 'hidden') return yield hidden('Redis')
  yield * lookAt(socket, config.durability)
}

const hidden = (of: string): Finding => warn(of, 'this user may not read its directory', 'Run the doctor as the user of the gateway')

/** @returns what is at a path; `hidden`: this user may not know. */
async function lookFor (path: string): Promise<'directory' | 'file' | 'absent' | 'hidden'> {
  try {
    return (await stat(path)).isDirectory() ? 'directory' : 'file'
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    return code === 'ENOENT' ? 'absent' : code === 'ENOTDIR' ? 'file' : 'hidden'
  }
}

function program (): Finding {
  try {
    return ok('redis-server', `${redisProgram()} is installed`)
  } catch (error) {
    const [found = '', remedy = ''] = (error as Error).message.split(/: (.*)/)
    return failed('redis-server', found, remedy)
  }
}

async function disk (dataDir: string): Promise<Finding> {
  const space = await diskOf(dataDir)
  const found = `${Math.floor(space.free / MIB)} MiB are free of ${Math.floor(space.size / MIB)} for ${dataDir}`
  return heldOn(space) ? failed('disk', found, 'Make room: nothing new is stored until then') : ok('disk', found)
}

async function * lookAt (address: string, expected: Config['durability']): Findings {
  const redis = createRedis(address, { lazyConnect: true })
  try {
    await connect(redis)
    yield * settings(await checkRedis(redis, expected))
    yield memory(await redis.info('memory'))
    yield clock(await aheadMs(redis))
  } catch (error) {
    const { why } = reasonOf(error)
    yield failed('Redis', why, remedyOf(why))
  } finally {
    redis.disconnect()
  }
}

/** The first that fits. */
const remedies: [pattern: RegExp, remedy: string][] = [
  [/NOAUTH|invalid password/, 'Set IRIS_REDIS_URL with its password: redis://:password@host:6379'],
  [/WRONGPASS/, 'See the user and the password in IRIS_REDIS_URL'],
  [/NOPERM/, 'Let this user do what Iris does (ACL: ~* &* +@all), or name another in IRIS_REDIS_URL'],
  [/DB index/, 'Name a database in IRIS_REDIS_URL that is there'],
  [/nothing listens|resolved|no way to|does not answer/, 'Start it, or see the address in IRIS_REDIS_URL and what is on the way'],
  [/TLS|not a Redis/, 'See whether IRIS_REDIS_URL must begin with redis:// or rediss://, and its port'],
  [/replica/, 'Name its master in IRIS_REDIS_URL'],
  [/noeviction/, 'CONFIG SET maxmemory-policy noeviction, and the same in redis.conf']
]

const remedyOf = (why: string) => remedies.find(([pattern]) => pattern.test(why))?.[1] ?? 'The gateway cannot work until this is mended'

/** Resolves when it may be asked. Throws the first thing that is wrong. */
async function connect (redis: Redis): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    redis.on('ready', resolve).on('error', reject)
    redis.connect().catch(() => undefined) // said by its event
    setTimeout(reject, CONNECT_MS, new Error('timed out')).unref()
  })
}

function * settings ({ version, durability, warnings }: Found): Generator<Finding, void, void> {
  yield ok('Redis', version)
  for (const warning of warnings) {
    const where = /^CONFIG GET/.test(warning) ? 'See where the service is configured' : 'See redis.conf, or CONFIG SET'
    yield warn('Redis settings', warning, where)
  }
  if (durability === 'disk') yield ok('persistence', 'what is answered is on disk')
  else if (durability === 'memory' && warnings.every(warning => !warning.includes('appendfsync'))) {
    yield ok('persistence', 'what is answered is on disk within a second, as IRIS_DURABILITY says')
  }
}

/** A policy that may drop keys was refused before. */
function memory (info: string): Finding {
  const { used, max } = memoryIn(info)
  const found = `${Math.ceil(used / MIB)} MiB are used`
  if (max === 0) return ok('memory', `${found}, without a bound (maxmemory 0), and nothing is evicted`)
  const bounded = `${found} of ${Math.ceil(max / MIB)}, and nothing is evicted`
  return used > FULL * max ? warn('memory', bounded, 'Raise maxmemory: what adds is refused when it is full') : ok('memory', bounded)
}

async function aheadMs (redis: Redis): Promise<number> {
  const theirs = createClock(redis)
  await theirs.adjust()
  return theirs.now() - Date.now()
}

/** @param ahead how far Redis is ahead of this machine, ms. */
export function clock (ahead: number): Finding {
  const found = `Redis is ${Math.abs(ahead)} ms ${ahead < 0 ? 'behind' : 'ahead of'} this machine`
  return Math.abs(ahead) < APART_MS ? ok('clock', found) : warn('clock', found, 'Let NTP set both: tokens are good by the clock of Redis')
}
