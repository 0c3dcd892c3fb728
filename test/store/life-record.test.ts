// The record of the life: it is lost, or says what cannot be, and no number is given out twice all the same. Section 6, "Lives".
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { createLife } from '../../src/store/life/life.js'
import { startIris } from '../helper/iris.js'
import { saidOf } from '../helper/lives.js'
import { startRedis } from '../helper/redis.js'
import { sendUntilStored } from '../helper/user.js'

type Server = Awaited<ReturnType<typeof startRedis>>

/** How the record of a life is lost: an operator's accident. */
const accidents: Record<string, (server: Server) => Promise<unknown>> = {
  'has lost its marks': async ({ redis }) => await redis.multi().del(keys.mark).sadd(keys.mark, 'a').exec(),
  'is gone': async ({ redis }) => await redis.del(keys.life),
  'is an older one': async ({ redis }) => await redis.set(keys.life, '5'),
  'is of another type': async ({ redis }) => await redis.multi().del(keys.life).hset(keys.life, 'a', 'b').exec(),
  'is no number': async ({ redis }) => await redis.set(keys.life, 'broken'),
  'is one that no clock can say': async ({ redis }) => await redis.set(keys.life, '99999999999999998'),
  'has a mark that no life has given': async ({ redis }) => await redis.set(keys.mark, '9000000000000000')
}

t.test('[STORE-1] the record of the life is lost while a node works: ' +
  'it is named in the log, and no number is given before another life has begun', async t => {
  const server = await startRedis(t)
  const lines: string[] = []
  const iris = await startIris(t, { redisPath: server.path, logs: { write: line => lines.push(line) } })
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  let last = Number((await sendUntilStored(alice, bob, 'first')).body['epoch'])
  for (const [how, spoil] of Object.entries(accidents).slice(0, 3)) {
    await spoil(server)
    const { status, body } = await alice.send(bob, how, { clientMsgId: how.replaceAll(' ', '-') })
    t.ok(
      status === 503 ? body['code'] === 'STORE_UNAVAILABLE' : Number(body['epoch']) > last, `it ${how}: ${status} ${String(body['epoch'])}`
    )
    const epoch = Number((await sendUntilStored(alice, bob, how)).body['epoch'])
    t.ok(epoch > last, `it ${how}: ${epoch}`)
    last = epoch
  }
  for (const place of ['LIFE', 'LIFE:MARK']) t.equal(lines.filter(line => line.includes(`"place":"${place}"`)).length, 1, place)
  t.same(saidOf(lines), ['record', 'record', 'record'])
  t.match(lines.find(line => line.includes('"place":"LIFE:MARK"')), 'iris:{0}:LIFE:MARK, ' +
    'of the record of the life, cannot be read: another life begins')
})

t.test('[STORE-1] the record of the life is lost: another one begins that is newer, also for a node that comes then', async t => {
  const server = await startRedis(t)
  const there = createLife(server.redis, { known: () => 0 })
  await there.begin()
  let last = 0
  for (const [how, spoil] of Object.entries(accidents)) {
    for (const life of [there, createLife(server.redis, { known: () => 0 })]) {
      await spoil(server)
      await life.begin()
      const epoch = Number(life.epochOf('0'))
      t.ok(epoch > last && Number.isSafeInteger(epoch), `it ${how}: ${epoch}`)
      last = epoch
      t.equal(await there.begin(), life !== there, 'and goes on')
    }
  }
})

t.test('[STORE-1] a mark that no step can have given out is nowhere taken for seen, and begins one other life at most', async t => {
  const server = await startRedis(t)
  const life = createLife(server.redis, { known: () => 0 })
  life.saw(await server.redis.incr('any'))
  t.equal(life.seenMark(), 0, 'before a life is known nothing is seen')
  await life.begin()
  for (const spoilt of ['99999999999999999', '9007199254740993', '9007199254740991', '1e16', 'inf', 'nan', '-5', '1']) {
    const before = life.seenMark()
    life.saw(spoilt)
    t.equal(life.seenMark(), before, spoilt)
    await server.redis.set(keys.mark, spoilt)
    t.equal(await life.begin(), true, 'another life')
    t.equal(await life.begin(), false, 'which goes on')
    t.equal(await server.redis.get(keys.mark), String(life.seenMark()))
  }
  for (const began of [2 ** 41 - 1, 2 ** 41 - 2 ** 32 - 1, 2 ** 42 - 1, 2 ** 53 - 1]) {
    await server.redis.set(keys.life, began)
    t.equal(await life.begin(), true, `a life of ${began}`)
    for (const node of [life, createLife(server.redis, { known: () => 0 })]) {
      await node.begin()
      t.equal(await node.begin(), false, 'the next goes on')
    }
  }
})

t.test('[STORE-1] what cannot be read keeps no life from beginning', async t => {
  const server = await startRedis(t)
  const life = createLife(server.redis, { known: () => 0 })
  await life.begin()
  const first = Number(life.epochOf('0'))
  await server.redis.mset(keys.epoch(3), 'broken', keys.found, 'broken')
  await server.redis.hset(keys.nodes, 'n-1', 'broken')
  t.equal(await life.begin(), true, 'a node of nobody knows what run owes its word')
  t.ok(Number(life.epochOf('0')) > first)
  for (const key of [keys.life, keys.mark]) {
    await server.redis.set(key, 'broken')
    const before = Number(life.epochOf('0'))
    t.equal(await life.begin(), true, key)
    t.ok(Number(life.epochOf('0')) > before, 'another life is newer')
    t.match(await server.redis.get(key), /^\d+$/)
  }
})
