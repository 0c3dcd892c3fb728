// What a person reads at a terminal when Iris has started: where everything is, and what is not ready for others yet.
import type { Config } from './config.js'
import { version as own } from './documents/version.js'
import { isLoopback } from './protocol/loopback.js'
import { secretsFile } from './secrets.js'
import type { Found } from './store/redis/check-redis.js'

interface Facts {
  address: string
  config: Pick<Config, 'demo' | 'whyNoDemo' | 'dataDir' | 'host' | 'redisUrl' | 'durability'>
  /** The variables of the secrets that were made, since nobody has set them. */
  made: readonly string[]
  /** What was found of Redis; `reason`: why it cannot be worked with. */
  version: string | undefined
  durability: Found['durability'] | undefined
  reason: string | undefined
}

const durabilities: Record<Found['durability'], string> = {
  disk: 'on disk before it is answered',
  memory: 'on disk within a second',
  none: 'not on disk',
  unknown: 'whether it is on disk is not known'
}

/** @returns the banner, with a line break at its end. */
export function bannerOf (facts: Facts): string {
  const { address, config: { demo, whyNoDemo, dataDir }, made } = facts
  const rows = [
    ['address', address],
    ['demo page', demo ? `${address}/ (for this machine's own browser)` : `none: ${whyNoDemo}`],
    ['documents', `${address}/docs`],
    ['Redis', redisOf(facts)],
    ...made.length > 0 ? [['keys', `made up, in ${secretsFile(dataDir)}`]] : []
  ]
  const open = openEnds(facts)
  return [
    '', `Iris ${own} listens.`, '',
    ...rows.map(([name = '', value]) => `  ${name.padEnd(11)}${value}`), '',
    ...open.length > 0 ? ['Before others may come:', ...open.map(each => `  - ${each}`), ''] : [],
    'Ctrl-C ends it. iris-gateway --help tells what else there is.', '', ''
  ].join('\n')
}

/** @returns the same for who reads the log: where pages and keys are, in one line. */
export function placesOf ({ address, config: { demo, whyNoDemo, dataDir }, made }: Pick<Facts, 'address' | 'config' | 'made'>): string {
  return [
    demo ? `Demo page: ${address}/` : `No demo page: ${whyNoDemo}`,
    `Documents: ${address}/docs`,
    ...made.length > 0 ? [`Keys: ${secretsFile(dataDir)}`] : []
  ].join('  ')
}

function redisOf ({ config: { redisUrl, dataDir }, version, durability, reason }: Facts): string {
  const whose = redisUrl === undefined ? `private, in ${dataDir}` : 'as IRIS_REDIS_URL says'
  if (reason !== undefined) return `${whose}; not there yet: ${reason}`
  return [version, whose, durability && durabilities[durability]].filter(Boolean).join(', ')
}

/** What is not secure, or not safe, yet. */
function openEnds ({ config: { host, redisUrl, demo, durability }, made, durability: found }: Facts): string[] {
  return [
    ...made.length > 0 ? [`${made.join(' and ')} ${made.length > 1 ? 'are' : 'is'} made up: set your own`] : [],
    ...demo ? ['the demo page makes its visitor Alice or Bob: it goes when keys are set'] : [],
    isLoopback(host)
      ? 'it listens for this machine only, in plain HTTP: put a proxy with TLS in front (docs/deploy.md)'
      : 'it speaks plain HTTP: TLS ends in a proxy in front of it (docs/deploy.md)',
    ...redisUrl !== undefined && durability === 'disk' && found !== undefined && found !== 'disk'
      ? ['IRIS_DURABILITY is disk, and this Redis does not keep it: iris-gateway doctor tells what to set']
      : []
  ]
}
