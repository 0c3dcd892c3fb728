// A Redis that answers, and does not do all that Iris needs: what was permitted is not any more, or too few replicas follow it.
import t from 'tap'
import { events } from '../helper/events.js'
import { startIris } from '../helper/iris.js'
import { keys, partition, PARTITIONS } from '../../src/store/keys.js'
import { listening } from '../helper/life.js'
import { upTo } from '../helper/sse.js'
import { createUser, until } from '../helper/user.js'

const lines: { level: number, msg: string }[] = []
const a = await startIris(t, { env: { IRIS_NODE_ID: 'a' }, logs: { write: line => lines.push(JSON.parse(line) as typeof lines[0]) } })
const b = await startIris(t, { env: { IRIS_NODE_ID: 'b' }, redisPath: a.redisPath })
const [alice, bob] = [await a.user(t), await b.user(t)]
await listening(createUser(t, { ...bob, url: b.url }))
await a.redis.acl('SETUSER', 'default', 'allchannels')

const readyz = async () => await (await fetch(`${a.url}/readyz`)).json() as { detail?: string }
const heard = { why: /^other nodes are not heard$/, line: /^Other nodes are not heard/ }
const noWrites = {
  why: /^Redis refuses Iris: ERR The user executing the script can't run this command or subcommand \(IRIS_REDIS_URL\)$/,
  line: /^Redis refuses Iris: .*: what users ask, and what writes, answers 503, who attaches gets BYE 4202$/
}
const noReplicas = {
  why: /^Redis refuses to write: NOREPLICAS, too few follow it/,
  line: /^Redis refuses to write: .*: what users ask, and what writes, answers 503, who attaches gets BYE 4202$/
}
const acl = (...rules: string[]) => async () => await a.redis.acl('SETUSER', 'default', ...rules)
const replicas = (n: number) => async () => await a.redis.config('SET', 'min-replicas-to-write', n)

const cases = [
  ['writing is forbidden', acl('-@write'), acl('+@all'), noWrites],
  ['speaking to nodes is forbidden', acl('-@pubsub'), acl('+@all'), heard],
  ['too few replicas', replicas(1), replicas(0), noReplicas]
] as const

for (const [what, begin, end, { why, line }] of cases) {
  t.test(`${what}: 503, said once in the log, and by the probe without the inside of a script`, async t => {
    lines.length = 0
    await begin()
    t.match(await alice.send(bob, 'x'), { status: 503, body: { code: 'STORE_UNAVAILABLE', retryable: true } })
    await until(async () => why.test((await readyz()).detail ?? '') || undefined)
    await until(async () => lines.some(({ msg }) => line.test(msg)) || undefined)
    for (let i = 0; i < 3; i++) t.equal((await alice.send(bob, 'x')).status, 503)
    t.same(lines.filter(({ level, msg }) => level >= 50 && !line.test(msg)), [], 'nothing else')
    t.equal(lines.filter(({ msg }) => line.test(msg)).length, 1)
    await end()
    await until(async () => (await readyz()).detail === undefined || undefined)
    t.equal((await alice.send(bob, 'y')).status, 200)
  })
}

t.test('[ACK] what is refused half-way has an unknown outcome, what is refused before anything was written has none', async t => {
  const ids = ['n-1', 'n-2', 'n-3', 'n-4'].filter(id => !keys.notice(id).startsWith(`iris:{${partition(bob.userId)}}`))
  const carol = { userId: ['c-1', 'c-2'].find(userId => partition(userId) !== partition(bob.userId)) ?? '' }
  const others = Array.from({ length: PARTITIONS }, (_, p) => p).filter(p => p !== partition(bob.userId))
  const notice = async (noticeId = '', ...users: { userId: string }[]) =>
    await a.server('POST', 'notices', { noticeId, users: users.map(({ userId }) => userId), content: { text: 'x' } })
  await acl('resetkeys', '~iris:events*', ...others.map(p => `~iris:{${p}}:*`))()
  t.match(await notice(ids[0], bob), { status: 503, body: { detail: 'The store cannot be worked with: it refused, and nothing was done' } })
  t.match(await notice(ids[1], carol, bob), { status: 503, body: { detail: 'The store cannot be worked with: the outcome is unknown' } })
  await acl('allkeys')()
  t.match(await notice(ids[1], carol, bob), { status: 200, body: { stored: 2 } }, 'a retry is safe')
})

t.test('[EVENT-1] [MSG-2] a send that fails behind the log has its event, and its retry writes no second one', async t => {
  const own = await startIris(t, { env: { IRIS_EVENTS: 'all' } })
  const [from, to] = [await own.user(t), await own.user(t)]
  const group = upTo(PARTITIONS).map(i => `g.half-${i}`)
    .find(id => ![from, to].some(({ userId }) => partition(userId) === partition(id))) ?? ''
  await own.server('PUT', `conversations/${group}`, { members: [from, to].map(({ userId }) => ({ userId })) })
  await from.send(group, 'before')
  const { next } = await events(own)
  const p = partition(group)
  const others = Array.from({ length: PARTITIONS }, (_, i) => i).filter(i => i !== p).map(i => `~iris:{${i}}:*`)
  // all but who wrote what, which comes behind the log and the memory of client ids
  const most = ['CONVERSATION', 'DEDUPE', `LOG:${group}`].map(name => `~iris:{${p}}:${name}${name.startsWith('LOG') ? '' : '*'}`)
  await own.redis.acl('SETUSER', 'default', 'resetkeys', '~iris:events*', ...others, ...most)
  const send = async () => await from.send(group, 'half', { clientMsgId: 'half' })
  t.equal((await send()).status, 503)
  await own.redis.acl('SETUSER', 'default', 'allkeys')
  t.match(await until(async () => {
    const answer = await send()
    return answer.status === 200 ? answer : undefined
  }), { body: { seq: 2, duplicate: true } })
  t.match((await events(own, `?after=${next}`)).items, [{ type: 'message.sent', conversationId: group, seq: 2 }])
})
