// Two processes under one name. docs/protocol.md section 10
import t from 'tap'
import { startSharedRedis } from './helper/process.js'

const { start } = await startSharedRedis(t)
const named = { IRIS_NODE_ID: 'one' }
const isReady = async ({ url }: { url: string }) => (await fetch(`${url}/readyz`)).status === 200

t.test('a second process under the name of one that is up says so in one sentence, and ends; the first goes on', async t => {
  const first = await start(t, named)
  const second = await start(t, named)
  t.strictSame(await second.exited, [1, null])
  t.match(second.errors(), /^Iris cannot start: [^\n]*IRIS_NODE_ID[^\n]*\n$/)
  t.ok(await isReady(first))
})

t.test('one that was killed does not hinder its successor, which is the one that stays then', async t => {
  const first = await start(t, named)
  first.child.kill('SIGKILL')
  await first.exited
  const successor = await start(t, named)
  const late = await start(t, named)
  t.strictSame(await late.exited, [1, null])
  t.equal(successor.child.exitCode, null)
  t.ok(await isReady(successor))
})
