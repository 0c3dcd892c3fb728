// A store that comes back with less than was acknowledged, whatever its policy says:
// another life begins before anything is served. Section 6, "Lives".
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { keys } from '../../src/store/keys.js'
import { createLife } from '../../src/store/life/life.js'
import { openDoor } from '../helper/door.js'
import { startIris } from '../helper/iris.js'
import { isBack, livesOf, resumed, saidOf, seenBy } from '../helper/lives.js'
import { freePort } from '../helper/process.js'
import { startRedis } from '../helper/redis.js'
import { createUser, dm, sendUntilStored, until } from '../helper/user.js'

const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always', '--repl-diskless-sync-delay', '0']
type Door = Awaited<ReturnType<typeof openDoor>>
type Server = Awaited<ReturnType<typeof startRedis>>

/** An Iris behind a door to a Redis that says it loses nothing. */
async function setUp (t: Test) {
  const port = await freePort()
  const server = await startRedis(t, [...DURABLE, '--port', String(port), '--bind', '127.0.0.1'])
  const door = await openDoor(t, server.path)
  const lines: string[] = []
  const iris = await startIris(t, { redisPath: door.url, logs: { write: line => lines.push(line) } })
  return { port, server, door, iris, lines, alice: await iris.user(t), bob: await iris.user(t) }
}
type Scene = Awaited<ReturnType<typeof setUp>>

/** Whether a replica has all that its master wrote until now. */
async function hasAll (replica: Server, { redis }: Server): Promise<boolean> {
  const offset = /\nmaster_repl_offset:(\d+)/.exec(await redis.info('replication'))?.[1]
  const info = await replica.redis.info('replication')
  return info.includes('master_link_status:up') && Number(/\nslave_repl_offset:(\d+)/.exec(info)?.[1]) >= Number(offset)
}

/** A replica of a server that has all that it has now. */
async function replicaOf (t: Test, { port, server }: Scene): Promise<Server> {
  const replica = await startRedis(t, ['--replicaof', '127.0.0.1', String(port), '--repl-diskless-sync-delay', '0'])
  await until(async () => await hasAll(replica, server) || undefined)
  return replica
}

async function promote (replica: Server, door: Door): Promise<void> {
  await replica.redis.replicaof('NO', 'ONE')
  door.leadTo(replica.path)
  door.cut()
}

/** How a store loses what is acknowledged between `before` and `lose`. */
const losses: [how: string, before: (t: Test, scene: Scene) => Promise<(scene: Scene) => Promise<void>>][] = [
  ['a failover to a replica that lags', async (t, scene) => {
    const replica = await replicaOf(t, scene)
    await replica.redis.replicaof('NO', 'ONE')
    return async ({ door }) => { await promote(replica, door) }
  }],
  ['an append-only file that was restored', async (_, { server: { directory } }) => {
    const [file, backup] = [join(directory, 'appendonlydir'), join(directory, 'backup')]
    await cp(file, backup, { recursive: true })
    return async ({ server }) => {
      await server.kill()
      await rm(file, { recursive: true })
      await cp(backup, file, { recursive: true })
      await server.start()
    }
  }],
  ['an fsync that was changed under way', async (_, { server }) => {
    await server.redis.config('SET', 'appendonly', 'no')
    return async ({ server }) => {
      await server.kill()
      await server.start()
    }
  }],
  ['a master that took other data over, and is the same process', async (t, scene) => {
    const replica = await replicaOf(t, scene)
    await replica.redis.replicaof('NO', 'ONE')
    const port = await freePort()
    await replica.redis.config('SET', 'port', String(port))
    return async ({ server }) => {
      const size = await server.redis.dbsize()
      await server.redis.replicaof('127.0.0.1', port)
      const hasTakenOver = async () =>
        await server.redis.dbsize().catch(() => size) < size && (await server.redis.info('replication')).includes('master_link_status:up')
      await until(async () => await hasTakenOver() || undefined)
      const life = await server.redis.get(keys.life)
      await server.redis.replicaof('NO', 'ONE')
      // where no connection breaks it is the next look that finds out, a second later at most
      await until(async () => await server.redis.get(keys.life) !== life || undefined)
    }
  }]
]
for (const [how, before] of losses) {
  t.test(`[STORE-1] [ATTACH-1] ${how}: it is another life, and a cursor gets a RESET`, async t => {
    const scene = await setUp(t)
    const { alice, bob } = scene
    await sendUntilStored(alice, bob, '1')
    const lose = await before(t, scene)
    const { body: { epoch } } = await sendUntilStored(alice, bob, 'lost 2')
    await sendUntilStored(alice, bob, 'lost 3')
    const cursor = await seenBy(bob, 3)
    await lose(scene)
    const { body } = await sendUntilStored(alice, bob, 'another 2')
    t.equal(body.seq, 2, 'the number is given anew')
    t.not(body['epoch'], epoch, 'but not under the same epoch')
    t.same(saidOf(scene.lines), ['lost'], 'it is said once, and why')
    t.equal(await livesOf(scene.iris, 'lost'), 1)
    for (const text of ['3', '4', '5']) await sendUntilStored(alice, bob, text)
    t.equal(await resumed(bob, cursor), 'reset: epoch')
    t.match((await bob.getReadMsg({ conversationId: dm(alice, bob), deliver: 'inline' })).body, { epoch: body['epoch'], headSeq: 5 })
  })
}

t.test('[STORE-1] older data under the same server, and no connection breaks: ' +
  'no number is given before the next look has found it', async t => {
  const server = await startRedis(t, ['--enable-debug-command', 'yes'])
  const iris = await startIris(t, { redisPath: server.path })
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  await sendUntilStored(alice, bob, '1')
  await server.redis.save()
  const { body: { epoch } } = await sendUntilStored(alice, bob, 'lost 2')
  await sendUntilStored(alice, bob, 'lost 3')
  const cursor = await seenBy(bob, 3)
  await server.redis.call('DEBUG', 'RELOAD', 'NOSAVE')
  const answers = await Promise.all(['another 2', '3', '4'].map(text => alice.send(bob, text, { clientMsgId: text.replace(' ', '-') })))
  for (const { status, body } of answers) t.ok(status === 503 ? body['code'] === 'STORE_UNAVAILABLE' : body['epoch'] !== epoch, `${status}`)
  for (const text of ['another 2', '3', '4']) t.not((await sendUntilStored(alice, bob, text)).body['epoch'], epoch)
  t.equal(await resumed(bob, cursor), 'reset: epoch')
})

t.test('[STORE-1] a failover that loses nothing, and a kill that does not, go on with the life', async t => {
  const scene = await setUp(t)
  const { alice, bob, server, door, iris } = scene
  const { body: { epoch } } = await sendUntilStored(alice, bob, '1')
  const cursor = await seenBy(bob, 1)
  await server.kill()
  await server.start()
  t.equal((await sendUntilStored(alice, bob, '2')).body['epoch'], epoch)
  const replica = await replicaOf(t, scene)
  await promote(replica, door)
  await isBack(iris)
  t.equal((await sendUntilStored(alice, bob, '3')).body['epoch'], epoch)
  t.equal(await resumed(bob, cursor), 'recovered')
})

t.test('[STORE-1] nobody is left who knows what was seen: another life, though the disk has all of it', async t => {
  const server = await startRedis(t, DURABLE)
  const first = await startIris(t, { redisPath: server.path })
  const [alice, bob] = [await first.user(t), await first.user(t)]
  await sendUntilStored(alice, bob, '1')
  const cursor = await seenBy(bob, 1)
  first.redis.disconnect() // as if it had been killed: it says nothing any more
  await server.kill()
  await server.start()
  const lines: string[] = []
  const second = await startIris(t, { redisPath: server.path, logs: { write: line => lines.push(line) } })
  t.equal(await resumed(createUser(t, { ...bob, url: second.url }), cursor), 'reset: epoch')
  t.same(saidOf(lines), ['unwitnessed'], 'also a node that has just started says why')
  t.equal(await livesOf(second, 'unwitnessed'), 1)
})

t.test('[STORE-1] who had lost touch before the end is no witness: others may have come, worked and gone', async t => {
  const server = await startRedis(t, DURABLE)
  let elapsed = 0
  const life = createLife(server.redis, { known: () => 0 }, { elapsed: () => elapsed })
  await life.begin()
  for (const [awayMs, isAnother] of [[2_000, false], [60_000, true]] as const) {
    await server.kill()
    elapsed += awayMs
    await server.start()
    t.equal(await until(async () => await life.begin().catch(() => undefined)), isAnother, `${awayMs} ms`)
  }
})

t.test('[STORE-1] of two nodes each says what it has seen before anything is served; ' +
  'a node that does not come is not waited for long', async t => {
  const server = await startRedis(t, DURABLE)
  const doors = [await openDoor(t, server.path), await openDoor(t, server.path)] as const
  const [a, b] = [
    await startIris(t, { redisPath: doors[0].url, env: { IRIS_NODE_ID: 'a' } }),
    await startIris(t, { redisPath: doors[1].url, env: { IRIS_NODE_ID: 'b' } })
  ]
  const [alice, bob] = [await a.user(t), await a.user(t)]
  const [aliceOnB, bobOnB] = [createUser(t, { ...alice, url: b.url }), createUser(t, { ...bob, url: b.url })]
  // each knows of the other
  const isKnown = async () => (await server.redis.hlen('iris:{0}:LIFE:NODES')) === 2
  await until(async () => await isKnown() || undefined)
  const { body: { epoch } } = await sendUntilStored(alice, bob, '1')
  const cursor = await seenBy(bob, 1)

  await server.kill()
  await server.start()
  await Promise.all([isBack(a), isBack(b)])
  t.equal((await sendUntilStored(aliceOnB, bobOnB, '2')).body['epoch'], epoch, 'both have said that nothing is missing')
  t.equal(await resumed(bobOnB, cursor), 'recovered')

  // b has seen nothing that is missing, a has, and cannot say so: its way is dead
  const lose = await losses[1]?.[1](t, { server } as Scene)
  await sendUntilStored(alice, bob, 'lost 3')
  const lost = await seenBy(bob, 3)
  doors[0].swallow(true)
  await lose?.({ server } as Scene)
  await until(async () => (await (await fetch(`${b.url}/readyz`)).json() as {
    detail?: string
  }).detail === 'Redis was started again, or has changed its role, and other nodes have not said yet what they had seen' || undefined)
  const { body } = await sendUntilStored(aliceOnB, bobOnB, 'another 3')
  t.equal(body.seq, 3)
  t.not(body['epoch'], epoch)
  await sendUntilStored(aliceOnB, bobOnB, '4')
  t.equal(await resumed(bobOnB, lost), 'reset: epoch')
  doors[0].swallow(false)
  await isBack(a)
  t.equal((await sendUntilStored(alice, bob, '5')).body['epoch'], body['epoch'], 'who comes late is in the same life')
  t.same([await livesOf(b, 'silent'), await livesOf(a, 'elsewhere')], [1, 1])
})

t.test('[STORE-1] a node that ends while Redis comes back has not said what it saw: it stays a witness', async t => {
  const server = await startRedis(t, DURABLE)
  const clock = { known: () => 0 }
  const [seesMore, other] = [createLife(server.redis, clock), createLife(server.redis, clock)]
  // each knows of the other
  for (const life of [seesMore, other, seesMore, other]) await life.begin()
  seesMore.saw(Number(await server.redis.get(keys.mark)) + 3)
  await server.kill()
  await server.start()
  await until(async () => await server.redis.ping().catch(() => undefined))
  await t.rejects(other.begin(), { code: 'STORE_UNAVAILABLE' })
  await seesMore.leave()
  await t.rejects(other.begin(), { code: 'STORE_UNAVAILABLE' }, 'its word is still owed')
  t.equal(await until(async () => await other.begin().catch(() => undefined)), true, 'and it does not come: another life')
  t.equal(await server.redis.hlen(keys.nodes), 1)
  await other.leave()
  t.equal(await server.redis.hlen(keys.nodes), 0, 'who has said all of it goes')
})
