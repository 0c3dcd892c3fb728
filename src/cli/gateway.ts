// The gateway that is meant: where it is, and by which key its server API is called.
import { type Config, loadConfig } from '../config.js'
import { isLoopback } from '../protocol/loopback.js'
import { readSecrets, secretsFile } from '../secrets.js'
import { quoted } from '../spelling.js'
import { Misuse, Refusal } from './refusal.js'

/** Reads the configuration of the environment. Throws a Refusal that names what is wrong in it. */
export function configOf (env: NodeJS.ProcessEnv): Config {
  try {
    return loadConfig(env)
  } catch (error) {
    throw new Refusal((error as Error).message)
  }
}

/** @returns where a gateway of this configuration is reached on this machine. */
export function addressOf ({ host, port }: Pick<Config, 'host' | 'port'>): string {
  const near = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${near.includes(':') ? `[${near}]` : near}:${port}`
}

/** @returns an address that was given, checked, without a slash at its end. Throws a Misuse. */
export function checkUrl (text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.search + url.hash + url.username !== '') {
    throw new Misuse(`--url must be http(s)://host[:port] without a path, not ${quoted(text)}.`)
  }
  return url.origin
}

/** What its server API is called by. */
interface Gateway {
  url: string
  /** Of its server API. */
  key: string | undefined
  /** Where that stands, when Iris made it. */
  keyFile?: string
}

/**
 * @param given its address; then of this environment the key alone counts, else the address and the key: the rest may be another's.
 * @returns the gateway that is meant, with the key of the environment, or the one that Iris made in its data directory: that of a
 *   directory which nobody has named is sent to addresses of this machine only. Throws a Refusal.
 */
export async function gatewayOf (given: string | undefined, env: NodeJS.ProcessEnv): Promise<Gateway> {
  const { serverKeys: [first], dataDir, host, port } = configOf(only(given === undefined ? ['IRIS_PORT', ...ofKey] : ofKey, env))
  const url = given === undefined ? addressOf({ host: env['IRIS_HOST'] || host, port }) : checkUrl(given)
  const isMeant = given === undefined || Boolean(env['IRIS_DATA_DIR']) || isNear(url)
  const made = first === undefined && isMeant ? await readSecrets(dataDir) : undefined
  return made ? { url, key: made.serverKey, keyFile: secretsFile(dataDir) } : { url, key: first }
}

/** Where the key is said. The host is not judged beside it: which keys a gateway needs that listens there is not asked here. */
const ofKey = ['IRIS_SERVER_KEY', 'IRIS_DATA_DIR']
const only = (names: string[], env: NodeJS.ProcessEnv) => Object.fromEntries(Object.entries(env).filter(([name]) => names.includes(name)))

/** @returns whether an address is this machine's own. */
export const isNear = (url: string): boolean => isLoopback(new URL(url).hostname.replace(/^\[|\]$/g, ''))
