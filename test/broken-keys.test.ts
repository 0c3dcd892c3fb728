// Each key of a user, of his conversations and of his partition, broken:
// nothing is 500, nothing raw is printed, others are served. [DOWN-2]
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { keys, partition } from '../src/store/keys.js'
import { SERVER_KEY, startIris } from './helper/iris.js'
import { pollOnce } from './helper/poll.js'
import { openSse } from './helper/sse.js'
import { openWs } from './helper/ws.js'
import { dm, granted, groupOf, three, until } from './helper/user.js'

const lines: string[] = []
const iris = await startIris(t, { env: { IRIS_LIMIT_GRACE_SEC: '1' }, logs: { write: line => lines.push(line) } })
const { redis, server, url } = iris
const [alice, bob, carol] = await three(() => iris.user(t))
const group = await groupOf(iris, alice, bob, carol)
const direct = dm(alice, bob)
const bearer = { authorization: `Bearer ${bob.token}` }
const reader = await carol.listen({ terminalId: 'reader' })
await reader.next('IRIS.READY')
await prepare()

/** Whatever can be pending for bob is. */
async function prepare (): Promise<void> {
  await bob.listen({ terminalId: 'open' })
  await Promise.all([
    alice.send(bob, 'one'), bob.send(alice, 'two'), bob.send(group, 'three'),
    ...(['any', 'all'] as const).map(complete => alice.command({
      clientCmdId: complete,
      name: 'order',
      to: { users: [bob.userId] },
      mode: 'reliable',
      complete,
      collapseKey: complete,
      notifyComplete: true
    })),
    ...[true, false].map(needComplete =>
      server('POST', 'notices', { noticeId: `${bob.userId}-${needComplete}`, users: [bob.userId], content: {}, needComplete })),
    server('POST', `users/${bob.userId}/kick`, { reason: 'x', terminals: ['gone'] })
  ])
  await bob.rest({ items: [{ conversationId: group }] })
  await server('POST', `conversations/${group}/members`, { add: [{ userId: 'dave' }] })
  await server('POST', `conversations/${group}/members`, { remove: ['dave'] })
}

type Answer = Promise<{ status: number, body: unknown }>

async function door (open: Promise<{ next (name: string): Promise<unknown>, events: unknown[], cut (): Promise<void> }>): Answer {
  const stream = await open
  const isReady = await stream.next('IRIS.READY').then(() => true, () => false)
  await stream.cut()
  return { status: isReady ? 200 : 503, body: stream.events }
}

/** What bob, those who write to him, and the back end may do. */
const acts: Record<string, (id: string) => Answer> = {
  'a message to him': id => alice.send(bob, id),
  'his message': id => bob.send(alice, id),
  'his message to the group': id => bob.send(group, id),
  READ: () => bob.read({ conversationId: direct, upToSeq: 1 }),
  'READ of the group': () => bob.read({ conversationId: group, upToSeq: 1_000 }),
  REST: () => bob.rest({ items: [{ conversationId: direct, unreadMark: true }] }),
  REVOKE: () => bob.revoke({ conversationId: group, seq: 1 }),
  history: () => bob.getReadMsg({ conversationId: direct, deliver: 'inline', anchor: 'unread' }),
  list: () => bob.conversations(),
  'a command to him': id => alice.command({
    clientCmdId: id, name: 'order', to: { users: [bob.userId] }, mode: 'reliable', complete: 'all', collapseKey: 'all', notifyComplete: true
  }),
  'his command': id => bob.command({ clientCmdId: id, name: 'typing', to: { conversationId: group } }),
  CMD_COMPLETE: id => bob.cmdComplete({ ids: [id] }),
  HEARTBEAT: () => bob.post('/v1/up/heartbeat', { state: 'background' }),
  TOKEN: () => bob.post('/v1/up/token', { token: bob.token }),
  ticket: async () => {
    const { status, body } = await bob.post('/v1/down/tickets', {})
    return status === 200 ? await pollOnce(`${url}/v1/down/poll?timeoutMs=0&ticket=${String(body['ticket'])}`) : { status, body }
  },
  'a poll': () => pollOnce(`${url}/v1/down/poll?timeoutMs=0&terminalId=poll`, { headers: bearer }),
  'a poll that begins anew': () => pollOnce(`${url}/v1/down/poll?timeoutMs=0&terminalId=anew`, { headers: bearer, cursor: 'malformed' }),
  'a stream': () => door(openSse(`${url}/v1/down/events?terminalId=sse`, { headers: bearer })),
  'a WebSocket': () => door(openWs(`${url}/v1/ws?terminalId=ws`, { headers: bearer })),
  'the group': () => server('GET', `conversations/${group}`),
  'the group again': () =>
    server('PUT', `conversations/${group}`, { title: 'x', members: [alice, bob, carol].map(({ userId }) => ({ userId, role: 'owner' })) }),
  'another member': id => server('POST', `conversations/${group}/members`, { add: [{ userId: id }] }),
  'a notice': id => server('POST', 'notices', { noticeId: id, conversationId: group, content: {} }),
  'the system': id =>
    server('POST', 'messages', { from: 'system', conversationId: group, clientMsgId: id, type: 'text', content: { text: 'x' } }),
  terminals: () => server('GET', `users/${bob.userId}/terminals`),
  presence: () => server('POST', 'presence', { users: [bob.userId, alice.userId] }),
  'a kick': id => server('POST', `users/${bob.userId}/kick`, { reason: 'x', terminals: [`k${id}`] }),
  'a removal': () => server('DELETE', `users/${bob.userId}/terminals/removed`),
  'a token': () => server('POST', 'tokens', { userId: bob.userId }),
  events: () => server('GET', 'events?after=0-0&limit=1000')
}

/** Messages cannot be numbered without these: what would be stored wrongly is 503. */
const needed = [keys.conversation(direct), keys.conversation(group), keys.members(direct), keys.members(group)]

const ways: Record<string, (key: string, type: string) => Promise<unknown>> = {
  'of another type': async (key, type) => {
    const steps = redis.multi().del(key) // the server may write it in between
    await (type === 'set' ? steps.hset(key, 'SECRET', 'SECRET') : steps.sadd(key, 'SECRET')).exec()
  },
  'full of what is nothing': async (key, type) => {
    if (type === 'hash') for (const field of await redis.hkeys(key)) await redis.hset(key, field, 'SECRET')
    if (type === 'zset') await redis.zadd(key, 0, 'SECRET', 1, '/', 2, '')
    if (type === 'set') await redis.sadd(key, 'SECRET', '')
    if (type === 'stream') await redis.xadd(key, '*', 'k', 'SECRET')
    if (type === 'string') await redis.set(key, 'SECRET', 'KEEPTTL')
  }
}

const nameOf = (key: string) =>
  key.replace(/^iris:{\d+}:/, '').replaceAll(bob.userId, 'BOB').replaceAll(alice.userId, 'ALICE').replace(group, 'GROUP')

async function found (): Promise<string[]> {
  const all = await redis.keys('iris:*')
  const own = [bob.userId, direct, group].flatMap(id => all.filter(key => key.includes(id)))
  return [...new Set([...own, keys.leases(partition(bob.userId)), keys.epoch(partition(bob.userId)), keys.reaper, keys.events])]
    .filter(key => all.includes(key))
}

/** What is of another kind is broken at the same time: so much for each run of all that may be done. */
const AT_ONCE = 8

/** Keys that are broken together: one that is needed alone. */
function runsOf (all: string[]): string[][] {
  const others = all.filter(key => !needed.includes(key))
  const count = Math.ceil(others.length / AT_ONCE)
  return [...needed.map(key => [key]), ...Array.from({ length: count }, (_, i) => others.filter((_key, n) => n % count === i))]
}

async function broken (run: string[], spoil: (key: string, type: string) => Promise<unknown>) {
  const kept = await Promise.all(run.map(async key => ({ key, type: await redis.type(key), dump: await redis.dumpBuffer(key) })))
  for (const { key, type } of kept) await spoil(key, type)
  return async () => { for (const { key, dump } of kept) if (dump) await redis.restore(key, 0, dump, 'REPLACE') }
}

const everything = await found()
for (const run of runsOf(everything)) {
  for (const [way, spoil] of Object.entries(ways)) {
    t.test(`[DOWN-2] ${run.map(nameOf).join(', ')} ${way}`, async t => {
      const restore = await broken(run, spoil)
      const id = randomUUID()
      const mine = await carol.send(group, id)
      const seen: string[] = []
      await Promise.all(Object.entries(acts).map(async ([act, ask]) => {
        const { status, body } = await ask(id)
        if (status >= 500 && !(status === 503 && needed.includes(run[0] ?? ''))) seen.push(`${act}: ${status} ${JSON.stringify(body)}`)
        if (JSON.stringify(body).includes('SECRET')) seen.push(`${act} says ${JSON.stringify(body)}`)
      }))
      t.same(seen, [])
      await restore()
      if (mine.status === 200) await reader.next(({ data }) => data['seq'] === mine.body.seq)
      else t.ok(needed.includes(run[0] ?? ''), 'only what is needed stops the others')
    })
  }
}

t.test('[MSG-3] a member that cannot be read is skipped, the others have their message, its receipts and its revocation', async t => {
  const members = keys.members(group)
  const row = await redis.hget(members, bob.userId) ?? ''
  await redis.hset(members, bob.userId, 'SECRET')
  const { status, body: { seq } } = await carol.send(group, 'canary')
  t.equal(status, 200)
  await reader.next(({ data }) => data['seq'] === seq)
  for (const ask of [alice.read({ conversationId: group, upToSeq: seq }), carol.revoke({ conversationId: group, seq })]) {
    t.equal((await ask).status, 200)
  }
  await reader.next('REVOKE')
  t.equal((await bob.send(group, 'x')).status, 404)
  t.equal((await acts['the group again']?.('x'))?.status, 200)
  t.match(await bob.send(group, 'x'), { status: 200 }, 'set anew, he is a member again')
  await redis.hset(members, bob.userId, row)
})

t.test('[MSG-3] a stream whose numbers are used up begins anew, and holds nobody else up', async t => {
  const [alice, bob, carol] = await three(() => iris.user(t))
  const group = await groupOf(iris, alice, bob, carol)
  await alice.send(group, 'one')
  const epoch = (await iris.redis.xrevrange(keys.down(bob.userId), '+', '-', 'COUNT', 1))[0]?.[0].split('-')[0] ?? ''
  await iris.redis.xadd(keys.down(bob.userId), `${epoch}-18446744073709551615`, 'k', 'event', 'b', '{}')
  t.match(await alice.send(group, 'two'), { status: 200, body: { seq: 2 } })
  for (const user of [bob, carol]) {
    const { body: { items } } = granted(await user.conversations())
    t.match(items, [{ conversationId: group, headSeq: 2, unread: 2 }])
    const [[, fields] = ['', []]] = await iris.redis.xrevrange(keys.down(user.userId), '+', '-', 'COUNT', 1)
    t.equal(fields[1]?.split(' ')[1], '2', `${user.userId}: ${fields.join()}`)
  }
})

t.test('[COMPLETE-1] an item is completed although what stands before its body cannot be read', async t => {
  for (const meta of [
    '', '{', 'null', '[]', '{"notify":true}', '{"name":{},"notify":true,"from":[],"fromTag":"x"}', '{"share":[],"collapse":{},"name":true}'
  ]) {
    const order = { clientCmdId: randomUUID(), name: 'order', to: { users: [bob.userId] }, mode: 'reliable' }
    const { body: { cmdId } } = granted(await alice.command(order))
    await redis.hset(keys.box('CMD_BOX', bob.userId), String(cmdId), `1-1 ${meta}\n{}`)
    t.match(await bob.cmdComplete({ ids: [cmdId] }), { status: 200, body: { results: [{ state: 'completed' }] } }, meta)
  }
})

t.test('[LIFE-3] leases that cannot be read, and terminals, keep nobody else from being seen to go', async t => {
  const other = await iris.user(t)
  const stream = await other.listen()
  await stream.next('IRIS.READY')
  const p = partition(other.userId)
  for (const member of ['SECRET', '/', '', 'x/y', 'z/']) await redis.zadd(keys.leases(p), 1, member)
  await redis.set(`iris:{${p}}:TERMINALS:x`, 'SECRET')
  await redis.hset(`iris:{${p}}:TERMINALS:z`, 'y', 'SECRET', '', '')
  await redis.del(keys.reaper, keys.leases((p + 127) % 128))
  await redis.sadd(keys.reaper, 'SECRET')
  await redis.set(keys.leases((p + 127) % 128), 'SECRET')
  await stream.cut()
  await until(async () => JSON.stringify((await server('GET', 'events?after=0-0&limit=1000')).body)
    .includes(`"user.offline","userId":"${other.userId}"`) || undefined)
})

t.test('[DOWN-2] all of it is in the log, each once, without its text, and counted', async t => {
  const said = lines.map(line => JSON.parse(line) as { place?: string, msg: string })
  t.same(said.filter(({ msg }) => /failed|a bug|could not/.test(msg)), [])
  const named = said.flatMap(({ place }) => place ?? [])
  t.equal(new Set(named).size, named.length)
  t.notOk(lines.some(line => line.includes('SECRET')))
  const metrics = await (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${SERVER_KEY}` } })).text()
  t.ok(Number(/^iris_unreadable_items_total (\d+)$/m.exec(metrics)?.[1]) >= named.length)
})
