// Redis' own clock is set while nodes work with it: routes and leases hold until a time of it. docs/protocol.md section 2, [TIME-1].
import t from 'tap'
import { keys } from '../src/store/keys.js'
import { setAhead } from './helper/clock.js'
import { startIris } from './helper/iris.js'
import { listening } from './helper/life.js'
import { beforeTheSweep, createUser } from './helper/user.js'

const a = await startIris(t, { env: { IRIS_NODE_ID: 'a' } })
const b = await startIris(t, { env: { IRIS_NODE_ID: 'b' }, redisPath: a.redisPath })

t.test('[TIME-1] [KICK-1] [DOWN-2] the clock of Redis steps forward by more than a lease: ' +
  'who is on another node is kicked, and hears, at once', async t => {
  const [alice, bob, kim] = [await a.user(t), await a.user(t), await a.user(t)]
  const [heard, kicked] = await Promise.all([bob, kim].map(user => listening(createUser(t, { ...user, url: b.url })))) as [
    Awaited<ReturnType<typeof listening>>, Awaited<ReturnType<typeof listening>>
  ]
  // what such a step leaves: the routes have ended, with their key
  await a.redis.del(keys.routes(bob.userId), keys.routes(kim.userId))
  await alice.send(bob, 'hello')
  t.equal((await a.server('POST', `users/${kim.userId}/kick`, { reason: 'testing' })).status, 200)
  t.equal(kicked.isOver, false, 'nobody knows where')
  await setAhead(t, [a, b], 5_000)
  t.match(await beforeTheSweep(t, kicked.next('IRIS.BYE')), { data: { data: { code: 4301 } } })
  t.match(await beforeTheSweep(t, heard.next('MSG_DOWN')), { data: { content: { text: 'hello' } } })
  t.same(await a.redis.hkeys(keys.routes(bob.userId)), ['b/default'], 'and is found again')
})

t.test('[TIME-1] [LIFE-3] a route from before Redis\' clock went back holds for a lease from now on', async t => {
  const bob = await a.user(t)
  await listening(bob, 'one')
  await a.redis.hset(keys.routes(bob.userId), 'gone/one', `web ${Date.now() + 3_600_000}`)
  await listening(createUser(t, { ...bob, url: b.url }), 'two')
  const ends = Number((await a.redis.hget(keys.routes(bob.userId), 'gone/one'))?.split(' ')[1])
  t.ok(ends > Date.now() && ends < Date.now() + 120_000)
})
