// The gate: order, bounds and leaving, without a store; and a storm of attaches with one. docs/protocol.md section 4, "Attach".
import http from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { createGate } from '../../src/hub/gate.js'
import { keys } from '../../src/store/keys.js'
import { definedScripts } from '../../src/store/script/scripts.js'
import type { Redis } from '../../src/store/redis/redis.js'
import { startIris } from '../helper/iris.js'
import { pollOnce } from '../helper/poll.js'
import { openSse, type Stream, upTo } from '../helper/sse.js'
import { until, type User } from '../helper/user.js'

/** A gate, and work that ends when the test says so. */
function setUp (places: number, queue: number, waitMs = 60_000) {
  const world = { began: [] as string[], most: 0 }
  const ending = new Map<string, { resolve (): void, reject (error: Error): void }>()
  const keys = new Map<string, object>()
  const gate = createGate({ places, queue, waitMs })
  const pass = async (name: string) => {
    const key = {}
    keys.set(name, key)
    return await gate.pass(key, async () => {
      world.began.push(name)
      world.most = Math.max(world.most, gate.census.inside)
      await new Promise<void>((resolve, reject) => ending.set(name, { resolve, reject }))
      return `${name} is done`
    })
  }
  const end = async (name: string) => { ending.get(name)?.resolve(); await settled() }
  const fail = async (name: string) => { ending.get(name)?.reject(new Error(name)); await settled() }
  return { gate, world, pass, end, fail, giveUp: (name: string) => gate.giveUp(keys.get(name) ?? {}) }
}

const settled = () => new Promise(resolve => setImmediate(resolve))

t.test('so many are inside, the others come in by their order, one for one', async t => {
  const { gate, world, pass, end } = setUp(2, 10)
  const all = ['a', 'b', 'c', 'd', 'e'].map(pass)
  await settled()
  t.same(world.began, ['a', 'b'])
  t.same(gate.census, { inside: 2, waiting: 3 })
  await end('b')
  t.same(world.began, ['a', 'b', 'c'])
  const late = pass('f')
  await end('a')
  t.same(world.began, ['a', 'b', 'c', 'd'], 'nobody is overtaken')
  for (const name of ['c', 'd', 'e', 'f']) await end(name)
  t.same(await Promise.all([...all, late]), ['a', 'b', 'c', 'd', 'e', 'f'].map(name => `${name} is done`))
  t.equal(world.most, 2)
  t.same(gate.census, { inside: 0, waiting: 0 })
})

t.test('beyond the queue the answer is full, at once', async t => {
  const { pass, end } = setUp(1, 1)
  const [a, b] = [pass('a'), pass('b')]
  t.equal(await pass('c'), 'full')
  await end('a')
  await end('b')
  t.same([await a, await b], ['a is done', 'b is done'])
})

t.test('who leaves while he waits is never worked for, and his place in the queue is free', async t => {
  const { gate, world, pass, end, giveUp } = setUp(1, 2)
  const [a, b, c] = [pass('a'), pass('b'), pass('c')]
  giveUp('b')
  giveUp('b')
  t.equal(await b, 'left')
  t.same(gate.census, { inside: 1, waiting: 1 })
  giveUp('a')
  await end('a')
  t.equal(await a, 'a is done', 'who is inside is not touched')
  await end('c')
  await c
  t.same(world.began, ['a', 'c'])
  t.same(gate.census, { inside: 0, waiting: 0 })
})

t.test('work that fails gives its place back', async t => {
  const { gate, world, pass, fail, end } = setUp(1, 2)
  const [a, b] = [pass('a'), pass('b')]
  const failed = t.rejects(a, { message: 'a' })
  await settled()
  await fail('a')
  await failed
  t.same(world.began, ['a', 'b'])
  await end('b')
  await b
  t.same(gate.census, { inside: 0, waiting: 0 })
})

t.test('[DEADLINE-1] nobody waits longer than he may: he is asked to come back, and his place in the queue is free', async t => {
  const { gate, world, pass, end } = setUp(1, 10, 50)
  const [a, b, c] = [pass('a'), pass('b'), pass('c')]
  t.same([await b, await c], ['full', 'full'])
  t.same(gate.census, { inside: 1, waiting: 0 })
  const d = pass('d')
  await end('a')
  await end('d')
  t.same([await a, await d], ['a is done', 'd is done'])
  t.same(world.began, ['a', 'd'])
})

t.test('[DEADLINE-1] when nobody comes out any more the answer is full, at once; when somebody does, others wait again', async t => {
  const { pass, end } = setUp(1, 10, 60_000)
  const [a, b] = [pass('a'), pass('b')]
  await pause(700)
  t.equal(await pass('c'), 'full')
  await end('a')
  const d = pass('d')
  await end('b')
  await end('d')
  t.same([await a, await b, await d], ['a is done', 'b is done', 'd is done'])
})

t.test('[DEADLINE-1] one who is inside for long is no store that stands still: those who come behind the last place wait', async t => {
  const { pass, end } = setUp(2, 10)
  const slow = pass('slow')
  await pause(700)
  const [last, next] = [pass('last'), pass('next')]
  await settled()
  await end('last')
  await end('next')
  await end('slow')
  t.same(await Promise.all([slow, last, next]), ['slow is done', 'last is done', 'next is done'])
})

t.test('[DEADLINE-1] a process that was busy for a while is no store that stands still: who comes then waits', async t => {
  const { pass, end } = setUp(1, 10)
  const [a, b] = [pass('a'), pass('b')]
  await settled()
  for (const until = performance.now() + 700; performance.now() < until;);
  const c = pass('c')
  await settled()
  for (const name of ['a', 'b', 'c']) await end(name)
  t.same(await Promise.all([a, b, c]), ['a is done', 'b is done', 'c is done'])
})

t.test('[DEADLINE-1] one pause among many who come out quickly turns nobody away; a slow way does', async t => {
  const { gate, pass, end } = setUp(1, 1_000, 1_700)
  const names = upTo(100).map(n => `u${n}`)
  const all = names.map(pass)
  const next = async () => await end(names.shift() ?? '')
  await settled()
  for (let i = 0; i < 5; i++) await next()
  await pause(120) // a long script, or a collection
  await next()
  const late = pass('late')
  await settled()
  t.equal(gate.census.waiting, 94)
  for (let i = 0; i < 4; i++) {
    await pause(120)
    await next()
  }
  t.equal(await pass('later'), 'full')
  names.push('late')
  while (names.length > 0) await next()
  await Promise.all([...all, late])
})

/** What attach-users.lua is told of all, and of each. */
const rules: readonly string[] = definedScripts.get('attach-users')?.args ?? []
const FIELDS = 11

/** Keeps attaches from reaching Redis until `release()`: a store that is slow. `held`: whose. */
function holdAttaches (redis: Redis) {
  const held: string[] = []
  const calls: (() => void)[] = []
  const send = redis.sendCommand.bind(redis)
  redis.sendCommand = (...sent: Parameters<Redis['sendCommand']>) => {
    const [, , ...args] = sent[0].args.map(String)
    if (args[rules.indexOf('policy')] !== 'multi') return send(...sent)
    for (let i = rules.length; i < args.length; i += FIELDS) held.push(args[i + 1] ?? '')
    return new Promise((resolve, reject) => calls.push(() => { Promise.resolve(send(...sent)).then(resolve, reject) }))
  }
  return {
    held,
    release (): void {
      redis.sendCommand = send
      for (const go of calls) go()
    }
  }
}

/** Attaches, and again when the gate has turned him away: on a busy machine some wait too long. */
async function comeBack (user: User, cursor?: string): Promise<Stream> {
  for (;;) {
    const stream = await user.listen({ cursor })
    if (await stream.next('IRIS.READY').catch(() => undefined)) return stream
  }
}

t.test('[ATTACH-3] 300 streams come back at once: few are asked of the store, ' +
  'a command goes past the others, and all become live', async t => {
  const iris = await startIris(t, { env: { IRIS_LIMIT_ATTACHES: '4' } })
  const users = await Promise.all(upTo(300).map(n => iris.user(t, `u${n}`)))
  const [first, second] = users as [User, User]
  const cursors = await Promise.all(users.map(async user => {
    const stream = await comeBack(user)
    await stream.cut()
    return stream.events.find(({ data }) => data['name'] === 'IRIS.READY')?.id
  }))
  const { held, release } = holdAttaches(iris.redis)
  const coming = users.map((user, i) => comeBack(user, cursors[i]))
  await until(async () => held.length > 0 || undefined)
  t.equal((await first.send(second, 'in between')).status, 200)
  t.equal(held.length, 4, 'the others wait here, not before the command')
  release()
  const streams = await Promise.all(coming)
  t.match(streams.map(({ events }) => events[0]?.data.data?.['recovered']), users.map(() => true))
  t.equal(streams[1]?.events.filter(({ event }) => event === 'MSG_DOWN').length, 1, 'what was sent meanwhile came once')
})

t.test('[SSE-1] beyond the queue a stream is 200, retry, BYE 4205, a poll 503, ' +
  'Retry-After; whoever leaves while he waits leaves nothing behind', async t => {
  const iris = await startIris(t, { env: { IRIS_LIMIT_ATTACHES: '1', IRIS_LIMIT_ATTACH_QUEUE: '1', IRIS_METRICS: 'open' } })
  const [a, b, c] = [await iris.user(t), await iris.user(t), await iris.user(t)]
  const { held, release } = holdAttaches(iris.redis)
  const waiting = async (count: number) => await until(async () =>
    new RegExp(`^iris_attaches_waiting ${count}$`, 'm').test(await (await fetch(`${iris.url}/metrics`)).text()) || undefined)
  const first = a.listen()
  await until(async () => held.length === 1 || undefined)
  const abort = http.get(`${iris.url}/v1/down/events`, { headers: { authorization: `Bearer ${b.token}` }, agent: false })
  abort.on('error', () => undefined)
  await waiting(1)
  const refused = await openSse(`${iris.url}/v1/down/events`, { headers: { authorization: `Bearer ${c.token}` } })
  t.equal(refused.status, 200)
  t.match((await refused.next('IRIS.BYE')).data.data, { code: 4205, reconnect: 'backoff', retryAfterMs: Number })
  await refused.ended
  const { status, headers, body } = await pollOnce(`${iris.url}/v1/down/poll`, {
    headers: { authorization: `Bearer ${c.token}` },
    cursor: '1-1'
  })
  t.match([status, body.code, headers.get('retry-after')], [503, 'NOT_READY', /^[12]$/])
  abort.destroy()
  await waiting(0)
  t.equal(held.length, 1)
  release()
  await (await first).next('IRIS.READY')
  await (await c.listen()).next('IRIS.READY')
  t.equal(await iris.redis.exists(keys.terminals(a.userId)), 1)
  t.equal(await iris.redis.exists(keys.terminals(b.userId)), 0)
})
