// A command whose answer was lost is not sent again by itself: what answers next may be another server. Who asks again gets one effect.
import { type AddressInfo, connect, createServer } from 'node:net'
import t, { type Test } from 'tap'
import { Problem } from '../../src/protocol/problem.js'
import { createIdempotency } from '../../src/store/once/idempotency.js'
import { createOnce } from '../../src/store/once/once.js'
import { createRedis, isUnavailable, type Redis } from '../../src/store/redis/redis.js'
import { startRedis } from '../helper/redis.js'
import { until } from '../helper/user.js'

const server = await startRedis(t)
const limits = { dedupeSec: 60 } as Parameters<typeof createOnce>[0]['limits']
const storeOf = (redis: Redis) => ({ redis, limits }) as Parameters<typeof createOnce>[0]
const onceOf = (redis: Redis, id: string, effect: (id: string) => Promise<{ id: string }>) =>
  createOnce(storeOf(redis))({ key: 'once', fingerprint: 'f', id, conflict: 'CLIENT_CMD_ID_CONFLICT' }, effect)

/** A connection through a door that shuts once: when the first claim has been done, before its answer is heard. */
async function throughDoor (t: Test) {
  let losses = 0
  const door = createServer(socket => {
    const redis = connect(server.path)
    let isLost = false
    socket.on('error', () => undefined).on('close', () => redis.destroy()).on('data', chunk => {
      isLost = losses === 0 && chunk.includes('NX')
      redis.write(chunk)
    })
    redis.on('error', () => undefined).on('data', chunk => {
      if (!isLost) return void socket.write(chunk)
      losses++
      socket.destroy()
    })
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => door.once('listening', resolve))
  const redis = createRedis(`redis://127.0.0.1:${(door.address() as AddressInfo).port}`)
  redis.on('error', () => undefined)
  t.teardown(() => {
    redis.disconnect()
    door.close()
  })
  await new Promise(resolve => redis.once('ready', resolve))
  return { redis, losses: () => losses }
}

/** Asks until the outcome is known, as a client does. */
async function retried<T> (ask: () => Promise<T>): Promise<T> {
  return await until(async () => await ask().catch((error: unknown) => {
    if (!isUnavailable(error) && !(error instanceof Problem && error.code === 'IDEMPOTENCY_KEY_IN_USE')) throw error
    return undefined
  }))
}

const claims: {
  name: string
  claim (redis: Redis, effect: () => Promise<{ id: string }>): Promise<unknown>
  first: object
  again: object
}[] = [
  {
    name: 'an Idempotency-Key',
    claim: (redis, effect) => createIdempotency(storeOf(redis)).run({ key: 'k', fingerprint: 'f'.repeat(22) }, { run: effect }),
    first: { result: { id: 'done' }, isReplay: false },
    again: { result: { id: 'done' }, isReplay: true }
  },
  {
    name: 'a clientCmdId',
    claim: (redis, effect) => onceOf(redis, 'mine', effect),
    // the claim is there: whether it had its effect, only the next request can tell
    first: { id: 'done', duplicate: true },
    again: { id: 'done', duplicate: true }
  }
]
for (const { name, claim, first, again } of claims) {
  t.test(`${name}: a claim whose answer was lost fails, nothing is sent again by itself, and the effect happens once`, async t => {
    const { redis, losses } = await throughDoor(t)
    let effects = 0
    const effect = async () => {
      effects++
      return { id: 'done' }
    }
    await t.rejects(claim(redis, effect), { message: 'Connection is closed.' })
    t.equal(losses(), 1)
    t.equal(effects, 0)
    for (const key of await server.redis.keys('iris:*:IDEMPOTENCY:*')) await server.redis.pexpire(key, 1) // it ends by itself, later
    t.strictSame(await retried(() => claim(redis, effect)), first)
    t.strictSame(await claim(server.redis, effect), again)
    t.equal(effects, 1)
  })
}

t.test('[CMD-1] a clientCmdId is free again after a refusal; after an outage, ' +
  'when nobody knows what happened, a retry has the same id', async t => {
  for (const [error, isKept] of [
    [new Problem('NOT_ALLOWED_TARGET'), false],
    [new Problem('STORE_UNAVAILABLE'), true],
    [new Error('Command timed out'), true]
  ] as const) {
    await server.redis.del('once')
    await t.rejects(onceOf(server.redis, 'first', () => Promise.reject(error)))
    t.match(await onceOf(server.redis, 'second', async id => ({ id })), { id: isKept ? 'first' : 'second' }, error.message)
  }
})
