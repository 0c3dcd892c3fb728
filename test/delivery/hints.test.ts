// What a message costs to be told: a node alone asks for no route, each other node is told once,
// and one that was not known looks by itself. [DOWN-2]
import t from 'tap'
import { keys, partition } from '../../src/store/keys.js'
import { startIris } from '../helper/iris.js'
import { beforeTheSweep, groupOf, until } from '../helper/user.js'

const a = await startIris(t, { env: { IRIS_NODE_ID: 'a' } })
const { redis } = a

/** How often a command was run, also by scripts. */
async function callsOf (command: string): Promise<number> {
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(await redis.info('commandstats'))?.[1] ?? 0)
}

t.test('[MSG-3] a node that is alone tells itself, and looks for nobody\'s route', async t => {
  const [alice, bob] = [await a.user(t), await a.user(t)]
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  const before = await callsOf('hkeys')
  for (const text of ['one', 'two']) await alice.send(bob, text)
  await beforeTheSweep(t, stream.next(({ data }) => data['seq'] === 2))
  t.equal(await callsOf('hkeys') - before, 2, 'who is at work, once a script')
})

t.test('two nodes', async t => {
  const b = await startIris(t, { env: { IRIS_NODE_ID: 'b' }, redisPath: a.redisPath })

  t.test('[MSG-3] a message to a group is told to the other node once, with all whom it concerns', async t => {
    const alice = await a.user(t)
    const members = await Promise.all(Array.from({ length: 19 }, async () => await b.user(t)))
    const streams = await Promise.all(members.map(async member => await member.listen()))
    for (const stream of streams) await stream.next('IRIS.READY')
    const own = await alice.listen({ terminalId: 'other' })
    await own.next('IRIS.READY')
    const group = await groupOf(a, alice, ...members)

    const hearing = redis.duplicate()
    t.teardown(() => hearing.disconnect())
    await new Promise(resolve => hearing.once('ready', resolve))
    const said: unknown[] = []
    hearing.on('smessage', (_channel: string, text: string) => { if (text.startsWith('[')) said.push(JSON.parse(text)) })
    for (const tag of new Set([alice, ...members].map(({ userId }) => partition(userId)))) await hearing.ssubscribe(keys.node(tag, 'b'))
    const before = await callsOf('hkeys')
    await alice.send(group, 'to all')
    for (const stream of [own, ...streams]) {
      t.match((await beforeTheSweep(t, stream.next('MSG_DOWN')))?.data, { source: 'live', content: { text: 'to all' } })
    }
    t.equal(await callsOf('hkeys') - before, 1, 'no routes: there is one node beside this')
    await hearing.ping()
    t.equal(said.length, 1)
    const { body: revoked } = await alice.revoke({ conversationId: group, seq: 1 })
    t.equal(revoked.alreadyRevoked, false)
    for (const stream of streams) await beforeTheSweep(t, stream.next('REVOKE'))
    await hearing.ping()
    t.equal(said.length, 2, 'nor is a recall told to each of them')
  })

  t.test('[DOWN-2] a node that the others did not know of looks at its streams as soon as it knows that', async t => {
    const [alice, bob] = [await a.user(t), await b.user(t)]
    const stream = await bob.listen()
    await stream.next('IRIS.READY')
    const others = Object.keys(await redis.hgetall(keys.nodes)).filter(process => process.startsWith('b/'))
    t.equal(others.length, 1)
    // a message in the moment before node b says again that it is there
    await Promise.all([redis.hdel(keys.nodes, ...others), alice.send(bob, 'untold')])
    await beforeTheSweep(t, stream.next('MSG_DOWN'))
    await until(async () => await redis.hexists(keys.nodes, others[0] ?? '') === 1 || undefined)
  })
})
