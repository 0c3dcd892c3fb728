// Kicks against what happens at the same time, and on other nodes. docs/protocol.md section 7, [KICK-1].
import t, { type Test } from 'tap'
import { keys, partition } from '../src/store/keys.js'
import { startIris } from './helper/iris.js'
import { loginOf } from './helper/token.js'
import { beforeTheSweep, createUser, until } from './helper/user.js'

const a = await startIris(t, { env: { IRIS_NODE_ID: 'a' } })
const b = await startIris(t, { env: { IRIS_NODE_ID: 'b' }, redisPath: a.redisPath })
let users = 0
const someone = (t: Test) => loginOf(t, b, `race-${++users}`)
const kick = ({ userId }: { userId: string }, body: object = {}) => a.server('POST', `users/${userId}/kick`, { reason: 'testing', ...body })
const routesOf = ({ userId }: { userId: string }) => a.redis.hkeys(keys.routes(userId))

t.test('[KICK-1] kicked on node a, while the stream is on node b: closed there when the answer comes', async t => {
  const alice = await someone(t)
  const stream = await alice.listen({ terminalId: 'on-b' })
  await stream.next('IRIS.READY')
  await until(async () => (await b.redis.pubsub('SHARDNUMSUB', keys.node(partition(alice.userId), 'b')))[1] === 1 || undefined)
  t.same(await routesOf(alice), ['b/on-b'])
  await kick(alice)
  t.same(await routesOf(alice), [], 'the node has closed it')
  t.match((await beforeTheSweep(t, stream.next('NOTICE_DOWN')))?.data, { kind: 'kick' })
  t.match((await stream.next('IRIS.BYE')).data.data, { code: 4301 })
  await stream.ended
  t.equal((await alice.listen({ terminalId: 'on-b' })).status, 204)
})

t.test('[KICK-1] attaching while kicking: when the answer has come, nobody is attached', async t => {
  for (let round = 0; round < 15; round++) {
    const alice = await someone(t)
    const onA = createUser(t, { url: a.url, userId: alice.userId, token: alice.token })
    const attaching = Array.from({ length: 8 }, (_, i) => (i % 2 ? alice : onA).listen({ terminalId: `t${i % 4}` }))
    await Promise.race([attaching[round % 8], attaching[0]])
    await kick(alice, round % 2 ? {} : { terminals: ['t0', 't1', 't2', 't3'] })
    t.same(await routesOf(alice), [])
    for (const stream of await Promise.all(attaching)) {
      await stream.ended
      if (stream.status === 200) t.match(stream.events.slice(-2).map(({ data }) => data.name ?? data['kind']), ['kick', 'IRIS.BYE'])
      else t.equal(stream.status, 204)
    }
  }
})

t.test('[KICK-1] sending while kicking: what was acknowledged after the answer is nothing', async t => {
  for (let round = 0; round < 5; round++) {
    const [alice, bob] = [await someone(t), await someone(t)]
    const stream = await alice.listen()
    await stream.next('IRIS.READY')
    let isKicked = false
    let [accepted, late] = [0, 0]
    const senders = Array.from({ length: 4 }, async () => {
      for (let status = 200; status === 200;) {
        const wasKicked = isKicked
        status = (await alice.send(bob, 'x')).status
        if (status === 200) accepted++
        if (status === 200 && wasKicked) late++
      }
    })
    await stream.next('ACK_DOWN')
    await kick(alice)
    isKicked = true
    await Promise.all(senders)
    t.equal(late, 0)
    t.equal((await bob.conversations()).body['totalUnread'], accepted)
    await stream.ended
    t.equal(stream.events.at(-1)?.data.name, 'IRIS.BYE', 'nothing reached it after the goodbye')
  }
})

t.test('[KICK-1] the sweep closes what is kicked and still open, though the message to close it was lost', async t => {
  const alice = await someone(t)
  const stream = await alice.listen({ terminalId: 'on-b' })
  await stream.next('IRIS.READY')
  await b.redis.hdel(keys.routes(alice.userId), 'b/on-b') // so that nobody is told
  await kick(alice)
  t.equal(stream.isOver, false)
  b.redis.disconnect(true) // a reconnect is followed by a sweep
  t.match((await beforeTheSweep(t, stream.next('IRIS.BYE')))?.data.data, { code: 4301 })
  t.same(stream.events.slice(-2).map(({ data }) => data.name ?? data['kind']), ['kick', 'IRIS.BYE'])
  await until(async () => (await routesOf(alice)).length === 0 || undefined)
})

t.test('[KICK-1] a route that a dead node left behind does not hold the answer up for long', async t => {
  const alice = await someone(t)
  await a.redis.hset(keys.routes(alice.userId), 'dead/one', `web ${Date.now() + 60_000}`)
  t.match(await kick(alice), { status: 200, body: { kicked: ['one'] } })
})

t.test('[KICK-1] the answer waits for a node that is slow to close', async t => {
  const alice = await someone(t)
  const slow = a.redis.duplicate({ enableOfflineQueue: true }) // it hears, unlike a dead one
  t.teardown(() => slow.disconnect())
  await slow.ssubscribe(keys.node(partition(alice.userId), 'slow'))
  await a.redis.hset(keys.routes(alice.userId), 'slow/one', `web ${Date.now() + 60_000}`)
  const began = performance.now()
  const answered = kick(alice).then(() => performance.now())
  await until(async () => await a.redis.exists(keys.kick(alice.userId)) === 1 || undefined)
  for (let i = 0; i < 20; i++) await a.redis.ping()
  const closed = performance.now()
  await a.redis.hdel(keys.routes(alice.userId), 'slow/one')
  t.ok(await answered > closed || closed - began > 1_000, 'it came after the close, unless that took a second')
})
