// A Redis that takes other data over is another run, though it was never started again:
// who comes then takes nothing for what he left. Section 6, "Lives".
import t, { type Test } from 'tap'
import { keys } from '../../src/store/keys.js'
import { createLife } from '../../src/store/life/life.js'
import { type Iris, startIris } from '../helper/iris.js'
import { freePort } from '../helper/process.js'
import { startRedis } from '../helper/redis.js'
import { createUser, until, type User } from '../helper/user.js'

type Server = Awaited<ReturnType<typeof startServer>>

async function startServer (t: Test) {
  const port = await freePort()
  return { port, ...await startRedis(t, ['--port', String(port), '--bind', '127.0.0.1', '--repl-diskless-sync-delay', '0']) }
}

async function follow ({ redis }: Server, { port }: Server): Promise<void> {
  await redis.replicaof('127.0.0.1', port)
  await until(async () => (await redis.info('replication')).includes('master_link_status:up') || undefined)
}

const lead = async ({ redis }: Server) => await redis.replicaof('NO', 'ONE')

/** How the only node of a Redis goes. */
const ways: Record<string, (iris: Iris) => Promise<unknown>> = {
  'ends in order': async ({ app }) => await app.close(),
  'is killed': async ({ redis }) => redis.disconnect() // it says nothing any more
}

async function send (from: User, to: User, text: string): Promise<{ seq: number, epoch: string }> {
  const { body } = await from.send(to, text)
  return { seq: Number(body.seq), epoch: String(body['epoch']) }
}

/** A copy of what a server has now. */
async function copyOf (t: Test, server: Server): Promise<Server> {
  const copy = await startServer(t)
  await follow(copy, server)
  await lead(copy)
  return copy
}

/** A Redis with two messages that bob has seen, and nobody at work any more. `between` them something is done to it. */
async function setUp <T> (t: Test, goes: (iris: Iris) => Promise<unknown>, between: (server: Server) => Promise<T>) {
  const server = await startServer(t)
  const first = await startIris(t, { redisPath: server.path })
  const [alice, bob] = [await first.user(t), await first.user(t)]
  await send(alice, bob, '1')
  const done = await between(server)
  const stream = await bob.listen()
  const second = await send(alice, bob, '2')
  await stream.next(({ data }) => data['seq'] === second.seq)
  await stream.cut()
  await goes(first)

  /** Another node comes. */
  async function next () {
    const iris = await startIris(t, { redisPath: server.path })
    await until(async () => (await fetch(`${iris.url}/readyz`)).status === 200 || undefined)
    const resume = async () =>
      (await (await createUser(t, { ...bob, url: iris.url }).listen({ cursor: stream.cursor })).next('IRIS.HELLO')).data.data?.['recovered']
    return { resume, send: (text: string) => send(createUser(t, { ...alice, url: iris.url }), bob, text) }
  }
  return { server, done, second, next }
}

for (const [how, goes] of Object.entries(ways)) {
  t.test(`[STORE-1] [ATTACH-1] the only node ${how}, Redis takes an older copy over and leads again: ` +
    'another life, no number is given twice', async t => {
    const { server, done: copy, second, next } = await setUp(t, goes, server => copyOf(t, server))
    await follow(server, copy)
    await lead(server)
    const again = await next()
    const { seq, epoch } = await again.send('another 2')
    t.equal(seq, second.seq, 'the number is given anew')
    t.not(epoch, second.epoch, 'but not under the same epoch')
    for (const text of ['3', '4']) await again.send(text)
    t.equal(await again.resume(), false)
  })

  t.test(`[STORE-1] the only node ${how}, and comes back to the same Redis: the life goes on`, async t => {
    const { second, next } = await setUp(t, goes, async () => undefined)
    const again = await next()
    t.equal(await again.resume(), true)
    t.same(await again.send('3'), { seq: second.seq + 1, epoch: second.epoch })
  })
}

t.test('[STORE-1] [ATTACH-1] older data is loaded into a running Redis while no node is up: ' +
  'nobody saw it, but without the record of the run it is another life', async t => {
  const { server: { redis }, done: dump, second, next } = await setUp(t, async ({ app }) => await app.close(), async ({ redis }) =>
    await Promise.all((await redis.keys('*')).map(async key => ({ key, value: await redis.dumpBuffer(key) }))))
  await redis.flushall()
  // what has ended since its name was read has no value
  for (const { key, value } of dump) if (value) await redis.restore(key, 0, value)
  await redis.del(keys.run)
  const again = await next()
  const { seq, epoch } = await again.send('another 2')
  t.equal(seq, second.seq)
  t.not(epoch, second.epoch)
  for (const text of ['3', '4']) await again.send(text)
  t.equal(await again.resume(), false)
})

t.test('[STORE-1] a Redis that changes its role and loses nothing goes on with the life, when all who worked with it say so', async t => {
  const [server, replica] = [await startServer(t), await startServer(t)]
  const clock = { known: () => 0 }
  const [a, b] = [createLife(server.redis, clock), createLife(server.redis, clock)]
  for (const life of [a, b, a, b]) await life.begin()
  const changes = [() => follow(replica, server), async () => {
    await server.redis.replicaof('127.0.0.1', 1)
    await lead(server)
  }]
  for (const change of changes) {
    await change()
    await t.rejects(a.begin(), { code: 'STORE_UNAVAILABLE' }, 'the other has not said yet what it has seen')
    t.equal(await b.begin(), false)
    t.equal(await a.begin(), false)
  }
})

t.test('[STORE-1] who was away for long while the server changed its role is no witness, however long that server has run', async t => {
  const [server, replica] = [await startServer(t), await startServer(t)]
  await until(async () => /uptime_in_seconds:[1-9]/.test(await server.redis.info('server')) || undefined)
  let elapsed = 0
  const life = createLife(server.redis, { known: () => 0 }, { elapsed: () => elapsed })
  await life.begin()
  elapsed = 10_500
  await follow(replica, server)
  t.equal(await life.begin(), true)
})

t.test('[STORE-1] a node that has spoken, and waits for another, has not lost what is given ' +
  'out when that one has spoken; nor do two kills in a row make it a stranger', async t => {
  const server = await startRedis(t, ['--appendonly', 'yes', '--appendfsync', 'always'])
  const clock = { known: () => 0 }
  const [a, b] = [createLife(server.redis, clock), createLife(server.redis, clock)]
  for (const life of [a, b, a, b]) await life.begin()
  for (let i = 0; i < 2; i++) {
    await server.kill()
    await server.start()
    await until(async () => await server.redis.ping().catch(() => undefined))
    await t.rejects(a.begin(), { code: 'STORE_UNAVAILABLE' }, 'the other owes its word')
  }
  t.equal(await b.begin(), false)
  a.saw(await server.redis.incr(keys.mark))
  t.equal(await a.begin(), false)
})
