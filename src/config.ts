// Reads the configuration from the environment, and refuses what it does not understand: all faults in one message.
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { isNetwork, isRedisUrl, isSafeUrl } from './config-forms.js'
import { hookRules, readHooks } from './config-hooks.js'
import { foreign, itemsOf, ruleOf, type Variable, variables } from './config-table.js'
import type { DirectPolicy } from './protocol/direct.js'
import type { LoginPolicy } from './protocol/login.js'
import { isLoopback } from './protocol/loopback.js'
import { type Limits, limitTable, limitVariable, type LimitName } from './protocol/limits.js'
import { originOf } from './protocol/origin.js'
import { type EventKind, kindsIn } from './protocol/server-events.js'
import { readWebhooks, type Rule, webhookRules } from './config-webhooks.js'
import { nearest, quoted } from './spelling.js'
import type { HookConfig } from './webhooks/hooks.js'
import type { WebhookConfig } from './webhooks/webhooks.js'

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
  direct: DirectPolicy
  trustProxy: string[]
  drainSec: number
  metrics: 'open' | 'key' | 'off' | undefined
  nodeId: string
  durability: 'memory' | 'disk'
  /** The kinds of events that are written. */
  events: EventKind[]
  logLevel: string
  webhooks: Omit<WebhookConfig, 'sealers'>
  hooks: HookConfig
  limits: Limits
  /**
   * Nothing is configured that says who may come or where the data is:
   * the demo page and its two users are offered to this machine's own browser.
   */
  demo: boolean
  /** Why it is not offered; no full stop. */
  whyNoDemo?: string
}

/**
 * Reads the configuration; an empty value counts as unset.
 * @returns it, checked; secrets that may be made are still missing (see `loadOrMakeSecrets`).
 *   Throws an Error of one line that names every variable that is wrong, its value (never a secret's) and the rule.
 */
export function loadConfig (env: NodeJS.ProcessEnv): Config {
  const given = Object.entries(env).filter(([name, value]) => name.startsWith('IRIS_') && value !== '' && !foreign.includes(name))
  const values = parse(given as [string, string][])
  const text = (name: string) => values[name] === undefined || values[name] === '' ? undefined : String(values[name])
  const list = (name: string) => itemsOf(text(name) ?? '')
  const whyNoDemo = noDemo(String(values['IRIS_HOST']), given.map(([name]) => name))
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
    allowedOrigins: list('IRIS_ALLOWED_ORIGINS').map(origin => originOf(origin) ?? origin),
    loginPolicy: values['IRIS_LOGIN_POLICY'] as LoginPolicy,
    direct: values['IRIS_DIRECT'] as DirectPolicy,
    trustProxy: list('IRIS_TRUST_PROXY'),
    drainSec: Number(values['IRIS_DRAIN_SEC']),
    metrics: text('IRIS_METRICS') as Config['metrics'],
    nodeId: text('IRIS_NODE_ID') ?? `${hostname().replace(/[^A-Za-z0-9_-]/g, '-').slice(0, 40)}-${randomBytes(4).toString('hex')}`,
    durability: values['IRIS_DURABILITY'] as Config['durability'],
    events: kindsIn(list('IRIS_EVENTS')).kinds,
    logLevel: String(values['IRIS_LOG_LEVEL']),
    webhooks: readWebhooks(text, list),
    hooks: readHooks(text, list),
    limits: Object.fromEntries(Object.keys(limitTable).map(name => [name, Number(values[limitVariable(name as LimitName)])])) as Limits,
    demo: whyNoDemo === undefined,
    ...(whyNoDemo !== undefined && { whyNoDemo })
  }
  check(config, [...webhookRules(config, list('IRIS_WEBHOOK_ALLOW')), ...hookRules(config)])
  return config
}

/** @param given the names of what is set. @returns why the demo page is not offered; undefined where it is. */
function noDemo (host: string, given: string[]): string | undefined {
  const telling = given.filter(name => !variables.get(name)?.demo)
  const reasons = [
    ...isLoopback(host) ? [] : ['IRIS_HOST is not a loopback address'],
    ...telling.length > 0 ? [`${new Intl.ListFormat('en').format(telling)} ${telling.length > 1 ? 'are' : 'is'} set`] : []
  ]
  return reasons.length > 0 ? reasons.join('; ') : undefined
}

/** @param given what is set, each by its name. */
function parse (given: [name: string, value: string][]): Record<string, string | number> {
  const faults = given.flatMap(([name, value]) => faultOf(name, value) ?? [])
  if (faults.length > 0) throw new Error(faults.join('; '))
  const set = new Map(given)
  return Object.fromEntries([...variables].flatMap(([name, { type, default: preset }]) => {
    const value = set.get(name) ?? preset
    return value === undefined ? [] : [[name, type === 'integer' ? Number(value) : value]]
  }))
}

/** Digits alone are a number: neither `0x50` nor `1e3` is one; and a blank would count as a value that nothing equals. */
function faultOf (name: string, value: string): string | undefined {
  const fact = variables.get(name)
  if (!fact) return unknownName(name)
  if (/^[\s,]+$/.test(value)) return `${name} is blank: give it a value, or do not set it`
  return fits(fact, value) ? undefined : brokenValue(name, value)
}

function fits ({ type, values, form, minimum = 0, maximum = Number.MAX_SAFE_INTEGER }: Variable, value: string): boolean {
  if (type === 'integer') return /^\d+$/.test(value) && Number(value) >= minimum && Number(value) <= maximum
  return values?.includes(value) !== false && form?.fits(value) !== false
}

function unknownName (name: string): string {
  const known = nearest(name, variables.keys())
  const advice = known === undefined ? 'see docs/configuration.md, or iris-gateway start --help' : `is ${known} meant?`
  return `${name} is not a variable of Iris: ${advice}`
}

function brokenValue (name: string, value: string): string {
  const fact = variables.get(name)
  return fact ? `${name} ${ruleOf(fact)}${fact.secret ? '' : `, not ${quoted(value)}`}` : `${name} is wrong`
}

function check (config: Config, more: Rule[]): void {
  const broken = [...rules(config), ...more].filter(([isBroken]) => isBroken).map(([, sentence]) => sentence)
  if (broken.length > 0) throw new Error(broken.join('; '))
}

/** What a single variable's type does not say: whether it is broken, and the sentence then. */
function rules ({
  host, redisUrl, tokenSecret, tokenPublicKey, tokenJwks, tokenIssuer, tokenAudience, serverKeys, allowedOrigins, trustProxy, nodeId, limits
}: Config): Rule[] {
  const keys = [tokenSecret, tokenPublicKey, tokenJwks].filter(key => key !== undefined)
  const noOrigin = allowedOrigins.filter(origin => originOf(origin) === undefined)
  const noNetwork = trustProxy.filter(network => !isNetwork(network))
  const isElsewhere = redisUrl !== undefined && /^redis\+(cluster|sentinel):/.test(redisUrl)
  return [
    [keys.length > 1, 'IRIS_TOKEN_SECRET, IRIS_TOKEN_PUBLIC_KEY and IRIS_TOKEN_JWKS exclude each other: set one'],
    [tokenSecret !== undefined && Buffer.byteLength(tokenSecret) < 32, 'IRIS_TOKEN_SECRET must have at least 32 bytes'],
    [tokenJwks !== undefined && !isSafeUrl(tokenJwks),
      'IRIS_TOKEN_JWKS must be an https URL (http only on loopback), without a user name and a password'],
    [!isTrimmed(tokenIssuer), 'IRIS_TOKEN_ISSUER must not begin or end with a blank'],
    [!isTrimmed(tokenAudience), 'IRIS_TOKEN_AUDIENCE must not begin or end with a blank'],
    [serverKeys.some(key => key.length < 16), 'IRIS_SERVER_KEY: each key must have at least 16 characters'],
    [serverKeys.some(key => !/^[!-~]+$/.test(key)),
      'IRIS_SERVER_KEY: a key must have visible ASCII characters only, no blanks: no header can carry others'],
    [noOrigin.length > 0, 'IRIS_ALLOWED_ORIGINS must be origins, scheme://host[:port] without a path or a wildcard, ' +
      `separated by commas, not ${noOrigin.map(quoted).join(', ')}`],
    [!isLoopback(host) && (keys.length === 0 || serverKeys.length === 0),
      `IRIS_HOST is not a loopback address (${quoted(host)}): IRIS_SERVER_KEY and one of IRIS_TOKEN_SECRET, ` +
        'IRIS_TOKEN_PUBLIC_KEY and IRIS_TOKEN_JWKS must be set'],
    [isElsewhere, 'IRIS_REDIS_URL: Redis Cluster and Sentinel are not supported by this version'],
    [redisUrl !== undefined && !isElsewhere && !isRedisUrl(redisUrl),
      'IRIS_REDIS_URL must be redis:// or rediss:// with a host, as redis://user:password@host:6379/0'],
    [
      noNetwork.length > 0,
      `IRIS_TRUST_PROXY must be IP addresses or networks, separated by commas, not ${noNetwork.map(quoted).join(', ')}`
    ],
    [!/^[A-Za-z0-9_-]{1,64}$/.test(nodeId), `IRIS_NODE_ID must match ^[A-Za-z0-9_-]{1,64}$, not ${quoted(nodeId)}`],
    [limits.logMessages < limits.downEntries, `IRIS_LIMIT_LOG_MESSAGES (${limits.logMessages}) must be at least ` +
      `IRIS_LIMIT_DOWN_ENTRIES (${limits.downEntries}): a stream refers to messages that the log must still have`]
  ]
}

const isTrimmed = (text: string | undefined) => text === text?.trim()
