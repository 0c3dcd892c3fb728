// The doctor: what it finds on real servers and behind real proxies.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { WebSocketServer } from 'ws'
import { checksHere, files } from '../src/cli/here.js'
import { holdStream, holdWebSocket } from '../src/cli/idle.js'
import { checksOutside } from '../src/cli/outside.js'
import { checksOfRedis, clock } from '../src/cli/redis-checks.js'
import { call, inherited, program } from './helper/command.js'
import { directoryOf } from './helper/embedded.js'
import { linesOf } from './helper/findings.js'
import { SERVER_KEY, startIris } from './helper/iris.js'
import { noNginx, startNginx } from './helper/nginx.js'
import { freePort } from './helper/process.js'
import { startRedis } from './helper/redis.js'
import { until } from './helper/user.js'

t.test('a WebSocket that is torn off is one that was cut', async t => {
  const other = createServer().on('upgrade', (_request, socket: Socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n', () => socket.resetAndDestroy())
  }).listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
  t.match(await holdWebSocket({ url, token: 'x', holdMs: 1_000 }), [{ verdict: 'fail', found: 'it opens, and nothing comes' }])
})

t.test('a stream that ends before anything has come is none that is buffered', async t => {
  const other = createServer((_request, response) => response.end(': so it is\n\n')).listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
  t.match(await holdStream({ url, token: 'x', holdMs: 1_000 }), [{ verdict: 'fail', found: 'it ended before its first events' }])
})

t.test('the doctor of a machine: Redis, its settings, its room, the clocks, the limits, the gateway', async t => {
  const port = await freePort()
  const { redis } = await startRedis(t, [
    '--port', String(port), '--bind', '127.0.0.1', '--appendonly', 'yes', '--appendfsync', 'always', '--stream-node-max-bytes', '1024'
  ])
  const of = (url: string) => checksOfRedis({ redisUrl: url, dataDir: '', durability: 'disk' })
  const url = `redis://127.0.0.1:${port}`
  t.match(await linesOf(of(url)), /^ok {3}Redis: 7[^]*ok {3}persistence: [^]*ok {3}memory: .* without a bound[^]*ok {3}clock: Redis is \d+ ms/)
  t.equal(await linesOf(of(url), 'warn') + await linesOf(of(url), 'fail'), '')
  for (const [setting, value, line] of [
    ['appendfsync', 'everysec', /^warn Redis settings: IRIS_DURABILITY is disk, but appendfsync .*CONFIG SET\n$/],
    ['maxmemory', '1000000', /^warn memory: .* of 1, .*Raise maxmemory/m],
    ['appendonly', 'no', /^warn Redis settings: appendonly is off/m],
    ['maxmemory-policy', 'allkeys-lru', /^fail Redis: maxmemory-policy is allkeys-lru: .*\n$/],
    ['requirepass', 'secret', /^fail Redis: Redis refuses Iris: NOAUTH.*IRIS_REDIS_URL\)\. Set IRIS_REDIS_URL with its password/]
  ] as const) {
    await redis.config('SET', setting, value)
    t.match(await linesOf(of(url), line.source.includes('fail') ? 'fail' : 'warn'), line, setting)
  }
  t.match(await linesOf(of(`redis://127.0.0.1:${await freePort()}`)), /^fail Redis: Redis is not reachable: nothing listens there\. /)
  t.match([clock(20), clock(-3_000)], [{ verdict: 'ok' }, { verdict: 'warn', found: 'Redis is 3000 ms behind this machine' }])
  t.match([files(100), files(Infinity), files(NaN)], [
    { verdict: 'warn', found: 'only 100 may be open' }, { verdict: 'ok' }, { verdict: 'warn' }
  ])
})

t.test('the doctor beside a gateway with its private Redis, and without one', async t => {
  const dataDir = await directoryOf(t)
  const nowhere = String(await freePort())
  const alone = await linesOf(checksHere({ IRIS_PORT: nowhere, IRIS_DATA_DIR: join(dataDir, 'none') }))
  for (const line of [/^ok {3}Node: /, /^ok {3}redis-server: 7/m, /is made at the start/, /^warn secrets: /m, /^warn gateway: none answers/m]) {
    t.match(alone, line)
  }
  for (const file of [program, join(program, 'x')]) {
    t.match(await linesOf(checksHere({ IRIS_PORT: nowhere, IRIS_DATA_DIR: file }), 'fail'), /^fail data directory: \S+ is no directory\. /)
  }
  t.match(await linesOf(checksHere({ IRIS_PROT: '1' }), 'fail'), /^fail configuration: IRIS_PROT is not a variable of Iris/)

  const tty = spawn('script', ['-qec', `${process.execPath} ${program}`, '/dev/null'], {
    env: { ...inherited, IRIS_PORT: '0', IRIS_DATA_DIR: dataDir }, stdio: ['pipe', 'pipe', 'ignore']
  })
  let shown = ''
  tty.stdout.on('data', (chunk: Buffer) => { shown += chunk.toString() })
  t.teardown(() => tty.kill())
  while (!shown.includes('Ctrl-C')) await once(tty.stdout, 'data')
  t.match(shown, /Iris \d+\.\d+\.\d+ listens\.[^]* demo page {2}http[^]* Redis {6}[^\n]*private, in [^]*Before others may come:[^]*made up/)
  t.match(shown, /^\s+Iris /, 'a person reads it, and nothing above it')
  t.notMatch(shown, /^\{/m)
  const address = /address +(\S+)/.exec(shown)?.[1] ?? ''
  await until(async () => (await fetch(`${address}/readyz`)).ok || undefined) // on a busy machine the banner may come first
  const env = { IRIS_PORT: new URL(address).port, IRIS_DATA_DIR: dataDir }
  const beside = await linesOf(checksHere(env))
  for (const line of [/^ok {3}Redis: 7/m, /^ok {3}persistence: what is answered is on disk\n/m, /^ok {3}gateway: ready at /m]) t.match(beside, line)
  tty.stdin.write('\u0003')
  await once(tty, 'close')
  t.match(shown, /\d\d:\d\d:\d\d Iris is to end: SIGINT[^]*Iris has ended/)
})

/** A proxy that breaks one thing; the rest is as it should be. */
const broken: { name: string, location: string, line: RegExp }[] = [
  {
    name: 'buffers',
    location: 'location = /v1/down/events { proxy_pass http://iris; proxy_ignore_headers X-Accel-Buffering; proxy_buffering on; }',
    line: /^fail stream: nothing had come after 5\.\d s: something on the way buffers it\. .*proxy_buffering off\)\n$/
  },
  { name: 'cuts idle connections', location: 'proxy_read_timeout 1s;', line: /fail idle stream: it was cut.*\n(fail poll: .* 504 .*\n)fail idle WebSocket: it was cut/ },
  {
    name: 'takes Upgrade away',
    location: 'location = /v1/ws { proxy_pass http://iris; proxy_set_header Host $http_host; }',
    line: /^fail WebSocket: Upgrade is taken out of the request\. .*\nfail WebSocket: it is not opened: UPGRADE_REQUIRED/
  },
  { name: 'loses the Host', location: 'proxy_set_header Host $host;', line: /^fail Host: it is not handed on: The origin http.*\. Hand on what/ },
  {
    name: 'leads elsewhere',
    location: 'location = /livez { return 200 "hello"; } location = /v1/time { return 404; }',
    line: /^fail address: what answers at \S+ is no Iris \(200, and below \/v1\/ 404\)\. /
  }
]

t.test('the doctor from outside finds what a proxy breaks, and says what to do', { skip: noNginx, jobs: 5 }, async t => {
  const iris = await startIris(t)
  const servers = await Promise.all(broken.map(async each => ({ ...each, port: await freePort() })))
  const server = ({ location, port }: { location: string, port: number }) => `server { listen 127.0.0.1:${port};
    proxy_http_version 1.1;
    ${location.startsWith('proxy_set_header Host') ? '' : 'proxy_set_header Host $http_host;'}
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";
    ${location}
    location / { proxy_pass http://iris; } }`
  await startNginx(t, {
    http: `upstream iris { server ${new URL(iris.url).host}; } ${servers.map(server).join('\n')}`, url: `http://127.0.0.1:${servers[0]?.port}`
  })
  const look = (url: string, key = SERVER_KEY) => checksOutside({ url, token: undefined, holdMs: 2_500, env: { IRIS_SERVER_KEY: key } })
  await Promise.all(servers.map(async ({ name, port, line }) => {
    t.match(await linesOf(look(`http://127.0.0.1:${port}`), 'fail'), line, name)
  }))
  t.match(await linesOf(look(iris.url, 'x'.repeat(16)), 'warn'), /^warn streams: not looked at, since no token could be made: .*401, BAD_SERVER_KEY.*--token\n$/)
  t.match(await linesOf(look(`http://127.0.0.1:${await freePort()}`)), /^fail address: nobody answers/)
  const stale = checksOutside({ url: iris.url, token: 'stale', holdMs: 100, env: {} })
  t.match((await linesOf(stale)).split('\n').slice(5), [
    /^fail stream: it is answered 401, BAD_TOKEN\./, /^fail poll: it is answered 401, BAD_TOKEN\./,
    /^fail WebSocket: it is not opened: BAD_TOKEN\./, ''
  ])
})

/** Pings as a gateway does, and ends who has not answered the last ping; more often. @returns its address. */
async function startPinging (t: Test, closesWith?: number) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  const answered = new Map<object, number>()
  server.on('connection', socket => {
    answered.set(socket, 0)
    socket.send('x'.repeat(70_000))
    let isAlive = true
    socket.on('pong', data => {
      if (data.toString() !== 'so it is') return
      isAlive = true
      answered.set(socket, (answered.get(socket) ?? 0) + 1)
    })
    const timer = setInterval(() => {
      if (closesWith !== undefined) return socket.close(closesWith)
      if (!isAlive) return socket.terminate()
      isAlive = false
      socket.send('x'.repeat(1_000))
      socket.ping('so it is')
    }, 100)
    socket.on('close', () => clearInterval(timer)).on('error', () => undefined)
  })
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, pongs: () => [...answered.values()] }
}

t.test('a WebSocket that is held answers pings, or the gateway itself would end it; when it does, no proxy is at fault', async t => {
  const { url, pongs } = await startPinging(t)
  t.match(await holdWebSocket({ url, token: 'x', holdMs: 450 }), [{ verdict: 'ok', of: 'idle WebSocket', found: /^it stayed for / }])
  t.ok(Number(pongs()[0]) >= 2, 'more than one ping')
  const rotating = await startPinging(t, 4201)
  t.match(await holdWebSocket({ url: rotating.url, token: 'x', holdMs: 5_000 }), [
    { verdict: 'warn', of: 'WebSocket', found: 'the gateway ended it itself, with code 4201' }
  ])
})

t.test('the exit code of the doctor is 1 when something is wrong, 2 when it is asked for what it does not do', async t => {
  const { code, out } = await call(['doctor', '--url', `http://127.0.0.1:${await freePort()}`])
  t.equal(code, 1)
  t.match(out, /^fail address: [^]*\n0 ok, 0 to look at, 1 failed\n$/)
  t.match(await call(['doctor', '--hold', '3']), { code: 2, out: '', err: '--token and --hold are for what --url names.\n' })
  for (const time of ['51m', '30d']) {
    t.match(await call(['doctor', '--url', 'http://127.0.0.1:1', '--hold', time]), { code: 2, out: '', err: '--hold must be 50m at most.\n' })
  }
})
