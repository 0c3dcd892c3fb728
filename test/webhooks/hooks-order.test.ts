// Hooks: who is asked about at all, how often, and in which order what was asked about is sent. [HOOK-3] [HOOK-5]
import t from 'tap'
import { ALLOW } from '../helper/hook.js'
import { startHooked } from '../helper/hooked.js'
import { dm, groupOf, until, type User } from '../helper/user.js'

const { hook, iris, beside, two, messagesOf, ws } = await startHooked(t, { IRIS_LIMIT_NEW_DIRECT: '2' })
/** Another node, where each may send three messages, and then one a second. */
const slow = await beside(t, { env: { IRIS_LIMIT_UP_RATE: '1', IRIS_LIMIT_UP_BURST: '3' } })

t.test('[HOOK-3] who sends is admitted before anybody is asked, once, and is bound by the same rules', async t => {
  const [alice, bob] = await two(slow)
  for (const text of ['1', '2', '3']) t.equal((await alice.send(bob, text)).status, 200, 'one unit each')
  t.equal((await alice.send(bob, '4')).body.code, 'RATE_LIMITED')
  t.equal(hook.about(alice).length, 3)
})

t.test('[HOOK-3] what would be refused anyway nobody is asked about', async t => {
  const [carol, dave] = await two()
  const others = await Promise.all(Array.from({ length: 3 }, () => iris.user(t)))
  const group = await groupOf(iris, dave, carol)
  hook.answer = () => ({ action: 'deny', code: 'NO' })
  await iris.server('PUT', `users/${dave.userId}/blocked/${carol.userId}`)
  t.match(await carol.send(dave, 'x'), { status: 403, body: { code: 'BLOCKED' } })
  t.match(await carol.send('g.nowhere', 'x'), { status: 404, body: { code: 'CONVERSATION_NOT_FOUND' } })
  t.match(await carol.send(group, 'x', { quote: { seq: 7 } }), { status: 404, body: { code: 'MESSAGE_NOT_FOUND' } })
  const mutedUntil = Date.now() + 60_000
  t.equal((await iris.server('POST', `conversations/${group}/members`, { mute: [{ userId: carol.userId, mutedUntil }] })).status, 200)
  t.match(await carol.send(group, 'x'), { status: 403, body: { code: 'MUTED' } })
  t.same(hook.about(carol), [])
  for (const other of others) t.match(await carol.send(other, 'x'), { body: { code: 'DENIED' } }, 'what is denied opens nothing')
  hook.answer = () => ALLOW
  for (const other of others.slice(1)) {
    t.match(await carol.send(other, 'x'), { status: 200, body: { seq: 1 } }, 'what is let in counts once')
  }
  const asked = hook.about(carol).length
  t.match(await carol.send(others[0] as User, 'x'), { status: 429, body: { code: 'RATE_LIMITED' } })
  t.equal(hook.about(carol).length, asked)
})

t.test('[HOOK-3] of one that is sent again while the hook thinks it is asked once, and both get its answer', async t => {
  const [alice, bob] = await two()
  const socket = await ws(t, alice)
  const up = (clientMsgId: string) => ({ clientMsgId, to: bob.userId, type: 'text', content: { text: 'x' } })
  const isAskedOf = (id: string) => until(async () => hook.about(alice).some(({ data }) => data['clientMsgId'] === id) || undefined)
  const twice = async (id: string, answer: object) => {
    const release = Promise.withResolvers<object>()
    hook.answer = ({ data }) => data['clientMsgId'] === id ? release.promise : ALLOW
    const posted = alice.msgUp(up(id))
    await isAskedOf(id)
    const [again, behind] = [socket.up('MSG_UP', up(id)), socket.up('MSG_UP', up(`behind-${id}`))]
    await isAskedOf(`behind-${id}`)
    release.resolve(answer)
    return { posted: await posted, again: await again, behind: await behind, asked: hook.about(alice).length }
  }
  t.match(await twice('yes', ALLOW), {
    posted: { body: { seq: 1, duplicate: false } }, again: { data: { seq: 1, duplicate: true } }, behind: { data: { seq: 2 } }, asked: 2
  })
  const denied = { code: 'DENIED', hookCode: 'NO' }
  t.match(await twice('no', { action: 'deny', code: 'NO' }),
    { posted: { body: denied }, again: { error: denied }, behind: { data: { seq: 3 } }, asked: 4 })
})

t.test('[HOOK-3] a no to what another node has stored meanwhile is none', async t => {
  const [alice, bob] = await two()
  const release = Promise.withResolvers<object>()
  const up = { clientMsgId: 'c', to: bob.userId, type: 'text', content: { text: 'x' } }
  hook.answer = () => hook.about(alice).length === 1 ? release.promise : ALLOW
  const here = alice.msgUp(up)
  await until(async () => hook.about(alice).length === 1 || undefined)
  const there = await ws(t, alice, slow)
  t.match((await there.up('MSG_UP', up)).data, { seq: 1, duplicate: false })
  release.resolve({ action: 'deny' })
  t.match(await here, { status: 200, body: { seq: 1, duplicate: true } })
})

t.test('[HOOK-3] a command that is sent again while the hook thinks is asked about, and shown, once', async t => {
  const [alice, bob] = await two()
  await alice.send(bob, 'hi')
  const stream = await bob.listen()
  // it is never answered: who comes second waits for 1 s for the first, and goes on then
  hook.answer = ({ data }) => data['clientCmdId'] === 'k' ? { byHand: () => undefined } : ALLOW
  const command = { clientCmdId: 'k', name: 'typing', to: { users: [bob.userId] } }
  const [one, other] = await Promise.all([alice.command(command), alice.command(command)])
  t.same([one.status, other.status, one.body['cmdId']], [200, 200, other.body['cmdId']])
  t.equal(hook.about(alice).length, 2, 'the message, and the command')
  await alice.command({ ...command, clientCmdId: 'end' })
  const shown = [await stream.next('typing'), await stream.next('typing')].map(({ data }) => data['clientCmdId'])
  t.same(shown, ['k', 'end'])
})

t.test('[HOOK-3] a kick that comes while the hook is asked refuses what it was asked about', async t => {
  const [alice, bob] = await two()
  hook.answer = async () => {
    await iris.server('POST', `users/${alice.userId}/kick`, { reason: 'spam' })
    return ALLOW
  }
  t.match(await alice.send(bob, 'x'), { status: 401, body: { code: 'KICKED' } })
  t.same(await messagesOf(dm(alice, bob)), [])
})

t.test('[HOOK-5] a slow hook holds no other sender, and what a terminal sends keeps its order', async t => {
  const [alice, bob] = await two()
  const carol = await iris.user(t)
  const group = await groupOf(iris, alice, bob, carol)
  const release = Promise.withResolvers<object>()
  hook.answer = ({ data }) => data['clientMsgId'] === 'slow' ? release.promise : ALLOW
  const socket = await ws(t, alice)
  const order: string[] = []
  async function send (clientMsgId: string) {
    const { data } = await socket.up('MSG_UP', { clientMsgId, conversationId: group, type: 'text', content: { text: clientMsgId } })
    order.push(clientMsgId)
    return data?.['seq']
  }
  const own = [send('slow'), send('quick'), send('last')]
  await until(async () => hook.about(alice).length === 3 || undefined)
  const posted = alice.send(group, 'posted', { terminalId: 'w' })
  await until(async () => hook.about(alice).length === 4 || undefined)
  t.match((await carol.send(group, 'mine')).body, { seq: 1 }, 'another user')
  t.match((await alice.send(group, 'mine', { terminalId: 'other' })).body, { seq: 2 }, 'another terminal of the same')
  t.same(order, [])
  release.resolve({ action: 'deny' })
  t.same(await Promise.all(own), [undefined, 3, 4])
  t.match((await posted).body, { seq: 5 }, 'by another transport')
  const again = Promise.withResolvers<object>()
  hook.answer = ({ data }) => data['clientMsgId'] === 'first' ? again.promise : ALLOW
  const more = [send('first'), send('second')]
  await until(async () => hook.about(alice).length === 7 || undefined)
  again.resolve(ALLOW)
  t.same(await Promise.all(more), [6, 7])
})

t.test('[HOOK-5] a node that goes down waits for what is asked', async t => {
  const place = await beside(t)
  const [alice, bob] = await two(place)
  const release = Promise.withResolvers<object>()
  hook.answer = () => release.promise
  const sent = alice.send(bob, 'x')
  await until(async () => hook.about(alice).length === 1 || undefined)
  const [closed, began] = [place.app.close(), performance.now()]
  release.resolve({ action: 'modify', content: { text: 'y' } })
  t.match(await sent, { status: 200, body: { seq: 1 } })
  await closed
  t.ok(performance.now() - began < 2_500, 'and not for the client, who would keep its connection: that is cut after 3 s')
  t.match(await messagesOf(dm(alice, bob)), [{ content: { text: 'y' } }])
})

t.test('[HOOK-5] what a node works on at once is not used up by those who wait for a hook', async t => {
  const crowd = await Promise.all(Array.from({ length: 10 }, () => iris.user(t)))
  const [alice, bob] = await two()
  const release = Promise.withResolvers<object>()
  hook.answer = ({ data }) => data['content'] && (data['content'] as { text?: string }).text === 'slow' ? release.promise : ALLOW
  const before = hook.asked.length
  const held = crowd.flatMap(user => Array.from({ length: 8 }, () => user.send(bob, 'slow')))
  await until(async () => hook.asked.length - before === held.length || undefined)
  t.match(await alice.send(bob, 'quick'), { status: 200 })
  t.match(await alice.time({}), { status: 200 })
  release.resolve(ALLOW)
  for (const answer of await Promise.all(held)) t.equal(answer.status, 200)
})
