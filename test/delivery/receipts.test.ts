// An answer that says "shown" is the word of the node that shows, not of a route that it left behind. [CMD-5] [GET-1]
import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { keys, partition } from '../../src/store/keys.js'
import { startIris } from '../helper/iris.js'
import { startSharedRedis } from '../helper/process.js'
import { eventsOf } from '../helper/events.js'
import { pollOnce } from '../helper/poll.js'
import { createUser, dm, groupOf, until, type User } from '../helper/user.js'

const { path, start } = await startSharedRedis(t)
const here = await startIris(t, { env: { IRIS_NODE_ID: 'here' }, redisPath: path })

/** A sender here, and a reader whose stream is held by a node that may be killed, stopped and started again. */
async function apart (t: Test, nodeId: string) {
  const node = await start(t, { IRIS_NODE_ID: nodeId })
  const [alice, bob] = [await here.user(t), await here.user(t)]
  await alice.send(bob, 'acquaintance')
  await bob.send(alice, 'acquaintance') // a stranger is not told who is there
  const stream = await createUser(t, { ...bob, url: node.url }).listen({ terminalId: 'far' })
  await stream.next('IRIS.READY')
  return { node, alice, bob, stream }
}

/** All that promises somebody that something is shown: how many were reached, and whether the page goes down. */
async function promises (alice: User, bob: User): Promise<object> {
  const to = { users: [bob.userId] }
  const commands = [await alice.command({ clientCmdId: randomUUID(), name: 'typing', to }),
    await alice.command({ clientCmdId: randomUUID(), name: 'nudge', to, mode: 'reliable' }),
    await here.server('POST', 'commands', { clientCmdId: randomUUID(), name: 'ring', to })]
  const page = await bob.getReadMsg({ conversationId: dm(alice, bob), deliver: 'down' }, 'far')
  return { online: commands.map(({ body }) => (body as { online?: number }).online), inline: Array.isArray(page.body['messages']) }
}

const [shown, nothing] = [{ online: [1, 1, 1], inline: false }, { online: [0, 0, 0], inline: true }]

t.test('[CMD-5] [GET-1] a node that was killed, and its successor without a stream, have taken nothing', async t => {
  const { node, alice, bob } = await apart(t, 'killed')
  t.same(await promises(alice, bob), shown)
  node.child.kill('SIGKILL')
  await node.exited
  t.equal(await here.redis.hexists(keys.routes(bob.userId), 'killed/far'), 1, 'its route is still there')
  t.same(await promises(alice, bob), nothing)
  const successor = await start(t, { IRIS_NODE_ID: 'killed' })
  t.same(await promises(alice, bob), nothing, 'asked by another node')
  const there = [alice, bob].map(user => createUser(t, { ...user, url: successor.url })) as [User, User]
  t.same((await there[0].command({ clientCmdId: randomUUID(), name: 'typing', to: { users: [bob.userId] } })).body['online'],
    0, 'asked by itself')
  t.ok((await there[1].getReadMsg({ conversationId: dm(alice, bob) }, 'far')).body['messages'], 'asked by itself')
})

t.test('[CMD-5] [GET-1] a node that does not hear in time has taken nothing, and shows nothing when it hears at last', async t => {
  const { node, alice, bob, stream } = await apart(t, 'stopped')
  node.child.kill('SIGSTOP')
  const to = { users: [bob.userId] }
  t.match((await alice.command({ clientCmdId: randomUUID(), name: 'typing', to })).body, { online: 0 })
  t.ok((await bob.getReadMsg({ conversationId: dm(alice, bob) }, 'far')).body['messages'])
  node.child.kill('SIGCONT')
  await alice.send(bob, 'end')
  await stream.next(({ data }) => data['seq'] === 3)
  t.same(stream.events.filter(({ data }) => data.name === 'typing' || data['source'] === 'history'), [])
  t.same(await promises(alice, bob), shown, 'it is asked again')
})

t.test('[CMD-5] a terminal with connections on two nodes counts once; a group is asked with one question to each node', async t => {
  const { node, alice, bob } = await apart(t, 'second')
  const carol = await here.user(t)
  for (const user of [bob, carol]) await (await user.listen({ terminalId: 'far' })).next('IRIS.READY')
  await (await createUser(t, { ...carol, url: node.url }).listen({ terminalId: 'other' })).next('IRIS.READY')
  const group = await groupOf(here, alice, bob, carol)
  for (const user of [bob, carol]) await user.send(group, 'hello')
  const asked = here.redis.duplicate()
  t.teardown(() => asked.disconnect())
  await new Promise(resolve => asked.once('ready', resolve))
  const heard: string[] = []
  const channels = [bob, carol].map(({ userId }) => keys.node(partition(userId), 'second'))
  asked.on('smessage', (_channel: string, text: string) => { if (text.startsWith('{"ask"')) heard.push(text) })
  for (const channel of channels) await asked.ssubscribe(channel)
  t.match((await alice.command({ clientCmdId: randomUUID(), name: 'typing', to: { conversationId: group } })).body, {
    accepted: 2,
    online: 3
  })
  await here.redis.ping()
  t.equal(heard.length, 1)
})

t.test('[POLL-2] [LIFE-1] the node of a session is killed between two polls: ' +
  'the next one goes on elsewhere, nothing is lost, nobody was gone', async t => {
  const node = await start(t, { IRIS_NODE_ID: 'polled' })
  const [alice, bob] = [await here.user(t), await here.user(t)]
  const poll = async (url: string, cursor?: string) =>
    (await pollOnce(`${url}/v1/down/poll?terminalId=p&timeoutMs=0`, { headers: { authorization: `Bearer ${bob.token}` }, cursor })).body
  const { cursor } = await poll(node.url)
  node.child.kill('SIGKILL')
  await node.exited
  await alice.send(bob, 'meanwhile')
  await here.server('POST', 'commands', { clientCmdId: randomUUID(), name: 'ring', to: { users: [bob.userId] }, mode: 'reliable' })
  const answer = await poll(here.url, cursor)
  t.match(answer, {
    recovered: true,
    events: [{ event: 'MSG_DOWN', data: { source: 'replay' } }, { event: 'CMD_DOWN', data: { name: 'ring' } }],
    ready: {}
  })
  t.equal(answer.events.length, 2)
  await until(async () => await here.redis.hexists(keys.routes(bob.userId), 'here/p') === 1 || undefined)
  t.same((await eventsOf(here, bob)).map(({ type }) => type), ['user.online', 'terminal.connected'])
})
