// The configuration: one table, refusals of one sentence, secrets that Iris makes itself. docs/protocol.md section 10.
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { configTable } from '../src/config-table.js'
import { loadConfig } from '../src/config.js'
import { loadOrMakeSecrets } from '../src/secrets.js'

const SECRET = 's'.repeat(32)
const KEY = 'k'.repeat(16)

t.test('defaults are those of the table', async t => {
  const config = loadConfig({})
  t.match(config, {
    host: '127.0.0.1',
    port: 4747,
    dataDir: '.iris',
    durability: 'disk',
    logLevel: 'info',
    redisUrl: undefined,
    drainSec: 10,
    trustProxy: [],
    metrics: undefined,
    limits: { downEntries: 5000, logMessages: 10_000, members: 500, addressRate: 200, attaches: 64 }
  })
  t.match(config.nodeId, /^[A-Za-z0-9_-]{1,64}$/)
  t.not(loadConfig({}).nodeId, config.nodeId, 'made at each start')
  t.equal(new Set(configTable.map(({ name }) => name)).size, configTable.length)
  t.ok(configTable.every(({ name, sentence }) => name.startsWith('IRIS_') && sentence.length > 15))
})

t.test('values are read, lists are split, limits are numbers', async t => {
  const config = loadConfig({
    IRIS_PORT: '0',
    IRIS_SERVER_KEY: `${KEY}, ${KEY}2`,
    IRIS_ALLOWED_ORIGINS: 'https://a.example,https://b.example',
    IRIS_LIMIT_REVOKE_SEC: '5',
    IRIS_DURABILITY: 'memory',
    IRIS_EVENTS: 'user.online, message.sent',
    IRIS_REDIS_URL: 'redis://r:6379/1',
    IRIS_TRUST_PROXY: '10.0.0.0/8, ::1',
    IRIS_LIMIT_ADDRESS_RATE: '0'
  })
  t.match(config, {
    port: 0,
    serverKeys: [KEY, `${KEY}2`],
    allowedOrigins: ['https://a.example', 'https://b.example'],
    trustProxy: ['10.0.0.0/8', '::1'],
    limits: { revokeSec: 5, addressRate: 0 },
    durability: 'memory',
    events: ['user.online', 'message.sent'],
    redisUrl: 'redis://r:6379/1'
  })
})

const hook = { IRIS_WEBHOOK_URL: 'https://a.example.com/', IRIS_WEBHOOK_SECRET: `whsec_${'A'.repeat(32)}` }
const refusals: [string, Record<string, string>, RegExp][] = [
  ['an unknown kind of event', { IRIS_EVENTS: 'user.online,message.snt' }, /^IRIS_EVENTS must be all, none, or a list .*, not ".*message\.snt"$/],
  ['all kinds of events and one', { IRIS_EVENTS: 'all,user.online' }, /^IRIS_EVENTS must be all, none, or a list /],
  ['an unknown name', { IRIS_PROT: '1' }, /^IRIS_PROT is not a variable of Iris: is IRIS_PORT meant\?$/],
  ['an unknown name of a limit', { IRIS_LIMIT_UPRATE: '1' }, /^IRIS_LIMIT_UPRATE is not .* is IRIS_LIMIT_UP_RATE meant\?$/],
  ['a name that is like no other', { IRIS_ABRACADABRA: '1' }, /^IRIS_ABRACADABRA is not .*: see docs\/configuration\.md/],
  ['a port that is no number', { IRIS_PORT: 'http' }, /^IRIS_PORT must be a decimal integer from 0 to 65535, not "http"$/],
  ['a port that is too high', { IRIS_PORT: '65536' }, /^IRIS_PORT must be a decimal integer from 0 to 65535, not "65536"$/],
  ['a port and a half', { IRIS_PORT: '1.5' }, /^IRIS_PORT must be a decimal integer .*, not "1\.5"$/],
  ['a limit of zero', { IRIS_LIMIT_IDS: '0' }, /^IRIS_LIMIT_IDS must be a decimal integer from 1 to 2000000000, not "0"$/],
  ['a drain of less than nothing', { IRIS_DRAIN_SEC: '-1' }, /^IRIS_DRAIN_SEC must be a decimal integer from 0 to 3600, not "-1"$/],
  ['an unknown durability', { IRIS_DURABILITY: 'cloud' }, /^IRIS_DURABILITY must be one of memory, disk, not "cloud"$/],
  ['metrics for somebody else', { IRIS_METRICS: 'on' }, /^IRIS_METRICS must be one of open, key, off, not "on"$/],
  ['an unknown level', { IRIS_LOG_LEVEL: 'INFO' }, /^IRIS_LOG_LEVEL must be one of fatal, .*, silent, not "INFO"$/],
  ['an unknown policy', { IRIS_LOGIN_POLICY: 'one' }, /^IRIS_LOGIN_POLICY must be one of multi, .*, not "one"$/],
  ['an http webhook', { IRIS_WEBHOOK_URL: 'http://backend:3000/', IRIS_WEBHOOK_SECRET: `whsec_${'A'.repeat(32)}` },
    /^IRIS_WEBHOOK_URL must be an https URL, unless IRIS_WEBHOOK_ALLOW names its origin$/],
  ['a webhook without a secret', { IRIS_WEBHOOK_URL: 'https://a.example.com/' }, /^IRIS_WEBHOOK_URL and IRIS_WEBHOOK_SECRET need each other$/],
  ['a secret of webhooks that is none', { IRIS_WEBHOOK_URL: 'https://a.example.com/', IRIS_WEBHOOK_SECRET: 'CANARY' },
    /^IRIS_WEBHOOK_SECRET must be one or two of whsec_ and 24 to 64 bytes in base64$/],
  ['a kind that is not written', { ...hook, IRIS_EVENTS: 'user.online', IRIS_WEBHOOK_TYPES: 'message.sent' },
    /^IRIS_WEBHOOK_TYPES must be kinds that IRIS_EVENTS names, not "message.sent"$/],
  ['an http hook', { IRIS_HOOK_MESSAGE: 'http://backend:3000/', IRIS_HOOK_SECRET: `whsec_${'A'.repeat(32)}` },
    /^IRIS_HOOK_MESSAGE must be an https URL, unless IRIS_WEBHOOK_ALLOW names its origin$/],
  ['a hook without a secret', { IRIS_HOOK_COMMAND: 'https://a.example.com/' }, /^IRIS_HOOK_SECRET must be set: /],
  ['a secret without a hook', { IRIS_HOOK_SECRET: `whsec_${'A'.repeat(32)}` }, /^IRIS_HOOK_SECRET needs IRIS_HOOK_MESSAGE or /],
  ['a secret of hooks that is none', { IRIS_HOOK_COMMAND: 'https://a.example.com/', IRIS_HOOK_SECRET: 'CANARY' },
    /^IRIS_HOOK_SECRET must be one or two of whsec_ and 24 to 64 bytes in base64$/],
  ['a failure that is neither', { IRIS_HOOK_MESSAGE_ON_FAILURE: 'maybe' }, /^IRIS_HOOK_MESSAGE_ON_FAILURE must be one of allow, deny/],
  ['more time than a request has', { IRIS_LIMIT_HOOK_MS: '2000' }, /^IRIS_LIMIT_HOOK_MS must be a decimal integer from 1 to 1900/],
  ['what is no origin to be called', { IRIS_WEBHOOK_ALLOW: 'backend:3000' }, /^IRIS_WEBHOOK_ALLOW must be origins, .*, not "backend:3000"$/],
  ['a short secret', { IRIS_TOKEN_SECRET: 'CANARY' }, /^IRIS_TOKEN_SECRET must have at least 32 bytes$/],
  ['a short server key', { IRIS_SERVER_KEY: `${KEY},CANARY` }, /^IRIS_SERVER_KEY: each key must have at least 16 characters$/],
  ...['CANARY two words of it', 'CANARY-schlüssel-0123', 'CANARY-0123456789\u007f'].map((key): [string, Record<string, string>, RegExp] => {
    return [
      `a server key that no header carries (${JSON.stringify(key)})`,
      { IRIS_SERVER_KEY: `${KEY},${key}` },
      /^IRIS_SERVER_KEY: a key must have visible ASCII characters only/
    ]
  }),
  ...[
    'IRIS_TOKEN_ISSUER', 'IRIS_TOKEN_AUDIENCE'
  ].flatMap(name => ['shop\n', ' shop'].map((value): [string, Record<string, string>, RegExp] => {
    return [`${name}=${JSON.stringify(value)}`, { [name]: value }, new RegExp(`^${name} must not begin or end with a blank$`)]
  })),
  ['a JWKS with a password', { IRIS_TOKEN_JWKS: 'https://u:CANARY@a.example/jwks' },
    /^IRIS_TOKEN_JWKS must be an https URL .* without a user name and a password$/],
  ['two kinds of keys', { IRIS_TOKEN_SECRET: SECRET, IRIS_TOKEN_JWKS: 'https://a.example/jwks' }, /exclude each other/],
  ['a JWKS over http', { IRIS_TOKEN_JWKS: 'http://a.example/CANARY' }, /^IRIS_TOKEN_JWKS must be an https URL/],
  ['a JWKS that is no URL', { IRIS_TOKEN_JWKS: 'CANARY' }, /^IRIS_TOKEN_JWKS must be an https URL/],
  ['another address without secrets', { IRIS_HOST: '0.0.0.0' }, /^IRIS_HOST is not a loopback address \("0\.0\.0\.0"\)/],
  ['another address without a server key', { IRIS_HOST: '::', IRIS_TOKEN_SECRET: SECRET }, /^IRIS_HOST is not a loopback address/],
  ['a cluster', { IRIS_REDIS_URL: 'redis+cluster://:CANARY@a:1,b:2' }, /^IRIS_REDIS_URL: Redis Cluster and Sentinel are not supported/],
  ['another scheme', { IRIS_REDIS_URL: 'http://:CANARY@a' }, /^IRIS_REDIS_URL must be redis:\/\/ or rediss:\/\//],
  ['a Redis without a host', { IRIS_REDIS_URL: 'redis://' }, /^IRIS_REDIS_URL must be/],
  ['a database that is no number', { IRIS_REDIS_URL: 'redis://CANARY/main' }, /^IRIS_REDIS_URL must be/],
  ['a database that is no number, by the query', { IRIS_REDIS_URL: 'redis://CANARY?db=main' }, /^IRIS_REDIS_URL must be/],
  ['a password that cannot be decoded', { IRIS_REDIS_URL: 'redis://:CANARY%zz@a' }, /^IRIS_REDIS_URL must be/],
  ['a proxy that is no address', { IRIS_TRUST_PROXY: '10.0.0.0/8, proxy.example' },
    /^IRIS_TRUST_PROXY must be IP addresses .*, not "proxy\.example"$/],
  ['a network of too many bits', { IRIS_TRUST_PROXY: '10.0.0.0/33' }, /^IRIS_TRUST_PROXY must be .*, not "10\.0\.0\.0\/33"$/],
  ['a node id with a slash', { IRIS_NODE_ID: 'a/b' }, /^IRIS_NODE_ID must match .*, not "a\/b"$/],
  ['a log that is shorter than a stream', { IRIS_LIMIT_LOG_MESSAGES: '10' },
    /^IRIS_LIMIT_LOG_MESSAGES \(10\) must be at least IRIS_LIMIT_DOWN_ENTRIES \(5000\)/],
  ...[
    '*', 'null', 'https://*.a.example', 'a.example', 'https://a.example/', 'https://a.example/path', 'https://a.example?q',
    'https://u:p@a.example', 'https://a.example:http', '//a.example'
  ].map((origin): [string, Record<string, string>, RegExp] => {
    const name = `${origin} as an origin`
    return [
      name,
      { IRIS_ALLOWED_ORIGINS: `https://good.example, ${origin}` },
      new RegExp(`^IRIS_ALLOWED_ORIGINS must be origins, .*, not "${origin.replace(/[*?/.]/g, '\\$&')}"$`)
    ]
  }),
  ['everything at once', { IRIS_PROT: '1', IRIS_PORT: 'x', IRIS_METRICS: 'y' }, /^IRIS_PROT .*; IRIS_PORT .*; IRIS_METRICS [^;]*$/],
  ['several rules at once', { IRIS_NODE_ID: 'a/b', IRIS_SERVER_KEY: 'CANARY', IRIS_ALLOWED_ORIGINS: '*' },
    /^IRIS_SERVER_KEY[^;]*; IRIS_ALLOWED_ORIGINS[^;]*; IRIS_NODE_ID[^;]*$/]
]
for (const [what, env, sentence] of refusals) {
  t.test(`${what} is refused in one line that names the variable, the value unless it is a secret's, and the rule`, async t => {
    t.throws(() => loadConfig(env), { message: sentence })
    try { loadConfig(env) } catch (error) { t.notMatch((error as Error).message, /CANARY|\n/) }
  })
}

/** What one value does to every variable of a kind: the faults, all in one message. */
function faultsOf (value: string, isMeant: (type: string) => boolean): string[] {
  const names = configTable.filter(({ type }) => isMeant(type)).map(({ name }) => name)
  try { loadConfig(Object.fromEntries(names.map(name => [name, value]))) } catch (error) { return (error as Error).message.split('; ') }
  return []
}

t.test('a blank, or a list of nothing, is no value: it is refused, whatever the variable', async t => {
  for (const value of [' ', ',', ' , ,\t']) {
    t.same(faultsOf(value, () => true), configTable.map(({ name }) => `${name} is blank: give it a value, or do not set it`))
  }
})

t.test('an integer is written in decimal digits, whatever the variable', async t => {
  const count = configTable.filter(({ type }) => type === 'integer').length
  for (const value of ['0x50', '1e3', '0b11', '+80', '80 ', '80.0', '8_0', 'Infinity', 'true', 'null']) {
    const faults = faultsOf(value, type => type === 'integer')
    t.equal(faults.length, count, value)
    t.same(faults.filter(fault => !/^IRIS_\w+ must be a decimal integer from \d+ to \d+, not "/.test(fault)), [])
  }
})

t.test('origins are kept in the spelling of browsers; an empty value counts as unset', async t => {
  const IRIS_ALLOWED_ORIGINS = 'HTTPS://A.Example:443, http://b.example:80,https://c.example:8443, ' +
    'https://bücher.example, capacitor://localhost, http://[::1]:3000'
  t.same(loadConfig({ IRIS_ALLOWED_ORIGINS }).allowedOrigins, [
    'https://a.example', 'http://b.example', 'https://c.example:8443', 'https://xn--bcher-kva.example', 'capacitor://localhost',
    'http://[::1]:3000'
  ])
  const names = configTable.map(({ name }): [string, string] => [name, ''])
  t.same({ ...loadConfig(Object.fromEntries(names)), nodeId: '' }, { ...loadConfig({}), nodeId: '' })
})

t.test('with secrets any address is fine', async t => {
  t.equal(loadConfig({ IRIS_HOST: '0.0.0.0', IRIS_TOKEN_SECRET: SECRET, IRIS_SERVER_KEY: KEY }).host, '0.0.0.0')
})

t.test('on loopback missing secrets are made once, for this user only, also by two starts at once', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'iris-config-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const dataDir = join(directory, 'above', 'data')
  const starts = await Promise.all(Array.from({ length: 8 }, () => loadOrMakeSecrets(loadConfig({ IRIS_DATA_DIR: dataDir }))))
  t.equal(new Set(starts.map(({ tokenSecret }) => tokenSecret)).size, 1)
  t.ok(Buffer.byteLength(starts[0]?.tokenSecret ?? '') >= 32)
  t.equal(starts[0]?.demo, true)
  t.equal((await stat(join(dataDir, 'secrets.json'))).mode & 0o777, 0o600)
  t.equal((await stat(dataDir)).mode & 0o777, 0o700)
  t.equal((await stat(dirname(dataDir))).mode & 0o777, 0o700, 'and those above it')
  t.same(JSON.parse(await readFile(join(dataDir, 'secrets.json'), 'utf8')), {
    tokenSecret: starts[0]?.tokenSecret,
    serverKey: starts[0]?.serverKeys[0]
  })
})

t.test('what is missing on loopback is made', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'iris-config-'))
  t.teardown(() => rm(directory, { recursive: true }))
  for (const token of [
    {}, { IRIS_TOKEN_SECRET: SECRET }, { IRIS_TOKEN_PUBLIC_KEY: 'pem' }, { IRIS_TOKEN_JWKS: 'https://a.example/jwks' }
  ]) {
    for (const key of [{}, { IRIS_SERVER_KEY: KEY }]) {
      const env = { ...token, ...key }
      const config = await loadOrMakeSecrets(loadConfig({ IRIS_DATA_DIR: directory, ...env }))
      t.equal(config.tokenSecret === undefined, 'IRIS_TOKEN_PUBLIC_KEY' in env || 'IRIS_TOKEN_JWKS' in env)
      t.match(config.serverKeys, 'IRIS_SERVER_KEY' in env ? [KEY] : [/^.{32}$/])
    }
  }
  t.match(await loadOrMakeSecrets(loadConfig({ IRIS_DATA_DIR: join(directory, 'none'), IRIS_TOKEN_SECRET: SECRET, IRIS_SERVER_KEY: KEY })),
    { tokenSecret: SECRET, serverKeys: [KEY] })
})

/** A value of each variable that is not its default; limits are as `IRIS_LIMIT_IDS`. */
const harmless: Record<string, string> = {
  IRIS_HOST: '127.0.0.2',
  IRIS_PORT: '0',
  IRIS_DATA_DIR: '/tmp/x',
  IRIS_LOGIN_POLICY: 'single',
  IRIS_DIRECT: 'known',
  IRIS_DRAIN_SEC: '1',
  IRIS_NODE_ID: 'n',
  IRIS_DURABILITY: 'memory',
  IRIS_EVENTS: 'user.online,message.sent',
  IRIS_LOG_LEVEL: 'warn',
  IRIS_WEBHOOK_URL: 'http://127.0.0.1:3000/',
  IRIS_WEBHOOK_SECRET: `whsec_${'A'.repeat(32)}`,
  IRIS_WEBHOOK_TYPES: 'user.online',
  IRIS_WEBHOOK_ALLOW: 'http://127.0.0.1:3000',
  IRIS_HOOK_MESSAGE: 'http://127.0.0.1:3000/',
  IRIS_HOOK_MESSAGE_ON_FAILURE: 'deny',
  IRIS_HOOK_COMMAND: 'https://a.example.com/',
  IRIS_HOOK_COMMAND_ON_FAILURE: 'deny',
  IRIS_HOOK_SECRET: `whsec_${'A'.repeat(32)}`
}
const telling: Record<string, string> = {
  IRIS_REDIS_URL: 'redis://r',
  IRIS_TOKEN_SECRET: SECRET,
  IRIS_TOKEN_PUBLIC_KEY: 'pem',
  IRIS_TOKEN_JWKS: 'https://a.example/jwks',
  IRIS_TOKEN_ISSUER: 'shop',
  IRIS_TOKEN_AUDIENCE: 'iris',
  IRIS_SERVER_KEY: KEY,
  IRIS_ALLOWED_ORIGINS: 'https://a.example',
  IRIS_TRUST_PROXY: '10.0.0.1',
  IRIS_METRICS: 'open'
}

t.test('the demo is offered only while nothing is configured that says who may come or where the data is', async t => {
  const limits = configTable.filter(({ name }) => name.startsWith('IRIS_LIMIT_')).map(({ name, default: preset }) => [name, String(preset)])
  const all = { ...harmless, ...Object.fromEntries(limits) as Record<string, string> }
  t.same(new Set([...Object.keys(all), ...Object.keys(telling)]),
    new Set(configTable.map(({ name }) => name)), 'each variable is one or the other')
  t.equal(loadConfig({}).demo, true)
  t.equal(loadConfig(all).demo, true)
  for (const [name, value] of Object.entries(telling)) {
    t.equal(loadConfig({ [name]: value }).demo, false, name)
    t.equal(loadConfig({ ...all, [name]: value }).demo, false, name)
    t.equal(loadConfig({ [name]: '' }).demo, true, `${name} unset`)
  }
})

t.test('a data directory that cannot be used is said in one sentence', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'iris-config-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const [file, broken] = [join(directory, 'file'), join(directory, 'broken')]
  await writeFile(file, '')
  await mkdir(broken)
  await symlink('loop', join(directory, 'loop'))
  await symlink('not-there/x', join(directory, 'nowhere'))
  await writeFile(join(broken, 'secrets.json'), '{ "tokenSecret": "CANARY" }')
  const inDirectory = (...names: string[]) => join(directory, ...names)
  const cases = [
    [file, /^IRIS_DATA_DIR: the directory .*\/file cannot be made: there is a file of this name$/],
    [inDirectory('file', 'a'), /cannot be made: a part of the path is a file$/],
    [inDirectory('file', 'a', 'b'), /cannot be made: a part of the path is a file$/],
    [inDirectory('loop'), /cannot be made: there is a file of this name$/],
    [inDirectory('loop', 'a'), /cannot be made: its links lead in a circle$/],
    [inDirectory('nowhere', 'a'), /cannot be made: there is a file of this name$/],
    [inDirectory('x'.repeat(300)), /cannot be made: the name is too long$/],
    // where nothing can be made, and mkdir says that something is missing
    ['/proc/x', /^IRIS_DATA_DIR: the directory \/proc\/x cannot be made: this place holds no such things$/],
    ['/proc/x/y', /^IRIS_DATA_DIR: the directory \/proc\/x\/y cannot be made: this place holds no such things$/],
    ['/proc/self/fd/x', /cannot be made: /],
    [broken, /^IRIS_DATA_DIR: .*secrets\.json does not hold the secrets that Iris made/]
  ] as const
  for (const [dataDir, sentence] of cases) {
    await t.rejects(loadOrMakeSecrets(loadConfig({ IRIS_DATA_DIR: dataDir })), { message: sentence })
    await loadOrMakeSecrets(loadConfig({ IRIS_DATA_DIR: dataDir })).catch((error: Error) => t.notMatch(error.message, /CANARY|\n/))
  }
})
