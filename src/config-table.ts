// The table of the configuration: names, types, defaults and sentences. docs/configuration.md and `start --help` are generated from it.
import { directPolicies } from './protocol/direct.js'
import { loginPolicies } from './protocol/login.js'
import { limitTable, limitVariable, type LimitName } from './protocol/limits.js'
import { defaultKinds, eventKinds, kindsIn } from './protocol/server-events.js'
import { onFailures } from './webhooks/hook.js'

export interface Variable {
  type: 'string' | 'integer'
  default?: string | number
  sentence: string
  values?: readonly string[]
  minimum?: number
  maximum?: number
  /** What a text must be, when it is not any: whether it is, and the rule in words. */
  form?: { fits (value: string): boolean, rule: string }
  /** Its value is never printed: a key, or something with a password in it. */
  secret?: true
  /** It says neither who may come nor where the data is: the demo is offered although it is set. */
  demo?: true
}

/** @returns the items of a list that commas separate. */
export const itemsOf = (value: string) => value.split(',').map(item => item.trim()).filter(item => item !== '')

/** Every variable but the limits. */
const ownVariables = {
  IRIS_HOST: {
    type: 'string',
    demo: true,
    default: '127.0.0.1',
    sentence: 'Address to listen on. Not a loopback one: a token secret (or public key, or JWKS) and a server key must be set.'
  },
  IRIS_PORT: { type: 'integer', demo: true, default: 4747, minimum: 0, maximum: 65_535, sentence: 'Port to listen on.' },
  IRIS_REDIS_URL: {
    type: 'string', secret: true, sentence: '`redis://` or `rediss://`. Unset: a private redis-server in the data directory.'
  },
  IRIS_DATA_DIR: {
    type: 'string',
    demo: true,
    default: '.iris',
    sentence: 'Where the private redis-server and the secrets that Iris made are kept.'
  },
  IRIS_TOKEN_SECRET: {
    type: 'string',
    secret: true,
    sentence: 'Secret of HS256 tokens, at least 32 bytes; its characters themselves are the key, decoded from nothing. ' +
      'One of this, a public key and a JWKS.'
  },
  IRIS_TOKEN_PUBLIC_KEY: {
    type: 'string',
    secret: true,
    sentence: 'Public key (PEM, SPKI) of tokens that your back end signs: ' +
      'RS256, PS256 (2,048 bits or more), ES256, ES384 or EdDSA by its kind.'
  },
  IRIS_TOKEN_JWKS: {
    type: 'string',
    secret: true,
    sentence: 'URL of the key set (https, or http on loopback) of tokens that your back end signs.'
  },
  IRIS_TOKEN_ISSUER: { type: 'string', sentence: 'Required `iss` of tokens.' },
  IRIS_TOKEN_AUDIENCE: { type: 'string', sentence: 'Required `aud` of tokens.' },
  IRIS_SERVER_KEY: {
    type: 'string',
    secret: true,
    sentence: 'Keys of the server API, separated by commas: several are valid during a rotation. At least 16 visible ASCII characters each.'
  },
  IRIS_ALLOWED_ORIGINS: {
    type: 'string',
    default: '',
    sentence: 'Origins of browsers that may call from elsewhere (CORS), ' +
      'separated by commas: each `scheme://host[:port]`, without a path or a wildcard.'
  },
  IRIS_LOGIN_POLICY: {
    type: 'string',
    demo: true,
    default: 'multi',
    values: loginPolicies,
    sentence: 'Terminals of a user that may be connected: all, one of each platform, ' +
      'or one. A newer login replaces an older one: `IRIS.BYE` 4302.'
  },
  IRIS_DIRECT: {
    type: 'string',
    demo: true,
    default: 'open',
    values: directPolicies,
    sentence: 'Who may open a direct conversation with whom: everybody, who shares a group with the other side, or only ' +
      'the server API; else 403 `DIRECT_NOT_ALLOWED`.'
  },
  IRIS_TRUST_PROXY: {
    type: 'string',
    default: '',
    sentence: 'Addresses (or networks, as `10.0.0.0/8`) of proxies whose `X-Forwarded-For` is believed, separated by commas.'
  },
  IRIS_DRAIN_SEC: {
    type: 'integer',
    demo: true,
    default: 10,
    minimum: 0,
    maximum: 3_600,
    sentence: 'Seconds over which the streams end after SIGTERM, in waves; ' +
      '`/readyz` is 503 from its beginning. SIGINT, or a second signal, ends at once.'
  },
  IRIS_METRICS: {
    type: 'string',
    values: ['open', 'key', 'off'],
    sentence: 'Who may read `GET /metrics`: anybody, who has a server key, ' +
      'nobody. Unset: `key`; while the demo page is offered, this machine as well.'
  },
  IRIS_NODE_ID: {
    type: 'string',
    demo: true,
    sentence: 'Name of this node, which no other that is up may bear: the younger of two ends. Made at each start when unset.'
  },
  IRIS_DURABILITY: {
    type: 'string',
    demo: true,
    default: 'disk',
    values: ['memory', 'disk'],
    sentence: '`disk`: nothing is answered or shown before it is on disk. `memory`: written every second. ' +
      'For the private redis-server; of yours it says what you expect, and Iris warns when that is not so.'
  },
  IRIS_EVENTS: {
    type: 'string',
    demo: true,
    default: defaultKinds.join(','),
    sentence: 'Kinds of events that are written for `GET /v1/server/events`, separated by commas: `all`, `none`, or some of ' +
      `${eventKinds.map(kind => `\`${kind}\``).join(', ')}. What is not written costs nothing; ` +
      '`message.sent` costs a message a part of itself (docs/performance.md).',
    form: {
      fits: value => kindsIn(itemsOf(value)).unknown.length === 0,
      rule: `must be all, none, or a list of kinds of events (${eventKinds.join(', ')})`
    }
  },
  IRIS_WEBHOOK_URL: {
    type: 'string', demo: true, secret: true, sentence: 'URL that is told of events: the webhook `configured`.'
  },
  IRIS_WEBHOOK_SECRET: {
    type: 'string', demo: true, secret: true, sentence: 'Its secret, `whsec_` and 24 to 64 bytes in base64; during a rotation two.'
  },
  IRIS_WEBHOOK_TYPES: {
    type: 'string', demo: true, sentence: 'Kinds of events that it is told of, separated by commas. Unset: all that are written.'
  },
  IRIS_WEBHOOK_ALLOW: {
    type: 'string',
    demo: true,
    default: '',
    sentence: 'Origins, `scheme://host[:port]` (a port `*` is any), separated by commas, that may be called ' +
      'although they are http, private or reserved. All others must be https on public addresses.'
  },
  IRIS_HOOK_MESSAGE: {
    type: 'string', demo: true, secret: true, sentence: 'URL that is asked before a message of a user is stored.'
  },
  IRIS_HOOK_MESSAGE_ON_FAILURE: {
    type: 'string',
    demo: true,
    default: 'allow',
    values: onFailures,
    sentence: 'What counts when it does not decide: the message is sent, or refused with 503 `HOOK_UNAVAILABLE`.'
  },
  IRIS_HOOK_COMMAND: {
    type: 'string', demo: true, secret: true, sentence: 'URL that is asked before a command of a user (IRIS_CMD_SEND) is sent.'
  },
  IRIS_HOOK_COMMAND_ON_FAILURE: {
    type: 'string', demo: true, default: 'allow', values: onFailures, sentence: 'What counts when it does not decide.'
  },
  IRIS_HOOK_SECRET: {
    type: 'string', demo: true, secret: true, sentence: 'Secret of what hooks are asked, as `IRIS_WEBHOOK_SECRET`; during a rotation two.'
  },
  IRIS_LOG_LEVEL: {
    type: 'string',
    demo: true,
    default: 'info',
    values: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    sentence: 'Least severe level that is logged.'
  }
} as const satisfies Record<string, Variable>

const limitVariables = Object.entries(limitTable).map(([name, limit]): [string, Variable] => {
  return [limitVariable(name as LimitName), { type: 'integer', demo: true, minimum: 1, maximum: 2_000_000_000, ...limit }]
})

/** Every variable by its name. */
export const variables: ReadonlyMap<string, Variable> = new Map([...Object.entries<Variable>(ownVariables), ...limitVariables])

/** Variables that scripts and tests read; they configure nothing here. */
export const foreign = ['IRIS_CADDY', 'IRIS_CHROMIUM', 'IRIS_NGINX', 'IRIS_SCREENSHOTS']

/** The whole table, limits included, for documents. */
export const configTable = [...variables].map(([name, { type, values, default: preset, sentence }]) => {
  return { name, type: values?.join(' \\| ') ?? type, default: preset, sentence }
})

/** @returns what a variable's value must be, in words. */
export function ruleOf ({ type, values, form, minimum, maximum }: Variable): string {
  if (form) return form.rule
  if (values) return `must be one of ${values.join(', ')}`
  return type === 'integer' ? `must be a decimal integer from ${minimum} to ${maximum}` : 'must be a text'
}
