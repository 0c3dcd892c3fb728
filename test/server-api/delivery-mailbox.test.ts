// What came by a mailbox, once its connection has ended: he opened the app, and closed it. docs/protocol.md section 8.
import t, { type Test } from 'tap'
import { keys } from '../../src/store/keys.js'
import { type Iris, startIris } from '../helper/iris.js'
import { alive, heartbeat, startPair } from '../helper/life.js'
import { pollOnce } from '../helper/poll.js'
import { startSharedRedis } from '../helper/process.js'
import { reportsOf } from '../helper/reports.js'
import { upTo } from '../helper/sse.js'
import { dm, granted, type User, until } from '../helper/user.js'
import { openWs } from '../helper/ws.js'

/** Messages and their size: more than one answer of a poll holds; more than waits in a connection, and in the kernel. */
const [MANY, LARGE] = [80, 16_000]
const [FULL, HUGE] = [60, 350_000]

const { a, b, on } = await startPair(t)
const { report, reaches } = reportsOf(t, [a, b])
const wide = await startIris(t, {
  env: { IRIS_NODE_ID: 'wide', IRIS_LIMIT_CONTENT_BYTES: '400000', IRIS_LIMIT_BODY_BYTES: '500000' }, redisPath: a.redisPath
})
const alice = await wide.user(t)
const placeOf = (user: User, seq = 1) => `?conversationId=${dm(alice, user)}&seq=${seq}`

/** What is said of his only terminal. */
const printed = async (user: User, seq = 1) => {
  const [row = {}] = (await report(user, placeOf(user, seq))).message?.terminals ?? []
  return `${String(row['printed'])}${row['by'] === 'mailbox' ? ' mailbox' : ''}`
}
/** Its last connection has ended, and the store has been told. */
const away = (user: User) => reaches(user, '', ({ terminals: [row = {}] }) => 'goodbye' in row && !('connections' in row))

/** A user who was sent something while no terminal of his was known. */
async function unread (t: Test, at: Iris = a, texts = ['one']): Promise<User> {
  const bob = await at.user(t)
  for (const text of texts) granted(await alice.send(bob, text))
  return bob
}
const many = (count: number, size: number) => upTo(count).map(n => `${n}`.padEnd(size, 'x'))
const bearer = ({ token }: User) => ({ authorization: `Bearer ${token}` })
const poll = async ({ url }: Pick<Iris, 'url'>, user: User, cursor?: string) =>
  (await pollOnce(`${url}/v1/down/poll?timeoutMs=0&terminalId=phone`, { headers: bearer(user), cursor })).body

type Open = (user: User) => Promise<{ next (name: string): Promise<unknown>, cut (): Promise<void> }>
const ways: Record<string, Open> = {
  'an event stream': user => user.listen({ terminalId: 'phone' }),
  'a WebSocket': user => openWs(`${a.url}/v1/ws?terminalId=phone`, { headers: bearer(user) }),
  'lease=socket': user => openWs(`${b.url}/v1/ws?terminalId=phone&lease=socket`, { headers: bearer(user) })
}

for (const [name, open] of Object.entries(ways)) {
  t.test(`[DELIVERY-3] by ${name}: what a mailbox brought is known when the connection has ended, too`, async t => {
    const bob = await unread(t)
    const phone = await open(bob)
    await phone.next('IRIS.READY')
    t.equal(await printed(bob), 'yes mailbox')
    await phone.cut()
    await away(bob)
    t.equal(await printed(bob), 'yes mailbox')
    await alice.send(bob, 'later')
    t.equal(await printed(bob, 2), 'no', 'what came since has not come to it')
    await alice.revoke({ conversationId: dm(alice, bob), seq: 1 })
    t.equal(await printed(bob), 'unknown', 'recalled, it is unread for nobody')
  })
}

t.test('[DELIVERY-3] [DELIVERY-2] of one who was sent away; it ends with the terminal', async t => {
  const bob = await unread(t)
  await (await bob.listen({ terminalId: 'phone' })).next('IRIS.READY')
  await b.server('POST', `users/${bob.userId}/kick`, { reason: 'x' })
  await reaches(bob, '', ({ terminals }) => terminals.some(row => 'goodbye' in row))
  t.equal(await printed(bob), 'yes mailbox')
  const fields = async () => Object.keys(await a.redis.hgetall(keys.terminals(bob.userId))).filter(field => field.startsWith('phone'))
  t.ok((await fields()).includes('phone/brought'))
  await b.server('DELETE', `users/${bob.userId}/terminals/phone`)
  t.same(await fields(), [])
})

t.test('[DELIVERY-3] of one who has resumed since, and of one whose other connection went on', async t => {
  const bob = await unread(t)
  const phone = await bob.listen({ terminalId: 'phone' })
  const { id: cursor } = await phone.next('IRIS.READY')
  const again = await bob.listen({ terminalId: 'phone', cursor })
  await again.next('IRIS.READY')
  await phone.cut()
  await reaches(bob, '', ({ terminals: [row] }) => row?.['connections'] === 1)
  t.equal(await printed(bob), 'yes mailbox', 'the first has left it to the second')
  await again.cut()
  await away(bob)
  t.equal(await printed(bob), 'yes mailbox')
  const elsewhere = await on(t, b, bob).listen({ terminalId: 'phone', cursor })
  await elsewhere.next('IRIS.READY')
  t.equal(await printed(bob), 'yes mailbox', 'resumed on another node')
})

t.test('[DELIVERY-2] [DELIVERY-3] it is noted with the cursor while the connection is open', async t => {
  const bob = await unread(t)
  const { id } = await (await bob.listen({ terminalId: 'phone' })).next('IRIS.READY')
  a.redis.disconnect(true) // it sweeps when it is back
  const stored = await until(async () => (await b.redis.hget(keys.terminals(bob.userId), 'phone/brought')) ?? undefined)
  t.equal(stored, id)
})

t.test('[DELIVERY-2] what a connection leaves that ends while another one of its terminal begins anew', async t => {
  const bob = await unread(t, a, many(FULL, HUGE))
  const phone = await bob.listen({ terminalId: 'phone' })
  // on a busy machine it may take longer than a lease until all is there
  const { id: cursor } = await alive([() => heartbeat(bob, {}, 'phone')], async () => {
    const ready = await phone.next('IRIS.READY')
    const next = await bob.listen({ terminalId: 'phone' })
    next.pause() // before its READY: more waits than the kernel takes
    await phone.cut()
    await reaches(bob, '', ({ terminals: [row = {}] }) => !('connections' in row))
    await next.cut()
    return ready
  })
  const { terminals } = await away(bob)
  t.match(terminals, [{ terminalId: 'phone', cursor }])
  t.equal(await printed(bob), 'yes mailbox')
})

t.test('[DELIVERY-3] cut off before READY: nobody knows how much of it had come', async t => {
  const bob = await unread(t, a, many(FULL, HUGE))
  const phone = await bob.listen({ terminalId: 'phone' })
  phone.pause()
  await reaches(bob, '', ({ terminals: [row] }) => row?.['from'] !== undefined)
  t.equal(await printed(bob), 'unknown')
  await phone.cut()
  await away(bob)
  t.equal(await printed(bob), 'unknown')
  t.equal(await printed(bob, FULL), 'unknown')
})

t.test('[DELIVERY-3] by a poll: when the answer that holds READY was taken, and after the session', async t => {
  const brief = await startIris(t, { env: { IRIS_NODE_ID: 'brief', IRIS_LIMIT_POLL_SEC: '1' }, redisPath: a.redisPath })
  const bob = await unread(t)
  t.match(await poll(brief, bob), { ready: {} })
  await reaches(bob, placeOf(bob), ({ message }) => message?.terminals[0]?.['by'] === 'mailbox')
  await away(bob)
  t.equal(await printed(bob), 'yes mailbox')
})

t.test('[DELIVERY-3] by polls of which the first holds only a part: not before the last of them', async t => {
  const bob = await unread(t, a, many(MANY, LARGE))
  const first = await poll(a, bob)
  t.same([first.more, first.ready], [true, undefined])
  await reaches(bob, '', ({ terminals: [row] }) => row?.['cursor'] !== undefined)
  t.equal(await printed(bob, MANY), 'unknown')
  t.match(await poll(b, bob, first.cursor), { ready: {}, more: false })
  await reaches(bob, placeOf(bob, MANY), ({ message }) => message?.terminals[0]?.['by'] === 'mailbox')
})

t.test('[DELIVERY-3] a mailbox that did not bring all proves nothing of the next one, which was cut off at the same place', async t => {
  const few = await startIris(t, { env: { IRIS_NODE_ID: 'few', IRIS_LIMIT_MAILBOX_MESSAGES: '70' }, redisPath: a.redisPath })
  const bob = await unread(t, few, many(MANY, LARGE))
  const first = await poll(few, bob)
  t.match(await poll(few, bob, first.cursor), { ready: { more: true } })
  await reaches(bob, '', ({ terminals: [row] }) => row?.['cursor'] !== undefined)
  t.equal(await printed(bob, MANY), 'unknown', 'it did not come')
  await bob.read({ conversationId: dm(alice, bob), upToSeq: 10 })
  t.match(await poll(few, bob), { more: true, ready: undefined }, 'all that is unread now would have come')
  t.equal(await printed(bob, MANY), 'unknown')
})

t.test('[DELIVERY-2] [DELIVERY-3] kill -9: nothing was noted, and nobody knows, also when he has resumed', async t => {
  const { start } = await startSharedRedis(t)
  const [dies, stays] = await Promise.all(['dies', 'stays'].map(async node => await start(t, { IRIS_NODE_ID: node })))
  if (!dies || !stays) throw new Error('no nodes')
  const [from, to, there] = [await stays.user('from'), await stays.user('to'), await dies.user('to')]
  granted(await from.send(to, 'one'))
  const { id: cursor } = await (await there.listen({ terminalId: 'phone' })).next('IRIS.READY')
  const said = async () => (await stays.server('GET', `users/to/delivery?conversationId=${dm(from, to)}&seq=1`)).body as unknown
  t.match(await said(), { message: { terminals: [{ printed: 'yes', by: 'mailbox' }] } })
  dies.child.kill('SIGKILL')
  await dies.exited
  t.match(await said(), { message: { terminals: [{ printed: 'unknown' }] } })
  await (await to.listen({ terminalId: 'phone', cursor })).next('IRIS.READY')
  t.match(await said(), { message: { terminals: [{ printed: 'unknown' }] } })
})
