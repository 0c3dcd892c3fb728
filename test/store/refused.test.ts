// What is refused leaves nothing behind: asked again and again under other ids, no key of Redis grows. docs/protocol.md section 2.
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { listening } from '../helper/life.js'
import { startIris } from '../helper/iris.js'
import { pollOnce } from '../helper/poll.js'
import { openSse, upTo } from '../helper/sse.js'
import { groupOf, two } from '../helper/user.js'
import { openWs } from '../helper/ws.js'

const MAX_TERMINALS = 2
const iris = await startIris(t, {
  env: { IRIS_LIMIT_TERMINALS: String(MAX_TERMINALS), IRIS_LIMIT_ATTACH_RATE: '1', IRIS_LIMIT_ATTACH_BURST: '1000' }
})
const sizes: Record<string, string> = { hash: 'hlen', zset: 'zcard', set: 'scard', stream: 'xlen', list: 'llen' }

/** Come and go by themselves: one number of each user, and who reaps. */
const passing = /:(RATE|REAPER)\b/

/** How many keys, fields and members there are. */
async function sizeOfAll (): Promise<number> {
  let size = 0
  for (const key of (await iris.redis.keys('*')).filter(key => !passing.test(key))) {
    const count = sizes[await iris.redis.type(key)]
    size += count === undefined ? 1 : Number(await iris.redis.call(count, key))
  }
  return size
}

const [alice, stranger] = await two(() => iris.user(t))
const kicked = await iris.user(t)
const theirs = await groupOf(iris, stranger)
for (const i of upTo(MAX_TERMINALS)) await listening(alice, `known-${i}`)
await iris.server('POST', `users/${kicked.userId}/kick`, { reason: 'x', banSec: 60 })

const bearer = ({ token }: { token: string }) => ({ headers: { authorization: `Bearer ${token}` } })
const doors: Record<string, (user: { token: string }, terminalId: string) => Promise<unknown>> = {
  async poll (user, terminalId) {
    return (await pollOnce(`${iris.url}/v1/down/poll?timeoutMs=0&terminalId=${terminalId}`, bearer(user))).status
  },
  async sse (user, terminalId) {
    const stream = await openSse(`${iris.url}/v1/down/events?terminalId=${terminalId}`, bearer(user))
    const bye = stream.status === 200 ? await stream.next('CMD_DOWN') : undefined
    await stream.cut()
    return bye ? bye.data.data?.['code'] : stream.status
  },
  async ws (user, terminalId) {
    const ws = await openWs(`${iris.url}/v1/ws?terminalId=${terminalId}`, bearer(user))
    const { data } = await ws.next('CMD_DOWN')
    await ws.cut()
    return data.data?.['code']
  }
}
const statusOf = async (answer: Promise<{ status: number }>) => (await answer).status

/** What is refused, under other ids each time, and how. */
const cases: [what: string, refusal: unknown, ask: (i: string) => Promise<unknown>][] = [
  ...Object.entries(doors).flatMap(([door, open]): typeof cases => [
    [`${door} of a terminal too many`, { poll: 409, sse: 4303, ws: 4303 }[door], i => open(alice, i)],
    [`${door} of one who is kicked`, { poll: 401, sse: 204, ws: 4301 }[door], i => open(kicked, i)]
  ]),
  ['a message into a group of others', 404, i => statusOf(alice.send(theirs, 'x', { clientMsgId: i, terminalId: i }))],
  ['a message into no group', 404, i => statusOf(alice.send(`g.${i}`, 'x'))],
  ['a reading of no group', 404, i => statusOf(alice.read({ conversationId: `g.${i}`, upToSeq: 1 }, i))],
  ['a mark in no group', 404, i => statusOf(alice.rest({ items: [{ conversationId: `g.${i}`, unreadMark: true }] }, i))],
  ['a revocation in no group', 404, i => statusOf(alice.revoke({ conversationId: `g.${i}`, seq: 1 }, i))],
  ['a page of no group', 404, i => statusOf(alice.getReadMsg({ conversationId: `g.${i}` }, i))],
  ['a command to a stranger', 403, i => statusOf(alice.command({ clientCmdId: i, name: 'x', to: { users: [i] } }, i))],
  ['a command of the gateway\'s name', 403, i => statusOf(alice.command({ clientCmdId: i, name: 'MSG_UP', to: { self: true } }, i))],
  ['a completion of what is not there', 200, i => statusOf(alice.cmdComplete({ ids: [i] }, i))],
  ['a heartbeat of no terminal', 200, i => statusOf(alice.post('/v1/up/heartbeat', {}, { 'terminal-id': i }))],
  ['a ticket that is none', 401, i => statusOf(fetch(`${iris.url}/v1/down/poll?ticket=${i}`))],
  ['the removal of no terminal', 200, i => statusOf(iris.server('DELETE', `users/${alice.userId}/terminals/${i}`))],
  ['the removal of a terminal of nobody', 200, i => statusOf(iris.server('DELETE', `users/${i}/terminals/x`))],
  ['lifting no kick', 200, i => statusOf(iris.server('DELETE', `users/${i}/kick`))],
  ['cancelling no notice', 404, i => statusOf(iris.server('DELETE', `notices/${i}`))],
  ['members of no group', 404, i => statusOf(iris.server('POST', `conversations/g.${i}/members`, { add: [{ userId: 'x' }] }))],
  ['the server\'s message into no group', 404, i => statusOf(iris.server('POST', 'messages', {
    from: alice.userId, clientMsgId: i, conversationId: `g.${i}`, type: 'text', content: { text: 'x' }
  }))]
]

for (const [what, refusal, ask] of cases) {
  t.test(`[COST-1] ${what} leaves nothing behind`, async t => {
    const id = (round: string) => (i: number) => `${round}-${cases.findIndex(([name]) => name === what)}-${i}`
    const all = async (round: string, n: number) => await Promise.all(upTo(n).map(id(round)).map(ask))
    // what is there once, whatever is asked
    for (const answer of await all('first', 3)) t.equal(answer, refusal)
    const before = await sizeOfAll()
    await all('again', 12)
    t.equal(await sizeOfAll(), before)
  })
}

t.test('[COST-1] an attach that is refused weighs as much as another', async t => {
  for (const [user, refusal] of [[alice, 409], [kicked, 401]] as const) {
    const before = (Date.now() + 50_000) * 1000
    await iris.redis.hset(keys.terminals(user.userId), '/attach', String(before))
    t.equal(await doors['poll']?.(user, 'one-more'), refusal)
    t.ok(Number(await iris.redis.hget(keys.terminals(user.userId), '/attach')) > before)
  }
})
