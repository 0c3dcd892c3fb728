// The session of a terminal that polls: what is no stream entry is said once and not lost, on one node and hopping between two. [POLL-2]
import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { keys } from '../../src/store/keys.js'
import { eventsOf, saidOf, untilSaid } from '../helper/events.js'
import { type Iris, startIris } from '../helper/iris.js'
import { both } from '../helper/life.js'
import { pollOnce, type PollAnswer, waitingAt } from '../helper/poll.js'
import { seqsOf, upTo } from '../helper/sse.js'
import { loginOf } from '../helper/token.js'
import { dm, until, type User } from '../helper/user.js'

const env = { IRIS_LIMIT_GRACE_SEC: '1', IRIS_LIMIT_POLL_SEC: '8', IRIS_LIMIT_MAILBOX_MESSAGES: '100' }
const a = await startIris(t, { env: { ...env, IRIS_NODE_ID: 'a' } })
const b = await startIris(t, { env: { ...env, IRIS_NODE_ID: 'b' }, redisPath: a.redisPath })
const MIB = 1024 * 1024

interface Query { timeoutMs?: string, limit?: string }

/** Polls each time at the next of these nodes, from the cursor of the last answer. */
function poller (nodes: Iris[], { token }: User, terminalId = 'p') {
  let [turn, cursor]: [number, string | undefined] = [0, undefined]
  async function poll ({ timeoutMs = '0', limit = '100' }: Query = {}): Promise<PollAnswer> {
    const url = `${nodes[turn++ % nodes.length]?.url}/v1/down/poll?terminalId=${terminalId}`
    const { status, body } = await pollOnce(url, { headers: { authorization: `Bearer ${token}` }, cursor, query: { timeoutMs, limit } })
    if (status === 200) ({ cursor } = body)
    return status === 200 ? body : { ...body, events: [] }
  }

  /** Polls until an answer does not ask for more. */
  async function all (query: Query = {}): Promise<PollAnswer[]> {
    const answers = [await poll(query)]
    while (answers.at(-1)?.more) answers.push(await poll(query))
    return answers
  }
  return { poll, all, get cursor () { return cursor } }
}

const eventsIn = (answers: PollAnswer[]) => answers.flatMap(({ events }) => events)
const called = (answers: PollAnswer[], name: string) =>
  eventsIn(answers).filter(({ data }) => data.name === name || data['noticeId'] === name)
const command = (from: User, to: User, name: string, more: object = {}) =>
  from.command({ clientCmdId: randomUUID(), name, to: { users: [to.userId] }, ...more })

/** Two who know each other; bob has polled once, and nothing waits for him. */
async function acquainted (t: Test, nodes: Iris[]) {
  const [alice, bob] = [await a.user(t), await a.user(t)]
  await alice.send(bob, 'hello')
  await bob.send(alice, 'hello', { terminalId: 'p' })
  await bob.read({ conversationId: dm(alice, bob), upToSeq: 2 }, 'p')
  const polling = poller(nodes, bob)
  await polling.all()
  return { alice, bob, polling }
}

for (const nodes of [[a], [a, b]]) {
  const where = nodes.length > 1 ? 'hopping between two nodes' : 'on one node'

  t.test(`[POLL-2] ${where}: what is pending is said once a session, a poll from the newest cursor waits`, async t => {
    const { alice, bob } = await acquainted(t, nodes)
    const noticeId = `n-${randomUUID()}`
    await command(alice, bob, 'nudge', { mode: 'reliable' })
    await a.server('POST', 'notices', { users: [bob.userId], noticeId, content: {}, ttlSec: 60 })
    const polling = poller(nodes, bob, 'other')
    const first = await polling.all()
    t.same([called(first, 'nudge').length, called(first, noticeId).length], [1, 1])
    for (let i = 0; i < 4; i++) {
      t.same(await polling.poll({ timeoutMs: i === 3 ? '150' : '0' }).then(({ events, more }) => [events, more]), [[], false])
    }
  })

  t.test(`[POLL-2] ${where}: between two polls it is connected: online commands wait, nobody is said to go`, async t => {
    const { alice, bob, polling } = await acquainted(t, nodes)
    const sent: unknown[] = []
    const heard: PollAnswer[] = []
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 3; i++) {
        const { body } = await command(alice, bob, 'typing')
        sent.push(body['cmdId'])
        t.equal(body['online'], 1)
      }
      heard.push(...await polling.all())
    }
    t.same(called(heard, 'typing').map(({ data }) => data['cmdId']), sent)
    t.same(await saidOf(a, bob), both)
    t.equal((await eventsOf(a, bob)).length, 2)
  })

  t.test(`[POLL-2] [GET-1] ${where}: a page that was begun is finished, with its END, whatever the limit`, async t => {
    const { alice, bob, polling } = await acquainted(t, nodes)
    for (const i of upTo(38)) await alice.send(bob, `${i}`)
    await polling.all()
    for (const waits of [true, false]) {
      const waiting = waits ? polling.poll({ timeoutMs: '20000', limit: '1' }) : undefined
      if (waits) await until(async () => await waitingAt(...nodes) === 1 || undefined)
      const { body } = await bob.getReadMsg({ conversationId: dm(alice, bob), limit: 37, requestId: `r-${waits}` }, 'p')
      t.notOk('messages' in body, 'it goes down')
      const answers = [...waiting ? [await waiting] : [], ...await polling.all({ limit: '1' })]
      t.same(seqsOf(eventsIn(answers), dm(alice, bob)), upTo(40).slice(-37))
      t.match(eventsIn(answers).at(-1)?.data, { name: 'GET_READ_MSG_END', data: { requestId: `r-${waits}`, count: 37 } })
    }
  })

  t.test(`[SLOW-2] [POLL-2] ${where}: a fresh poll of a full mailbox comes in answers of a MiB, ` +
    'then READY; what comes meanwhile follows', async t => {
    const [alice, bob] = [await a.user(t), await a.user(t)]
    for (const i of upTo(80)) await alice.send(bob, `${i} `.padEnd(16_000, 'x'))
    await command(alice, bob, 'nudge', { mode: 'reliable' })
    const polling = poller(nodes, bob)
    const first = await polling.poll()
    t.match([first.more, first.ready, first.recovered], [true, undefined, undefined])
    await alice.send(bob, 'meanwhile')
    const answers = [first, ...await polling.all()]
    t.ok(answers.every(answer => Buffer.byteLength(JSON.stringify(answer)) <= MIB))
    t.same(seqsOf(eventsIn(answers), dm(alice, bob)), upTo(81))
    t.equal(called(answers, 'nudge').length, 1)
    t.match(answers.at(-1), { ready: {}, more: false, cursor: /^\d+-82$/ })
  })

  t.test(`[ATTACH-3] ${where}: READY says that there is more than a mailbox brings`, async t => {
    const [alice, bob] = [await a.user(t), await a.user(t)]
    for (const i of upTo(103)) await alice.send(bob, `${i}`)
    const answers = await poller(nodes, bob).all()
    t.equal(eventsIn(answers).length, 100)
    t.match(answers.at(-1), { ready: { more: true }, more: false })
  })
}

t.test('[POLL-2] [ATTACH-1] an unfinished cursor without its session gets a RESET and everything unread: never a silent gap', async t => {
  const [alice, bob] = [await a.user(t), await a.user(t)]
  for (const i of upTo(80)) await alice.send(bob, `${i} `.padEnd(16_000, 'x'))
  const polling = poller([a], bob)
  await polling.poll()
  const { cursor } = polling
  t.match(cursor, /^\d+-80\.\d+$/)
  const stream = await bob.listen({ terminalId: 'p', cursor })
  await stream.next('IRIS.READY')
  t.same(seqsOf(stream.events, dm(alice, bob)), upTo(80))
  t.match([0, 1].map(i => stream.events[i]?.data), [
    { name: 'IRIS.HELLO', data: { recovered: false } }, { name: 'IRIS.RESET', data: { reason: 'malformed' } }
  ])
  await polling.all()
  t.same(seqsOf((await poller([a], bob).all()).flatMap(({ events }) => events), dm(alice, bob)), upTo(80), 'a poll without a cursor, too')
})

t.test('[CMD-5] what does not fit into the session is not taken, and not counted', async t => {
  const { alice, bob, polling } = await acquainted(t, [a])
  let [taken, isTaken] = [0, true]
  while (isTaken && taken < 100) {
    const { body } = await command(alice, bob, 'big', { data: { text: 'x'.repeat(4_000) } })
    isTaken = body['online'] === 1
    if (isTaken) taken++
  }
  t.ok(taken >= 50 && taken <= 64, `${taken} of 4 kB`)
  t.equal(called(await polling.all(), 'big').length, taken)
  t.match((await command(alice, bob, 'small')).body, { online: 1 })
})

t.test('[KICK-1] a terminal that is kicked between two polls is refused, and nothing is kept for it', async t => {
  const { alice, bob, polling } = await acquainted(t, [a])
  t.equal((await a.server('POST', `users/${bob.userId}/kick`, { reason: 'enough' })).status, 200)
  t.match((await command(alice, bob, 'typing')).body, { online: 0 })
  t.match(await polling.poll(), { code: 'KICKED' })
  t.same((await saidOf(a, bob)).slice(0, 3), [...both, 'terminal.disconnected KICKED'])
})

t.test('[KICK-2] of two pollers under `single` the newer login stays, on one node and on two', async t => {
  const single = { ...env, IRIS_LOGIN_POLICY: 'single' }
  const one = await startIris(t, { env: { ...single, IRIS_NODE_ID: 'one' }, redisPath: a.redisPath })
  const two = await startIris(t, { env: { ...single, IRIS_NODE_ID: 'two' }, redisPath: a.redisPath })
  for (const node of [one, two]) {
    const userId = `u${randomUUID().slice(0, 8)}`
    const [older, newer] = [await loginOf(t, one, userId, { agoSec: 100 }), await loginOf(t, one, userId, { agoSec: 50 })]
    const [first, second] = [poller([one], older, 'first'), poller([node], newer, 'second')]
    await first.poll()
    await second.poll()
    t.match(await first.poll(), { code: 'KICKED' })
    t.match(await second.poll(), { events: [], more: false })
  }
})

t.test('[POLL-2] the session ends after its time without a poll; until then the terminal is there', async t => {
  const short = await startIris(t, { env: { ...env, IRIS_NODE_ID: 'short', IRIS_LIMIT_POLL_SEC: '1' }, redisPath: a.redisPath })
  const bob = await short.user(t)
  const polling = poller([short], bob)
  await polling.poll()
  await polling.poll({ timeoutMs: '3000' })
  t.same(await saidOf(a, bob), both, 'not while a poll waits')
  t.same(await untilSaid(a, bob, 'user.offline'), [...both, 'terminal.disconnected LINK_CLOSE', 'user.offline'])
  t.equal(await a.redis.exists(keys.routes(bob.userId)), 0)
})

for (const nodes of [[a], [a, b]]) {
  t.test(`[TOKEN] [POLL-2] on ${nodes.length} nodes in turn IRIS.AUTH is said once a session, for each token that ends`, async t => {
    const userId = `u${randomUUID().slice(0, 8)}`
    const short = poller(nodes, await loginOf(t, a, userId, { endsInSec: 40 }))
    const answers = [...await short.all(), await short.poll({ timeoutMs: '3000' })]
    for (let i = 0; i < 4; i++) answers.push(await short.poll({ timeoutMs: '1300' })) // longer than a tick
    t.equal(called(answers, 'IRIS.AUTH').length, 1)
    const next = poller(nodes, await loginOf(t, a, userId, { endsInSec: 50 }))
    const later = [...await next.all(), await next.poll({ timeoutMs: '3000' }), await next.poll({ timeoutMs: '1300' })]
    t.equal(called(later, 'IRIS.AUTH').length, 1, 'and for the fresh one, too')
  })
}

t.test('[POLL-2] a poll whose place newer ones take is not told that it was kicked', async t => {
  const few = await startIris(t, { env: { ...env, IRIS_NODE_ID: 'few', IRIS_LIMIT_CONNECTIONS: '3' }, redisPath: a.redisPath })
  const bob = await few.user(t)
  const first = poller([few], bob, 't0')
  await first.poll()
  const waiting = first.poll({ timeoutMs: '20000' })
  await until(async () => await waitingAt(few) === 1 || undefined)
  for (const terminalId of ['t1', 't2', 't3']) t.match(await poller([few], bob, terminalId).poll(), { events: [] })
  t.match(await waiting, { code: 'TOO_MANY_TERMINALS' })
  t.match(await first.poll(), { events: [], code: undefined }, 'it is welcome')
  const answers = await Promise.all(upTo(25).map(n => poller([few], bob, `n${n}`).poll()))
  t.notOk(answers.some(({ code }) => code !== undefined && code !== 'TOO_MANY_TERMINALS'), answers.map(({ code }) => code).join())
})

t.test('[LIFE-1] a waiting poll whose terminal is removed is told to log in again', async t => {
  const { bob, polling } = await acquainted(t, [a])
  const waiting = polling.poll({ timeoutMs: '20000' })
  await until(async () => await waitingAt(a) === 1 || undefined)
  await a.server('DELETE', `users/${bob.userId}/terminals/p`)
  t.match(await waiting, { code: 'TOKEN_EXPIRED', detail: /removed/ })
})

t.test('[POLL-2] a poll that its session can serve asks Redis nothing', async t => {
  const { alice, bob, polling } = await acquainted(t, [a])
  const attaches = async () => Number(/cmdstat_xrevrange:calls=(\d+)/.exec(await a.redis.info('commandstats'))?.[1] ?? 0)
  const before = await attaches()
  for (let i = 0; i < 40; i++) await polling.poll()
  t.ok(await attaches() - before < 20, 'the sweep of all users here is all that asks')
  await alice.send(bob, 'between')
  t.match((await polling.poll()).events, [{ data: { content: { text: 'between' } } }])
})
