// Server API: groups are created, shown, replaced and closed. Section 8
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startIris } from '../helper/iris.js'
import { between, dm, groupOf, pointers, three, two } from '../helper/user.js'

const iris = await startIris(t)
const newId = () => `g.${randomUUID()}`

t.test('[SERVER] PUT creates a group, GET shows it, the same PUT again changes nothing', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const id = newId()
  const put = {
    title: 'Order 7',
    ext: { order: 7 },
    members: [{ userId: alice.userId, role: 'owner' }, { userId: bob.userId, role: 'member' }]
  }
  const first = await iris.server('PUT', `conversations/${id}`, put)
  const { epoch, createdAt, traceId } = first.body
  const byId = (list: unknown) => (list as { userId: string }[]).toSorted((a, b) => a.userId < b.userId ? -1 : 1)
  const facts = { conversationId: id, kind: 'group', title: 'Order 7', ext: { order: 7 }, epoch, headSeq: 0, createdAt }
  const members = byId([{ userId: alice.userId, role: 'owner', joinedSeq: 1 }, { userId: bob.userId, role: 'member', joinedSeq: 1 }])
  t.strictSame([first.status, { ...first.body, members: byId(first.body['members']) }], [
    200, { created: true, ...facts, members, traceId }
  ])
  await alice.send(id, 'hi')
  const again = await iris.server('PUT', `conversations/${id}`, put)
  t.strictSame({
    ...again.body,
    members: byId(again.body['members']),
    traceId: ''
  }, { created: false, ...facts, headSeq: 1, members, traceId: '' }, 'who joined first stays a first member')
  const shown = await iris.server('GET', `conversations/${id}`)
  t.strictSame({ ...shown.body, members: byId(shown.body['members']), traceId: '' }, { ...facts, headSeq: 1, members, traceId: '' })
  t.match((await bob.conversations()).body, { items: [{ conversationId: id, title: 'Order 7', kind: 'group', unread: 1 }] })
})

t.test('[SERVER] PUT replaces title, ext, roles and members; who is not named leaves', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const id = newId()
  await iris.server('PUT', `conversations/${id}`, {
    title: 'old',
    ext: { a: 1 },
    members: [{ userId: alice.userId, role: 'owner' }, { userId: bob.userId, role: 'member' }]
  })
  await alice.send(id, 'one')
  const { body } = await iris.server('PUT', `conversations/${id}`, {
    members: [{ userId: alice.userId, role: 'member' }, { userId: carol.userId, role: 'owner' }]
  })
  t.notOk('title' in body || 'ext' in body)
  t.strictSame((body['members'] as unknown as { userId: string, role: string, joinedSeq: number }[])
    .map(({ userId, role, joinedSeq }) => [userId, role, joinedSeq])
    .sort(), [[alice.userId, 'member', 1], [carol.userId, 'owner', 2]].sort())
  t.match(await bob.send(id, 'still there?'), { status: 404 })
  t.match((await bob.getReadMsg({ conversationId: id })).body, { count: 1, headSeq: 1 })
  t.match((await bob.conversations()).body, { items: { length: 0 }, totalUnread: 0 })
})

t.test('[SERVER-6] who is named without a role is a member, whatever he was', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const id = await groupOf(iris, alice, bob)
  const { status, body } = await iris.server('PUT', `conversations/${id}`, {
    members: [{ userId: alice.userId }, { userId: bob.userId, role: 'owner' }]
  })
  const roles = (body['members'] as unknown as { userId: string, role: string }[]).map(({ userId, role }) => [userId, role])
  t.same([status, Object.fromEntries(roles)], [200, { [alice.userId]: 'member', [bob.userId]: 'owner' }])
})

t.test('[SERVER] a closed conversation: history and receipts work, sends and changes are refused', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const id = await groupOf(iris, alice, bob)
  await alice.send(id, 'one')
  const stream = await bob.listen()
  const first = await iris.server('DELETE', `conversations/${id}`)
  t.strictSame([first.status, first.body['conversationId']], [200, id])
  t.match(await iris.server('DELETE', `conversations/${id}`), {
    status: 200,
    body: { closedAt: first.body['closedAt'] }
  }, 'twice: the first time comes back')
  t.equal((await iris.server('GET', `conversations/${id}`)).body['closedAt'], first.body['closedAt'])
  const closed = { status: 409, body: { code: 'CONVERSATION_CLOSED' } }
  t.match(await alice.send(id, 'two'), closed)
  t.match(
    await iris.server('POST', 'messages', { from: 'system', clientMsgId: 's-1', conversationId: id, type: 'system', content: {} }), closed
  )
  t.match(await iris.server('PUT', `conversations/${id}`, { members: [{ userId: alice.userId, role: 'owner' }] }), closed)
  t.match(await iris.server('POST', `conversations/${id}/members`, { add: [{ userId: 'x' }] }), closed)
  t.match((await bob.getReadMsg({ conversationId: id, deliver: 'inline' })).body, { count: 1, messages: [{ content: { text: 'one' } }] })
  t.match(await bob.read({ conversationId: id, upToSeq: 1 }), { status: 200, body: { readSeq: 1, unread: 0 } })
  t.match(await alice.revoke({ conversationId: id, seq: 1 }), { status: 200 })
  await stream.next('REVOKE')
})

t.test('[SERVER] a direct conversation is shown and closed like a group, but not replaced', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await alice.send(bob, 'one')
  const id = dm(alice, bob)
  const { status, body } = await iris.server('GET', `conversations/${id}`)
  t.match({ status, body }, { status: 200, body: { conversationId: id, kind: 'dm', headSeq: 1 } })
  t.strictSame((body['members'] as unknown as { userId: string }[]).map(({ userId }) => userId).sort(), [alice.userId, bob.userId].sort())
  t.match(await iris.server('PUT', `conversations/${id}`, { members: [{ userId: 'x', role: 'owner' }] }), {
    status: 400,
    body: { code: 'INVALID_QUERY' }
  }, 'the prefix dm. cannot be claimed')
  t.match(await iris.server('POST', `conversations/${id}/members`, { add: [{ userId: 'x' }] }), {
    status: 400,
    body: { code: 'INVALID_QUERY' }
  })
  t.equal((await iris.server('DELETE', `conversations/${id}`)).status, 200)
  t.match(await bob.send(alice, 'two'), { status: 409, body: { code: 'CONVERSATION_CLOSED' } })
})

t.test('[SERVER] closing is no event of the streams, and nothing is lost around it', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const id = await groupOf(iris, alice, bob)
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  await alice.send(id, 'one')
  const first = await stream.next('MSG_DOWN')
  await iris.server('DELETE', `conversations/${id}`)
  await alice.send(bob, 'marker')
  t.strictSame(between(stream, first, await stream.next('MSG_DOWN')), [])
})

t.test('[SERVER] what is not there is 404, what is malformed 400', async t => {
  const missing = { status: 404, body: { code: 'CONVERSATION_NOT_FOUND' } }
  for (const [method, path, body] of [
    ['GET', 'g.none'], ['GET', 'dm.a.b'], ['DELETE', 'g.none'], ['POST', 'g.none/members', { add: [{ userId: 'x' }] }]
  ] as const) {
    t.match(await iris.server(method, `conversations/${path}`, body), missing, `${method} ${path}`)
  }
  t.match(await iris.server('GET', 'conversations/a%7Bb%7D'), { status: 400, body: { code: 'INVALID_QUERY' } })
  const members = [{ userId: 'a', role: 'owner' }]
  const bad: [body: object, pointer: string][] = [
    [{}, '/members'],
    [{ members: [] }, '/members'],
    [{ members: [{ role: 'owner' }] }, '/members/0/userId'],
    [{ members: [{ userId: 'a', role: 'king' }] }, '/members/0/role'],
    [{ members: [{ userId: 'a b', role: 'owner' }] }, '/members/0/userId'],
    [{ members: [...members, { userId: 'a', role: 'member' }] }, '/members/1'],
    [{ members: [{ userId: 'system', role: 'owner' }] }, '/members/0'], [{ members, title: '' }, '/title'],
    [{ members, title: 'x'.repeat(201) }, '/title'], [{ members, ext: 'x' }, '/ext'],
    [{ members, ext: { text: 'x'.repeat(4_096) } }, '/ext'],
    [{ members, kind: 'dm' }, '/kind'],
    [{ members: Array.from({ length: 501 }, (_, i) => ({ userId: `u${i}`, role: 'member' })) }, '/members']
  ]
  for (const [body, pointer] of bad) {
    const answer = await iris.server('PUT', `conversations/${newId()}`, body)
    t.strictSame([answer.status, answer.body['code'], pointers(answer)], [400, 'INVALID_BODY', [pointer]], JSON.stringify(body)
      .slice(0, 80))
  }
  t.equal((await iris.server('PUT', `conversations/${newId()}`, {
    members: Array.from({ length: 500 }, (_, i) => ({ userId: `u${i}`, role: 'member' }))
  })).status, 200, 'five hundred fit')
})
