// Epochs: no two streams, and no two lives of a log, ever share one. docs/protocol.md section 2.
import t from 'tap'
import { keys, partition } from '../../src/store/keys.js'
import { startIris } from '../helper/iris.js'
import { groupOf, two } from '../helper/user.js'

const iris = await startIris(t)
const epochOf = (id = '') => id.split('-')[0] as string

async function epochsOf (users: string[]): Promise<string[]> {
  return await Promise.all(users.map(async user => epochOf((await iris.redis.xrange(keys.down(user), '-', '+', 'COUNT', 1))[0]?.[0])))
}

t.test('[ATTACH-1] 500 streams born in one script have 500 epochs; a cursor carried over from another is found out', async t => {
  const [owner] = await two(() => iris.user(t))
  const names = Array.from({ length: 499 }, (_, i) => `member-${i}`)
  const users = await Promise.all(names.slice(0, 2).map(name => iris.user(t, name)))
  const group = await groupOf(iris, owner, ...names.map(userId => ({ userId })))
  await owner.send(group, 'one message, 500 births')
  const epochs = await epochsOf([...names, owner.userId])
  t.equal(new Set(epochs).size, 500)
  t.ok(epochs.every(epoch => Number.isSafeInteger(Number(epoch))))
  const twins = names.filter(name => partition(name) === partition(names[0] as string))
  t.ok(twins.length > 1, 'also those of one partition')
  const cursor = `${epochs[0]}-1`
  const stream = await (users[1] ?? owner).listen({ cursor })
  t.match((await stream.next('IRIS.RESET')).data.data, { reason: 'epoch' })
})

t.test('[ATTACH-1] an epoch rises although the clock went back, and keeps its partition', async t => {
  const user = await iris.user(t)
  const p = partition(user.userId)
  const ahead = (Date.now() + 3_600_000) * 32
  await iris.redis.set(keys.epoch(p), ahead)
  const births: number[] = []
  for (let i = 0; i < 3; i++) {
    await (await user.listen()).next('IRIS.READY')
    births.push(Number(await iris.redis.hget(keys.terminals(user.userId), '/epoch')))
    await iris.redis.hdel(keys.terminals(user.userId), '/epoch')
  }
  t.strictSame(births, [1, 2, 3].map(i => (ahead + i) * 128 + p))
})

t.test('[ATTACH-1] two lives of one conversation have two epochs, also within one millisecond', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const epochs: unknown[] = []
  for (let i = 0; i < 5; i++) {
    const { body } = await alice.send(bob, 'hi')
    epochs.push(body['epoch'])
    t.equal(body.seq, 1)
    await iris.redis.del(
      keys.conversation(String(body.conversationId)), keys.members(String(body.conversationId)), keys.log(String(body.conversationId))
    )
  }
  t.equal(new Set(epochs).size, 5)
  t.strictSame(epochs.map(Number), epochs.map(Number).sort((a, b) => a - b))
})
