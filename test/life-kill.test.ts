// A node that dies with hundreds of users: another one says that they are gone. docs/protocol.md section 7.
import t, { type Test } from 'tap'
import { openCrowd, tokenOf } from './helper/crowd.js'
import { allEvents, events, type ServerEvent, untilSaid } from './helper/events.js'
import { type Iris, startIris } from './helper/iris.js'
import { both, heartbeat, listening } from './helper/life.js'
import { startSharedRedis } from './helper/process.js'
import { createUser } from './helper/user.js'

const [USERS, RETURNING] = [400, 50]
const env = { IRIS_LIMIT_LEASE_SEC: '12', IRIS_LIMIT_GRACE_SEC: '1' }

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
t.test(`[LIFE-3] kill -9 of a node with ${USERS} users: each is offline once, none who came back elsewhere`, async t => {
  const { path, start } = await startSharedRedis(t)
  const b = await startIris(t, { env: { ...env, IRIS_NODE_ID: 'b' }, redisPath: path })
  await startIris(t, { env: { ...env, IRIS_NODE_ID: 'c' }, redisPath: path }) // so that two reap
  const node = await start(t, { ...env, IRIS_NODE_ID: 'dies' })
  const users = Array.from({ length: USERS }, (_, i) => `u${i}`)
  const crowd = await openCrowd(node.url, users)
  node.child.kill('SIGKILL')
  await node.exited
  for (const member of crowd) member.leave()
  const [lost, returned] = [users.slice(0, -RETURNING), users.slice(-RETURNING)]
  const back = await openCrowd(b.url, returned)
  t.teardown(() => { for (const member of back) member.leave() })

  await stayingAlive(t, b, returned)
  await offline(b, lost.length)
  const straggler = await b.user(t)
  await (await listening(straggler)).cut()
  await untilSaid(b, straggler, 'user.offline') // several turns of the reapers later

  const byUser = new Map<string, ServerEvent[]>()
  for (const event of await allEvents(b)) byUser.set(event.userId, [...byUser.get(event.userId) ?? [], event])
  const said = (userId: string): string[] | undefined =>
    byUser.get(userId)?.map(({ type, reason }) => reason === undefined ? type : `${type} ${reason}`)
  const wrong = (all: string[], expected: string[]) =>
    all.filter(userId => JSON.stringify(said(userId)) !== JSON.stringify(expected)).map(userId => [userId, said(userId)])
  t.same(wrong(lost, [...both, 'terminal.disconnected TIMEOUT', 'user.offline']), [], 'each once, in order')
  t.same(wrong(returned, both), [], 'nothing of those who came back')
  t.same([...byUser.values()].filter(all => all.some(({ n }, i) => n !== i + 1)), [], 'the numbers have no hole')
})
