// Secrets that nobody configured: made once, kept in the data directory. docs/protocol.md section 10.
import { randomBytes } from 'node:crypto'
import { link, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from './config.js'
import { isLoopback } from './protocol/loopback.js'
import { makeDirectory, sayWhy } from './store/embedded/directory.js'

export interface Secrets { tokenSecret: string, serverKey: string }

/**
 * Completes the configuration on a loopback address: a token secret and a server key that are not configured are made once,
 * and kept in `secrets.json` of the data directory (mode 600). Two starts at once agree on one file.
 * Throws an Error of one sentence when the directory or the file cannot be used.
 */
export async function loadOrMakeSecrets (config: Config): Promise<Config> {
  const { dataDir, host, tokenSecret, serverKeys } = config
  const missing = missingSecrets(config)
  if (!isLoopback(host) || missing.length === 0) return config
  const made = await readOrMake(dataDir)
  return {
    ...config,
    tokenSecret: missing.includes('IRIS_TOKEN_SECRET') ? made.tokenSecret : tokenSecret,
    serverKeys: missing.includes('IRIS_SERVER_KEY') ? [made.serverKey] : serverKeys
  }
}

/** @returns the variables of the secrets that are not configured, and are made at the start on a loopback address. */
export function missingSecrets ({ tokenSecret, tokenPublicKey, tokenJwks, serverKeys }: Config): string[] {
  return [
    ...(tokenSecret ?? tokenPublicKey ?? tokenJwks) === undefined ? ['IRIS_TOKEN_SECRET'] : [],
    ...serverKeys.length === 0 ? ['IRIS_SERVER_KEY'] : []
  ]
}

/** Where the secrets are that Iris made. */
export const secretsFile = (dataDir: string) => join(dataDir, 'secrets.json')

/** @returns the secrets that Iris made in a data directory; undefined where there are none that can be read. */
export const readSecrets = async (dataDir: string): Promise<Secrets | undefined> =>
  parse(await readFile(secretsFile(dataDir), 'utf8').catch(() => ''))

async function readOrMake (dataDir: string): Promise<Secrets> {
  await makeDirectory(dataDir)
  const file = secretsFile(dataDir)
  await make(file).catch((error: unknown) => { throw sayWhy(`IRIS_DATA_DIR: ${file} cannot be written`, error) })
  const text = await readFile(file, 'utf8').catch((error: unknown) => { throw sayWhy(`IRIS_DATA_DIR: ${file} cannot be read`, error) })
  const secrets = parse(text)
  if (!secrets) {
    throw new Error(`IRIS_DATA_DIR: ${file} does not hold the secrets that Iris made: mend it, or remove it and have new ones made`)
  }
  return secrets
}

/** Another start may be faster, or an earlier one have made it: then that file counts. */
async function make (file: string): Promise<void> {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
  const secrets: Secrets = { tokenSecret: randomBytes(32).toString('base64url'), serverKey: randomBytes(24).toString('base64url') }
  await writeFile(draft, JSON.stringify(secrets, null, 2) + '\n', { mode: 0o600 })
  try {
    await link(draft, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await rm(draft)
  }
}

function parse (text: string): Secrets | undefined {
  try {
    const { tokenSecret, serverKey } = JSON.parse(text) as Partial<Secrets>
    return typeof tokenSecret === 'string' && tokenSecret.length >= 32 && typeof serverKey === 'string' && serverKey.length >= 16
      ? {
          tokenSecret,
          serverKey
        }
      : undefined
  } catch {
    return undefined
  }
}
