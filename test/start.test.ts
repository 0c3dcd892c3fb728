// What is at the start: the port opens whatever Redis does, or the process ends with one sentence. docs/protocol.md sections 3, 4 and 10.
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { connect, createServer, type Server } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { readArguments } from '../src/cli/arguments.js'
import type { Redis } from '../src/store/redis/redis.js'
import { startIris, type Iris } from './helper/iris.js'
import { freePort, startProcess } from './helper/process.js'
import { startRedis } from './helper/redis.js'
import { tokenOf } from './helper/token.js'
import { until } from './helper/user.js'

/** A server that is no Redis, on a free port. @returns its port */
async function listen (t: Test, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close() })
  return (server.address() as { port: number }).port
}

/** A Redis that is reached by TCP. */
async function startTcp (t: Test, args: string[] = []) {
  const port = await freePort()
  return { port, ...await startRedis(t, ['--port', String(port), '--bind', '127.0.0.1', ...args]) }
}

interface Trouble { url: string, heal? (): Promise<unknown> }

/** What may heal by waiting; `detail` is what Iris says of it. */
const troubles: { name: string, detail: RegExp, cause (t: Test): Promise<Trouble> }[] = [
  {
    name: 'nobody listens there',
    detail: /^Redis is not reachable: nothing listens there$/,
    async cause (t) {
      const port = await freePort()
      return { url: `redis://127.0.0.1:${port}`, heal: () => startRedis(t, ['--port', String(port), '--bind', '127.0.0.1']) }
    }
  },
  {
    name: 'a name that is not known',
    detail: /^Redis is not reachable: its name cannot be resolved$/,
    cause: async () => ({ url: 'redis://redis.invalid:6379' })
  },
  {
    name: 'a replica, which may become the master',
    detail: /^This Redis is a replica/,
    async cause (t) {
      const { port, redis } = await startTcp(t)
      await redis.replicaof('127.0.0.1', '1')
      return { url: `redis://127.0.0.1:${port}`, heal: () => redis.replicaof('NO', 'ONE') }
    }
  },
  {
    name: 'a server that answers nothing',
    detail: /^Redis (has not|does not)/,
    cause: async t => ({
      url: `redis://127.0.0.1:${await listen(
      t, createServer(socket => { socket.on('error', () => undefined); t.teardown(() => { socket.destroy() }) })
    )}`
    })
  },
  {
    name: 'a door that takes connections and closes them, as a load balancer without a Redis behind it',
    detail: /^The connection to Redis has ended$/,
    async cause (t) {
      const { path } = await startTcp(t)
      let isOpen = false
      const door = createServer(socket => {
        socket.on('error', () => undefined)
        if (isOpen) socket.pipe(connect(path).on('error', () => socket.destroy())).pipe(socket)
        else socket.resume().end()
        t.teardown(() => { socket.destroy() })
      })
      return { url: `redis://127.0.0.1:${await listen(t, door)}`, heal: async () => { isOpen = true } }
    }
  },
  {
    name: 'something that is not a Redis',
    detail: /^What answers is not a Redis|^The connection to Redis breaks off/,
    cause: async t => ({ url: `redis://127.0.0.1:${await listen(t, createHttpServer())}` })
  },
  {
    name: 'TLS asked of a Redis without it',
    detail: /^Redis (has not|does not)/,
    cause: async t => ({ url: `rediss://127.0.0.1:${(await startTcp(t)).port}` })
  }
]

/** Asks every door, and compares with what a store that is away gets. */
async function refuses (t: Test, { url, app }: Iris, detail: RegExp) {
  const headers = { authorization: `Bearer ${await tokenOf('alice')}` }
  t.equal((await fetch(`${url}/livez`)).status, 200)
  const time = await fetch(`${url}/v1/time`)
  t.equal(time.status, app.store().version === undefined ? 503 : 200, '[TIME-1] ' +
    'what Redis once said is carried on; the machine is not asked')
  await until(async () => detail.test(app.store().reason ?? '') || undefined)
  for (const path of ['/readyz', '/v1/conversations', '/v1/down/poll?timeoutMs=0']) {
    const response = await fetch(url + path, { headers })
    t.equal(response.status, 503, path)
    t.equal(response.headers.get('retry-after'), '1')
    const told = path === '/readyz' ? detail : /^The store /
    t.match(await response.json(), { code: 'STORE_UNAVAILABLE', retryable: true, detail: told }, path)
  }
  const stream = await fetch(`${url}/v1/down/events`, { headers })
  t.equal(stream.status, 200)
  t.match(await stream.text(), /^retry: \d+\n[^]*"IRIS.BYE".*"code":4202/)
}

for (const { name, detail, cause } of troubles) {
  t.test(`[SSE-1] ${name}: the port is open, doors answer with the reason, one line is logged, and Iris goes on by itself`, async t => {
    const lines: string[] = []
    const { url, heal } = await cause(t)
    const began = performance.now()
    const iris = await startIris(t, {
      unsound: { url, onUnfit: sentence => { t.fail(sentence) } },
      logs: { write: line => lines.push(line) }
    })
    t.ok(performance.now() - began < 20_000, 'it did not wait for Redis')
    await refuses(t, iris, detail)
    const said = () => lines.filter(line => line.includes('commands answer 503'))
    await until(async () => said().length || undefined)
    t.equal(said().length, 1, said().join(''))
    if (!heal) return
    await heal()
    await until(async () => (await fetch(`${iris.url}/readyz`)).status === 200 || undefined)
    const [alice, bob] = [await iris.user(t), await iris.user(t)]
    const stream = await bob.listen()
    await stream.next('IRIS.READY')
    t.equal((await alice.send(bob, 'there')).status, 200)
    await stream.next('MSG_DOWN')
    for (const end = performance.now() + 1_200; performance.now() < end; await setTimeout(100)) {
      t.equal((await fetch(`${iris.url}/readyz`)).status, 200, 'longer than anybody waits to look again')
    }
    t.equal(lines.filter(line => line.includes('Redis is there')).length, 1, 'its end is one line')
  })
}

/** What waiting cannot help. */
const unfit: { name: string, sentence: RegExp, cause (t: Test): Promise<string> }[] = [
  {
    name: 'a wrong password',
    sentence: /^Redis refuses Iris: WRONGPASS/,
    cause: async t => `redis://:CANARY@127.0.0.1:${(await startProtected(t)).port}`
  },
  { name: 'no password', sentence: /^Redis refuses Iris: NOAUTH/, cause: async t => `redis://127.0.0.1:${(await startProtected(t)).port}` },
  {
    name: 'an unknown user',
    sentence: /^Redis refuses Iris: WRONGPASS/,
    cause: async t => `redis://nobody:CANARY@127.0.0.1:${(await startTcp(t)).port}`
  },
  {
    name: 'a user who may not run scripts',
    sentence: /^Redis refuses Iris: NOPERM/,
    async cause (t) {
      const { port, redis } = await startTcp(t)
      await redis.acl('SETUSER', 'weak', 'on', '>CANARY', '~*', '&*', '+@all', '-@scripting')
      return `redis://weak:CANARY@127.0.0.1:${port}`
    }
  },
  {
    name: 'a database that is not there',
    sentence: /^Redis refuses Iris: ERR DB index is out of range \(IRIS_REDIS_URL\)$/,
    cause: async t => `redis://127.0.0.1:${(await startTcp(t)).port}/99`
  },
  {
    name: 'a database that is not there, named by the query',
    sentence: /^Redis refuses Iris: ERR DB index is out of range/,
    cause: async t => `redis://127.0.0.1:${(await startTcp(t)).port}?db=16`
  },
  {
    name: 'a user who may not choose a database',
    sentence: /^Redis refuses Iris: NOPERM.*select/,
    async cause (t) {
      const { port, redis } = await startTcp(t)
      await redis.acl('SETUSER', 'weak', 'on', '>CANARY', '~*', '&*', '+@all', '-select')
      return `redis://weak:CANARY@127.0.0.1:${port}/1`
    }
  },
  {
    name: 'a Redis that may drop keys',
    sentence: /^maxmemory-policy is allkeys-lru/,
    cause: async t => `redis://127.0.0.1:${(await startTcp(t, ['--maxmemory-policy', 'allkeys-lru'])).port}`
  },
  {
    name: 'a cluster',
    sentence: /^This Redis is a cluster/,
    cause: async t => `redis://127.0.0.1:${(await startTcp(t, ['--cluster-enabled', 'yes'])).port}`
  }
]

/** A Redis with a password. */
async function startProtected (t: Test) {
  const server = await startTcp(t)
  await server.redis.config('SET', 'requirepass', 'right')
  return server
}

for (const { name, sentence, cause } of unfit) {
  t.test(`${name}: one sentence, since waiting cannot help`, async t => {
    const url = await cause(t)
    const told = await new Promise<string>(resolve => { void startIris(t, { unsound: { url, onUnfit: resolve } }) })
    t.match(told, sentence)
    t.notMatch(told, /CANARY|\n/)
  })
}

/** How many connections a Redis has taken so far. */
const connectionsOf = async (redis: Redis) => /total_connections_received:(\d+)/.exec(await redis.info('stats'))?.[1]

t.test('what becomes unfit later is 503 with the reason, until it is mended', async t => {
  const { redis, port } = await startTcp(t)
  const iris = await startIris(t, { unsound: { url: `redis://127.0.0.1:${port}`, onUnfit: sentence => { t.fail(sentence) } } })
  await until(async () => (await fetch(`${iris.url}/readyz`)).status === 200 || undefined)
  await redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
  iris.redis.disconnect(true)
  await refuses(t, iris, /^maxmemory-policy is allkeys-lru/)
  const calls = async (name: string) => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(await redis.info('commandstats'))?.[1])
  const [looks, times] = [await calls('config\\|get'), await calls('time')]
  await until(async () => await calls('config\\|get') > looks + 1 || undefined)
  t.equal(await calls('time'), times, '[TIME-1] nor asked for the time')
  const mended = async () => {
    await redis.config('SET', 'maxmemory-policy', 'noeviction')
    await until(async () => (await fetch(`${iris.url}/readyz`)).status === 200 || undefined)
  }
  await mended()
  const connects = await connectionsOf(redis)
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  await redis.config('SET', 'maxmemory-policy', 'volatile-ttl')
  await refuses(t, iris, /^maxmemory-policy is volatile-ttl/)
  t.match(await alice.send(bob, 'x'), { status: 503, body: { code: 'STORE_UNAVAILABLE' } })
  await mended()
  t.equal((await alice.send(bob, 'x')).status, 200)
  t.equal(await connectionsOf(redis), connects, 'no connection was needed to find it out')
})

t.test('the data lies in the database that IRIS_REDIS_URL names; where that is gone, nothing is written elsewhere', async t => {
  const { redis, port, ...server } = await startTcp(t)
  const iris = await startIris(t, { unsound: { url: `redis://127.0.0.1:${port}/3`, onUnfit: sentence => { t.fail(sentence) } } })
  const isReady = async () => (await fetch(`${iris.url}/readyz`)).status === 200 || undefined
  await until(isReady)
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  t.equal((await alice.send(bob, 'there')).status, 200)
  t.match(await redis.info('keyspace'), /^# Keyspace\r\ndb3:keys=\d+[^\n]*\n$/, 'only there')
  await server.kill()
  await startRedis(t, ['--port', String(port), '--bind', '127.0.0.1', '--databases', '2'])
  await refuses(t, iris, /^Redis refuses Iris: ERR DB index is out of range/)
})

t.test('the process: arguments are answered and nothing is started; what keeps it from starting is one sentence', async t => {
  const { port, redis } = await startTcp(t, ['--appendonly', 'yes'])
  const secrets = { IRIS_REDIS_URL: `redis://127.0.0.1:${port}`, IRIS_TOKEN_SECRET: 's'.repeat(32), IRIS_SERVER_KEY: 'k'.repeat(16) }
  const running = await startProcess(t, secrets)
  const cases: [args: string[], env: Record<string, string>, code: number, stdout: RegExp, stderr: RegExp][] = [
    [['start', '--help'], {}, 0, /^Usage: iris-gateway start[^]*IRIS_PORT +integer, default 4747\n[^]*IRIS_LIMIT_IDS/, /^$/],
    [['--port', '1'], {}, 2, /^$/, /^iris-gateway start: Unknown option '--port': the gateway is configured by its environment\.\n\nUsage: /],
    [[], { IRIS_HOST: 'iris.invalid' }, 1, /./, /^Iris cannot start: IRIS_HOST iris\.invalid cannot be resolved\n$/]
  ]
  await Promise.all(cases.map(async ([args, env, code, stdout, stderr]) => {
    const { exited, output, errors } = await startProcess(t, { ...secrets, ...env }, args)
    t.same(await exited, [code, null], args.join(' '))
    t.match(errors(), stderr)
    if (code !== 1) t.match(output(), stdout)
  }))
  t.match(readArguments(['--version']), { what: 'version' })
  t.match(readArguments(['-h', 'x']), { what: 'help' })
  t.match(running.output(), /"durability":"memory"[^\n]*Iris listens on/, 'what this Redis does, not what was hoped')
  t.match(running.output(), /IRIS_DURABILITY is disk, but appendfsync of this Redis is everysec/)
  running.child.kill('SIGTERM')
  t.same(await running.exited, [0, null])
  for (const line of [/Iris is to end: SIGTERM/, /The node goes down: no connection is open/, /Iris has ended/]) {
    t.match(running.output(), line)
  }

  await redis.config('SET', 'requirepass', 'right')
  const { exited, errors } = await startProcess(t, secrets)
  t.same(await exited, [1, null])
  t.match(errors(), /^Iris cannot start: Redis refuses Iris: NOAUTH[^\n]*\n$/)
})
