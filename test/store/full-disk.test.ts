// The disk of a Redis that Iris starts itself: before it is full nothing is added any more,
// since Redis ends where it cannot write what it answers.
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { diskOf, heldOn } from '../../src/store/redis/disk.js'
import { startIris } from '../helper/iris.js'
import { dm, until } from '../helper/user.js'

const MIB = 1_048_576

t.test('[STORE-2] a reserve is kept of every disk, and the last of it is not written', async t => {
  const rows = [
    [10_000, 100, undefined], [10_000, 60, 'adding'], [10_000, 7, 'writing'], [8, 1, undefined], [8, 0.5, 'adding'], [8, 0, 'writing']
  ] as const
  for (const [size, free, held] of rows) t.equal(heldOn({ size: size * MIB, free: free * MIB }), held, `${free} of ${size} MiB`)
  const { free, size } = await diskOf('.')
  t.ok(free > 0 && free <= size)
})

t.test('[STORE-2] what adds is refused before the disk is full, then whatever writes; reads are served all the while', async t => {
  const disk = { size: 10_000 * MIB, free: 5_000 * MIB }
  const iris = await startIris(t, { disk: async () => disk })
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const conversationId = dm(alice, bob)
  const first = { clientMsgId: 'one' }
  await alice.send(bob, 'one', first)
  await alice.send(bob, 'two')
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  const readyz = async (status: number) => await until(async () => {
    const response = await fetch(`${iris.url}/readyz`)
    const { detail = 'ready' } = await response.json() as { detail?: string }
    return response.status === status ? detail : undefined
  })
  const writes = async () => /rdb_changes_since_last_save:(\d+)/.exec(await iris.redis.info('persistence'))?.[1]
  const scripts = async () => Number(/cmdstat_evalsha:calls=(\d+)/.exec(await iris.redis.info('commandstats'))?.[1] ?? 0)
  const ring = { clientCmdId: 'k', name: 'ring', to: { users: [bob.userId] } }

  disk.free = 60 * MIB
  t.match(await readyz(503), /^The disk of Redis is all but full: \d+ bytes are free of \d+$/)
  for (const answer of [alice.send(bob, 'x'), alice.command(ring), alice.command({ ...ring, mode: 'reliable' })]) {
    t.match(await answer, { status: 503, body: { code: 'STORE_FULL' } })
  }
  t.match(await alice.send(bob, 'one', first), { status: 200, body: { seq: 1, duplicate: true } })
  t.equal((await bob.read({ conversationId, upToSeq: 1 })).status, 200)
  t.equal((await iris.server('POST', `users/${alice.userId}/kick`, { reason: 'x', terminals: ['t'] })).status, 200)

  disk.free = MIB
  let n = 0
  await until(async () =>
    (await bob.rest({ items: [{ conversationId, unreadMark: n++ % 2 === 0 }] })).body.code === 'STORE_FULL' || undefined)
  // one that was killed long ago: the beat would forget it
  await iris.redis.hset(keys.nodes, 'gone', `1 ${String(await iris.redis.get(keys.run))}`)
  const [before, beats] = [await writes(), await scripts()]
  await until(async () => await scripts() > beats + 2 || undefined)
  t.match(await bob.read({ conversationId, upToSeq: 2 }), { status: 503, body: { code: 'STORE_FULL' } })
  t.match((await bob.getReadMsg({ conversationId, deliver: 'inline' })).body, { count: 2 })
  const resumed = await bob.listen({ cursor: stream.cursor })
  await resumed.next('IRIS.READY')
  t.match((await bob.conversations()).body, { totalUnread: 1 })
  t.equal(await writes(), before, 'nothing was written')

  disk.free = 5_000 * MIB
  await readyz(200)
  t.equal((await alice.send(bob, 'three')).status, 200)
})
