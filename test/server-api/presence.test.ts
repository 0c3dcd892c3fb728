// The server API asks who is there. docs/protocol.md sections 7 and 8.
import t from 'tap'
import { untilSaid } from '../helper/events.js'
import { heartbeat, listening, startPair } from '../helper/life.js'
import { until, type User } from '../helper/user.js'

const { a, b, on } = await startPair(t)

const terminalsOf = async ({ userId }: User) =>
  (await b.server('GET', `users/${userId}/terminals`)).body['items'] as unknown as Record<string, unknown>[]
const presence = async (users: string[]) =>
  (await b.server('POST', 'presence', { users })).body['items'] as unknown as Record<string, unknown>[]

t.test('[LIFE-1] a user\'s terminals: platform, online, since, lastSeen, and the node of one that is connected', async t => {
  const bob = await a.user(t)
  t.same(await terminalsOf(bob), [], 'nobody knows him yet')
  const before = Number((await bob.time({})).body['serverTime'])
  await (await listening(bob, 'web-1')).cut()
  await untilSaid(a, bob, 'user.offline')
  await (await on(t, b, bob).listen({ terminalId: 'phone', platform: 'mobile' })).next('IRIS.READY')
  const [phone, web, ...others] = await terminalsOf(bob)
  t.same(others, [])
  t.match(phone, { terminalId: 'phone', platform: 'mobile', online: true, state: 'foreground', since: Number, lastSeen: Number, node: 'b' })
  t.match(web, { terminalId: 'web-1', platform: 'web', online: false, state: 'foreground' })
  t.notOk('node' in Object(web))
  t.ok(Number(web?.['since']) > before && Number(phone?.['since']) >= Number(web?.['since']), 'since he went, since he came')
})

t.test('[LIFE-2] state: what the terminal said last is kept, over reconnects in the grace, until it connects anew', async t => {
  const bob = await a.user(t)
  const stream = await listening(bob)
  const stateIs = (state: string) => until(async () => (await terminalsOf(bob))[0]?.['state'] === state || undefined)
  const [known] = await terminalsOf(bob)
  t.equal((await heartbeat(bob, { state: 'background' })).status, 200)
  await stateIs('background')
  t.ok(Number((await terminalsOf(bob))[0]?.['lastSeen']) > Number(known?.['lastSeen']), 'by one clock, whichever node saw him')
  t.equal((await terminalsOf(bob))[0]?.['since'], known?.['since'], 'a heartbeat is no connect')
  await heartbeat(bob)
  await stream.cut()
  const again = await listening(bob)
  t.equal((await terminalsOf(bob))[0]?.['state'], 'background')
  await again.cut()
  await untilSaid(a, bob, 'user.offline')
  await listening(bob)
  t.equal((await terminalsOf(bob))[0]?.['state'], 'foreground')
  t.match(await heartbeat(bob, { state: 'asleep' }), { status: 400, body: { code: 'INVALID_BODY', errors: [{ pointer: '/state' }] } })
})

t.test('[LIFE-1] presence of many users, in the order of the question', async t => {
  const [bob, carol] = [await a.user(t), await a.user(t)]
  await (await carol.listen({ platform: 'desktop' })).cut()
  await untilSaid(a, carol, 'user.offline')
  await listening(bob)
  const [nobody, gone, there, ...others] = await presence(['nobody-ever', carol.userId, bob.userId])
  t.strictSame(nobody, { userId: 'nobody-ever', online: false, terminals: 0, platforms: [] })
  t.strictSame(gone, { userId: carol.userId, online: false, terminals: 0, platforms: [], lastSeen: gone?.['lastSeen'] })
  t.match(there, { userId: bob.userId, online: true, terminals: 1, platforms: ['web'], lastSeen: Number })
  t.ok(Number(there?.['lastSeen']) > Number(gone?.['lastSeen']))
  t.same(others, [])
})

t.test('[LIFE-1] two terminals of a user count two, their platform once', async t => {
  const bob = await a.user(t)
  await listening(bob, 'one')
  await listening(on(t, b, bob), 'two')
  t.match(await presence([bob.userId]), [{ online: true, terminals: 2, platforms: ['web'] }])
})

t.test('[LIFE-1] up to 500 users a question, each once', async t => {
  const many = Array.from({ length: 501 }, (_, i) => `u-${i}`)
  t.equal((await presence(many.slice(0, 500))).length, 500)
  for (const users of [many, [], ['u', 'u'], ['a b']]) t.equal((await b.server('POST', 'presence', { users })).status, 400)
  t.equal((await b.server('GET', 'users/a%20b/terminals')).status, 400)
})
