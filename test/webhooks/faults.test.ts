// Webhooks while something breaks: the node that delivers, its clock, or who is told. [WEBHOOK-3] [WEBHOOK-4] [WEBHOOK-5]
import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { keys } from '../../src/store/keys.js'
import { startNode } from '../faults/node.js'
import { createPoints } from '../faults/points.js'
import { startProxy } from '../faults/proxy.js'
import { createScope } from '../faults/scope.js'
import { clockEnv, HOUR_MS, setAhead } from '../helper/clock.js'
import { SERVER_KEY, serverOf, startIris } from '../helper/iris.js'
import { freePort } from '../helper/process.js'
import { ALLOW, type Delivery, type Receiver, type Reply, SECRET, startReceiver } from '../helper/receiver.js'
import { startRedis } from '../helper/redis.js'
import { upTo } from '../helper/sse.js'
import { two, until } from '../helper/user.js'
import { webhooksOf } from '../helper/webhooks.js'

const env = {
  ...ALLOW,
  IRIS_EVENTS: 'all',
  IRIS_LIMIT_WEBHOOK_PAUSE_SEC: '1',
  IRIS_LIMIT_WEBHOOK_ATTEMPT_SEC: '1',
  IRIS_LIMIT_WEBHOOK_PENDING: '30'
}
const storePort = await freePort()
const { redis: aside } = await startRedis(t, ['--port', String(storePort), '--bind', '127.0.0.1'])
const scope = createScope()
t.teardown(scope.end)
// a proxy that learns the names of scripts: those that this node has run first, others find there
const points = createPoints()
const door = await startProxy(scope, storePort, points.watch)
const iris = await startIris(t, { env, redisPath: `redis://127.0.0.1:${door.port}` })
const { server, redis } = iris
const { webhook, show, deadLetters } = webhooksOf(iris)
const types = ['message.sent']

/** Makes groups. @returns their ids. */
async function groups (count: number): Promise<string[]> {
  const ids = upTo(count).map(() => `g.${randomUUID()}`)
  for (const id of ids) await server('PUT', `conversations/${id}`, { members: [{ userId: 'ann' }, { userId: 'ben' }] })
  return ids
}

/** Sends so many messages to each of these, in turn. */
async function send (conversations: string[], each: number): Promise<void> {
  const messages = upTo(each).flatMap(() => conversations.map(conversationId =>
    ({ from: 'ann', clientMsgId: randomUUID(), conversationId, type: 'text', content: { text: 'hi' } })))
  for (let i = 0; i < messages.length; i += 100) await server('POST', 'messages/batch', { messages: messages.slice(i, i + 100) })
}

const isOf = (conversation: string | undefined) => ({ data }: Delivery) => data['conversationId'] === conversation
const isIdle = (id: string) => async () => {
  const { unread, waiting } = await show(id)
  return (unread === 0 && waiting === 0) || undefined
}
const placeOf = ({ data }: Delivery) => `${String(data['conversationId'])} ${String(data['seq'])}`
/** What a receiver has said no to. */
const refused = new Set<Delivery>()
const refuse = (delivery: Delivery, status = 500) => refused.add(delivery) && status

/** Of these conversations each message was taken, in order, but for what is lost; whatever came again bears the id that it had. */
function wholeAndInOrder (t: Test, receiver: Receiver, messages: { conversations: string[], each: number, lost?: number[] }): void {
  const { conversations, each, lost = [] } = messages
  const taken = receiver.deliveries.filter(delivery => !refused.has(delivery))
  for (const [i, id] of conversations.entries()) {
    const seqs = taken.filter(isOf(id)).map(({ data }) => Number(data['seq']))
    t.same([...new Set(seqs)], upTo(each).filter(seq => i > 0 || !lost.includes(seq)), id)
  }
  const ours = receiver.deliveries.filter(({ data }) => conversations.includes(String(data['conversationId'])))
  t.equal(new Set(ours.map(({ id }) => id)).size, conversations.length * each, 'an id for each')
  t.equal(new Set(ours.map(one => `${one.id} ${placeOf(one)}`)).size, conversations.length * each, 'and the same when it comes again')
  t.same(receiver.forged, [])
}

/** Where a node is killed: in the life of a script or a command. */
interface Step {
  when: string
  point: [script: string, when: 'before' | 'after']
  /** The first conversation is not taken as long as the node lives. */
  refuses?: boolean
  /** Another webhook does not answer as long as it lives. */
  alsoSilent?: boolean
  env?: Record<string, string>
  /** How many deliveries come twice, of which conversation (both when absent). */
  doubles: [count: number, of?: number]
  dead?: number
}

const steps: Step[] = [
  {
    when: 'when all is taken, and not noted; by another webhook requests are not answered, and what comes after them is read',
    point: ['xack', 'before'],
    alsoSilent: true,
    doubles: [6]
  },
  {
    when: 'when one conversation is noted, and the other begins with a dead letter, of which it does not know',
    point: ['bury-event', 'after'],
    refuses: true,
    // the other is noted long before that on the busiest machine
    env: { IRIS_LIMIT_WEBHOOK_RETRY_SEC: '4' },
    doubles: [0, 1],
    dead: 1
  }
]

const doublesOf = (deliveries: Delivery[]) => deliveries.length - new Set(deliveries.map(({ id }) => id)).size

for (const [i, { when, point, refuses, alsoSilent, env: more, doubles: [doubles, only], dead = 0 }] of steps.entries()) {
  t.test(`[WEBHOOK-4] kill -9 of the node that delivers, ${when}: another goes on, in order, and loses none`, async t => {
    // by a clock that is wrong: what it signs is verified all the same [WEBHOOK-3]
    const node = await startNode(scope, {
      name: `victim${i}`,
      root: new URL('../../', import.meta.url).pathname,
      storePort,
      env: { ...env, ...clockEnv({ shiftMs: HOUR_MS }), ...more }
    })
    const there = serverOf(node.url)

    /** A webhook to which that node delivers: the other may have looked at that very instant. */
    async function webhookThere (id: string, reply: (delivery: Delivery) => Reply): Promise<Receiver> {
      const receiver = await startReceiver(t, { reply })
      t.teardown(async () => await server('DELETE', `webhooks/${id}`))
      return await until(async () => {
        await there('PUT', `webhooks/${id}`, { url: receiver.url, types, secrets: [SECRET] })
        if ((await redis.get(keys.webhookOwner(id)))?.startsWith(node.id)) return receiver
        await server('DELETE', `webhooks/${id}`)
        return undefined
      })
    }

    const conversations = await groups(2)
    const killed = Promise.withResolvers<void>()
    let isAlive = true
    const id = `killed${i}`
    const receiver = await webhookThere(id, delivery => isAlive && refuses && isOf(conversations[0])(delivery) ? refuse(delivery) : 200)
    const silent = alsoSilent && await webhookThere('silent', () => isAlive ? { byHand: () => undefined } : 200)
    node.stop()
    await send(conversations, 3)
    node.points.arm({
      script: point[0],
      when: point[1],
      act () {
        isAlive = false
        void node.kill().then(killed.resolve)
      }
    })
    node.goOn()
    await killed.promise
    const before = receiver.deliveries.length
    // one of them shows that it does not take longer than it is said to; for the other, the time of the dead one is over at once
    if (i > 0) await redis.pexpire(keys.webhookOwner(id), 1)
    await until(async () => receiver.deliveries.length > before || undefined)
    await until(isIdle(id))
    const lost = (await deadLetters(id)).map(({ event }) => Number(event['seq']))
    t.equal(lost.length, dead)
    t.equal(doublesOf(receiver.deliveries.filter(only === undefined ? () => true : isOf(conversations[only]))), doubles)
    wholeAndInOrder(t, receiver, { conversations, each: 3, lost })
    if (!silent) return
    await until(isIdle('silent'))
    t.ok(doublesOf(silent.deliveries) <= 2, 'one of each conversation was under way')
    wholeAndInOrder(t, silent, { conversations, each: 3 })
  })
}

t.test('[WEBHOOK-4] a node ends in the middle of a thousand deliveries: another goes on at once, and their order stays', async t => {
  const ending = await startIris(t, { env: { ...env, IRIS_NODE_ID: 'ending' }, redisPath: iris.redisPath })
  const conversations = await groups(10)
  const { id, receiver } = await webhook(t, { types })
  await until(async () => {
    if ((await redis.get(keys.webhookOwner(id)))?.startsWith('ending')) return true
    // the other lets go of it
    await ending.server('PUT', `webhooks/${id}`, { url: receiver.url, types })
    await redis.del(keys.webhookOwner(id))
    return undefined
  })
  await send(conversations, 100)
  await receiver.got(200)
  await ending.app.close()
  t.notMatch(await redis.get(keys.webhookOwner(id)), /^ending/, 'nobody waits for its time to pass')
  await until(isIdle(id))
  wholeAndInOrder(t, receiver, { conversations, each: 100 })
  t.same(await deadLetters(id), [])
})

t.test('[WEBHOOK-4] what Redis has handed out, and the node has not heard of, is told all the same, and in order', async t => {
  const { id, receiver } = await webhook(t, { types: ['user.online'] })
  let n = 0
  const happen = async () =>
    await aside.xadd(keys.events, '*', 'user.online', JSON.stringify({ userId: 'zoe', n: ++n, ts: Date.now() }))
  await happen()
  await receiver.got(1)
  await until(isIdle(id))
  await until(async () => {
    const isReached = points.arm({ script: 'take-events', when: 'after', act: link => link.reset() })
    await happen()
    await until(async () => isReached() || undefined)
    return Number((await aside.xpending(keys.events, `webhook:${id}`))[0]) > 0 || undefined
  })
  await happen()
  await receiver.got(n)
  t.same(receiver.deliveries.map(({ data }) => data['n']), upTo(n))
  await until(isIdle(id)) // all is there again for those that follow
})

t.test('[WEBHOOK-7] what is trimmed while it is under way is told, and not lost as well, though it is read for it again', async t => {
  const held: ServerResponse[] = []
  const { id, receiver } = await webhook(t, {
    types: ['user.online'],
    reply: () => held.length > 0 ? 200 : { byHand: response => held.push(response) }
  })
  const happen = async (n: number) =>
    await aside.xadd(keys.events, '*', 'user.online', JSON.stringify({ userId: `held-${n}`, n, ts: Date.now() }))
  await happen(1)
  await until(async () => (held.length > 0 && (await show(id))['unread'] === 0) || undefined)
  await aside.xtrim(keys.events, 'MAXLEN', 0)
  const isReached = points.arm({ script: 'take-events', when: 'after', act: link => link.reset() })
  await until(async () => isReached() || undefined)
  await happen(2)
  await receiver.got(2)
  held[0]?.writeHead(200).end()
  await until(isIdle(id))
  t.same(receiver.once().map(({ type }) => type), ['user.online', 'user.online'])
  t.same(await deadLetters(id), [])
})

t.test('[WEBHOOK-5] [WEBHOOK-7] a receiver that is down while all happens is told of it when it is back', async t => {
  const conversations = await groups(3)
  const { id, receiver: { port, stop } } = await webhook(t, { types })
  await stop()
  await send(conversations, 20)
  t.match(await until(async () => (await show(id))['trouble'] as object | undefined), { reason: 'nothing listens there' })
  const receiver = await startReceiver(t, { port })
  await until(isIdle(id))
  wholeAndInOrder(t, receiver, { conversations, each: 20 })
  t.equal(receiver.deliveries.length, 60)
  t.same(await deadLetters(id), [])
  await until(async () => 'trouble' in await show(id) ? undefined : true)
})

t.test('[WEBHOOK-3] a clock of Redis that is wrong: what is refused for it is told when it is right again', async t => {
  const conversations = await groups(2)
  const { id, receiver } = await webhook(t, { types })
  await t.test('ten minutes ahead', async t => {
    await setAhead(t, [iris], 600_000)
    await send(conversations, 3)
    t.match(await until(async () => (await show(id))['trouble'] as object | undefined), { reason: 'it answered 400' })
  })
  t.ok(receiver.forged.length >= 5)
  t.ok(receiver.forged.every(reason => /timestamp/.test(reason)))
  receiver.forged.length = 0
  await until(isIdle(id))
  wholeAndInOrder(t, receiver, { conversations, each: 3 })
})

const chunk = Buffer.alloc(65_536, 'x')
const bad: [what: string, reason: RegExp, byHand: (response: ServerResponse) => unknown][] = [
  ['garbage', /^what it answers is not HTTP$/, response => response.socket?.end('SSH-2.0-OpenSSH_9.2\r\n')],
  ['a redirect', /^it answered 307$/, response => response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end()],
  ['a 500 of 10 MB', /^it answered 500$/, response => {
    response.writeHead(500)
    Readable.from(Array<Buffer>(160).fill(chunk)).pipe(response)
  }],
  ['nothing, ever', /^no answer in time$/, () => undefined],
  ['an end', /^the connection was cut$/, response => response.socket?.destroy()]
]

t.test('[WEBHOOK-5] answers that are none are recorded and tried again, and hold up neither others nor the chat', async t => {
  let isBad = true
  const all = await Promise.all(bad.map(async ([what, reason, byHand]) => ({
    what,
    reason,
    ...await webhook(t, { types, reply: delivery => isBad ? refuse(delivery) && { byHand } : 200 })
  })))
  const fine = await webhook(t, { types })
  const conversations = await groups(5) // as many failures as open the breaker
  const [alice, bob] = await two(() => iris.user(t))
  const stream = await bob.listen()
  await send(conversations, 2)
  await until(isIdle(fine.id))
  wholeAndInOrder(t, fine.receiver, { conversations, each: 2 })
  t.equal((await alice.send(bob, 'hi')).status, 200)
  t.match((await stream.next('MSG_DOWN')).data, { content: { text: 'hi' } })
  for (const { what, reason, id } of all) {
    t.match(await until(async () => (await show(id))['trouble'] as object | undefined), { reason, since: Number }, what)
    t.match(await deadLetters(id), [])
  }
  isBad = false
  for (const { id, receiver } of all) {
    await until(isIdle(id))
    wholeAndInOrder(t, receiver, { conversations, each: 2 })
  }
})

t.test('[WEBHOOK-6] what nobody wants holds up no others when it fills the room: it is a dead letter before its time', async t => {
  const poisoned = await groups(5)
  const [good = ''] = await groups(1)
  let isStrict = true
  const { id, receiver } = await webhook(t, {
    types,
    reply: delivery => isStrict && delivery.data['seq'] === 1 && !isOf(good)(delivery) ? refuse(delivery) : 200
  })
  await send(poisoned, 1)
  // others are taken in between, until each has been refused more often than it must be
  await until(async () => {
    const taken = receiver.deliveries.filter(isOf(good)).length
    await send([good], 1)
    await until(async () => receiver.deliveries.filter(isOf(good)).length > taken || undefined)
    return poisoned.every(one => receiver.deliveries.filter(isOf(one)).length > 7) || undefined
  })
  t.same(await deadLetters(id), [], 'while there is room, nothing is given up')
  await send(poisoned, 12)
  const sent = receiver.once(isOf(good)).length
  await send([good], 3)
  await receiver.got(sent + 3, isOf(good))
  const letters = await deadLetters(id)
  t.ok(letters.length > 0)
  t.match(letters, letters.map(() => ({ kind: 'failed', reason: 'it answered 500', event: { seq: 1 } })))
  isStrict = false
  await until(isIdle(id))
  const lost = letters.map(({ event }) => event['conversationId'])
  for (const one of poisoned) {
    const taken = receiver.deliveries.filter(delivery => isOf(one)(delivery) && !refused.has(delivery)).map(({ data }) => data['seq'])
    t.same(taken, upTo(13).slice(lost.includes(one) ? 1 : 0))
  }
})

t.test('[WEBHOOK-3] secrets outlive the key that sealed them: a node that starts seals them by its first', async t => {
  const NEW = 'server-key-of-tomorrow-0123456789'
  const { id, receiver } = await webhook(t, { types })
  const sealed = async () => await redis.hget(keys.webhooks, id)
  const before = await sealed()
  const between = await startIris(t, { env: { ...env, IRIS_SERVER_KEY: `${NEW},${SERVER_KEY}` }, redisPath: iris.redisPath })
  await until(async () => await sealed() !== before || undefined)
  await between.app.close()
  // this node does not know the new key, and delivers no more
  const later = await startIris(t, { env: { ...env, IRIS_SERVER_KEY: NEW }, redisPath: iris.redisPath })
  await send(await groups(1), 2)
  await receiver.got(2)
  t.same(receiver.forged, [])
  const shown = await fetch(`${later.url}/v1/server/webhooks/${id}`, { headers: { authorization: `Bearer ${NEW}` } })
  t.notOk('disabled' in (await shown.json() as object))
})
