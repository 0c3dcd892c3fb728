// A Redis that comes back without its last moments: no cursor may resume behind a number that is given anew. [ATTACH-1]
import t, { type Test } from 'tap'
import { startIris } from '../helper/iris.js'
import { startRedis } from '../helper/redis.js'
import { seqsOf } from '../helper/sse.js'
import { dm, sendUntilStored, until, type User } from '../helper/user.js'

/** An Iris on a Redis of its own; what it keeps and loses is the test's choice. */
async function setUp (t: Test, args: string[]) {
  const server = await startRedis(t, args)
  const iris = await startIris(t, { redisPath: server.path })
  const isBack = async () => await until(async () => (await fetch(`${iris.url}/readyz`)).status === 200 || undefined)
  return { server, isBack, alice: await iris.user(t), bob: await iris.user(t) }
}

const texts = (...list: string[]) => async (from: User, to: User) => {
  for (const text of list) await sendUntilStored(from, to, text)
}

t.test('[ATTACH-1] a cursor that saw what Redis lost gets a RESET, also when the numbers have been given anew', async t => {
  const { server, isBack, alice, bob } = await setUp(t, ['--appendonly', 'no'])
  const stream = await bob.listen({ terminalId: 'reads' })
  await stream.next('IRIS.READY')
  await texts('1', '2')(alice, bob)
  await server.redis.save()
  await texts('lost 3', 'lost 4')(alice, bob)
  await stream.next(({ data }) => data['seq'] === 4)
  const before = (await bob.getReadMsg({ conversationId: dm(alice, bob), deliver: 'inline' })).body['epoch']
  await server.kill()
  await server.start()
  await isBack()
  t.match((await stream.next('IRIS.BYE')).data.data, { code: 4202 }, 'who is connected is told')
  await stream.ended
  await sendUntilStored(alice, bob, '3')
  for (const text of ['4', '5', '6']) await alice.send(bob, text)
  const again = await bob.listen({ terminalId: 'reads', cursor: stream.cursor })
  await again.next('IRIS.READY')
  const { reason, conversations: [conversation] } = again.events[1]?.data.data as {
    reason: string
    conversations: [{ epoch: string, headSeq: number }]
  }
  t.equal(reason, 'epoch')
  t.match(conversation, { headSeq: 6 })
  t.not(conversation.epoch, before, 'what is remembered of the log is void, too')
  t.same(seqsOf(again.events, dm(alice, bob)), [1, 2, 3, 4, 5, 6])
  const { body } = await alice.send(bob, '7')
  t.equal(body['epoch'], conversation.epoch, 'one epoch, wherever it is told')
  t.match((await bob.getReadMsg({ conversationId: dm(alice, bob), deliver: 'inline' })).body, { epoch: conversation.epoch })
  t.match((await again.next(({ data }) => data['seq'] === 7)).data['source'], 'live', 'the stream goes on')
})

t.test('[ATTACH-1] a Redis that writes before it answers loses nothing: cursors resume after a crash', async t => {
  const { server, isBack, alice, bob } = await setUp(t, ['--appendonly', 'yes', '--appendfsync', 'always'])
  const first = await bob.listen()
  const { id: cursor } = await first.next('IRIS.READY')
  await first.cut()
  await texts('1', '2')(alice, bob)
  await server.kill()
  await server.start()
  await isBack()
  const again = await bob.listen({ cursor })
  t.match((await again.next('IRIS.HELLO')).data.data, { recovered: true, replay: 2 })
})
