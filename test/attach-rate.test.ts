// How often a user may attach or poll, and how many terminals he may make. docs/protocol.md section 9.
import t from 'tap'
import { keys } from '../src/store/keys.js'
import { startIris } from './helper/iris.js'
import { pollOnce } from './helper/poll.js'
import { openSse, upTo } from './helper/sse.js'
import type { User } from './helper/user.js'
import { openWs } from './helper/ws.js'

const iris = await startIris(t, { env: { IRIS_LIMIT_ATTACH_RATE: '1', IRIS_LIMIT_ATTACH_BURST: '100', IRIS_LIMIT_NEW_TERMINALS: '3' } })

const bearer = ({ token }: User) => ({ headers: { authorization: `Bearer ${token}` } })

/** Each door: what it says to one who may not come in now. */
const doors: Record<string, (user: User, terminalId: string) => Promise<unknown>> = {
  async sse (user, terminalId) {
    const stream = await openSse(`${iris.url}/v1/down/events?terminalId=${terminalId}`, bearer(user))
    const { data } = await stream.next('CMD_DOWN')
    await stream.cut()
    return [stream.status, data.data?.['code'], Number(data.data?.['retryAfterMs']) >= 1_000]
  },
  async ws (user, terminalId) {
    const ws = await openWs(`${iris.url}/v1/ws?terminalId=${terminalId}`, bearer(user))
    const { data } = await ws.next('CMD_DOWN')
    await ws.cut()
    return ['open', data.data?.['code'], Number(data.data?.['retryAfterMs']) >= 1_000]
  },
  async poll (user, terminalId) {
    const { status, body, headers } = await pollOnce(`${iris.url}/v1/down/poll?timeoutMs=0&terminalId=${terminalId}`, bearer(user))
    return [status, body.code, Number(headers.get('retry-after')) >= 1]
  }
}
const refusals: Record<string, unknown> = { sse: [200, 4205, true], ws: ['open', 4205, true], poll: [429, 'RATE_LIMITED', true] }

for (const [door, open] of Object.entries(doors)) {
  t.test(`[COST-1] ${door}: who attaches too often is asked to come back later, and then costs no script`, async t => {
    const user = await iris.user(t)
    await iris.redis.hset(keys.terminals(user.userId), '/attach', String((Date.now() + 150_000) * 1000))
    t.same(await open(user, 'a'), refusals[door])
    const scripts = async () => Number(/cmdstat_evalsha:calls=(\d+)/.exec(await iris.redis.info('commandstats'))?.[1] ?? 0)
    const before = await scripts()
    for (const answer of await Promise.all(upTo(30).map(() => open(user, 'a')))) t.same(answer, refusals[door])
    t.ok(await scripts() - before < 25, 'this node knows: what else it does meanwhile is less than a script for each')
  })

  t.test(`[COST-1] ${door}: a user makes so many terminals an hour and no more; known ones come in`, async t => {
    const user = await iris.user(t)
    for (const i of upTo(3)) t.notSame(await open(user, `new-${i}`), refusals[door])
    t.same(await open(user, 'new-4'), refusals[door])
    t.notSame(await open(user, 'new-1'), refusals[door])
  })
}

t.test('[COST-1] an attach weighs by what it reads; a poll that resumes weighs a quarter', async t => {
  const user = await iris.user(t)
  for (const i of upTo(120)) await iris.redis.zadd(keys.conversations(user.userId), i, `g.none-${i}`)
  async function weightOf (query: string): Promise<[number, string]> {
    const before = (Date.now() + 50_000) * 1000
    await iris.redis.hset(keys.terminals(user.userId), '/attach', String(before))
    const { body } = await pollOnce(`${iris.url}/v1/down/poll?timeoutMs=0${query}`, bearer(user))
    return [(Number(await iris.redis.hget(keys.terminals(user.userId), '/attach')) - before) / 1e6, body.cursor]
  }
  const [fresh] = await weightOf('')
  t.equal(fresh, 3, 'two more for 120 conversations')
  t.equal((await weightOf('&lastEventId=1-1'))[0], 3)
})
