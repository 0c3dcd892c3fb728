// Two processes under one name. docs/protocol.md section 10
import t from 'tap'
import { startIris } from './helper/iris.js'
import { startSharedRedis } from './helper/process.js'
import { startRedis } from './helper/redis.js'
import { until } from './helper/user.js'
import { startWay } from './helper/way.js'

t.test('a second process under the name of one that is up ends with one sentence; one that was killed hinders none', async t => {
  const { start } = await startSharedRedis(t)
  const named = { IRIS_NODE_ID: 'one' }
  const killed = await start(t, named)
  killed.child.kill('SIGKILL')
  await killed.exited
  const successor = await start(t, named)
  const second = await start(t, named)
  t.strictSame(await second.exited, [1, null])
  t.match(second.errors(), /^Iris cannot start: [^\n]*IRIS_NODE_ID[^\n]*\n$/)
  t.equal((await fetch(`${successor.url}/readyz`)).status, 200)
  t.equal(successor.child.exitCode, null)
})

t.test('of two that begin at once one ends, and one stays, though a word takes longer than what lies between them', async t => {
  const way = await startWay(t, (await startRedis(t)).path)
  way.delay(100)
  const ended: string[] = []
  await Promise.all(['first', 'second'].map(async name =>
    await startIris(t, { env: { IRIS_NODE_ID: 'one' }, unsound: { url: way.path, onUnfit: () => ended.push(name) } })))
  t.equal(await until(async () => ended.length || undefined), 1)
})
