// The configuration: one table, refusals of one sentence, secrets that Iris makes itself. PROTOCOL.md section 10.
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { configTable, loadConfig, loadOrMakeSecrets } from '../src/config.js'

const SECRET = 's'.repeat(32)
const KEY = 'k'.repeat(16)

t.test('defaults are those of the table', async t => {
  const config = loadConfig({})
  t.match(config, { host: '127.0.0.1', port: 4747, dataDir: '.iris', durability: 'disk', logLevel: 'info', redisUrl: undefined, drainSec: 10, trustProxy: [], metrics: undefined, limits: { downEntries: 5000, logMessages: 10_000, members: 500, addressRate: 200, attaches: 64 } })
  t.match(config.nodeId, /^[A-Za-z0-9_-]{1,64}$/)
  t.not(loadConfig({}).nodeId, config.nodeId, 'made at each start')
  t.equal(new Set(configTable.map(({ name }) => name)).size, configTable.length)
  t.ok(configTable.every(({ name, sentence }) => name.startsWith('IRIS_') && sentence.length > 15))
})

t.test('values are read, lists are split, limits are numbers', async t => {
  const config = loadConfig({ IRIS_PORT: '0', IRIS_SERVER_KEY: `${KEY}, ${KEY}2`, IRIS_ALLOWED_ORIGINS: 'https://a.example,https://b.example', IRIS_LIMIT_REVOKE_SEC: '5', IRIS_DURABILITY: 'memory', IRIS_REDIS_URL: 'redis://r:6379/1', IRIS_TRUST_PROXY: '10.0.0.0/8, ::1', IRIS_LIMIT_ADDRESS_RATE: '0' })
  t.match(config, { port: 0, serverKeys: [KEY, `${KEY}2`], allowedOrigins: ['https://a.example', 'https://b.example'], trustProxy: ['10.0.0.0/8', '::1'], limits: { revokeSec: 5, addressRate: 0 }, durability: 'memory', redisUrl: 'redis://r:6379/1' })
})

const refusals: [string, Record<string, string>, RegExp][] = [
  ['an unknown name', { IRIS_PROT: '1' }, /^IRIS_PROT is not a variable/],
  ['a port that is no number', { IRIS_PORT: 'http' }, /IRIS_PORT must be integer/],
  ['a port that is too high', { IRIS_PORT: '65536' }, /IRIS_PORT must be <= 65535/],
  ['a limit of zero', { IRIS_LIMIT_IDS: '0' }, /IRIS_LIMIT_IDS must be >= 1/],
  ['an unknown durability', { IRIS_DURABILITY: 'cloud' }, /IRIS_DURABILITY has a value that is not allowed/],
  ['a short secret', { IRIS_TOKEN_SECRET: 'CANARY' }, /^IRIS_TOKEN_SECRET must have at least 32 bytes$/],
  ['a short server key', { IRIS_SERVER_KEY: `${KEY},CANARY` }, /^IRIS_SERVER_KEY: each key must have at least 16 characters$/],
  ['two kinds of keys', { IRIS_TOKEN_SECRET: SECRET, IRIS_TOKEN_JWKS: 'https://a.example/jwks' }, /exclude each other/],
  ['a JWKS over http', { IRIS_TOKEN_JWKS: 'http://a.example/jwks' }, /IRIS_TOKEN_JWKS must be an https URL/],
  ['a JWKS that is no URL', { IRIS_TOKEN_JWKS: 'jwks' }, /IRIS_TOKEN_JWKS must be an https URL/],
  ['another address without secrets', { IRIS_HOST: '0.0.0.0' }, /IRIS_HOST is not a loopback address/],
  ['another address without a server key', { IRIS_HOST: '::', IRIS_TOKEN_SECRET: SECRET }, /IRIS_HOST is not a loopback address/],
  ['a cluster', { IRIS_REDIS_URL: 'redis+cluster://a:1,b:2' }, /Redis Cluster and Sentinel are not supported/],
  ['another scheme', { IRIS_REDIS_URL: 'http://a' }, /IRIS_REDIS_URL must begin with/],
  ['a proxy that is no address', { IRIS_TRUST_PROXY: '10.0.0.0/8, proxy.example' }, /^IRIS_TRUST_PROXY must be IP addresses/],
  ['a network of too many bits', { IRIS_TRUST_PROXY: '10.0.0.0/33' }, /^IRIS_TRUST_PROXY must be/],
  ['a drain of less than nothing', { IRIS_DRAIN_SEC: '-1' }, /IRIS_DRAIN_SEC must be >= 0/],
  ['metrics for somebody else', { IRIS_METRICS: 'on' }, /IRIS_METRICS has a value that is not allowed/],
  ['a node id with a slash', { IRIS_NODE_ID: 'a/b' }, /IRIS_NODE_ID must match/],
  ['a log that is shorter than a stream', { IRIS_LIMIT_LOG_MESSAGES: '10' }, /IRIS_LIMIT_LOG_MESSAGES must be at least IRIS_LIMIT_DOWN_ENTRIES/]
]
for (const [what, env, sentence] of refusals) {
  t.test(`${what} is refused in one sentence that names the variable and not its value`, async t => {
    t.throws(() => loadConfig(env), { message: sentence })
    try { loadConfig(env) } catch (error) { t.notMatch((error as Error).message, /CANARY|\n/) }
  })
}

t.test('with secrets any address is fine', async t => {
  t.equal(loadConfig({ IRIS_HOST: '0.0.0.0', IRIS_TOKEN_SECRET: SECRET, IRIS_SERVER_KEY: KEY }).host, '0.0.0.0')
})

t.test('on loopback missing secrets are made once, for this user only, also by two starts at once', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'iris-config-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const dataDir = join(directory, 'data')
  const starts = await Promise.all(Array.from({ length: 8 }, () => loadOrMakeSecrets(loadConfig({ IRIS_DATA_DIR: dataDir }))))
  t.equal(new Set(starts.map(({ tokenSecret }) => tokenSecret)).size, 1)
  t.ok(Buffer.byteLength(starts[0]?.tokenSecret ?? '') >= 32)
  t.equal(starts[0]?.demo, true)
  t.equal((await stat(join(dataDir, 'secrets.json'))).mode & 0o777, 0o600)
  t.equal((await stat(dataDir)).mode & 0o777, 0o700)
  t.same(JSON.parse(await readFile(join(dataDir, 'secrets.json'), 'utf8')), { tokenSecret: starts[0]?.tokenSecret, serverKey: starts[0]?.serverKeys[0] })
})

t.test('configured secrets are kept, and then there is no demo', async t => {
  const config = await loadOrMakeSecrets(loadConfig({ IRIS_TOKEN_SECRET: SECRET, IRIS_SERVER_KEY: KEY }))
  t.match(config, { tokenSecret: SECRET, serverKeys: [KEY], demo: false })
})
