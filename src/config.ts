// The configuration: one table of names, types, defaults and sentences; README's table is generated from it.
import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { envSchema } from 'env-schema'
import { type LoginPolicy, loginPolicies } from './protocol/login.js'
import { type Limits, limitTable, limitVariable, type LimitName } from './protocol/limits.js'

interface Variable { type: 'string' | 'integer', default?: string | number, sentence: string, values?: readonly string[], minimum?: number, maximum?: number }

/** Every variable but the limits. */
const variables = {
  IRIS_HOST: { type: 'string', default: '127.0.0.1', sentence: 'Address to listen on. Not a loopback one: a token secret (or public key, or JWKS) and a server key must be set.' },
  IRIS_PORT: { type: 'integer', default: 4747, minimum: 0, maximum: 65_535, sentence: 'Port to listen on.' },
  IRIS_REDIS_URL: { type: 'string', sentence: '`redis://` or `rediss://`. Unset: a private redis-server in the data directory.' },
  IRIS_DATA_DIR: { type: 'string', default: '.iris', sentence: 'Where the private redis-server and the secrets that Iris made are kept.' },
  IRIS_TOKEN_SECRET: { type: 'string', sentence: 'Secret of HS256 tokens, at least 32 bytes. One of this, a public key and a JWKS.' },
  IRIS_TOKEN_PUBLIC_KEY: { type: 'string', sentence: 'Public key (PEM, SPKI) of tokens that your service signs: RS256, PS256, ES256, ES384 or EdDSA by its kind.' },
  IRIS_TOKEN_JWKS: { type: 'string', sentence: 'URL of the key set (https, or http on loopback) of tokens that your service signs.' },
  IRIS_TOKEN_ISSUER: { type: 'string', sentence: 'Required `iss` of tokens.' },
  IRIS_TOKEN_AUDIENCE: { type: 'string', sentence: 'Required `aud` of tokens.' },
  IRIS_SERVER_KEY: { type: 'string', sentence: 'Keys of the server API, separated by commas: several are valid during a rotation. At least 16 characters each.' },
  IRIS_ALLOWED_ORIGINS: { type: 'string', default: '', sentence: 'Origins of browsers that may call from elsewhere (CORS), separated by commas, compared exactly.' },
  IRIS_LOGIN_POLICY: { type: 'string', default: 'multi', values: loginPolicies, sentence: 'Terminals of a user that may be connected: all, one of each platform, or one. A newer login replaces an older one: `IRIS.BYE` 4302.' },
  IRIS_TRUST_PROXY: { type: 'string', default: '', sentence: 'Addresses (or networks, as `10.0.0.0/8`) of proxies whose `X-Forwarded-For` is believed, separated by commas.' },
  IRIS_DRAIN_SEC: { type: 'integer', default: 10, minimum: 0, maximum: 3_600, sentence: 'Seconds over which the streams end after SIGTERM, in waves; `/readyz` is 503 from its beginning. SIGINT, or a second signal, ends at once.' },
  IRIS_METRICS: { type: 'string', values: ['open', 'key', 'off'], sentence: 'Who may read `GET /metrics`: anybody, who has a server key, nobody. Unset: `key`; `open` while Iris runs with secrets it made itself.' },
  IRIS_NODE_ID: { type: 'string', sentence: 'Name of this node; made at each start when unset.' },
  IRIS_DURABILITY: { type: 'string', default: 'disk', values: ['memory', 'disk'], sentence: '`disk`: nothing is answered or shown before it is on disk. `memory`: written every second. For the private redis-server; yours has its own setting.' },
  IRIS_LOG_LEVEL: { type: 'string', default: 'info', values: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], sentence: 'Least severe level that is logged.' }
} as const satisfies Record<string, Variable>

/** Variables that scripts and tests read; they configure nothing here. */
const foreign = ['IRIS_CHROMIUM', 'IRIS_SCREENSHOTS']

/** The whole table, limits included, for documents. */
export const configTable: { name: string, type: string, default: string | number | undefined, sentence: string }[] = [
  ...Object.entries<Variable>(variables).map(([name, { type, values, default: preset, sentence }]) => ({ name, type: values?.join(' \\| ') ?? type, default: preset, sentence })),
  ...Object.entries(limitTable).map(([name, limit]) => ({ name: limitVariable(name as LimitName), type: 'integer', default: limit.default, sentence: limit.sentence }))
]

export interface Config {
  host: string
  port: number
  redisUrl: string | undefined
  dataDir: string
  tokenSecret: string | undefined
  tokenPublicKey: string | undefined
  tokenJwks: string | undefined
  tokenIssuer: string | undefined
  tokenAudience: string | undefined
  serverKeys: string[]
  allowedOrigins: string[]
  loginPolicy: LoginPolicy
  trustProxy: string[]
  drainSec: number
  metrics: 'open' | 'key' | 'off' | undefined
  nodeId: string
  durability: 'memory' | 'disk'
  logLevel: string
  limits: Limits
  /** The demo page and its two users are offered. */
  demo: boolean
}

/** Addresses that only this machine reaches. */
const isLoopback = (host: string) => host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)

/**
 * Reads the configuration.
 * @returns it, checked; secrets that may be made are still missing (see `loadOrMakeSecrets`).
 * Throws an Error of one sentence that names the variable and the rule, never its value.
 */
export function loadConfig (env: NodeJS.ProcessEnv): Config {
  const values = parse(env)
  const text = (name: string) => values[name] === undefined || values[name] === '' ? undefined : String(values[name])
  const list = (name: string) => (text(name) ?? '').split(',').map(item => item.trim()).filter(item => item !== '')
  const config: Config = {
    host: String(values['IRIS_HOST']),
    port: Number(values['IRIS_PORT']),
    redisUrl: text('IRIS_REDIS_URL'),
    dataDir: String(values['IRIS_DATA_DIR']),
    tokenSecret: text('IRIS_TOKEN_SECRET'),
    tokenPublicKey: text('IRIS_TOKEN_PUBLIC_KEY'),
    tokenJwks: text('IRIS_TOKEN_JWKS'),
    tokenIssuer: text('IRIS_TOKEN_ISSUER'),
    tokenAudience: text('IRIS_TOKEN_AUDIENCE'),
    serverKeys: list('IRIS_SERVER_KEY'),
    allowedOrigins: list('IRIS_ALLOWED_ORIGINS'),
    loginPolicy: values['IRIS_LOGIN_POLICY'] as LoginPolicy,
    trustProxy: list('IRIS_TRUST_PROXY'),
    drainSec: Number(values['IRIS_DRAIN_SEC']),
    metrics: text('IRIS_METRICS') as Config['metrics'],
    nodeId: text('IRIS_NODE_ID') ?? `${hostname().replace(/[^A-Za-z0-9_-]/g, '-').slice(0, 40)}-${randomBytes(4).toString('hex')}`,
    durability: values['IRIS_DURABILITY'] as Config['durability'],
    logLevel: String(values['IRIS_LOG_LEVEL']),
    limits: Object.fromEntries(Object.keys(limitTable).map(name => [name, Number(values[limitVariable(name as LimitName)])])) as Limits,
    demo: false
  }
  check(config)
  return config
}

function parse (env: NodeJS.ProcessEnv): Record<string, string | number> {
  const limits = Object.entries(limitTable).map(([name, limit]) => [limitVariable(name as LimitName), { type: 'integer', default: limit.default, minimum: (limit as { minimum?: number }).minimum ?? 1, maximum: 2_000_000_000 }] as const)
  const properties = Object.fromEntries([
    ...Object.entries<Variable>(variables).map(([name, { type, default: preset, values, minimum, maximum }]) => [name, { type, ...(preset !== undefined && { default: preset }), ...(values && { enum: values }), ...(minimum !== undefined && { minimum, maximum }) }]),
    ...limits
  ]) as Record<string, object>
  const unknown = Object.keys(env).find(name => name.startsWith('IRIS_') && !(name in properties) && !foreign.includes(name))
  if (unknown !== undefined) throw new Error(`${unknown} is not a variable of Iris: see the configuration table of the README`)
  try {
    return envSchema<Record<string, string | number>>({ schema: { type: 'object', properties }, data: env as Record<string, unknown>, dotenv: false, env: false })
  } catch (error) {
    throw new Error((error as Error).message.replaceAll('env/', '').replace('must be equal to one of the allowed values', 'has a value that is not allowed'))
  }
}

function check ({ host, redisUrl, tokenSecret, tokenPublicKey, tokenJwks, serverKeys, trustProxy, nodeId, limits }: Config): void {
  const refuse = (rule: boolean, sentence: string) => { if (rule) throw new Error(sentence) }
  const keys = [tokenSecret, tokenPublicKey, tokenJwks].filter(key => key !== undefined)
  refuse(keys.length > 1, 'IRIS_TOKEN_SECRET, IRIS_TOKEN_PUBLIC_KEY and IRIS_TOKEN_JWKS exclude each other: set one')
  refuse(tokenSecret !== undefined && Buffer.byteLength(tokenSecret) < 32, 'IRIS_TOKEN_SECRET must have at least 32 bytes')
  refuse(tokenJwks !== undefined && !isSafeUrl(tokenJwks), 'IRIS_TOKEN_JWKS must be an https URL (http only on loopback)')
  refuse(serverKeys.some(key => key.length < 16), 'IRIS_SERVER_KEY: each key must have at least 16 characters')
  refuse(!isLoopback(host) && (keys.length === 0 || serverKeys.length === 0), 'IRIS_HOST is not a loopback address: IRIS_SERVER_KEY and one of IRIS_TOKEN_SECRET, IRIS_TOKEN_PUBLIC_KEY and IRIS_TOKEN_JWKS must be set')
  refuse(redisUrl !== undefined && /^redis\+(cluster|sentinel):/.test(redisUrl), 'IRIS_REDIS_URL: Redis Cluster and Sentinel are not supported by this version')
  refuse(redisUrl !== undefined && !/^rediss?:\/\/./.test(redisUrl), 'IRIS_REDIS_URL must begin with redis:// or rediss://')
  refuse(!trustProxy.every(isNetwork), 'IRIS_TRUST_PROXY must be IP addresses or networks, separated by commas')
  refuse(!/^[A-Za-z0-9_-]{1,64}$/.test(nodeId), 'IRIS_NODE_ID must match ^[A-Za-z0-9_-]{1,64}$')
  refuse(limits.logMessages < limits.downEntries, 'IRIS_LIMIT_LOG_MESSAGES must be at least IRIS_LIMIT_DOWN_ENTRIES: a stream refers to messages that the log must still have')
}

function isNetwork (text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/')
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
  return most > 0 && rest.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most))
}

function isSafeUrl (url: string): boolean {
  try {
    const { protocol, hostname: host } = new URL(url)
    return protocol === 'https:' || (protocol === 'http:' && isLoopback(host.replace(/^\[|\]$/g, '')))
  } catch {
    return false
  }
}

/**
 * Completes the configuration on a loopback address: a token secret and a server key that are not configured are made once,
 * kept in `secrets.json` of the data directory (mode 600), and the demo page is offered. Two starts at once agree on one file.
 */
export async function loadOrMakeSecrets (config: Config): Promise<Config> {
  const { dataDir, host, tokenSecret, tokenPublicKey, tokenJwks, serverKeys } = config
  const hasTokens = (tokenSecret ?? tokenPublicKey ?? tokenJwks) !== undefined
  if (!isLoopback(host) || (hasTokens && serverKeys.length > 0)) return config
  const made = await readOrMake(dataDir)
  return {
    ...config,
    tokenSecret: hasTokens ? tokenSecret : made.tokenSecret,
    serverKeys: serverKeys.length > 0 ? serverKeys : [made.serverKey],
    demo: tokenPublicKey === undefined && tokenJwks === undefined
  }
}

async function readOrMake (dataDir: string): Promise<{ tokenSecret: string, serverKey: string }> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const file = join(dataDir, 'secrets.json')
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
  await writeFile(draft, JSON.stringify({ tokenSecret: randomBytes(32).toString('base64url'), serverKey: randomBytes(24).toString('base64url') }, null, 2) + '\n', { mode: 0o600 })
  try {
    await link(draft, file) // fails when the file is there: then that one counts
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await rm(draft)
  }
  return JSON.parse(await readFile(file, 'utf8')) as { tokenSecret: string, serverKey: string }
}
