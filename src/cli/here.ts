// What the doctor looks at on the machine of a gateway: configuration, limits, Redis, the gateway itself.
import { readFile } from 'node:fs/promises'
import type { Config } from '../config.js'
import { missingSecrets, secretsFile } from '../secrets.js'
import { failed, type Finding, type Findings, ok, warn } from './finding.js'
import { addressOf, configOf } from './gateway.js'
import { askHealth } from './health.js'
import { checksOfRedis } from './redis-checks.js'
import type { Refusal } from './refusal.js'
import { whyOf } from './why.js'

/** So many connections a process should be able to hold: a stream takes a file each. */
const FILES = 16_384
/** So many should wait to be accepted when a crowd comes back at once. */
const BACKLOG = 1_024
const ASK_MS = 5_000

/** @returns what is found, one after the other. */
export async function * checksHere (env: NodeJS.ProcessEnv): Findings {
  yield ok('Node', process.versions.node)
  yield files(openFiles())
  yield * backlog(await readFile('/proc/sys/net/core/somaxconn', 'utf8').catch(() => ''))
  const config = readConfig(env)
  if ('verdict' in config) return yield config
  yield secrets(config)
  yield * checksOfRedis(config)
  yield await gateway(addressOf(config))
}

function readConfig (env: NodeJS.ProcessEnv): Config | Finding {
  try {
    return configOf(env)
  } catch (error) {
    return failed('configuration', (error as Refusal).message, 'See iris-gateway start --help')
  }
}

/** Node raises the soft limit to the hard one at its start. */
function openFiles (): number {
  // else it looks up names of addresses
  const report = Object.assign(process.report, { excludeNetwork: true }).getReport()
  const { userLimits } = report as unknown as { userLimits?: { open_files?: { soft?: number | string } } }
  const soft = userLimits?.open_files?.soft
  return soft === 'unlimited' ? Infinity : Number(soft ?? NaN)
}

/** @param most files that a process may have open. */
export function files (most: number): Finding {
  const remedy = `Each connection takes one: raise it to ${FILES} or more (ulimit -n, LimitNOFILE= of systemd)`
  if (Number.isNaN(most)) return warn('open files', 'the limit is not known', remedy)
  return most >= FILES ? ok('open files', `${most} may be open`) : warn('open files', `only ${most} may be open`, remedy)
}

function * backlog (text: string): Generator<Finding, void, void> {
  const most = Number(text)
  if (text === '') return // another system
  if (most >= BACKLOG) return yield ok('backlog', `${most} connections may wait to be accepted`)
  yield warn('backlog', `only ${most} connections may wait to be accepted`, 'sysctl -w net.core.somaxconn=4096')
}

function secrets (config: Config): Finding {
  const missing = missingSecrets(config)
  if (missing.length === 0) return ok('secrets', 'set')
  return warn('secrets', `${missing.join(' and ')} made up at the start, in ${secretsFile(config.dataDir)}`,
    'Set your own before others may come')
}

/** @returns whether a gateway runs there, and may be given work. */
async function gateway (address: string): Promise<Finding> {
  try {
    const { response, isIris, isOk, why } = await askHealth(address, '/readyz', ASK_MS)
    if (isOk) return ok('gateway', `ready at ${address}`)
    if (isIris) return failed('gateway', `not ready at ${address}: ${why}`, 'Its log says more')
    return failed('gateway', `what answers at ${address} is no Iris (${response.status})`, 'End that, or set another IRIS_PORT')
  } catch (error) {
    return warn('gateway', `none answers at ${address} (${whyOf(error)})`, 'iris-gateway starts one')
  }
}
