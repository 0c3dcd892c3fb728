// Stored numbers that are none, though some language takes them for such:
// nothing is built on them, what stands beside them is served. [DOWN-2]
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { keys, partition } from '../src/store/keys.js'
import { setBack } from './helper/aging.js'
import { startIris } from './helper/iris.js'
import { pollOnce } from './helper/poll.js'
import { dm, granted, groupOf, sendUntilStored, two, until, type User } from './helper/user.js'

const lines: string[] = []
const iris = await startIris(t, { logs: { write: line => lines.push(line) } })
const { redis, server, url } = iris
const named = () => lines.flatMap(line => (JSON.parse(line) as { place?: string }).place ?? [])

/** Not whole, not in decimal digits, below 0, or not below 2^53. */
const texts = ['nan', 'inf', '-inf', '1e30', '2.5', '-5', '0x10', '007', '', '9007199254740993', '9223372036854775807', '9'.repeat(400)]
const scores = ['inf', '-inf', '1e19', '9e18', '2.5', '-5']

const poll = (user: User, cursor?: string) =>
  pollOnce(`${url}/v1/down/poll?timeoutMs=0&terminalId=p`, { headers: { authorization: `Bearer ${user.token}` }, cursor })

/** What a conversation has given so far. */
const givenIn = async (id: string) => await Promise.all([redis.hgetall(keys.conversation(id)), redis.hgetall(keys.log(id))])

for (const field of ['headSeq', 'lastTs', 'epoch']) {
  t.test(`[MSG-1] [DOWN-2] without a ${field} that is a number no message is numbered`, async t => {
    const [alice, bob] = await two(() => iris.user(t))
    const id = dm(alice, bob)
    await alice.send(bob, 'one')
    const { body: { cursor } } = granted(await poll(bob))
    const sound = await redis.hget(keys.conversation(id), field) ?? ''
    for (const text of [
      ...texts, ...(field === 'headSeq' ? ['9007199254740991'] : []), ...(field === 'lastTs' ? ['9000000000000000'] : [])
    ]) {
      await redis.hset(keys.conversation(id), field, text)
      const before = await givenIn(id)
      t.match(await alice.send(bob, 'two', { clientMsgId: 'two' }), { status: 503, body: { code: 'STORE_UNAVAILABLE' } }, text)
      t.same(await givenIn(id), before, `${text}: nothing was written`)
      for (const ask of [bob.conversations(), bob.getReadMsg({ conversationId: id, deliver: 'inline' }), poll(bob)]) {
        t.match(await ask, { status: 200 })
      }
    }
    t.equal(named().filter(place => place === `CONVERSATION:${id} ${field}`).length, 1, 'it is named once')
    await redis.hset(keys.conversation(id), field, sound)
    t.match(await alice.send(bob, 'two', { clientMsgId: 'two' }), { status: 200, body: { seq: 2, duplicate: false } })
    t.match((await poll(bob, cursor)).body.events.map(({ data }) => data['seq']), [2])
  })
}

t.test('[LOG-1] [READ-1] where a conversation is as old as its numbers are broken, READ is answered, and soon', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const id = dm(alice, bob)
  for (const [field, text] of [['headSeq', 'nan'], ['lastTs', String(2 ** 42)], ['lastTs', 'nan'], ['firstTs', 'nan']] as const) {
    await alice.send(bob, 'hi')
    await setBack(redis, id, { upTo: 2 ** 20 })
    const sound = await redis.hget(keys.conversation(id), field) ?? ''
    await redis.hset(keys.conversation(id), field, text)
    await redis.config('RESETSTAT')
    t.equal((await bob.read({ conversationId: id, upToSeq: 1 })).status, 200, `${field} ${text}`)
    const calls = Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1])
    t.ok(calls < 20, `${field} ${text}: ${calls} scripts`)
    await redis.hset(keys.conversation(id), field, sound)
  }
})

t.test('[DOWN-2] the counters of a partition and of who opens conversations begin anew', async t => {
  const alice = await iris.user(t)
  for (const text of texts) {
    const fresh = await iris.user(t)
    await redis.mset(...Array.from({ length: 128 }, (_, p) => [keys.epoch(p), text]).flat())
    await redis.set(keys.opened(alice.userId), text)
    t.match(await alice.send(fresh, 'hi'), { status: 200, body: { seq: 1, epoch: /^\d{16}$/ } }, text)
    t.ok(await redis.pttl(keys.opened(alice.userId)) > 0, 'and end')
    t.match(await poll(fresh), { status: 200, body: { cursor: /^\d{16}-1$/ } })
    t.match(await redis.get(keys.epoch(partition(fresh.userId))), /^\d{14}$/)
  }
})

/** Each number of a text, as the scripts keep it among words. */
const spoilt = (stored: string, text: string) => stored.replace(/(?<=^| )\d+(?=$| )/g, text)

/** A spoilt number as a value of an answer, or in its cursor; an id made at random may hold any letters. */
const isSpoilt = /(?<=[:[,]"?)-?(?:nan|inf)(?:-\d+)?(?=[",}\]])|\de\+\d|null\b.*unread/i

/** All numbers of a user that a message can do without. */
async function spoil (user: User, text: string, score: string): Promise<void> {
  for (const key of await redis.keys(`*:${user.userId}*`)) {
    const type = /CONVERSATION:|:LOG:/.test(key) ? 'needed' : await redis.type(key)
    if (type === 'string') await redis.set(key, spoilt(await redis.get(key) ?? '', text), 'KEEPTTL')
    if (type === 'zset') for (const member of await redis.zrange(key, '0', '-1')) await redis.zadd(key, score, member)
    if (type === 'hash' && !/_BOX:[^:]*$/.test(key)) {
      for (const [field, stored] of Object.entries(await redis.hgetall(key))) await redis.hset(key, field, spoilt(stored, text))
    }
    if (/CHAT_MSG_BOX:[^:]*$/.test(key)) for (const field of await redis.hkeys(key)) await redis.hset(key, field, text)
  }
  await redis.zadd(keys.leases(partition(user.userId)), score, `${user.userId}/p`)
}

t.test('[DOWN-2] [BOX-1] counts, markers, scores, logins, kicks, ' +
  'leases and tickets of a user that are no numbers shut nobody out', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const group = await groupOf(iris, alice, bob)
  const order = (id: string) => alice.command({
    clientCmdId: id, name: 'order', to: { users: [bob.userId] }, mode: 'reliable', complete: 'all', collapseKey: id, notifyComplete: true
  })
  const notice = (id: string, needComplete = true) =>
    server('POST', 'notices', { noticeId: id, users: [bob.userId], content: {}, needComplete })
  const acts: Record<string, (id: string) => Promise<{ status: number, body: object }>> = {
    'a message': () => alice.send(bob, 'hi'),
    'his message': () => bob.send(group, 'hi'),
    READ: () => bob.read({ conversationId: dm(alice, bob), upToSeq: 1 }),
    'READ of one': () => bob.read({ conversationId: dm(alice, bob), seqs: [2] }),
    list: () => bob.conversations(),
    'a command': order,
    'a notice': notice,
    'one to be shown once': id => notice(`once-${id}`, false),
    CMD_COMPLETE: id => bob.cmdComplete({ ids: [id] }),
    NOTICE_COMPLETE: () => bob.noticeComplete({ ids: [`before-${bob.userId}`] }),
    HEARTBEAT: () => bob.post('/v1/up/heartbeat', { state: 'background' }),
    TOKEN: () => bob.post('/v1/up/token', { token: bob.token }),
    'a ticket': () => bob.post('/v1/down/tickets', {}),
    'a poll': () => poll(bob),
    'another poll': () => poll(bob, 'malformed'),
    terminals: () => server('GET', `users/${bob.userId}/terminals`),
    'a kick': id => server('POST', `users/${bob.userId}/kick`, { reason: 'x', terminals: [id] })
  }
  for (const [i, text] of texts.entries()) {
    await Promise.all([
      alice.send(bob, 'hi'), order(randomUUID()), notice(`before-${bob.userId}`), notice(randomUUID(), false), acts['a kick']?.('gone'),
      acts['a ticket']?.(''), poll(bob)
    ])
    await spoil(bob, text, scores[i % scores.length] ?? '')
    const id = randomUUID()
    for (const [act, ask] of Object.entries(acts)) {
      const { status, body } = await ask(id)
      t.equal(status, 200, `${act} after ${text}: ${JSON.stringify(body).slice(0, 300)}`)
      t.notMatch(JSON.stringify(body), isSpoilt, act)
    }
    const { body } = await poll(bob)
    t.ok(body.events.some(({ data }) => data['noticeId'] === id), 'what was put in meanwhile is served')
    await server('DELETE', `users/${bob.userId}/kick`)
  }
  t.ok((await redis.keys(`*_BOX:${bob.userId}*`)).length > 0)
  for (const key of await redis.keys(`*D_BOX:${bob.userId}*`)) {
    t.ok(await redis.pttl(key) > 86_000_000, `${key} ends a day after its last item`)
  }
})

t.test('[DOWN-2] a ticket, a repeated id and a revocation that are no numbers', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await alice.send(bob, 'hi', { clientMsgId: 'same' })
  const [memos = '', more] = await redis.keys(`${keys.memos(dm(alice, bob))}:*`)
  t.equal(more, undefined)
  const kept = await redis.hgetall(memos)
  const [field = ''] = Object.keys(kept).filter(name => name !== '.')
  const numbers = [...(kept[field] ?? '').matchAll(/(?<= )\d+(?= )/g)].map(({ 0: { length }, index }) => ({ index, end: index + length }))
  t.equal(numbers.length, 2, 'its seq and its time')
  const { body: { ticket } } = granted(await bob.post('/v1/down/tickets', {}))
  const [place = ''] = await redis.keys(`iris:{${partition(bob.userId)}}:TICKET:*`)
  for (const text of texts.filter(text => text !== '')) {
    const spoilt = [
      ['.', text], ...numbers.map(({ index, end }) => [field, kept[field]?.slice(0, index) + text + kept[field]?.slice(end)])
    ] as const
    for (const [name = '', stored = ''] of spoilt) {
      await redis.hset(memos, name, stored)
      t.match(await alice.send(bob, 'hi', { clientMsgId: 'same' }), { status: 409, body: { code: 'CLIENT_MSG_ID_CONFLICT' } }, stored)
      await redis.hset(memos, kept)
    }
    t.match(await alice.send(bob, 'hi', { clientMsgId: 'same' }), { status: 200, body: { duplicate: true } })
    await redis.hset(place, 'exp', text)
    t.match(await pollOnce(`${url}/v1/down/poll?timeoutMs=0&ticket=${String(ticket)}`), { status: 401 }, text)
  }
})

/** Waits until the node has looked whether the life goes on: twice, so that one look has begun meanwhile. */
async function looked (): Promise<void> {
  for (let i = 0; i < 2; i++) {
    const before = JSON.stringify(await redis.hgetall(keys.nodes))
    await until(async () => JSON.stringify(await redis.hgetall(keys.nodes)) !== before || undefined)
  }
}

t.test('[STORE-1] a mark that no step can have given out is not seen, wherever it is read: one other life at most', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const stream = await bob.listen()
  const { body: { seq } } = granted(await alice.send(bob, 'hi'))
  await stream.next(({ data }) => data['seq'] === seq)
  const life = await redis.get(keys.life)

  const spoilt = '99999999999999999'
  const channels = await redis.call('PUBSUB', 'SHARDCHANNELS', `iris:{${partition(bob.userId)}}:NODE:*`) as string[]
  t.equal(await redis.spublish(channels[0] ?? '', JSON.stringify([spoilt, [[['k', 'event', 'b', '{}'], '{}', bob.userId, '1-1']]])),
    1, 'another node says it')
  await looked()
  t.match(await alice.send(bob, 'hi'), { status: 200 })
  t.equal(await redis.get(keys.life), life)

  await redis.set(keys.mark, spoilt)
  // the stream is read anew
  await redis.spublish(channels[0] ?? '', JSON.stringify(['1', [[['k', 'event', 'b', '{}'], '{}', bob.userId, '1-1']]]))
  for (const read of [bob.conversations(), bob.getReadMsg({ conversationId: dm(alice, bob), deliver: 'inline' })]) {
    t.equal((await read).status, 200)
  }
  await sendUntilStored(alice, bob, 'hi')
  const another = await redis.get(keys.life)
  await looked()
  t.match(await alice.send(bob, 'hi'), { status: 200 })
  t.equal(await redis.get(keys.life), another)
})

t.test('[DOWN-2] nothing failed, and each place was named once', async t => {
  t.same(lines.filter(line => /failed|a bug|could not|EVALSHA|ERR /.test(line)), [])
  t.equal(new Set(named()).size, named().length)
})
