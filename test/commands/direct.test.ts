// Who may open a direct conversation without the application. docs/protocol.md section 8.
import t from 'tap'
import { directPolicies } from '../../src/protocol/direct.js'
import { keys } from '../../src/store/keys.js'
import { type Iris, startIris } from '../helper/iris.js'
import { dm, groupOf, two, type User } from '../helper/user.js'
import { openWs } from '../helper/ws.js'

const [open, known, server] = await (async () => {
  const first = await startIris(t, { env: { IRIS_DIRECT: 'open' } })
  const others = directPolicies.slice(1)
    .map(async direct => await startIris(t, { env: { IRIS_DIRECT: direct }, redisPath: first.redisPath }))
  return [first, ...await Promise.all(others)] as [Iris, Iris, Iris]
})()
const codeOf = ({ status, body }: Awaited<ReturnType<User['send']>>) => status === 200 ? 200 : `${status} ${body.code}`

/** Every way in which a user sends a message to another. */
const ways: Record<string, (iris: Iris, from: User, to: User) => Promise<number | string>> = {
  POST: async (_, from, to) => codeOf(await from.send(to, 'hi')),
  WebSocket: async (iris, from, to) => {
    const ws = await openWs(`${iris.url}/v1/ws`, { headers: { authorization: `Bearer ${from.token}` } })
    const { error } = await ws.up('MSG_UP', { clientMsgId: 'c', to: to.userId, type: 'text', content: { text: 'hi' } })
    await ws.cut()
    return error ? `${String(error['status'])} ${error.code}` : 200
  },
  'server API': async (iris, { userId: from }, { userId: to }) =>
    (await iris.server('POST', 'messages', { from, to, clientMsgId: 's', type: 'text', content: { text: 'hi' } })).status
}

const REFUSED = '403 DIRECT_NOT_ALLOWED'
const table: [name: string, iris: Iris, stranger: number | string, acquainted: number | string][] = [
  ['open', open, 200, 200], ['known', known, REFUSED, 200], ['server', server, REFUSED, REFUSED]
]

for (const [name, iris, stranger, acquainted] of table) {
  for (const [way, send] of Object.entries(ways)) {
    t.test(`[DIRECT-1] ${name}: a conversation is opened by ${way}`, async t => {
      const [alice, bob] = await two(() => iris.user(t))
      const bound = (code: number | string) => way === 'server API' ? 200 : code
      t.equal(await send(iris, alice, bob), bound(stranger), 'with a stranger')
      if (bound(stranger) !== 200) {
        t.equal(await iris.redis.exists(keys.conversation(dm(alice, bob)), keys.opened(alice.userId)), 0, 'nothing is opened, or counted')
      }
      const carol = await iris.user(t)
      await groupOf(iris, alice, carol)
      t.equal(await send(iris, alice, carol), bound(acquainted), 'with somebody of a group')
    })
  }

  t.test(`[DIRECT-1] ${name}: one that exists is open to both, however it was opened`, async t => {
    const [alice, bob] = await two(() => iris.user(t))
    t.equal(await ways['server API']?.(iris, alice, bob), 200)
    t.same([codeOf(await bob.send(alice, 'hi')), codeOf(await alice.send(dm(alice, bob), 'hi'))], [200, 200])
  })
}

t.test('[DIRECT-1] known: who has left the group is a stranger; what was opened before stays', async t => {
  const [alice, bob] = await two(() => known.user(t))
  const carol = await known.user(t)
  const group = await groupOf(known, alice, bob, carol)
  t.equal(codeOf(await alice.send(bob, 'hi')), 200)
  await known.server('POST', `conversations/${group}/members`, { remove: [alice.userId, bob.userId] })
  t.equal(codeOf(await alice.send(carol, 'hi')), REFUSED)
  t.equal(codeOf(await bob.send(alice, 'hi')), 200)
})

t.test('[DIRECT-1] known: a list of groups that cannot be read counts as none, and is named', async t => {
  const [alice, bob] = await two(() => known.user(t))
  await groupOf(known, alice, bob)
  await known.redis.set(keys.groups(bob.userId), 'broken')
  t.equal(codeOf(await alice.send(bob, 'hi')), REFUSED)
})
