// Broken records and keys of another type: no answer is 500, none prints them, what stands beside them is served;
// the log names each once. [DOWN-2]
import { hash, randomUUID } from 'node:crypto'
import t from 'tap'
import { keys, unreadField } from '../src/store/keys.js'
import { SERVER_KEY, startIris } from './helper/iris.js'
import { pollOnce } from './helper/poll.js'
import { dm, three, type User } from './helper/user.js'

const lines: string[] = []
const iris = await startIris(t, { logs: { write: line => lines.push(line) } })
const { redis } = iris

/** A user with a conversation that will be broken, and one that is sound. */
async function setUp () {
  const [alice, bob, carol] = await three(() => iris.user(t))
  await Promise.all([
    alice.send(bob, 'sound'), carol.send(bob, 'sound'),
    alice.command({ clientCmdId: 'c', name: 'order', to: { users: [bob.userId] }, mode: 'reliable' }),
    iris.server('POST', 'notices', { noticeId: `n-${bob.userId}`, users: [bob.userId], content: {} })
  ])
  return { alice, bob, carol, broken: dm(alice, bob), sound: dm(carol, bob) }
}

async function ofAnotherType (key: string): Promise<void> {
  await redis.del(key)
  await redis.sadd(key, 'SECRET')
}

type Facts = Awaited<ReturnType<typeof setUp>>
const texts = ['', '{', 'null', '[]', '7', '"SECRET"', '{"SECRET":']

const places: Record<string, (facts: Facts) => Promise<unknown>> = {
  'a log of another type': ({ broken }) => ofAnotherType(keys.log(broken)),
  'a conversation of another type': ({ broken }) => ofAnotherType(keys.conversation(broken)),
  'members of another type': ({ broken }) => ofAnotherType(keys.members(broken)),
  'a member that is none': ({ broken, bob }) => redis.hset(keys.members(broken), bob.userId, 'SECRET'),
  'a head that is no number': ({ broken }) => redis.hset(keys.conversation(broken), 'headSeq', 'SECRET'),
  'markers of another type': ({ bob }) => ofAnotherType(keys.marker(bob.userId)),
  'a marker that is none': ({ broken, bob }) => redis.hset(keys.marker(bob.userId), broken, 'SECRET'),
  'unread counts of another type': ({ bob }) => ofAnotherType(keys.unread(bob.userId)),
  'an unread count that is no number': ({ broken, bob }) => redis.hset(keys.unread(bob.userId), unreadField(broken), 'SECRET'),
  'an index of another type': ({ broken }) => ofAnotherType(keys.logIndex(broken, 0)),
  'what was taken of another type': ({ broken, bob }) => ofAnotherType(keys.taken(bob.userId, broken)),
  'a box of another type': ({ bob }) => ofAnotherType(keys.box('CMD_BOX', bob.userId)),
  'an order of a box of another type': ({ bob }) => ofAnotherType(keys.boxPart('NOTICE_BOX', bob.userId, 'ORDER')),
  ...Object.fromEntries(texts.map(text =>
    [`a message that is ${text || 'empty'}`, ({ broken }: Facts) => redis.hset(keys.log(broken), '1', text)]))
}

for (const [place, spoil] of Object.entries(places)) {
  t.test(`[DOWN-2] ${place}`, async t => {
    const facts = await setUp()
    const { bob, broken, sound } = facts
    await spoil(facts)
    const said: unknown[] = []
    const ask = async (what: string, answer: Promise<{ status: number, body: unknown }>, statuses = [200, 404]) => {
      const { status, body } = await answer
      said.push(body)
      t.ok(statuses.includes(status), `${what}: ${status}`)
      return body as Record<string, { conversationId: string, content?: object, lastMsg?: object }[] | undefined>
    }
    const list = await ask('the list', bob.conversations())
    t.ok(list['items']?.some(({ conversationId, lastMsg }) => conversationId === sound && lastMsg), 'what is sound is in the list')
    const history = await ask('history', bob.getReadMsg({ conversationId: sound, deliver: 'inline' }))
    t.equal(history['messages']?.length, 1)
    await ask('broken history', bob.getReadMsg({ conversationId: broken, deliver: 'inline' }))
    await openAll(t, bob, said)
    t.notMatch(JSON.stringify(said), 'SECRET')
  })
}

/** An attach of each kind brings what is sound, unless all that is unread cannot be read. */
async function openAll (
  t: { ok (is: unknown, why: string): void, equal (a: unknown, b: unknown, why: string): void }, bob: User, said: unknown[]
): Promise<void> {
  const headers = { authorization: `Bearer ${bob.token}` }
  for (const cursor of [undefined, 'malformed']) {
    const { status, body } = await pollOnce(`${iris.url}/v1/down/poll?terminalId=${randomUUID()}&timeoutMs=0`, { headers, cursor })
    said.push(body)
    t.equal(status, 200, `a poll from ${cursor ?? 'nothing'}`)
    t.ok(body.ready, 'READY')
  }
}

t.test('[DOWN-2] what remembers answers, notices and events', async t => {
  const { alice, bob, broken } = await setUp()
  const command = { clientCmdId: 'again', name: 'typing', to: { users: [bob.userId] } }
  t.equal((await alice.command(command)).status, 200)
  for (const text of texts) {
    await redis.set(keys.dedupeCommand(alice.userId, 'again'), text)
    t.match(await alice.command(command), { status: 409, body: { code: 'CLIENT_CMD_ID_CONFLICT' } }, `a claim that is ${text}`)
    await redis.set(keys.notice(`n-${bob.userId}`), text)
    t.equal((await iris.server('DELETE', `notices/n-${bob.userId}`)).status, 404)
    await redis.xadd(keys.events, '*', text || 'x', 'SECRET')
  }
  await ofAnotherType(keys.dedupeCommand(alice.userId, 'again'))
  t.match(await alice.command(command), { status: 409 }, 'a claim of another type')
  const { status, body } = await iris.server('GET', 'events?after=0-0&limit=1000')
  t.equal(status, 200)
  t.notMatch(JSON.stringify(body), 'SECRET')
  await redis.hset(keys.log(broken), '1', '{')
  t.equal((await alice.revoke({ conversationId: broken, seq: 1 })).status, 404)
  await redis.hset(keys.kick(bob.userId), 't:web', 'SECRET')
  t.equal((await iris.server('POST', `users/${bob.userId}/kick`, { reason: 'x', terminals: ['web'] })).status, 200)
})

t.test('[DOWN-2] what was answered under an Idempotency-Key is not done again because the answer cannot be read', async t => {
  const { bob } = await setUp()
  const place = keys.idempotency(hash('sha256', 'k'))
  const mint = async () => {
    const headers = { authorization: `Bearer ${SERVER_KEY}`, 'content-type': 'application/json', 'idempotency-key': 'k' }
    const response = await fetch(`${iris.url}/v1/server/tokens`, { method: 'POST', headers, body: JSON.stringify({ userId: bob.userId }) })
    return { status: response.status, body: await response.json() as object }
  }
  t.match(await mint(), { status: 200 })
  const [fingerprint] = (await redis.get(place))?.split(' ') ?? []
  for (const text of ['', 'SECRET', `${fingerprint} SECRET`, `${fingerprint} ${Buffer.alloc(60).toString('base64')}`]) {
    await redis.set(place, text)
    t.match(await mint(), { status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } }, text)
  }
  await ofAnotherType(place)
  t.match(await mint(), { status: 422 }, 'of another type')
})

t.test('[DOWN-2] each is named in the log once, without its text, and counted', async t => {
  const said = lines.map(line => JSON.parse(line) as { place?: string, err?: unknown, msg: string })
  t.same(said.filter(({ msg }) => /failed|a bug/.test(msg)), [])
  const named = said.flatMap(({ place }) => place ?? [])
  t.ok(named.length >= 10)
  t.equal(new Set(named).size, named.length)
  t.notOk(lines.some(line => line.includes('SECRET')))
  const metrics = await (await fetch(`${iris.url}/metrics`, { headers: { authorization: `Bearer ${SERVER_KEY}` } })).text()
  t.ok(Number(/^iris_unreadable_items_total (\d+)$/m.exec(metrics)?.[1]) >= named.length)
})
