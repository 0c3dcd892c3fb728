// A node that dies with a thousand users: another one says that they are gone. PROTOCOL.md section 7.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { openCrowd, tokenOf } from './helper/crowd.js'
import { allEvents, events, type LifeEvent, untilSaid } from './helper/events.js'
import { type Iris, SECRET, SERVER_KEY, startIris } from './helper/iris.js'
import { both, heartbeat, listening } from './helper/life.js'
import { startRedis } from './helper/redis.js'
import { createUser } from './helper/user.js'

const [USERS, RETURNING] = [1_000, 100]
const env = { IRIS_LIMIT_LEASE_SEC: '12', IRIS_LIMIT_GRACE_SEC: '1' }

async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  return port
}

/** Starts a node as a process of its own. @returns its address, and `kill()` as kill -9 does it. */
async function startNode (t: Test, redisUrl: string) {
  const child = spawn(process.execPath, [fileURLToPath(new URL('../src/server.js', import.meta.url))], {
    env: { PATH: process.env['PATH'], ...env, IRIS_PORT: '0', IRIS_NODE_ID: 'dies', IRIS_REDIS_URL: redisUrl, IRIS_TOKEN_SECRET: SECRET, IRIS_SERVER_KEY: SERVER_KEY },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const kill = async () => {
    if (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')) await once(child, 'exit')
  }
  t.teardown(kill)
  for await (const line of createInterface({ input: child.stdout })) {
    const [, url] = /Iris listens on (http:[^"]+)/.exec(line) ?? []
    if (url === undefined) continue
    child.stdout.resume()
    return { url, kill }
  }
  throw new Error('the node did not start')
}

/** Users who came back give signs of life, as clients do. */
async function stayingAlive (t: Test, { url }: Pick<Iris, 'url'>, userIds: string[]): Promise<void> {
  const clients = await Promise.all(userIds.map(async userId => createUser(t, { url, userId, token: await tokenOf(userId) })))
  const timer = setInterval(() => { for (const client of clients) heartbeat(client).catch(() => undefined) }, 3_000)
  t.teardown(() => clearInterval(timer))
}

/** Reads the stream of events until so many users have gone offline. */
async function offline (iris: Pick<Iris, 'server'>, count: number): Promise<void> {
  for (let [after, found] = ['0-0', 0]; found < count;) {
    const { items, next } = await events(iris, `?after=${after}&limit=1000&timeoutMs=5000`)
    found += items.filter(({ type }) => type === 'user.offline').length
    after = next
  }
}

t.setTimeout(90_000)
t.test('[LIFE-3] kill -9 of a node with 1,000 users: each is offline once, none who came back elsewhere', async t => {
  const port = await freePort()
  const { path } = await startRedis(t, ['--port', String(port)])
  const b = await startIris(t, { env: { ...env, IRIS_NODE_ID: 'b' }, redisPath: path })
  await startIris(t, { env: { ...env, IRIS_NODE_ID: 'c' }, redisPath: path }) // so that two reap
  const node = await startNode(t, `redis://127.0.0.1:${port}`)
  const users = Array.from({ length: USERS }, (_, i) => `u${i}`)
  const crowd = await openCrowd(node.url, users)
  await node.kill()
  const [lost, returned] = [users.slice(0, -RETURNING), users.slice(-RETURNING)]
  const back = await openCrowd(b.url, returned)
  t.teardown(() => { for (const socket of [...crowd, ...back]) socket.destroy() })

  await stayingAlive(t, b, returned)
  await offline(b, lost.length)
  const straggler = await b.user(t)
  await (await listening(straggler)).cut()
  await untilSaid(b, straggler, 'user.offline') // several turns of the reapers later

  const byUser = new Map<string, LifeEvent[]>()
  for (const event of await allEvents(b)) byUser.set(event.userId, [...byUser.get(event.userId) ?? [], event])
  const said = (userId: string): string[] | undefined => byUser.get(userId)?.map(({ type, reason }) => reason === undefined ? type : `${type} ${reason}`)
  const wrong = (all: string[], expected: string[]) => all.filter(userId => JSON.stringify(said(userId)) !== JSON.stringify(expected)).map(userId => [userId, said(userId)])
  t.same(wrong(lost, [...both, 'terminal.disconnected TIMEOUT', 'user.offline']), [], 'each once, in order')
  t.same(wrong(returned, both), [], 'nothing of those who came back')
  t.same([...byUser.values()].filter(all => all.some(({ n }, i) => n !== i + 1)), [], 'the numbers have no hole')
})
