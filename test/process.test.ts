// The real process with its embedded Redis: killed, started again, and ended in order. docs/protocol.md sections 4 and 10.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startProcess } from './helper/process.js'
import { createUser } from './helper/user.js'

/** Starts the process with its private Redis in this directory. */
const start = async (t: Test, dataDir: string, env: Record<string, string> = {}) => await startProcess(t, { IRIS_DATA_DIR: dataDir, ...env })

async function directory (t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'iris-process-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

async function userOf (t: Test, url: string, dataDir: string, userId: string) {
  const { serverKey } = JSON.parse(await readFile(join(dataDir, 'secrets.json'), 'utf8')) as { serverKey: string }
  const response = await fetch(`${url}/v1/server/tokens`, { method: 'POST', headers: { authorization: `Bearer ${serverKey}`, 'content-type': 'application/json' }, body: JSON.stringify({ userId }) })
  return createUser(t, { url, userId, token: (await response.json() as { token: string }).token })
}

t.test('[MSG-1] [MSG-4] [STORE-1] kill -9 of the process under traffic: what was acknowledged is there once; nobody is left who knows that it is all, so the stream says that it begins anew', async t => {
  const dataDir = await directory(t)
  const first = await start(t, dataDir)
  const [alice, bob] = [await userOf(t, first.url, dataDir, 'alice'), await userOf(t, first.url, dataDir, 'bob')]
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  const acknowledged: number[] = []
  const sending = (async () => {
    for (let n = 1; ; n++) {
      const { status } = await alice.send(bob, `m${n}`, { clientMsgId: `c-${n}` }).catch(() => ({ status: 0 }))
      if (status !== 200) return n
      acknowledged.push(n)
    }
  })()
  await stream.next(({ data }) => data['seq'] === 60)
  first.child.kill('SIGKILL')
  const unknown = await sending
  await stream.ended

  const second = await start(t, dataDir)
  const [alice2, bob2] = [await userOf(t, second.url, dataDir, 'alice'), await userOf(t, second.url, dataDir, 'bob')]
  t.equal((await alice2.send(bob2, `m${unknown}`, { clientMsgId: `c-${unknown}` })).status, 200, 'the one without an answer is sent again')
  const resumed = await bob2.listen({ cursor: stream.cursor })
  await resumed.next('IRIS.READY')
  t.match(resumed.events[1]?.data, { name: 'IRIS.RESET', data: { reason: 'epoch' } })
  const texts = resumed.events.filter(({ event }) => event === 'MSG_DOWN').map(({ data }) => (data['content'] as { text: string }).text)
  t.same(texts, [...acknowledged, unknown].map(n => `m${n}`))
})

t.test('[SSE-1] [STORE-1] SIGTERM: BYE 4200, exit 0, nothing is lost, and the life goes on', async t => {
  const dataDir = await directory(t)
  const first = await start(t, dataDir)
  const [alice, bob] = [await userOf(t, first.url, dataDir, 'alice'), await userOf(t, first.url, dataDir, 'bob')]
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  first.child.kill('SIGTERM')
  t.match((await stream.next('IRIS.BYE')).data.data, { code: 4200 })
  t.same(await first.exited, [0, null])
  const second = await start(t, dataDir)
  t.equal((await (await userOf(t, second.url, dataDir, 'alice')).send(bob, 'again')).status, 200, 'the same secrets, the same data')
  t.equal(alice.userId, 'alice')
  const resumed = await (await userOf(t, second.url, dataDir, 'bob')).listen({ cursor: stream.cursor })
  t.match((await resumed.next('IRIS.HELLO')).data.data, { recovered: true, replay: 1 })
})

t.test('what keeps it from starting is said in one line, exit 1', async t => {
  const dataDir = await directory(t)
  await start(t, dataDir)
  const cases: [Record<string, string>, RegExp][] = [
    [{}, /^Iris cannot start: another process uses the data directory/],
    [{ IRIS_PORT: 'x' }, /^Iris cannot start: IRIS_PORT must be a decimal integer from 0 to 65535, not "x"\n$/],
    [{ IRIS_HOST: '0.0.0.0' }, /^Iris cannot start: IRIS_HOST is not a loopback address/],
    [{ PATH: '/nonexistent' }, /^Iris cannot start: redis-server is not installed: .*IRIS_REDIS_URL/]
  ]
  for (const [env, sentence] of cases) {
    const { child, url, errors } = await start(t, dataDir, env)
    t.equal(url, '')
    t.equal(child.exitCode, 1)
    t.match(errors(), sentence)
  }
})
