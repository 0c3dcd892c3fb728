// Redis dies or stalls under several clients at once: what is acknowledged stays, every other command is told so in time. Section 3.
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startIris } from '../helper/iris.js'
import { startRedis } from '../helper/redis.js'
import { seqsOf, upTo } from '../helper/sse.js'
import { type Answer, dm, until, type User } from '../helper/user.js'

/** Up-commands are answered within two seconds; the bound leaves room for a loaded machine. */
const ANSWER_MS = 5_000

/** An Iris on a Redis that writes every command to disk before it answers. */
async function durable (t: Test) {
  const store = await startRedis(t, ['--appendonly', 'yes', '--appendfsync', 'always'])
  const iris = await startIris(t, { redisPath: store.path })
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  return {
    store,
    iris,
    alice,
    bob,
    id: dm(alice, bob),
    /** Starts Redis again and waits until Iris has found it. */
    async restart () {
      await store.start().catch(() => undefined)
      await until(async () => iris.redis.status === 'ready' || undefined)
    }
  }
}

/** The answer, or a failure when it does not come in time. */
async function inTime (asking: Promise<Answer>): Promise<Answer> {
  const late = new AbortController()
  const answer = await Promise.race([asking, pause(ANSWER_MS, undefined, { signal: late.signal })])
  late.abort()
  if (!answer) throw new Error('a command was not answered in time')
  return answer
}

/** Sends until it is answered 200, as a client does. */
async function sendSurely (alice: User, bob: User, text: string): Promise<Answer> {
  const clientMsgId = randomUUID()
  return await until(async () => {
    const answer = await alice.send(bob, text, { clientMsgId }).catch(() => undefined)
    if (answer && answer.status !== 200 && answer.body['retryable'] !== true) throw new Error(`${answer.status} ${answer.body.code}`)
    return answer?.status === 200 ? answer : undefined
  })
}

/** The texts of a conversation as its history has them. */
async function history (user: User, conversationId: string): Promise<string[]> {
  const texts: string[] = []
  for (let fromSeq = 1; ;) {
    const { body } = await user.getReadMsg({ conversationId, fromSeq, direction: 'newer', limit: 100, deliver: 'inline' })
    texts.push(...(body['messages'] as { content: { text: string } }[]).map(({ content }) => content.text))
    if (!body['hasMore']) return texts
    fromSeq = Number(body['lastSeq']) + 1
  }
}

t.test('[ACK] Redis is killed in the middle of traffic: what was acknowledged is there, retries end with one copy of each', async t => {
  const { store, alice, bob, id, restart } = await durable(t)
  await alice.send(bob, 'first')
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  const total = 120
  const acknowledged: string[] = []
  const sending = Promise.all(upTo(4).map(async lane => {
    for (let i = lane; i <= total; i += 4) {
      await sendSurely(alice, bob, `m${i}`)
      acknowledged.push(`m${i}`)
    }
  }))
  for (const share of [0.2, 0.5]) {
    await until(async () => acknowledged.length >= total * share || undefined)
    await store.kill()
    const before = [...acknowledged]
    await pause(50)
    await restart()
    const kept = await until(async () => await history(alice, id).catch(() => undefined))
    t.ok(before.every(text => kept.includes(text)), 'what was acknowledged before the crash is there after it')
  }
  await sending
  const texts = await history(alice, id)
  t.same(texts.slice(1).sort(), upTo(total).map(i => `m${i}`).sort(), 'one copy of each')
  await alice.send(bob, 'marker')
  await stream.next(({ data }) => data['seq'] === total + 2)
  t.same(seqsOf(stream.events, id), upTo(total + 2), 'the stream stayed open and has every message once, in order')
  t.equal(stream.isOver, false)
})

t.test('[ACK] while Redis is away every command answers 503, retryable, with Retry-After, and soon', async t => {
  const { store, iris, alice, bob, id, restart } = await durable(t)
  await alice.send(bob, 'hi')
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  await store.kill()
  const commands = [() => alice.send(bob, 'x'), () => bob.read({ conversationId: id, upToSeq: 1 }), () =>
    alice.revoke({ conversationId: id, seq: 1 }), () => bob.getReadMsg({ conversationId: id }),
  () => bob.rest({ items: [{ conversationId: id }] }),
  () => alice.command({ clientCmdId: 'c', name: 'c', to: { users: [bob.userId] } }),
  () => bob.cmdComplete({ ids: ['x'] }),
  () => bob.noticeComplete({ ids: ['x'] }), () => bob.post('/v1/down/tickets', {}), () => bob.conversations()]
  for (const [i, command] of commands.entries()) {
    const { status, body, headers } = await inTime(command())
    t.match({ status, body, retryAfter: headers.get('retry-after') }, {
      status: 503,
      body: { code: 'STORE_UNAVAILABLE', retryable: true },
      retryAfter: /^\d+$/
    }, `command ${i}`)
    t.notMatch(JSON.stringify(body), /redis|ioredis|EVALSHA|sock/i, 'nothing of the inside')
  }
  t.equal((await bob.time({})).status, 200, 'GET_SYSTEM_TIME needs no Redis')
  t.equal((await fetch(`${iris.url}/livez`)).status, 200)
  t.equal((await fetch(`${iris.url}/readyz`)).status, 503)
  t.equal(stream.isOver, false)
  await restart()
  await sendSurely(alice, bob, 'back')
  t.match((await stream.next('MSG_DOWN')).data, { content: { text: 'back' } })
})

t.test('[ACK] a Redis that does not answer: 503 after a while, not a hang; the retry is stored once', async t => {
  const { iris, alice, bob, id } = await durable(t)
  await alice.send(bob, 'hi')
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  await iris.redis.call('CLIENT', 'PAUSE', '4000', 'ALL')
  const clientMsgId = randomUUID()
  const { status, body, headers } = await inTime(alice.send(bob, 'paused', { clientMsgId }))
  t.match({ status, body, retryAfter: headers.get('retry-after') }, {
    status: 503,
    body: { code: 'STORE_UNAVAILABLE', retryable: true },
    retryAfter: /^\d+$/
  })
  const answer = await until(async () => {
    const again = await alice.send(bob, 'paused', { clientMsgId })
    return again.status === 200 ? again : undefined
  })
  t.match(answer.body, { seq: 2 })
  await alice.send(bob, 'next') // its hint shows the gap: the one of the paused message was lost with its answer
  await stream.next(({ data }) => data['seq'] === 3)
  t.same(seqsOf(stream.events, id), [1, 2, 3])
  t.same(await history(alice, id), ['hi', 'paused', 'next'])
  t.equal(stream.isOver, false)
})
