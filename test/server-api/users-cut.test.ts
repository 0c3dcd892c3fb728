// A deletion of a user that is cut, slow, or under way while something else happens ends the same. docs/protocol.md section 8.
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { createPoints } from '../faults/points.js'
import { startProxy } from '../faults/proxy.js'
import { deletionsOf, type Outcome, textsOf } from '../helper/deletions.js'
import { SERVER_KEY, startIris } from '../helper/iris.js'
import { freePort } from '../helper/process.js'
import { startRedis } from '../helper/redis.js'
import { dm, groupOf, two, until } from '../helper/user.js'

const port = await freePort()
const { redis } = await startRedis(t, ['--port', String(port), '--bind', '127.0.0.1'])
const points = createPoints()
const way = await startProxy(t, port, points.watch)
const iris = await startIris(t, { redisPath: `redis://127.0.0.1:${way.port}`, env: { IRIS_EVENTS: 'all', IRIS_LIMIT_REVOKE_SEC: '1' } })
const { someone, again, remove, live, ownKeys } = deletionsOf({ ...iris, redis })

/** A deletion asks for these scripts, in this order: cut before one, it stands as behind the one before it. */
const steps = ['kick-user', 'part-user', 'find-written', 'revoke-message', 'forget-member', 'block-user', 'forget-user'] as const
const cuts = [{ script: 'kick-user', when: 'before' }, ...steps.map(script => ({ script, when: 'after' }) as const)] as const

/** What is left of two who were deleted, as far as it can be compared. */
const traceOf = async ({ alice, bob, group, former, closed }: Awaited<ReturnType<typeof live>>) => ({
  own: (await ownKeys(alice)).filter(key => !key.startsWith('DEDUPE')),
  kick: await redis.hkeys(keys.kick(alice.userId)),
  texts: await Promise.all([dm(alice, bob), group, former, closed].map(async id =>
    (await textsOf(bob, id) as { type: string }[]).map(({ type }) => type))),
  rows: await Promise.all([group, former, closed].map(async id => await redis.exists(keys.members(id)) + await redis.exists(keys.left(id))))
})

t.test('[USER-1] cut before its first step or behind any, and called again, it ends the same', async t => {
  const whole = await live(t)
  await remove(whole.alice, '?messages=revoke')
  const right = await traceOf(whole)
  for (const { script, when } of cuts) {
    const name = `${when} ${script}`
    const cut = await live(t)
    const isReached = points.arm({ script, when, act: link => link.reset() })
    t.equal((await remove(cut.alice, '?messages=revoke')).status, 503, name)
    t.ok(isReached(), `${name}: the point was reached`)
    const code = await until(async () => {
      const { status, body } = await (await again(t, cut.alice)).conversations()
      return status === 503 ? undefined : String(body.code)
    })
    // from its first step to its last nobody is let in
    t.equal(code, name === 'before kick-user' || script === 'forget-user' ? 'undefined' : 'KICKED', name)
    await until(async () => (await remove(cut.alice, '?messages=revoke')).body.done ? true : undefined)
    t.same(await traceOf(cut), right, name)
  }
})

t.test('[USER-1] what cannot be done in time is done: false, which its Idempotency-Key does not keep', async t => {
  const alice = await someone(t)
  const groups = 40
  for (let i = 0; i < groups; i++) await groupOf(iris, alice)
  const ask = async () => {
    const response = await fetch(`${iris.url}/v1/server/users/${alice.userId}`, {
      method: 'DELETE', headers: { authorization: `Bearer ${SERVER_KEY}`, 'idempotency-key': alice.userId }
    })
    return { status: response.status, body: await response.json() as Outcome }
  }
  way.set({ down: { do: 'delay', ms: 60 } })
  const answers = [await ask()]
  way.heal()
  while (!answers.at(-1)?.body.done) answers.push(await ask())
  t.same(answers[0] && [answers[0].status, answers[0].body.done], [200, false])
  t.ok(answers.every(({ status }) => status === 200))
  t.equal(answers.reduce((sum, { body }) => sum + Number(body.removed['groups']), 0), groups)
  const { traceId, ...last } = answers.at(-1)?.body as Outcome & { traceId: string }
  t.match((await ask()).body, last, 'the one that was done is')
})

t.test('[USER-2] lifted while it is under way, it takes nothing more', async t => {
  const alice = await someone(t)
  for (let i = 0; i < 12; i++) await groupOf(iris, alice)
  way.set({ down: { do: 'delay', ms: 40 } })
  const deletion = remove(alice)
  await until(async () => await redis.scard(keys.groups(alice.userId)) < 12 ? true : undefined)
  await redis.hdel(keys.kick(alice.userId), 'ban:/')
  t.match(await deletion, { status: 200, body: { done: false } })
  way.heal()
  t.ok(await redis.scard(keys.groups(alice.userId)) > 0)
  t.match(await remove(alice), { status: 200, body: { done: true } })
})

t.test('[USER-1] [USER-3] who writes to him while it is under way has that taken away, too, and it counts as one conversation', async t => {
  const [alice, bob] = await two(() => someone(t))
  await bob.send(alice, 'before')
  for (let i = 0; i < 6; i++) await groupOf(iris, alice)
  way.set({ down: { do: 'delay', ms: 40 } })
  const deletion = remove(alice)
  await until(async () => await redis.zscore(keys.conversations(alice.userId), dm(alice, bob)) === null ? true : undefined)
  t.equal((await bob.send(alice, 'meanwhile')).status, 200)
  const first = await deletion
  way.heal()
  t.match(first, { status: 200, body: { done: true, removed: { directs: 1, groups: 6 } } })
  t.equal(await redis.exists(keys.conversations(alice.userId)), 0)
})
