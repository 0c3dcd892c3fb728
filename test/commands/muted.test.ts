// Who may not write in a group for a while. docs/protocol.md section 8.
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { startIris } from '../helper/iris.js'
import { groupOf, pointers, three, two } from '../helper/user.js'

const iris = await startIris(t)
const LATER = Date.now() + 3_600_000
const change = async (id: string, body: object) => await iris.server('POST', `conversations/${id}/members`, body)
/** Until when each member is muted. */
function mutedIn ({ body }: { body: Record<string, never> }): Record<string, number | undefined> {
  const members = body['members'] as unknown as { userId: string, mutedUntil?: number }[]
  return Object.fromEntries(members.map(({ userId, mutedUntil }) => [userId, mutedUntil]))
}

t.test('[MUTE-1] a muted member is refused until then, and reads, gets and revokes as before', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const id = await groupOf(iris, alice, bob)
  await bob.send(id, 'mine', { clientMsgId: 'c-1' })
  t.equal(mutedIn(await change(id, { mute: [{ userId: bob.userId, mutedUntil: LATER }] }))[bob.userId], LATER)
  const refused = { status: 403, body: { code: 'MUTED', mutedUntil: LATER, retryable: false } }
  t.match(await bob.send(id, 'x'), refused)
  t.match(await bob.send(id, 'x', { quote: { seq: 1 } }), refused)
  t.match(await bob.send(id, 'mine', { clientMsgId: 'c-1' }), { status: 200, body: { seq: 1, duplicate: true } }, '[DIRECT-3] it is stored')
  t.match(await alice.send(id, 'hi'), { status: 200, body: { seq: 2 } })
  t.match((await bob.getReadMsg({ conversationId: id, deliver: 'inline' })).body, { count: 2 })
  t.match((await bob.conversations()).body, { items: [{ unread: 1 }] })
  t.match(await bob.read({ conversationId: id, upToSeq: 2 }), { status: 200, body: { unread: 0 } })
  t.match(await bob.revoke({ conversationId: id, seq: 1 }), { status: 200 })
  await groupOf(iris, carol, bob).then(async other => t.match(await bob.send(other, 'x'), { status: 200 }, 'in another group'))
  t.match(await bob.send(alice, 'x'), { status: 200 }, 'to a user')
  t.match(await iris.server('POST', 'messages', {
    from: bob.userId, conversationId: id, clientMsgId: 's', type: 'text', content: { text: 'by the application' }
  }), { status: 200, body: { seq: 3 } }, '[DIRECT-3]')
  t.equal(mutedIn(await change(id, { mute: [{ userId: bob.userId, mutedUntil: 0 }] }))[bob.userId], undefined)
  t.match(await bob.send(id, 'x'), { status: 200, body: { seq: 4 } })
})

t.test('[MUTE-1] it has passed when its time has', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const id = await groupOf(iris, alice, bob)
  t.equal(mutedIn(await change(id, { mute: [{ userId: bob.userId, mutedUntil: Date.now() - 1000 }] }))[bob.userId], undefined)
  t.match(await bob.send(id, 'x'), { status: 200 })
})

t.test('[MUTE-1] a time in seconds, which has passed long ago in ms, mutes nobody and is refused', async t => {
  const alice = await iris.user(t)
  const id = await groupOf(iris, alice)
  const seconds = { userId: alice.userId, mutedUntil: Math.floor(LATER / 1000) }
  const put = async (member: object) => await iris.server('PUT', `conversations/${id}`, { members: [member] })
  for (const answer of [await change(id, { mute: [seconds] }), await change(id, { add: ['bob', seconds] }), await put(seconds)]) {
    t.match(answer, { status: 400, body: { code: 'INVALID_BODY', errors: [{ detail: /ms since 1970/ }] } })
    t.match(pointers(answer)?.[0], /^\/(mute\/0|add\/1|members\/0)\/mutedUntil$/)
  }
  t.same(pointers(await change(id, { role: [{ ...seconds, role: 'admin' }] })), ['/role/0/mutedUntil'])
  for (const mutedUntil of [0, Date.now() - 1000]) t.match(await put({ ...seconds, mutedUntil }), { status: 200 })
})

t.test('[MUTE-1] whatever his role is, whatever else is said of him; a PUT that does not say it ends it', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const [id, both] = [`g.${alice.userId}`, [alice.userId, bob.userId]]
  const put = async (mutedUntil?: number) => await iris.server('PUT', `conversations/${id}`, {
    members: both.map(userId => ({ userId, role: 'owner', ...(mutedUntil !== undefined && { mutedUntil }) }))
  })
  t.same(Object.values(mutedIn(await put(LATER))), [LATER, LATER])
  t.match(await bob.send(id, 'x'), { status: 403, body: { code: 'MUTED' } }, 'from his joining on')
  await change(id, { role: [{ userId: bob.userId, role: 'admin' }] })
  const more = await change(id, { add: [{ userId: bob.userId }], role: [{ userId: alice.userId, role: 'member', mutedUntil: 0 }] })
  t.same(mutedIn(more), { [alice.userId]: undefined, [bob.userId]: LATER })
  t.match(await alice.send(id, 'x'), { status: 200 })
  await change(id, { remove: [bob.userId] })
  t.equal(mutedIn(await change(id, { add: [{ userId: bob.userId }] }))[bob.userId], undefined, 'a new member')
  t.same(Object.values(mutedIn(await change(id, { add: both.map(userId => ({ userId, mutedUntil: LATER })) }))), [LATER, LATER])
  t.same(Object.values(mutedIn(await put())), [undefined, undefined])
  t.match(await bob.send(id, 'x'), { status: 200 })
})

t.test('[MUTE-1] a stranger is not muted, and who has left does not come back by it', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const id = await groupOf(iris, alice)
  const answer = await change(id, { mute: [{ userId: bob.userId, mutedUntil: LATER }] })
  t.match(answer, { status: 400, body: { code: 'INVALID_BODY' } })
  t.same(pointers(answer), ['/mute/0/userId'])
  t.same(pointers(await change(id, { mute: [{ userId: alice.userId, mutedUntil: -1 }] })), ['/mute/0/mutedUntil'])
  t.same(pointers(await change(id, { mute: [{ userId: alice.userId, mutedUntil: LATER }], remove: [alice.userId] })), ['/remove/0'])
  for (let round = 0; round < 5; round++) {
    const joined = await change(id, { add: [{ userId: bob.userId }] })
    t.ok(bob.userId in mutedIn(joined))
    await Promise.all([
      change(id, { remove: [bob.userId] }),
      change(id, { role: [{ userId: bob.userId, role: 'admin' }] }),
      change(id, { mute: [{ userId: bob.userId, mutedUntil: LATER }] })
    ])
    t.notOk(await iris.redis.hexists(keys.members(id), bob.userId))
  }
})
