// What Iris refuses in a Redis, and what it warns of, on real servers with these settings.
import t from 'tap'
import { checkRedis } from '../../src/store/redis/check-redis.js'
import { startRedis } from '../helper/redis.js'

const good = ['--appendonly', 'yes', '--stream-node-max-bytes', '1024']

t.test('settings as the embedded Redis has them: nothing to say', async t => {
  const { redis } = await startRedis(t, good)
  const { version, warnings } = await checkRedis(redis)
  t.match(version, /^\d+\.\d+\.\d+$/)
  t.same(warnings, [])
})

t.test('a Redis that may drop messages is refused', async t => {
  for (const policy of ['allkeys-lru', 'volatile-ttl']) {
    const { redis } = await startRedis(t, [...good, '--maxmemory-policy', policy])
    await t.rejects(checkRedis(redis), { message: new RegExp(`^maxmemory-policy is ${policy}: .*noeviction$`) })
  }
})

t.test('a cluster is refused', async t => {
  const { redis } = await startRedis(t, [...good, '--cluster-enabled', 'yes'])
  await t.rejects(checkRedis(redis), { message: /cluster/ })
})

t.test('what endangers the promises is said', async t => {
  const { redis: bare } = await startRedis(t)
  t.match((await checkRedis(bare)).warnings, [/^appendonly is off/, /^stream-node-max-bytes is 4096/])
  const { redis: lazy } = await startRedis(t, [...good, '--appendfsync', 'no'])
  t.match((await checkRedis(lazy)).warnings, [/^appendfsync is no/])
})

t.test('a service that forbids CONFIG is taken, with a word', async t => {
  const { redis } = await startRedis(t, [...good, '--rename-command', 'CONFIG', ''])
  t.match((await checkRedis(redis)).warnings, [/^CONFIG GET is not allowed/])
  const { redis: managed } = await startRedis(t, good)
  await managed.acl('SETUSER', 'default', '-config')
  t.match((await checkRedis(managed)).warnings, [/^CONFIG GET is not allowed/])
})

t.test('a Redis that goes away during the check is no Redis without CONFIG', async t => {
  const server = await startRedis(t, good)
  const check = t.rejects(checkRedis(server.redis))
  await server.kill()
  await check
})

t.test('a Redis that is too old is refused', async t => {
  const old = { info: async () => 'redis_version:6.2.14\r\n' } as unknown as Parameters<typeof checkRedis>[0]
  await t.rejects(checkRedis(old), { message: 'Redis 6.2.14 is too old: 7.0 is the floor' })
})
