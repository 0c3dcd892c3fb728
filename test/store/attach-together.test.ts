// What attaches in one turn of the event loop goes to Redis in one call, and each is decided by itself.
// docs/protocol.md section 4, "Attach".
import t from 'tap'
import { defaultLimits } from '../../src/protocol/limits.js'
import { eventKinds } from '../../src/protocol/server-events.js'
import { createAdmission } from '../../src/store/access/admission.js'
import { createKicks } from '../../src/store/access/kicks.js'
import { createSends } from '../../src/store/conversation/sends.js'
import { keys, partition, PARTITIONS, unreadField } from '../../src/store/keys.js'
import { createLife } from '../../src/store/life/life.js'
import { holdBack } from '../../src/store/redis/disk.js'
import { createBoxes } from '../../src/store/user/boxes.js'
import { createLeases } from '../../src/store/user/leases.js'
import { feedOf } from '../../src/store/feed.js'
import { createMailbox } from '../../src/store/user/mailbox.js'
import { startRedis } from '../helper/redis.js'
import { watchScripts } from '../helper/script-calls.js'
import { upTo } from '../helper/sse.js'
import { leaveUnread } from '../helper/unread.js'

const { redis } = await startRedis(t)
const life = createLife(redis, { known: () => 0 })
await life.begin()
const store = {
  redis,
  node: 'a',
  limits: { ...defaultLimits, terminals: 2 },
  life,
  now: Date.now,
  feed: feedOf(eventKinds, defaultLimits),
  fresh: async <T>(read: () => Promise<T>) => await read()
}
const { order } = createLeases(store)
const multi = createMailbox(store, 'multi', order)
const single = createMailbox(store, 'single', order)
const boxes = createBoxes(store)
const sends = createSends(store, createAdmission(store))
const { during } = await watchScripts(t, redis)

const issuedAt = Date.now()
const comes = (userId: string, more: object = {}) => ({
  userId, terminalId: 't', platform: 'web', traceId: 'trace', issuedAt, expiresAt: issuedAt + 3_600_000, ...more
})
const calls = async (name: string) => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(await redis.info('commandstats'))?.[1] ?? 0)
const told = async (userId: string) => (await redis.xrange('iris:events', '-', '+'))
  .map(([, [type = '', facts = '']]) => ({ type, ...JSON.parse(facts) as { userId: string, n: number } }))
  .filter(event => event.userId === userId)
  .map(({ type, n }) => `${type} ${n}`)

t.test('[ATTACH-3] those of one turn share a call, at most 64 of them; each has a stream of its own', async t => {
  await multi.attach(comes('first')) // now Redis knows the script
  const before = await calls('evalsha')
  const found = await Promise.all(upTo(100).map(async i => await multi.attach(comes(`crowd-${i}`))))
  t.equal(await calls('evalsha') - before, 2)
  t.ok(found.every(attached =>
    attached?.verdict === 'fresh' && attached.top.seq === 0 && !attached.pending && attached.mailbox?.unread.length === 0))
  t.equal(new Set(found.map(attached => attached?.top.epoch)).size, 100)
})

t.test('[LIFE-1] [ATTACH-2] of who was never here nothing is asked; who comes twice in a turn is known the second time', async t => {
  const [first, second, other] = await Promise.all([comes('twice'), comes('twice'), comes('twice', { terminalId: 'u' })].map(multi.attach))
  t.same(second?.top, first?.top)
  t.same(other?.top, first?.top)
  t.same(await told('twice'), ['user.online 1', 'terminal.connected 2', 'terminal.connected 3'])
  t.same(await redis.hkeys(keys.routes('twice')), ['a/t', 'a/u'])
  const cursor = `${first?.top.epoch}-0`
  const [resumed, beyond, malformed] = await Promise.all([cursor, `${first?.top.epoch}-1`, 'x']
    .map(async cursor => await multi.attach(comes('twice', { cursor }))))
  t.same([resumed?.verdict, beyond?.verdict, malformed?.verdict], ['resumed', 'future', 'malformed'])
  t.equal((await told('twice')).length, 3, 'who was there has not come')
})

t.test('[ATTACH-3] a fresh attach costs Redis a write for each thing that ' +
  'is kept and for its end, a word to who watches, and no more than two questions', async t => {
  await multi.attach(comes('warm'))
  await redis.config('RESETSTAT')
  await multi.attach(comes('cheap'))
  const stats = [...(await redis.info('commandstats')).matchAll(/cmdstat_(\w+):calls=(\d+)/g)]
    .map(([, name, count]) => [name, Number(count)] as const)
  const own = stats.filter(([name = '']) => !['evalsha', 'config', 'info', 'time', 'mget'].includes(name))
  t.ok(own.reduce((sum, [, count]) => sum + count, 0) <= 12, JSON.stringify(own))
})

t.test('[ATTACH-3] who attaches and gets nothing is kept in two packed hashes, of 700 bytes at most', async t => {
  const terminalId = '6f1c4f0e-3c1b-4d0e-9f59-0d3ac5a7b1e2'
  await multi.attach(comes('idle', { terminalId, traceId: '4bf92f3577b34da6a3ce929d0e0e4736', platform: 'desktop', lease: 'socket' }))
  const kept = await redis.keys('*:idle*')
  t.same(kept.sort(), [keys.terminals('idle'), keys.routes('idle')])
  t.same(await Promise.all(kept.map(key => redis.object('ENCODING', key))), ['listpack', 'listpack'])
  const bytes = await Promise.all(kept.map(key => redis.memory('USAGE', key)))
  t.ok(bytes.reduce((sum, each) => Number(sum) + Number(each), 0) as number <= 700, bytes.join(' + '))
})

t.test('[ATTACH-1] [ATTACH-3] a stream is born with its first entry, under the epoch that who was there before was told', async t => {
  const first = await multi.attach(comes('quiet'))
  const top = { epoch: first?.top.epoch, seq: 0 }
  t.equal(await redis.exists(keys.down('quiet')), 0)
  const quiet = { terminalId: 't', platform: 'web', printed: '', brought: '', transport: 'sse' }
  const end = async () =>
    [(await multi.touch('quiet', [quiet])).top, (await multi.glance(['quiet']))[0]?.top]
  t.same(await end(), [top, top], 'a node that compares finds its end')
  const cursor = `${top.epoch}-0`
  t.equal((await multi.attach(comes('quiet', { cursor })))?.verdict, 'resumed')
  await boxes.put('CMD_BOX', 'quiet', { id: 'k', from: '*server', draft: '{}', meta: {}, ttlMs: 60_000, everyTerminal: false })
  t.same(await end(), [{ ...top, seq: 1 }, { ...top, seq: 1 }])
  t.match(await multi.attach(comes('quiet', { cursor })), { verdict: 'resumed', top: { ...top, seq: 1 } })
  await redis.del(keys.down('quiet'))
  t.same(await end(), [undefined, undefined], 'one that was there, and is gone, has lost something')
  const again = await multi.attach(comes('quiet', { cursor }))
  t.equal(again?.verdict, 'epoch')
  t.not(again?.top.epoch, top.epoch)
})

t.test('[LIFE-1] [COST-1] [DOWN-2] what is kept of a user, and is no number, counts as absent', async t => {
  for (const text of ['nan', '1e30', '-5', '0x10', '', '9007199254740993']) {
    await redis.hset(keys.terminals(`odd-${text}`), { '/n': text, '/attach': text, '/new': text, '/epoch': text })
    t.match(await multi.attach(comes(`odd-${text}`)), { verdict: 'fresh', top: { epoch: /^\d{16}$/, seq: 0 } }, text)
    t.same(await told(`odd-${text}`), ['user.online 1', 'terminal.connected 2'])
    t.ok(Object.values(await redis.hmget(keys.terminals(`odd-${text}`), '/n', '/attach', '/new', '/epoch'))
      .every(kept => /^[1-9]\d*$/.test(String(kept))))
  }
})

t.test('[COST-1] who is refused and was never here is forgotten when he owes nothing any more', async t => {
  const slow = createMailbox({ ...store, limits: { ...store.limits, attachRate: 0.1 } }, 'multi', order)
  await createKicks(store).bury('barred', { reason: 'x' }, 'x')
  for (const n of upTo(3)) {
    await t.rejects(slow.attach(comes('barred')), { code: 'KICKED' })
    const ms = await redis.pttl(keys.terminals('barred'))
    t.ok(ms > (n - 1) * 10_000 && ms <= n * 10_000, `${ms} ms after ${n}`)
  }
})

t.test('[ATTACH-3] one that fails is the trouble of its own alone', async t => {
  const users = upTo(20).map(i => `part-${i}`)
  const [barred = ''] = users
  const others = upTo(PARTITIONS).map(p => p - 1).filter(p => p !== partition(barred))
  const attach = async () => await Promise.allSettled(users.map(async userId => await multi.attach(comes(userId))))
  await redis.acl('SETUSER', 'default', 'resetkeys', '~iris:events*', ...others.map(p => `~iris:{${p}}:*`))
  const found = await attach()
  await redis.acl('SETUSER', 'default', '~*')
  found.forEach((each, i) => {
    const isBarred = partition(users[i] ?? '') === partition(barred)
    t.equal(each.status, isBarred ? 'rejected' : 'fulfilled', `part-${i}`)
    if (each.status === 'rejected') {
      t.match(each.reason, { message: /^ERR The user executing the script can't access/ }, 'in the words of Redis')
    }
  })
  t.equal(await redis.exists(keys.terminals(barred)), 0, 'nothing was written')
  t.ok((await attach()).every(({ status }) => status === 'fulfilled'), 'a retry is safe')
})

t.test('[STORE-2] on a full disk who has attached before comes in beside one who has not', async t => {
  holdBack(redis, () => 'writing')
  const [known, unknown, again] = await Promise.allSettled([comes('first'), comes('never'), comes('first')].map(multi.attach))
  holdBack(redis, () => undefined)
  t.same([known?.status, again?.status], ['fulfilled', 'fulfilled'])
  t.match(unknown, { status: 'rejected', reason: { code: 'STORE_FULL' } })
})

t.test('[KICK-2] [KICK-1] a verdict of one is not that of the next', async t => {
  const [first, second] = await Promise.all([comes('one'), comes('one', { terminalId: 'u', issuedAt: issuedAt + 1 })].map(single.attach))
  t.same([first?.replaced, second?.replaced], [[], ['t']], 'the second of a turn finds the first')
  const [refused, letIn, full] = await Promise.allSettled([comes('one'), comes('two'), comes('twice', { terminalId: 'v' })]
    .map(single.attach))
  t.match(refused, { status: 'rejected', reason: { code: 'KICKED', facts: { detail: 'replaced' } } })
  t.match(letIn, { status: 'fulfilled', value: { verdict: 'fresh' } })
  t.match(full, { status: 'fulfilled' })
  t.equal(await multi.attach(comes('twice', { terminalId: 'w' })), undefined, 'two terminals are the limit, and both are connected')
})

const say = async (conversationId: string, text: string) => await sends.append({
  conversationId,
  terminalId: '',
  fingerprint: text,
  nonce: 'abc',
  quoteSeq: 0,
  silent: false,
  draft: { from: 'system', clientMsgId: text, type: 'text', traceId: 't', rest: `{"text":"${text}"}` }
})

const unreadOf = async (userIds: string[]) => await Promise.all(userIds.map(async userId => {
  const attached = await multi.attach(comes(userId))
  return (await attached?.look())?.unread.length
}))

t.test('[COST-1] a call looks at little more than one long mailbox: nobody waits for who has so much to read', async t => {
  const pipeline = redis.pipeline()
  for (const user of ['long-1', 'long-2']) {
    for (const i of upTo(500)) leaveUnread(pipeline, { userId: user, group: `g.${user}-${i}`, ts: i })
  }
  await pipeline.exec()
  const attaches = await during(async () => t.same(await unreadOf(['long-1', 'long-2', 'short']), [500, 500, 0]))
  t.ok(Math.max(...attaches) <= 600, attaches.join())
  t.ok(attaches.length >= 10)
})

t.test('[COST-1] [ATTACH-5] of a crowd with many unread conversations each, a call does not even list those of all', async t => {
  const users = upTo(20).map(i => `crowded-${i}`)
  const pipeline = redis.pipeline()
  for (const user of users) for (const i of upTo(60)) leaveUnread(pipeline, { userId: user, group: `g.${user}-${i}`, ts: i })
  await pipeline.exec()
  const before = await calls('hscan')
  const found = await Promise.all(users.map(async userId => await multi.attach(comes(userId))))
  t.ok(await calls('hscan') - before <= 5)
  const last = users.at(-1) as string
  await redis.hset(keys.conversation(`g.${last}-1`), { epoch: 1, lastTs: issuedAt, createdAt: issuedAt })
  await say(`g.${last}-1`, 'later')
  const mailboxes = await Promise.all(found.map(async attached => await attached?.look()))
  t.same(mailboxes.map(mailbox => [mailbox?.unread.length, mailbox?.more]), users.map(() => [60, false]))
})

t.test('[COST-1] a call looks at little more messages than for one, whoever comes behind somebody with thousands of his own', async t => {
  const users = ['wrote-1', 'wrote-2']
  for (const user of users) {
    const group = `g.${user}`
    await redis.hset(keys.conversation(group), 'kind', 'group', 'headSeq', 10_000)
    await redis.hset(keys.members(group), user, `member 1 ${partition(user)}w5`)
    await redis.hset(keys.unread(user), unreadField(group), 1)
    const own = Buffer.from('00000005' + '0000000001', 'hex')
    for (const block of upTo(10)) await redis.set(keys.logIndex(group, block - 1), Buffer.alloc(1_024 * own.length, own))
  }
  const before = await calls('evalsha')
  t.same(await unreadOf([...users, 'brief']), [0, 0, 0])
  t.equal(await calls('evalsha') - before, 2)
})

t.test('[ATTACH-3] [ATTACH-5] what comes while a long mailbox is looked through comes by the stream, and only there', async t => {
  const user = 'midway'
  const pipeline = redis.pipeline()
  const groups = upTo(200).map(i => `g.${user}-${i}`)
  for (const group of groups) {
    leaveUnread(pipeline, { userId: user, group })
    pipeline.hset(keys.conversation(group), { epoch: 1, lastTs: issuedAt, createdAt: issuedAt })
  }
  await pipeline.exec()
  const attached = await multi.attach(comes(user))
  t.equal(attached?.mailbox, undefined, 'it is long')
  for (const group of groups) await say(group, `after-${group}`)
  const found = await attached?.look()
  t.same(found?.unread.map(({ conversationId, seq }) => `${conversationId} ${seq}`).sort(), groups.map(group => `${group} 1`).sort())
  t.equal(found?.more, false)
  const came = await multi.read(user, attached?.top ?? { epoch: '', seq: 0 }, 1_000)
  t.same(came.map(({ reference }) => reference).map(each => each.kind === 'msg' && `${each.conversationId} ${each.seq}`),
    groups.map(group => `${group} 2`))
})

t.test('[ATTACH-5] where more comes meanwhile than a step can tell apart, what was not looked at yet stands behind `more`', async t => {
  const user = 'flooded'
  const pipeline = redis.pipeline()
  for (const i of upTo(60)) leaveUnread(pipeline, { userId: user, group: `g.${user}-${i}`, ts: i })
  await pipeline.exec()
  const attached = await multi.attach(comes(user))
  await redis.hset(keys.conversation(`g.${user}-1`), { epoch: 1, lastTs: issuedAt, createdAt: issuedAt })
  await Promise.all(upTo(201).map(async i => await say(`g.${user}-1`, `flood-${i}`)))
  const found = await attached?.look()
  t.ok(found?.more)
  t.ok(found && found.unread.length > 0 && found.unread.length < 60)
  t.ok(found?.unread.every(({ seq }) => seq === 1), 'what came comes by the stream')
})
