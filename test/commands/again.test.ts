// What was done is answered before it is asked whether it may be done: every writer, after his right has gone. docs/protocol.md section 3.
import t from 'tap'
import { startIris } from '../helper/iris.js'
import { dm, groupOf, three, type Answer, type User } from '../helper/user.js'

const iris = await startIris(t)

interface Scene { alice: User, bob: User, carol: User, group: string, direct: string }
/**
 * `act` is done, `after` takes the right away, `act` again gets the first answer; `changed`, if any, is another request under the same id.
 */
interface Case {
  name: string
  act (scene: Scene): Promise<unknown>
  after (scene: Scene): Promise<unknown>
  changed?: [act: (scene: Scene) => Promise<unknown>, code: string]
}

const remove = ({ group, bob }: Scene) => iris.server('POST', `conversations/${group}/members`, { remove: [bob.userId] })
const close = (id: 'group' | 'direct') => (scene: Scene) => iris.server('DELETE', `conversations/${scene[id]}`)
const demote = ({ group, bob }: Scene) =>
  iris.server('POST', `conversations/${group}/members`, { role: [{ userId: bob.userId, role: 'member' }] })
const promoted = async ({ group, bob }: Scene) =>
  await iris.server('POST', `conversations/${group}/members`, { role: [{ userId: bob.userId, role: 'admin' }] })
const forget = async ({ direct, alice, bob, group }: Scene) => {
  const gone = await iris.redis.keys(`*${direct}*`)
  await iris.redis.del(...gone.filter(key => !key.includes(':DEDUPE:')))
  await iris.server('POST', `conversations/${group}/members`, { remove: [alice.userId, bob.userId] })
}
const send = (text: string, more = {}) => ({ bob, group }: Scene) => bob.send(group, text, { clientMsgId: 'c-1', ...more })
const revoke = (seq: number) => ({ bob, group }: Scene) => bob.revoke({ conversationId: group, seq })
const command = (name: string, mode: string) =>
  ({ alice, bob }: Scene) => bob.command({ clientCmdId: 't-1', name, mode, to: { users: [alice.userId] } })
const serverSend = (text: string) => ({ bob, group }: Scene) =>
  iris.server('POST', 'messages', { from: bob.userId, conversationId: group, clientMsgId: 's-1', type: 'text', content: { text } })
const notice = (text: string) =>
  ({ group }: Scene) => iris.server('POST', 'notices', { noticeId: `n-${group}`, conversationId: group, content: { text } })

const conflict = 'CLIENT_MSG_ID_CONFLICT'
const cases: Case[] = [
  { name: 'MSG_UP, its sender removed', act: send('hi'), after: remove, changed: [send('other'), conflict] },
  { name: 'MSG_UP, its conversation closed', act: send('hi'), after: close('group'), changed: [send('other'), conflict] },
  {
    name: 'MSG_UP, its quoted message revoked',
    act: send('hi', { quote: { seq: 1 } }),
    after: ({ alice, group }) => alice.revoke({ conversationId: group, seq: 1 })
  },
  {
    name: 'MSG_UP, its direct conversation closed',
    act: ({ alice, bob }) => bob.send(alice, 'hi', { clientMsgId: 'c-1' }),
    after: close('direct'),
    changed: [({ alice, bob }) => bob.send(alice, 'other', { clientMsgId: 'c-1' }), conflict]
  },
  { name: 'MSG_UP, its direct conversation gone', act: ({ direct, bob }) => bob.send(direct, 'hi', { clientMsgId: 'c-1' }), after: forget },
  { name: 'server: message, its sender removed', act: serverSend('hi'), after: remove, changed: [serverSend('other'), conflict] },
  {
    name: 'server: message, its conversation closed',
    act: serverSend('hi'),
    after: close('group'),
    changed: [serverSend('other'), conflict]
  },
  { name: 'REVOKE, its sender removed', act: async scene => { await send('oops')(scene); return await revoke(2)(scene) }, after: remove },
  { name: 'REVOKE by an admin, demoted', act: async scene => { await promoted(scene); return await revoke(1)(scene) }, after: demote },
  { name: 'REVOKE by an admin, removed', act: revoke(1), after: remove },
  {
    name: 'IRIS_CMD_SEND online, not acquainted any more',
    act: command('typing', 'online'),
    after: forget,
    changed: [command('other', 'online'), 'CLIENT_CMD_ID_CONFLICT']
  },
  {
    name: 'IRIS_CMD_SEND reliable, not acquainted any more',
    act: command('typing', 'reliable'),
    after: forget,
    changed: [command('other', 'reliable'), 'CLIENT_CMD_ID_CONFLICT']
  },
  {
    name: 'IRIS_CMD_SEND to a conversation, its sender removed',
    act: ({ bob, group }) => bob.command({ clientCmdId: 't-1', name: 'typing', to: { conversationId: group } }),
    after: remove
  },
  {
    name: 'server: notice, its conversation closed',
    act: notice('hi'),
    after: close('group'),
    changed: [notice('other'), 'NOTICE_ID_CONFLICT']
  },
  { name: 'server: close, closed meanwhile', act: close('group'), after: close('group') },
  {
    name: 'server: revoke, its author removed',
    act: ({ group }) => iris.server('POST', 'messages/revoke', { conversationId: group, seq: 1 }),
    after: remove
  }
]

/** An answer without what is a request's own, and what says that it is a repetition. */
function essence (answer: unknown) {
  const { status, body: { traceId: _, duplicate: __, alreadyRevoked: ___, ...rest } } = answer as Answer
  return { status, ...rest }
}

for (const { name, act, after, changed } of cases) {
  t.test(`[MSG-2] [REVOKE-5] ${name}: the first answer again`, async t => {
    const [alice, bob, carol] = await three(() => iris.user(t))
    const group = await groupOf(iris, alice, bob, carol)
    const scene = { alice, bob, carol, group, direct: dm(alice, bob) }
    await alice.send(group, 'first')
    await alice.send(bob, 'first')
    if (name.includes('admin')) await promoted(scene)
    const first = await act(scene) as Answer
    t.equal(first.status, 200)
    t.match(await after(scene), name.includes('gone') || name.includes('acquainted') ? undefined : { status: 200 })
    const again = await act(scene) as Answer
    t.strictSame(essence(again), essence(first))
    if ('duplicate' in first.body) t.equal(again.body['duplicate'], true)
    if ('alreadyRevoked' in first.body) t.equal(again.body['alreadyRevoked'], true)
    if (changed) {
      t.match(await changed[0](scene), { status: 409, body: { code: changed[1] } }, 'another request under that id is a conflict, as ever')
    }
  })
}

t.test('[REVOKE-1] what another has revoked is not his to repeat', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const group = await groupOf(iris, alice, bob, carol)
  await alice.send(group, 'first')
  await alice.revoke({ conversationId: group, seq: 1 })
  await remove({ alice, bob, carol, group, direct: '' })
  t.match(await bob.revoke({ conversationId: group, seq: 1 }), { status: 404, body: { code: 'CONVERSATION_NOT_FOUND' } })
  t.match(await bob.send(group, 'new'), { status: 404, body: { code: 'CONVERSATION_NOT_FOUND' } })
})
