// What a node remembers ends with the life that it is of:
// what is lost is lost on all nodes, and none goes by a memory of its own. Section 6, "Lives".
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { keys, unreadField } from '../../src/store/keys.js'
import { createLife } from '../../src/store/life/life.js'
import { startIris } from '../helper/iris.js'
import { startRedis } from '../helper/redis.js'
import { createUser, dm, until, type User } from '../helper/user.js'

const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always']

/** A Redis that forgets what is written between `remember` and `forget`, as one whose file was restored. */
async function startForgetful () {
  const server = await startRedis(t, DURABLE)
  const [file, backup] = [join(server.directory, 'appendonlydir'), join(server.directory, 'backup')]
  return {
    ...server,
    remember: async () => { await cp(file, backup, { recursive: true }) },
    async forget (): Promise<void> {
      await server.kill()
      await rm(file, { recursive: true })
      await cp(backup, file, { recursive: true })
      await server.start()
    }
  }
}

/** What a terminal of a user's finds that comes afresh: messages and commands, as one word each. */
async function found (user: User): Promise<string[]> {
  const stream = await user.listen({ terminalId: 'fresh' })
  await stream.next('IRIS.READY')
  await stream.cut()
  return stream.events.filter(({ event, data }) => event === 'MSG_DOWN' || data.name === 'order')
    .map(({ data }) => data.name ?? String(data['type']))
}

t.test('[STORE-1] [REVOKE-3] [COMPLETE-4] a revocation and a completion ' +
  'that are lost are lost on every node that knew of them', async t => {
  const server = await startForgetful()
  const [a, b] = [await startIris(t, { redisPath: server.path }), await startIris(t, { redisPath: server.path })]
  const [alice, bob] = [await a.user(t), await a.user(t)]
  const bobOnB = createUser(t, { ...bob, url: b.url })
  const live = await bobOnB.listen({ terminalId: 'live' })
  await live.next('IRIS.READY')
  await alice.send(bob, 'text')
  await alice.command({ clientCmdId: 'c1', name: 'order', to: { users: [bob.userId] }, mode: 'reliable' })
  const { data: { cmdId } } = await live.next(({ data }) => data.name === 'order')
  await server.remember()
  t.equal((await alice.revoke({ conversationId: dm(alice, bob), seq: 1 })).status, 200)
  t.equal((await bob.cmdComplete({ ids: [cmdId] })).status, 200)
  await live.next(({ data }) => data['op'] === 'complete')
  t.same([await found(bob), await found(bobOnB)], [[], []])
  await server.forget()
  for (const { url } of [a, b]) await until(async () => (await fetch(`${url}/readyz`)).status === 200 || undefined)
  t.same([await found(bob), await found(bobOnB)], [['text', 'order'], ['text', 'order']])
  t.match((await bob.getReadMsg({ conversationId: dm(alice, bob), deliver: 'inline' })).body, { messages: [{ type: 'text' }] })
  t.equal(await server.redis.hget(keys.unread(bob.userId), unreadField(dm(alice, bob))), '1', 'what is shown is what is counted')
})

t.test('[STORE-1] a node that waits for the word of others hears all the same that another life has begun', async t => {
  const server = await startRedis(t, DURABLE)
  const clock = { known: () => 0 }
  const [waits, begins] = [createLife(server.redis, clock), createLife(server.redis, clock)]
  for (const life of [waits, begins, waits, begins]) await life.begin()
  begins.saw(Number(await server.redis.get(keys.mark)) + 3)
  t.equal(await begins.begin(), true)
  await server.kill()
  await server.start()
  await until(async () => await server.redis.ping().catch(() => undefined))
  await t.rejects(waits.begin(), { code: 'STORE_UNAVAILABLE' })
  t.equal(await begins.begin(), false)
  t.equal(await waits.begin(), true)
  t.equal(await waits.begin(), false, 'once')
})
