// GET /metrics: what is counted, who may read it, and that docs/metrics.md lists it. docs/protocol.md section 10.
import { readFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { keys } from '../src/store/keys.js'
import { startHook } from './helper/hook.js'
import { startIris } from './helper/iris.js'
import { ALLOW, SECRET } from './helper/receiver.js'
import { startRedis } from './helper/redis.js'
import { two, until } from './helper/user.js'

interface Place { url: string, serverKey: string }

/** @returns the page of metrics. */
async function page ({ url, serverKey }: Place): Promise<string> {
  const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${serverKey}` } })
  return await response.text()
}

/** @returns `value(name)`: a sample by its name with labels as printed; 0 when it is not there. */
async function read (place: Place) {
  const text = await page(place)
  return (name: string) => Number(text.split('\n').find(line => line.startsWith(name + ' '))?.split(' ').at(-1) ?? 0)
}

/** Waits until a sample has a value. */
const reaches = (place: Place, name: string, value: number) => until(async () => (await read(place))(name) === value || undefined)

t.test('connections, attaches, events, goodbyes, acknowledgements and requests are counted', async t => {
  const iris = await startIris(t)
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const stream = await bob.listen({ terminalId: 'a' })
  const { id = '' } = await stream.next('IRIS.READY')
  await alice.send(bob, 'hi')
  await stream.next('MSG_DOWN')
  const again = await bob.listen({ terminalId: 'b', cursor: id })
  await again.next('IRIS.READY')
  const reset = await bob.listen({ terminalId: 'c', cursor: '1-1' })
  await reset.next('IRIS.READY')
  await alice.command({ clientCmdId: 'c', name: 'typing', to: { users: [bob.userId] } })
  await Promise.all([stream, again, reset].map(each => each.next('typing')))
  const value = await read(iris)
  t.equal(value('iris_connections{transport="sse"}'), 3)
  t.equal(value('iris_connections{transport="ws"}'), 0)
  t.equal(value('iris_connections_lagging'), 0)
  t.equal(value('iris_attaches_under_way'), 0)
  for (const verdict of ['fresh', 'resumed', 'reset_epoch']) t.equal(value(`iris_attaches_total{verdict="${verdict}"}`), 1, verdict)
  for (const [source, n] of [['live', 1], ['replay', 1], ['mailbox', 1], ['history', 0]] as const) {
    t.equal(value(`iris_events_total{event="MSG_DOWN",source="${source}"}`), n, source)
  }
  t.equal(value('iris_events_total{event="CMD_DOWN",source="volatile"}'), 3)
  t.equal(value('iris_ack_seconds_count{operation="MSG_UP"}'), 1)
  t.ok(value('iris_delivery_seconds_count') >= 1)
  t.ok(value('iris_redis_seconds_count') >= 4)
  t.ok(value('iris_sweeps_total') >= 1)
  t.equal(value('iris_http_requests_total{method="POST",route="/v1/up/msg",status="200"}'), 1)
  t.ok(value('iris_process_resident_memory_bytes') > 0)
  await bob.send(bob, 'refused')
  t.equal((await read(iris))('iris_ack_seconds_count{operation="MSG_UP"}'), 1, 'a refusal is no acknowledgement')
  await reset.cut()
  await reaches(iris, 'iris_connections{transport="sse"}', 2)
})

t.test('goodbyes, evictions and a box that is printed are counted once', async t => {
  const iris = await startIris(t, { env: { IRIS_LIMIT_TERMINALS: '1', IRIS_LIMIT_CONNECTIONS: '1' } })
  const bob = await iris.user(t)
  await iris.server('POST', 'notices', { users: [bob.userId], noticeId: 'n', content: { text: 'x' }, ttlSec: 60 })
  const first = await bob.listen({ terminalId: 'a' })
  await first.next('IRIS.READY')
  const second = await bob.listen({ terminalId: 'a' })
  await second.next('IRIS.READY')
  await second.cut()
  await reaches(iris, 'iris_connections{transport="sse"}', 0)
  const evicting = await until(async () => {
    const stream = await bob.listen({ terminalId: 'b' })
    return await stream.next('IRIS.READY').catch(() => undefined) && stream
  })
  t.ok(evicting)
  const value = await read(iris)
  t.equal(value('iris_goodbyes_total{code="4302"}'), 1)
  t.equal(value('iris_terminals_evicted_total'), 1)
  t.equal(value('iris_events_total{event="NOTICE_DOWN",source="mailbox"}'), 3, 'one for each attach')
})

t.test('leases are counted: those renewed, and those found to be over', async t => {
  const iris = await startIris(t, { env: { IRIS_LIMIT_LEASE_SEC: '3', IRIS_LIMIT_GRACE_SEC: '1' } })
  const bob = await iris.user(t)
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  t.equal((await bob.post('/v1/up/heartbeat', {})).status, 200)
  await reaches(iris, 'iris_leases_renewed_total', 1)
  await stream.ended // nothing was heard of him
  await reaches(iris, 'iris_leases_ended_total', 2) // the terminal's, and the user's grace
  t.ok((await read(iris))('iris_reaps_total') > 0)
})

t.test('whether the store can be worked with is said: not while it is away, nor while it refuses what writes', async t => {
  const store = await startRedis(t)
  const iris = await startIris(t, { redisPath: store.path })
  await reaches(iris, 'iris_store_up', 1)
  await store.kill()
  await reaches(iris, 'iris_store_up', 0)
  await store.start()
  await reaches(iris, 'iris_store_up', 1)
  await store.redis.config('SET', 'min-replicas-to-write', '1')
  await reaches(iris, 'iris_store_up', 0)
  await store.redis.config('SET', 'min-replicas-to-write', '0')
  await reaches(iris, 'iris_store_up', 1)
})

t.test('a missed hint is counted when the next one shows it', async t => {
  const a = await startIris(t, { env: { IRIS_NODE_ID: 'a' } })
  const b = await startIris(t, { env: { IRIS_NODE_ID: 'b' }, redisPath: a.redisPath })
  const [alice, bob] = [await b.user(t), await a.user(t)]
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  await until(async () => (await fetch(`${a.url}/readyz`)).status === 200 || undefined)
  await alice.send(bob, 'one')
  await stream.next('MSG_DOWN')
  await a.redis.hdel(keys.routes(bob.userId), 'a/default')
  await alice.send(bob, 'nobody is told')
  await a.redis.hset(keys.routes(bob.userId), 'a/default', `web ${Date.now() + 60_000}`)
  await alice.send(bob, 'three')
  await stream.next(({ data }) => data['seq'] === 3)
  t.equal((await read(a))('iris_gap_repairs_total{found_by="hint"}'), 1)
})

t.test('who may read it: with a server key, anybody, nobody', async t => {
  const { path } = await startRedis(t)
  const status = async (t: Test, options: { env?: Record<string, string>, demo?: boolean }, headers = {}) => {
    const { url } = await startIris(t, { ...options, redisPath: path })
    return (await fetch(`${url}/metrics`, { headers })).status
  }
  t.equal(await status(t, {}), 401, 'by default a server key is asked for')
  t.equal(await status(t, {}, { authorization: 'Bearer wrong-key-0123456789' }), 401)
  t.equal(await status(t, { demo: true }), 200, 'open where Iris made its own secrets')
  t.equal(await status(t, { demo: true, env: { IRIS_METRICS: 'key' } }), 401)
  t.equal(await status(t, { env: { IRIS_METRICS: 'open' } }), 200)
  t.equal(await status(t, { env: { IRIS_METRICS: 'off' } }), 404)
})

t.test('docs/metrics.md lists every metric as the registry describes it', async t => {
  const hook = await startHook(t)
  const iris = await startIris(t, {
    env: { ...ALLOW, IRIS_LIMIT_UP_RATE: '1', IRIS_LIMIT_UP_BURST: '1', IRIS_HOOK_MESSAGE: hook.url, IRIS_HOOK_SECRET: SECRET }
  })
  const [alice, bob] = await two(() => iris.user(t))
  t.equal((await alice.send(bob, 'x')).status, 200)
  await (await bob.listen()).next('IRIS.READY')
  for (const status of [200, 429]) t.equal((await bob.time({})).status, status)
  await iris.app.drain(0) // now each of them has a sample, which shows its labels
  const text = await page(iris)
  const rows = [
    ...text.matchAll(/^# HELP (iris_\S+) (.*)\n# TYPE \S+ (\S+)\n\S+?(?:\{(.*)\})? \S+$/gm)
  ].map(([, name, help, type, labels = '']) => {
    const names = [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label).filter(label => label !== 'le')
    return `| \`${name}\` | ${type} | ${names.join(', ')} | ${help} |`
  })
  const own = rows.filter(row => !/iris_(process|nodejs)_/.test(row)).sort()
  const document = await readFile(new URL('../../docs/metrics.md', import.meta.url), 'utf8').catch(() => '')
  t.same(document.split('\n').filter(line => line.startsWith('| `iris_')).sort(), own)
  t.ok(own.length > 12)
})
