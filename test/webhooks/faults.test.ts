// Webhooks while something of ours breaks: the node that delivers, its way to the store, its key. [WEBHOOK-3] [WEBHOOK-4] [WEBHOOK-7]
import type { ServerResponse } from 'node:http'
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { startNode } from '../faults/node.js'
import { createPoints } from '../faults/points.js'
import { startProxy } from '../faults/proxy.js'
import { createScope } from '../faults/scope.js'
import { clockEnv, HOUR_MS } from '../helper/clock.js'
import { happeningsOf, isOf, refuse, TOLD_SOON as env, wholeAndInOrder } from '../helper/deliveries.js'
import { SERVER_KEY, serverOf, startIris } from '../helper/iris.js'
import { freePort } from '../helper/process.js'
import { type Delivery, type Receiver, type Reply, SECRET, startReceiver } from '../helper/receiver.js'
import { startRedis } from '../helper/redis.js'
import { upTo } from '../helper/sse.js'
import { until } from '../helper/user.js'
import { webhooksOf } from '../helper/webhooks.js'

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
const { groups, send, isIdle } = happeningsOf(iris)
const types = ['message.sent']

/** Where a node is killed: in the life of a script or a command. */
interface Step {
  when: string
  point: [script: string, when: 'before' | 'after']
  /** The first conversation is not taken as long as the node lives. */
  refuses?: boolean
  /** Another webhook does not answer as long as it lives. */
  alsoSilent?: boolean
  env?: Record<string, string>
  /** The conversation that is noted by then; of the others nothing is. */
  noted?: number
  dead?: number
}

const steps: Step[] = [
  {
    when: 'when all is taken, and not noted; by another webhook requests are not answered, and what comes after them is read',
    point: ['xack', 'before'],
    alsoSilent: true
  },
  {
    when: 'when one conversation is noted, and the other begins with a dead letter, of which it does not know',
    point: ['bury-event', 'after'],
    refuses: true,
    // the other is noted long before that on the busiest machine
    env: { IRIS_LIMIT_WEBHOOK_RETRY_SEC: '4' },
    noted: 1,
    dead: 1
  }
]

const idsOf = (deliveries: Delivery[]) => [...new Set(deliveries.map(({ id }) => id))]

for (const [i, { when, point, refuses, alsoSilent, env: more, noted, dead = 0 }] of steps.entries()) {
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
    const before = receiver.deliveries.slice()
    const unanswered = idsOf(silent ? silent.deliveries : [])
    // one of them shows that it does not take longer than it is said to; for the other, the time of the dead one is over at once
    if (i > 0) await redis.pexpire(keys.webhookOwner(id), 1)
    await until(async () => receiver.deliveries.length > before.length || undefined)
    await until(isIdle(id))
    const lost = (await deadLetters(id)).map(({ event }) => Number(event['seq']))
    t.equal(lost.length, dead)
    // an attempt that was late is made again as well: what has come twice by then says nothing
    const after = idsOf(receiver.deliveries.slice(before.length))
    if (noted === undefined) t.same(idsOf(before).filter(id => !after.includes(id)), [], 'what was taken, and not noted, comes again')
    else t.same(idsOf(before.filter(isOf(conversations[noted]))).filter(id => after.includes(id)), [], 'what was noted does not')
    t.ok(before.length > 0)
    wholeAndInOrder(t, receiver, { conversations, each: 3, lost })
    if (!silent) return
    await until(isIdle('silent'))
    t.ok(unanswered.length <= 2, 'one of each conversation was under way')
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
