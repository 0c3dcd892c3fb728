// Faults of Redis under traffic: killed, paused, emptied, without its scripts. docs/protocol.md sections 3 and 4.
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { startIris } from '../helper/iris.js'
import { startRedis } from '../helper/redis.js'
import { beforeTheSweep, granted, sendUntilStored } from '../helper/user.js'

/** An Iris on a Redis of its own, written to disk before it answers, that the test may kill. */
async function setUp (t: Test) {
  const server = await startRedis(t, ['--appendonly', 'yes', '--appendfsync', 'always'])
  const iris = await startIris(t, { redisPath: server.path })
  return { server, iris, alice: await iris.user(t), bob: await iris.user(t) }
}

t.test('[MSG-1] [MSG-2] kill -9 of Redis under traffic: everything acknowledged is there once, streams go on', async t => {
  const { server, iris, alice, bob } = await setUp(t)
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  const total = 200
  const sending = (async () => { for (let n = 0; n < total; n++) await sendUntilStored(alice, bob, `m${n}`, `c-${n}`) })()
  for (const at of [40, 120]) {
    await stream.next(({ data }) => data['seq'] === at)
    await server.kill()
    await server.start()
  }
  await sending
  await stream.next(({ data }) => data['seq'] === total)
  const texts = stream.events.filter(({ event }) => event === 'MSG_DOWN').map(({ data }) => (data['content'] as { text: string }).text)
  t.same(texts, Array.from({ length: total }, (_, n) => `m${n}`))
  t.notOk(stream.isOver, 'the stream stayed open')
  t.equal((await bob.conversations()).body['totalUnread'], total)
  t.equal(iris.redis.status, 'ready')
})

t.test('[SSE-1] without Redis: commands answer 503 with Retry-After, an attach 200 with BYE, the clock goes on', async t => {
  const { server, iris, alice, bob } = await setUp(t)
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  const { body: { ticket } } = granted(await bob.post('/v1/down/tickets', {}))
  const closed = once(iris.redis, 'close')
  await server.kill()
  await closed
  const refused = await alice.send(bob, 'x')
  t.equal(refused.status, 503)
  t.match(refused.body, { code: 'STORE_UNAVAILABLE', retryable: true })
  t.equal(refused.headers.get('retry-after'), '1')
  t.equal((await fetch(`${iris.url}/readyz`)).status, 503)
  t.equal((await fetch(`${iris.url}/livez`)).status, 200)
  t.equal((await fetch(`${iris.url}/v1/time`)).status, 200)
  for (const query of ['', `?ticket=${String(ticket)}`]) {
    const response = await fetch(`${iris.url}/v1/down/events${query}`, query ? {} : { headers: { authorization: `Bearer ${bob.token}` } })
    t.equal(response.status, 200)
    t.match(await response.text(), /^(retry: \d+\n\n)+event: CMD_DOWN\ndata: .*"IRIS.BYE".*"code":4202.*"reconnect":"backoff"/)
  }
  await server.start()
  await sendUntilStored(alice, bob, 'm1', 'c-1')
  t.match((await stream.next('MSG_DOWN')).data, { content: { text: 'm1' } })
})

t.test('[MSG-1] [ATTACH-3] a Redis that hangs is a 503, not a hang; what it stored all the same is printed when it is back', async t => {
  const { server, iris, alice, bob } = await setUp(t)
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  process.kill(server.pid, 'SIGSTOP')
  // a user's own request would not get as far as its write
  const message = { from: alice.userId, clientMsgId: 'c-hang', to: bob.userId, type: 'text', content: { text: 'x' } }
  const answers = [iris.server('POST', 'messages', message), alice.send(bob, 'y')]
  for (const answer of answers) t.equal((await answer).status, 503)
  process.kill(server.pid, 'SIGCONT')
  await beforeTheSweep(t, stream.next('MSG_DOWN'))
  t.match((await alice.send(bob, 'x', { clientMsgId: 'c-hang' })).body, { seq: 1, duplicate: true })
})

t.test('[MSG-1] a Redis that forgot its scripts is taught them again', async t => {
  const { iris, alice, bob } = await setUp(t)
  t.equal((await alice.send(bob, 'one')).status, 200)
  await iris.redis.script('FLUSH')
  t.equal((await alice.send(bob, 'two')).body.seq, 2)
})

t.test('[ATTACH-1] a store that was emptied: BYE 4202, then RESET', async t => {
  const { server, iris, alice, bob } = await setUp(t)
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  await alice.send(bob, 'one')
  await stream.next('MSG_DOWN')
  await iris.redis.flushall()
  iris.redis.disconnect(true) // a reconnect is followed by a sweep
  t.match((await stream.next('IRIS.BYE')).data.data, { code: 4202, reconnect: 'backoff' })
  await stream.ended
  const again = await bob.listen({ cursor: stream.cursor })
  t.match((await again.next('IRIS.RESET')).data.data, { reason: 'epoch', conversations: [] })
  t.ok(server.pid)
})
