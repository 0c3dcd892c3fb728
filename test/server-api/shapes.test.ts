// One shape for one thing: targets, client ids, members, terminals; what was published before is taken as well. [SERVER-6]
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startIris } from '../helper/iris.js'
import { dm, groupOf, pointers, three, two } from '../helper/user.js'

const iris = await startIris(t)

t.test('[SERVER-6] a message, a command and a notice are for whom `to` names, in any of its forms', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const group = await groupOf(iris, alice, bob)
  await alice.send(bob, 'first')
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  const [direct, inside] = [dm(alice, bob), group]
  for (const [target, conversationId] of [
    [{ to: bob.userId }, direct], [{ to: { users: [bob.userId] } }, direct], [{ to: { conversationId: inside } }, inside],
    [{ conversationId: inside }, inside]
  ] as const) {
    const message = { ...target, clientMsgId: randomUUID(), type: 'text', content: { text: 'x' } }
    for (const answer of [
      await alice.msgUp(message), await iris.server('POST', 'messages', { ...message, clientMsgId: randomUUID(), from: alice.userId })
    ]) {
      t.match(answer, { status: 200, body: { conversationId, duplicate: false } }, JSON.stringify(target))
    }
    const other = conversationId === direct ? { to: { users: [bob.userId] } } : { conversationId: inside }
    t.match(await alice.msgUp({ ...message, to: undefined, ...other }), { status: 200, body: { duplicate: true } }, 'the same message')
  }
  for (const to of [bob.userId, { users: [bob.userId] }, { conversationId: inside }]) {
    const command = { clientCmdId: randomUUID(), name: 'ring', to, mode: 'reliable' }
    t.match(await alice.command(command), { status: 200, body: { stored: 1, duplicate: false } }, JSON.stringify(to))
    t.match(await iris.server('POST', 'commands', command), { status: 200, body: { duplicate: false } })
    const same = to === bob.userId ? { users: [bob.userId] } : to
    t.match(await alice.command({ ...command, to: same }), { status: 200, body: { duplicate: true } })
  }
  for (const target of [
    { to: bob.userId }, { to: { users: [bob.userId] } }, { to: { conversationId: inside } }, { users: [bob.userId] },
    { conversationId: inside }
  ]) {
    const id = randomUUID()
    const { status, body } = await iris.server('POST', 'notices', { clientNoticeId: id, content: { text: 'x' }, ...target })
    t.strictSame([status, body['noticeId'], body['duplicate']], [200, id, false], JSON.stringify(target))
    t.equal((await stream.next(({ data }) => data['noticeId'] === id)).data['op'], 'show')
  }
})

t.test('[SERVER-6] a notice again is the same in the form of before, and its id by either name', async t => {
  const bob = await iris.user(t)
  const id = randomUUID()
  const first = { clientNoticeId: id, to: { users: [bob.userId] }, content: { text: 'x' } }
  t.match(await iris.server('POST', 'notices', first), { status: 200, body: { duplicate: false, stored: 1 } })
  for (const again of [
    { noticeId: id, users: [bob.userId], content: { text: 'x' } }, { noticeId: id, to: bob.userId, content: { text: 'x' } },
    { noticeId: id, clientNoticeId: id, users: [bob.userId], content: { text: 'x' } }
  ]) {
    t.match(await iris.server('POST', 'notices', again), { status: 200, body: { noticeId: id, duplicate: true } })
  }
  t.match(await iris.server('POST', 'notices', { ...first, to: 'another' }), { status: 409, body: { code: 'NOTICE_ID_CONFLICT' } })
  t.match(await iris.server('DELETE', `notices/${id}`), { status: 200, body: { cancelled: 1 } })
})

t.test('[SERVER-6] a member is an id, or an object with his role; who is taken out, too', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const id = `g.${randomUUID()}`
  const roles = (answer: { body: Record<string, never> }) => Object.fromEntries(
    (answer.body['members'] as unknown as { userId: string, role: string }[]).map(({ userId, role }) => [userId, role])
  )
  const put = await iris.server('PUT', `conversations/${id}`, { members: [alice.userId, { userId: bob.userId, role: 'owner' }] })
  t.same(roles(put), { [alice.userId]: 'member', [bob.userId]: 'owner' })
  const change = async (body: object) => roles(await iris.server('POST', `conversations/${id}/members`, body))
  t.same(await change({ add: [carol.userId, bob.userId], remove: [{ userId: alice.userId }] }), {
    [bob.userId]: 'owner', [carol.userId]: 'member'
  }, 'who is in it already keeps his role')
  t.same(await change({ add: [{ userId: alice.userId, role: 'admin' }], remove: [carol.userId] }), {
    [alice.userId]: 'admin', [bob.userId]: 'owner'
  })
})

t.test('[SERVER-6] terminals are ids, or an object with them; a ticket says when it ends, as a token does', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await alice.send(bob, 'first')
  const streams = [await bob.listen({ terminalId: 'a' }), await bob.listen({ terminalId: 'b' })]
  for (const stream of streams) await stream.next('IRIS.READY')
  for (const terminals of [['a'], { ids: ['a'] }]) {
    const command = { clientCmdId: randomUUID(), name: 'ring', to: bob.userId, terminals }
    t.match(await iris.server('POST', 'commands', command), { status: 200, body: { online: 1 } })
  }
  t.match(await iris.server('POST', `users/${bob.userId}/kick`, { terminals: { ids: ['a'] }, reason: 'x' }), { body: { kicked: ['a'] } })
  t.match(await iris.server('POST', `users/${bob.userId}/kick`, { terminals: ['b'], reason: 'x' }), { body: { kicked: ['b'] } })
  const { body } = await alice.post('/v1/down/tickets', {})
  const left = Number(body['expiresAt']) - Date.now()
  t.ok(body['expiresIn'] === 60 && left > 30_000 && left < 90_000, `${left} ms`)
})

t.test('[SERVER-6] what names nobody, several, or whom it cannot reach is 400, and named', async t => {
  const message = { from: 'alice', clientMsgId: 'c', type: 'text', content: { text: 'x' } }
  const notice = { clientNoticeId: 'n', content: {} }
  const command = { clientCmdId: 'k', name: 'ring' }
  for (const [path, body, pointer] of [
    ['messages', message, '/to'], ['messages', { ...message, to: {} }, '/to'], ['messages', { ...message, to: 7 }, '/to'],
    ['messages', { ...message, to: { users: ['bob', 'carol'] } }, '/to/users'], ['messages', { ...message, to: 'b b' }, '/to'],
    ['messages', { ...message, to: { self: true } }, '/to/self'],
    ['messages', { ...message, to: { users: ['bob'], conversationId: 'g.1' } }, '/to'],
    ['messages', { ...message, to: 'bob', conversationId: 'g.1' }, '/conversationId'],
    ['notices', notice, '/to'], ['notices', { ...notice, to: {} }, '/to'], ['notices', { ...notice, to: { self: true } }, '/to/self'],
    ['notices', { ...notice, to: 'bob', users: ['bob'] }, '/users'], ['notices', { content: {}, to: 'bob' }, '/clientNoticeId'],
    ['notices', { ...notice, to: { users: ['bob'], conversationId: 'g.1' } }, '/to'],
    ['notices', { ...notice, noticeId: 'other', to: 'bob' }, '/noticeId'],
    ['commands', command, '/to'], ['commands', { ...command, to: {} }, '/to'], ['commands', { ...command, to: { self: true } }, '/to/self'],
    ['commands', { ...command, to: 'bob', terminals: [] }, '/terminals'],
    ['users/bob/kick', { terminals: {}, reason: 'x' }, '/terminals/ids'],
    ['users/bob/kick', { terminals: { platforms: ['web'] }, reason: 'x' }, '/terminals'],
    ['conversations/g.1/members', { add: [7] }, '/add/0'], ['conversations/g.1/members', { remove: [{ role: 'owner' }] }, '/remove/0']
  ] as const) {
    const answer = await iris.server('POST', path, body)
    t.strictSame([answer.status, answer.body['code']], [400, 'INVALID_BODY'], JSON.stringify(body))
    t.ok(pointers(answer)?.[0]?.startsWith(pointer), `${JSON.stringify(body)} ${JSON.stringify(answer.body['errors'])}`)
  }
})
