// Two processes under one name. docs/protocol.md section 10
import t from 'tap'
import { startSharedRedis } from './helper/process.js'

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
