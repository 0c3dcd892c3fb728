// CMD_COMPLETE of commands that every terminal completes for itself. [COMPLETE-2] [COMPLETE-4] [COMPLETE-5]
import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { startIris } from '../helper/iris.js'
import { between, two, until, type User } from '../helper/user.js'

const iris = await startIris(t)
/** A node on which a user has two terminals at most. */
const narrow = await startIris(t, { redisPath: iris.redisPath, env: { IRIS_LIMIT_TERMINALS: '2' } })

/** Bob with a phone and a desk, both connected, and a command of alice that both must complete. */
async function ordered (t: Test, node: typeof iris, more: object = {}) {
  const [alice, bob] = await two(() => node.user(t))
  await alice.send(bob, 'acquaintance')
  const her = await alice.listen({ terminalId: 'other' })
  const [phone, desk] = [await bob.listen({ terminalId: 'phone' }), await bob.listen({ terminalId: 'desk', platform: 'desktop' })]
  await her.next('IRIS.READY')
  const { id: before = '' } = await phone.next('IRIS.READY')
  await desk.next('IRIS.READY')
  const { body } = await alice.command({
    clientCmdId: randomUUID(), name: 'order', to: { users: [bob.userId] }, mode: 'reliable', complete: 'all', notifyComplete: true, ...more
  })
  return { alice, bob, her, phone, desk, before, cmdId: String(body['cmdId']) }
}

async function waiting (user: User, terminalId: string): Promise<unknown[]> {
  const stream = await user.listen({ terminalId })
  const [hello, ready] = [await stream.next('IRIS.HELLO'), await stream.next('IRIS.READY')]
  await stream.cut()
  return between(stream, hello, ready).filter(({ event }) => event === 'CMD_DOWN').map(({ data }) => data['cmdId'])
}

const state = async (user: User, cmdId: string, terminalId: string) =>
  ((await user.cmdComplete({ ids: [cmdId] }, terminalId)).body['results'] as { state: string }[])[0]?.state

t.test('[COMPLETE-2] all: each terminal registered at send time completes for itself, and the last one ends it', async t => {
  const { alice, bob, her, phone, desk, cmdId } = await ordered(t, iris)
  const shown = [await phone.next('order'), await desk.next('order')] as const
  t.equal(await state(bob, cmdId, 'phone'), 'completed')
  t.equal(await state(bob, cmdId, 'phone'), 'already', 'its own part is done')
  t.strictSame([await waiting(bob, 'phone'), await waiting(bob, 'desk')], [[], [cmdId]])
  t.strictSame(await waiting(bob, 'later'), [], 'a terminal registered afterwards has no part in it')
  t.equal(await state(bob, cmdId, 'later'), 'already')
  await alice.send(bob, 'still open')
  t.strictSame(between(desk, shown[1], await desk.next('MSG_DOWN')), [], 'nobody is told while it is open')
  t.equal(await state(bob, cmdId, 'desk'), 'completed')
  t.match((await her.next('CMD_COMPLETE')).data.data, { cmdId, userId: bob.userId })
  t.match((await phone.next(({ data }) => data['op'] === 'complete')).data, { cmdId, op: 'complete' })
  t.strictSame([await waiting(bob, 'phone'), await waiting(bob, 'desk')], [[], []])
  t.equal(await state(bob, cmdId, 'desk'), 'already')
})

t.test('[COMPLETE-4] all: what a terminal has completed does not replay to it from an older cursor', async t => {
  const { bob, phone, desk, before, cmdId } = await ordered(t, iris)
  await phone.next('order')
  t.equal(await state(bob, cmdId, 'phone'), 'completed')
  await Promise.all([phone.cut(), desk.cut()])
  const shown = async (terminalId: string) => {
    const replay = await bob.listen({ terminalId, cursor: before })
    const ready = await replay.next('IRIS.READY')
    return replay.events.slice(0, replay.events.indexOf(ready)).filter(({ data }) => data.name === 'order').map(({ data }) => data['cmdId'])
  }
  t.strictSame(await shown('desk'), [cmdId], 'the other one still has to')
  t.strictSame(await shown('phone'), [])
})

t.test('[COMPLETE-2] all: a terminal that the command is not for has no part in it', async t => {
  const { alice, bob, her, phone, cmdId } = await ordered(t, iris, { terminals: { ids: ['phone'] } })
  await phone.next('order')
  t.equal(await state(bob, cmdId, 'phone'), 'completed')
  await bob.send(alice, 'marker')
  t.match(await her.next(({ event, data: { name } }) => name === 'CMD_COMPLETE' || event === 'MSG_DOWN'), {
    event: 'CMD_DOWN',
    data: { name: 'CMD_COMPLETE' }
  }, 'all for whom it was have completed it')
})

t.test('[COMPLETE-5] removing a terminal removes its share', async t => {
  const { bob, her, phone, desk, cmdId } = await ordered(t, narrow)
  await Promise.all([phone.next('order'), desk.next('order')])
  t.equal(await state(bob, cmdId, 'phone'), 'completed')
  const refused = await bob.listen({ terminalId: 'third' })
  t.match((await refused.next('CMD_DOWN')).data, {
    name: 'IRIS.BYE',
    data: { code: 4303, reconnect: 'never' }
  }, 'while both are connected there is no room')
  await refused.ended
  await desk.cut()
  const third = await until(async () => {
    const stream = await bob.listen({ terminalId: 'third' })
    return (await stream.next('CMD_DOWN')).data.name === 'IRIS.HELLO' ? stream : undefined
  })
  t.match((await her.next('CMD_COMPLETE')).data.data, { cmdId, userId: bob.userId }, 'the desk was removed, and with it the last share')
  await third.next('IRIS.READY')
  t.equal(await state(bob, cmdId, 'third'), 'already')
  await third.cut()
  const again = await until(async () => {
    const stream = await bob.listen({ terminalId: 'desk', platform: 'desktop' })
    return (await stream.next('CMD_DOWN')).data.name === 'IRIS.HELLO' ? stream : undefined
  })
  const ready = await again.next('IRIS.READY')
  t.notOk(again.events.slice(0, again.events.indexOf(ready)).some(({ data: { name } }) => name === 'order'),
    'the desk comes back and finds nothing')
})

t.test('[COMPLETE-5] the share of a removed terminal does not end what others still have to do', async t => {
  const { bob, phone, desk, cmdId } = await ordered(t, narrow)
  await Promise.all([phone.next('order'), desk.next('order')])
  await desk.cut()
  await until(async () => {
    const stream = await bob.listen({ terminalId: 'third' })
    return (await stream.next('CMD_DOWN')).data.name === 'IRIS.HELLO' || undefined
  })
  t.strictSame(await waiting(bob, 'phone'), [cmdId])
  t.equal(await state(bob, cmdId, 'phone'), 'completed')
  t.strictSame(await waiting(bob, 'phone'), [])
})
