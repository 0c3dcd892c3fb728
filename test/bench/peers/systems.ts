// The systems that are compared: Iris, nchan on Redis, Socket.IO with its Redis Streams adapter; each with a Redis of its own.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRedis } from '../../../src/store/redis/redis.js'
import type { Bench } from '../bench.js'
import type { SystemName } from '../load/wires.js'
import { answers, familyOf, freePort, launch } from './processes.js'

/** A system under load: where it listens, of which processes it consists, and how a group is made there. */
export interface System {
  port: number
  /** Signs tokens; of Iris only. */
  secret: string
  servers: number[]
  redis: number[]
  makeGroup (id: string, members: string[]): Promise<void>
  stop (): Promise<void>
}

/** In the sources, not in the build: packages stay there when it is made anew. */
const here = fileURLToPath(new URL('../../../../test/bench/peers/', import.meta.url))
const INSTALL_MS = 120_000
const FILES = 20_000
type Run = Pick<ReturnType<typeof launch>, 'stop'>

async function startOwn (bench: Bench): Promise<System> {
  const iris = await bench.startIris()
  const { port, server, group: makeGroup, stop } = iris
  return { port, secret: bench.secret, servers: [server.pid], redis: [await bench.redisPid()], makeGroup, stop }
}

/** A Redis that writes its append-only file once a second, as that of Iris does meanwhile; no rewrite falls into one system by chance. */
async function startRedis (directory: string) {
  const port = await freePort()
  const dir = await folder(directory, `redis-${port}`)
  const file = { appendonly: 'yes', appendfsync: 'everysec', 'auto-aof-rewrite-percentage': 0 }
  const settings = Object.entries({ port, bind: '127.0.0.1', dir, save: '', ...file })
  const run = launch('redis-server', settings.flatMap(([name, value]) => [`--${name}`, String(value)]), join(dir, 'log'))
  const client = createRedis(`redis://127.0.0.1:${port}`).on('error', () => undefined) // it is asked again until it is there
  await run.isUp(async () => await client.ping().then(() => true, () => false)).finally(() => client.disconnect())
  return { port, pid: run.pid, stop: run.stop }
}

/** A peer knows no tokens, and needs not be told of groups. */
function peerOf ({ port, redis, run, servers }: { port: number, redis: Run & { pid: number }, run: Run, servers: number[] }): System {
  async function stop (): Promise<void> {
    await run.stop()
    await redis.stop()
  }
  return { port, secret: '', servers, redis: [redis.pid], makeGroup: async () => undefined, stop }
}

async function startNchan ({ directory }: Bench): Promise<System> {
  const nginx = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx'].find(existsSync)
  const modules = nginx && /--modules-path=(\S+)/.exec(spawnSync(nginx, ['-V'], { encoding: 'utf8' }).stderr)?.[1]
  const module = modules && join(modules, 'ngx_nchan_module.so')
  if (!nginx || !module || !existsSync(module)) throw new Error('it is not installed: `apt-get install libnginx-mod-nchan`')
  const redis = await startRedis(directory)
  const port = await freePort()
  const dir = await folder(directory, `nginx-${port}`)
  await writeFile(join(dir, 'conf'), nginxConf({ module, dir, port, redisPort: redis.port }))
  const run = launch(nginx, ['-p', dir, '-e', join(dir, 'start.log'), '-c', join(dir, 'conf')], join(dir, 'log'))
  // 200 to a publication says that it has found its Redis, too
  const probe = `http://127.0.0.1:${port}/pub/probe`
  await run.isUp(async () => await fetch(probe, { method: 'POST', body: '{}' }).then(({ ok }) => ok, () => false))
  return peerOf({ port, redis, run, servers: familyOf(run.pid) })
}

function nginxConf ({ module, dir, port, redisPort }: { module: string, dir: string, port: number, redisPort: number }): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(name => `${name}_temp_path ${dir}/${name};`).join(' ')
  return `load_module ${module};
${process.getuid?.() === 0 ? 'user root;' : ''} worker_processes 1; worker_rlimit_nofile ${FILES};
daemon off; pid ${dir}/pid; error_log ${dir}/error.log warn;
events { worker_connections ${FILES - 1000}; }
http {
  access_log off; keepalive_requests 100000000; ${temporary}
  upstream store { nchan_redis_server redis://127.0.0.1:${redisPort}/; nchan_redis_storage_mode distributed; }
  server {
    listen 127.0.0.1:${port};
    location ~ ^/sub/([\\w.-]+)$ { nchan_subscriber eventsource; nchan_channel_id $1; nchan_redis_pass store; }
    location ~ ^/pub/([\\w.-]+)$ {
      nchan_publisher; nchan_channel_id $1; nchan_redis_pass store; nchan_message_buffer_length 5000; nchan_message_timeout 1h;
    }
  }
}
`
}

async function startSocketIO ({ directory }: Bench): Promise<System> {
  install()
  const redis = await startRedis(directory)
  const port = await freePort()
  const args = [join(here, 'socketio.js'), String(port), String(redis.port)]
  const run = launch(process.execPath, args, join(directory, `socketio-${port}.log`))
  await run.isUp(async () => await answers(port))
  return peerOf({ port, redis, run, servers: [run.pid] })
}

/** Installs the packages of its own lockfile, once. */
function install (): void {
  if (existsSync(join(here, 'node_modules/socket.io'))) return
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error']
  const { status, stderr } = spawnSync('npm', args, { cwd: here, encoding: 'utf8', timeout: INSTALL_MS })
  if (status !== 0) throw new Error(`\`npm ci\` in test/bench/peers failed: ${stderr?.trim().split('\n')[0] ?? ''}`)
}

async function folder (directory: string, name: string): Promise<string> {
  const path = join(directory, name)
  await mkdir(path)
  return path
}

/** Starts one; throws a sentence when it is not on this machine. */
export const systems: Record<SystemName, (bench: Bench) => Promise<System>> = {
  Iris: startOwn, nchan: startNchan, 'Socket.IO': startSocketIO
}
