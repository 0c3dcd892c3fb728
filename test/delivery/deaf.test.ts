// A node whose subscription is dead without a word, or late, beside one that hears. [DOWN-2] docs/protocol.md section 6, "Live delivery".
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { keys } from '../../src/store/keys.js'
import { startIris } from '../helper/iris.js'
import { layRedisWire } from '../helper/redis-wire.js'
import { openPolls, pollOnce } from '../helper/poll.js'
import { createUser, dm, granted, until, type User } from '../helper/user.js'

const lines: string[] = []
const a = await startIris(t, { env: { IRIS_NODE_ID: 'a' } })
const wire = await layRedisWire(t, a.redisPath)
const b = await startIris(t, { env: { IRIS_NODE_ID: 'b' }, redisPath: wire.url, logs: { write: line => lines.push(line) } })

const readyz = async () => await fetch(`${b.url}/readyz`)
const isReady = async () => await until(async () => (await readyz()).status === 200 || undefined)
const isDeaf = async () => await until(async () => (await readyz()).status === 503 || undefined)
const onA = (user: User) => createUser(t, { url: a.url, userId: user.userId, token: user.token })
/** Long before the sweep that comes after 25 s, and beyond the 2 s after which a node knows, on a slow machine. */
const SOON_MS = 8_000

async function timed<T> (work: Promise<T>): Promise<{ value: T, ms: number }> {
  const began = performance.now()
  return { value: await work, ms: performance.now() - began }
}

t.test('[DOWN-2] a subscription that swallows bytes: the node knows, ' +
  'is not ready, and its readers wait a second for the sweep, not 25', async t => {
  const [alice, bob] = [await a.user(t), await b.user(t)]
  const stream = await bob.listen({ terminalId: 'on-b' })
  await stream.next('IRIS.READY')
  await isReady()
  const dialled = wire.subscriptions()
  wire.subscription.delayMs = Infinity
  await alice.send(bob, 'not heard')
  const { ms } = await timed(stream.next(({ data }) => data['seq'] === 1))
  t.ok(ms < SOON_MS, `${Math.round(ms)} ms`)
  await isDeaf()
  t.match(await (await readyz()).json(), { code: 'NOT_READY', detail: /other nodes are not heard/ })
  t.equal((await fetch(`${b.url}/livez`)).status, 200)
  await until(async () => wire.subscriptions() > dialled + 1 || undefined) // dropped and dialled anew, again and again
  await alice.send(bob, 'still not')
  t.ok((await timed(stream.next(({ data }) => data['seq'] === 2))).ms < SOON_MS)
  t.equal(lines.filter(line => line.includes('not heard')).length, 1, 'said once')

  const page = await bob.getReadMsg({ conversationId: dm(alice, bob) }, 'on-b')
  t.match(page.body, { count: 2, messages: [{ seq: 1 }, { seq: 2 }] }, '[GET-1] pages are in the answer')
  await (await a.user(t)).send(bob, 'x')
  const { body, status } = await bob.command({ clientCmdId: 'c', name: 'typing', to: { users: [alice.userId] } })
  t.match({ status, body }, { status: 200, body: { online: 0 } }, '[CMD-5] who cannot be heard is not counted')

  await a.server('POST', `users/${bob.userId}/kick`, { reason: 'x' })
  const kicked = await timed(stream.next('IRIS.BYE'))
  t.match(kicked.value.data.data, { code: 4301 })
  t.ok(kicked.ms < SOON_MS, '[KICK-1]')

  wire.subscription.delayMs = 0
  await isReady()
  await until(async () => lines.filter(line => line.includes('heard again')).length === 1 || undefined)
})

t.test('[DOWN-2] hints that come late bring no text that was recalled a second ago', async t => {
  const [alice, bob] = [await a.user(t), await b.user(t)]
  const stream = await bob.listen()
  const polls = await openPolls(`${b.url}/v1/down/poll?terminalId=polls`, { headers: { authorization: `Bearer ${bob.token}` } })
  for (const reader of [stream, polls]) await reader.next('IRIS.READY')
  await isReady()
  wire.subscription.delayMs = 1_300
  await alice.send(bob, 'canary')
  t.equal((await alice.revoke({ conversationId: dm(alice, bob), seq: 1 })).status, 200)
  for (const reader of [stream, polls]) t.match((await reader.next('MSG_DOWN')).data, { type: 'revoked' })
  wire.subscription.delayMs = 0
  await polls.cut()
})

t.test('[DOWN-2] [COMPLETE-4] what a poll has collected while Redis is slow was revoked, ' +
  'or completed, on another node: it is not sent', async t => {
  let status = 0
  for (let i = 0; i < 5 && status !== 200; i++) status = await recalledBehind(t, 350 - 30 * i)
  t.equal(status, 200)
})

/** @returns what a poll came to, behind whose reading all that it has collected was recalled on the other node. */
async function recalledBehind (t: Test, delayMs: number): Promise<number> {
  await isReady()
  const [alice, bob] = [await a.user(t), await b.user(t)]
  await alice.send(bob, 'canary')
  const order = { clientCmdId: 'c', name: 'order', to: { users: [bob.userId] }, mode: 'reliable' }
  const { body: { cmdId } } = granted(await alice.command(order))
  wire.commands.delayMs = delayMs
  const polled = pollOnce(`${b.url}/v1/down/poll?terminalId=slow&timeoutMs=0`, { headers: { authorization: `Bearer ${bob.token}` } })
  await pause(2.9 * delayMs) // the message has been read
  t.equal((await alice.revoke({ conversationId: dm(alice, bob), seq: 1 })).status, 200)
  t.equal((await onA(bob).cmdComplete({ ids: [cmdId] })).status, 200)
  const answered = performance.now()
  const { status, body } = await polled
  wire.commands.delayMs = 0
  if (performance.now() - answered <= 20) return 0 // it may have left before
  t.notMatch(JSON.stringify(body), 'canary')
  if (status === 503) t.equal(body.code, 'STORE_UNAVAILABLE')
  else t.match(body, { ready: {}, events: [{ event: 'MSG_DOWN', data: { type: 'revoked', revoked: { by: alice.userId } } }] })
  return status
}

/** What is read of a conversation on b, and which look at it is slow. */
const readings: Record<string, { slow?: number, read (bob: User, conversationId: string): Promise<unknown> }> = {
  'the stream of a cursor': { read: async bob => await (await bob.listen({ cursor: `${await epochOf(bob)}-0` })).next('MSG_DOWN') },
  'unread messages': { read: async bob => await (await bob.listen({ terminalId: 'fresh' })).next('MSG_DOWN') },
  'a poll': {
    slow: 2,
    read: async bob => (await pollOnce(`${b.url}/v1/down/poll?terminalId=polls&timeoutMs=0`, {
      headers: { authorization: `Bearer ${bob.token}` }
    })).body.events[0]
  },
  history: { read: async (bob, conversationId) => (await bob.getReadMsg({ conversationId, deliver: 'inline' })).body['messages'] },
  'the list': {
    read: async bob => (await (await fetch(`${b.url}/v1/conversations`, { headers: { authorization: `Bearer ${bob.token}` } }))
      .json() as { items: unknown }).items
  }
}
const epochOf = async ({ userId }: User) => String((await a.redis.xrange(keys.down(userId), '-', '+', 'COUNT', 1))[0]?.[0]).split('-')[0]

t.test('[DOWN-2] a node that is not sure to hear the others, and a Redis that is slow to say what is there: ' +
  'what it has said of a text that was revoked meanwhile is not shown', async t => {
  await isReady()
  wire.subscription.delayMs = 1_250
  await until(async () => await hearingAgeSec() > 0.9 || undefined)
  for (const [name, { slow = 1, read }] of Object.entries(readings)) {
    const [alice, bob] = [await a.user(t), await b.user(t)]
    await alice.send(bob, 'canary')
    const conversationId = dm(alice, bob)
    let looks = 0
    const said = new Promise<void>(resolve => {
      wire.commands.delayOf = text => {
        if (!text.includes('canary') || ++looks !== slow) return undefined
        resolve()
        return 950
      }
    })
    const reading = read(bob, conversationId)
    await said
    t.equal((await alice.revoke({ conversationId, seq: 1 })).status, 200)
    const found = JSON.stringify(await reading)
    t.notMatch(found, 'canary', name)
    t.match(found, '"type":"revoked"', name)
  }
  wire.commands.delayOf = undefined
  wire.subscription.delayMs = 0
})

const hearingAgeSec = async () => {
  const text = await (await fetch(`${b.url}/metrics`, { headers: { authorization: `Bearer ${b.serverKey}` } })).text()
  return Number(/^iris_hearing_age_seconds (\S+)/m.exec(text)?.[1])
}

t.test('[DEADLINE-1] [DOWN-2] a poll that has waited for longer than a request may take looks at the store all the same', async t => {
  await isReady()
  const [alice, bob] = [await a.user(t), await b.user(t)]
  const poll = async (timeoutMs: number, cursor?: string) =>
    await pollOnce(`${b.url}/v1/down/poll?timeoutMs=${timeoutMs}`, { headers: { authorization: `Bearer ${bob.token}` }, cursor })
  const { body: { cursor } } = granted(await poll(0))
  const polled = poll(20_000, cursor)
  await pause(2_500)
  wire.subscription.delayMs = 1_300
  await alice.send(bob, 'late')
  const { status, body } = await polled
  wire.subscription.delayMs = 0
  t.match({ status, body }, { status: 200, body: { events: [{ event: 'MSG_DOWN', data: { content: { text: 'late' } } }] } })
})

t.test('[ATTACH-1] [POLL-2] a poll that cannot be answered wholly while Redis is slow is 503, and the next one has it all', async t => {
  await isReady()
  const [alice, bob] = [await a.user(t), await b.user(t)]
  const headers = { authorization: `Bearer ${bob.token}` }
  const poll = async (terminalId: string) =>
    await pollOnce(`${b.url}/v1/down/poll?terminalId=${terminalId}&timeoutMs=0`, { headers, cursor: 'malformed' })
  for (const text of ['one', 'two']) await alice.send(bob, text)
  let whole = 0
  for (const delayMs of [650, 450, 200, 100]) {
    if (whole > 0) break
    wire.commands.delayMs = delayMs
    const slow = await poll(`t${delayMs}`)
    if (slow.status === 200) whole++
    t.match(slow, slow.status === 503
      ? { body: { code: 'STORE_UNAVAILABLE', retryable: true } }
      : { body: { ready: {}, events: [{ data: { seq: 1 } }, { data: { seq: 2 } }] } })
    wire.commands.delayMs = 0
    await isReady()
    const { body } = await poll(`t${delayMs}`)
    t.match(body, { reset: { reason: 'malformed' }, ready: {}, events: [{ data: { seq: 1 } }, { data: { seq: 2 } }] }, `${delayMs}`)
  }
  t.ok(whole > 0, 'one that could be was')
})
