// Whom a user has blocked: who can write to him no more, and what is kept of it. docs/protocol.md section 8.
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { startIris } from '../helper/iris.js'
import { dm, groupOf, pointers, two, type User } from '../helper/user.js'

const iris = await startIris(t, { env: { IRIS_LIMIT_BLOCKED: '5' } })
const change = (method: 'PUT' | 'DELETE') => async (user: { userId: string }, other: { userId: string }) =>
  await iris.server(method, `users/${user.userId}/blocked/${other.userId}`)
const [block, unblock] = [change('PUT'), change('DELETE')]
const codeOf = ({ status, body }: Awaited<ReturnType<User['send']>>) => status === 200 ? 200 : `${status} ${body.code}`

t.test('[DIRECT-2] a blocked one is refused in the conversation that they have; his other side writes on', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const stored = await bob.send(alice, 'hi', { clientMsgId: 'c-1' })
  t.equal(codeOf(stored), 200)
  t.match(await block(alice, bob), { status: 200, body: { userId: bob.userId, created: true } })
  for (const to of [alice, dm(alice, bob)]) {
    t.match(await bob.send(to, 'again'), { status: 403, body: { code: 'BLOCKED', retryable: false } })
  }
  t.match(await bob.send(alice, 'hi', { clientMsgId: 'c-1' }), { body: { seq: 1, duplicate: true } }, '[DIRECT-3] it is stored')
  t.match(await alice.send(bob, 'and you?'), { status: 200, body: { seq: 2 } }, 'nothing of what was refused took a number')
  t.match(await bob.getReadMsg({ conversationId: dm(alice, bob), deliver: 'inline' }), { status: 200, body: { count: 2 } })
  t.match(await bob.revoke({ conversationId: dm(alice, bob), seq: 1 }), { status: 200 })
  t.match(await unblock(alice, bob), { status: 200, body: { userId: bob.userId, removed: true } })
  t.match(await bob.send(alice, 'at last'), { status: 200, body: { seq: 3 } })
})

t.test('[DIRECT-2] a block from before the conversation holds in it, whoever opens it', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await block(alice, bob)
  t.equal(codeOf(await bob.send(alice, 'hi')), '403 BLOCKED')
  t.equal(await iris.redis.exists(keys.conversation(dm(alice, bob)), keys.opened(bob.userId)), 0, 'nothing was opened, or counted')
  t.equal(codeOf(await alice.send(bob, 'hi')), 200)
  t.equal(codeOf(await bob.send(alice, 'hi')), '403 BLOCKED')
  await unblock(alice, bob)
  t.equal(codeOf(await bob.send(alice, 'hi')), 200)
})

t.test('[DIRECT-2] each blocks for himself', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await alice.send(bob, 'hi')
  for (const [user, other] of [[alice, bob], [bob, alice]] as const) await block(user, other)
  t.same([codeOf(await alice.send(bob, 'x')), codeOf(await bob.send(alice, 'x'))], ['403 BLOCKED', '403 BLOCKED'])
  await unblock(alice, bob)
  t.same([codeOf(await alice.send(bob, 'x')), codeOf(await bob.send(alice, 'x'))], ['403 BLOCKED', 200])
})

t.test('[DIRECT-2] in a group blocking does nothing', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await block(alice, bob)
  t.equal(codeOf(await bob.send(await groupOf(iris, alice, bob), 'hi')), 200)
})

t.test('[DIRECT-3] the server API is not bound', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await block(alice, bob)
  const message = { from: bob.userId, to: alice.userId, type: 'text', content: { text: 'by the application' } }
  for (const clientMsgId of ['opens it', 'goes on'].map(word => word.replace(' ', '-'))) {
    t.match(await iris.server('POST', 'messages', { ...message, clientMsgId }), { status: 200 })
    t.equal(codeOf(await bob.send(alice, 'hi')), '403 BLOCKED')
  }
})

t.test('[DIRECT-3] whatever is under way when it is answered: nothing more is stored', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await alice.send(bob, 'hi')
  const head = async () => await iris.redis.hget(keys.conversation(dm(alice, bob)), 'headSeq')
  const sends: ReturnType<User['send']>[] = []
  const send = () => { for (let i = 0; i < 20; i++) sends.push(bob.send(alice, 'x')) }
  send()
  const blocking = block(alice, bob)
  send()
  await blocking
  const last = await head()
  send()
  const codes = (await Promise.all(sends)).map(codeOf)
  t.equal(await head(), last)
  t.equal(codes.filter(code => code === 200).length, Number(last) - 1)
  t.same(codes.slice(40), Array.from({ length: 20 }, () => '403 BLOCKED'))
})

t.test('[DIRECT-3] a send asks Redis for no block and no group, but the one that opens a conversation', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await block(alice, await iris.user(t))
  const asked: string[] = []
  const monitor = await iris.redis.monitor()
  t.teardown(() => monitor.disconnect())
  monitor.on('monitor', (_: string, args: string[]) => {
    if (args.some(arg => arg.includes(':BLOCKED:'))) asked.push(String(args[0]).toLowerCase())
  })
  const end = async () => await new Promise<void>(resolve => {
    monitor.on('monitor', (_: string, args: string[]) => { if (args[1] === 'the end') resolve() })
    void iris.redis.echo('the end')
  })
  await bob.send(alice, 'opens it')
  await end()
  t.same(asked, ['exists', 'zscore', 'zscore', 'zscore'], 'alice has blocked somebody')
  asked.length = 0
  for (const user of [alice, bob]) await user.send(dm(alice, bob), 'hi')
  await end()
  t.same(asked, [])
})

t.test('[SERVER-1] [DIRECT-2] the list: those of late first, in pages, up to the limit', async t => {
  const alice = await iris.user(t)
  const path = `users/${alice.userId}/blocked`
  const others = ['a', 'b', 'c', 'd', 'e'].map(userId => ({ userId }))
  for (const other of others) await block(alice, other)
  t.match(await block(alice, { userId: 'c' }), { status: 200, body: { created: false } }, 'again: nothing is new')
  t.match(await block(alice, { userId: 'f' }), { status: 409, body: { code: 'TOO_MANY_BLOCKED' } })
  const seen: { userId: string, since: number }[] = []
  for (let after = ''; ;) {
    const { body } = await iris.server('GET', `${path}?limit=2${after}`)
    seen.push(...body['items'] as unknown as typeof seen)
    if (body['next'] === undefined) break
    after = `&after=${String(body['next'])}`
  }
  t.same(seen.map(({ userId }) => userId), ['e', 'd', 'c', 'b', 'a'])
  t.equal(new Set(seen.map(({ since }) => since)).size, 5)
  t.match(await unblock(alice, { userId: 'nobody' }), { status: 200, body: { removed: false } })
  for (const other of others) await unblock(alice, other)
  t.same((await iris.server('GET', path)).body['items'], [])
  t.equal(await iris.redis.exists(keys.blocked(alice.userId)), 0)
  t.match(await iris.server('GET', `${path}?after=x`), { status: 400, body: { code: 'INVALID_QUERY', errors: [{ pointer: '/after' }] } })
})

t.test('[DIRECT-2] nobody blocks himself, or the system', async t => {
  const pairs = [['a', 'a', '/otherId'], ['a', 'system', '/otherId'], ['system', 'a', '/id'], ['a', 'b.c', '/otherId']]
  for (const [id, otherId, pointer] of pairs) {
    for (const method of ['PUT', 'DELETE']) {
      const answer = await iris.server(method, `users/${id}/blocked/${otherId}`)
      t.match(answer, { status: 400, body: { code: 'INVALID_QUERY' } }, `${method} ${id} ${otherId}`)
      t.same(pointers(answer), [pointer])
    }
  }
})
