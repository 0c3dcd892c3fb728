// GET_SYSTEM_TIME and GET /v1/time: the clock of Redis. Section 5
import t from 'tap'
import { startIris } from '../helper/iris.js'
import { timeOf } from '../helper/redis.js'
import { pointers } from '../helper/user.js'

const iris = await startIris(t)

t.test('[GET_SYSTEM_TIME] t0 comes back, t1 and t2 lie between asking and answering', async t => {
  const user = await iris.user(t)
  const before = Date.now()
  const { status, body } = await user.time({ t0: before + 0.25 })
  const after = Date.now()
  t.equal(status, 200)
  const { t1, t2, traceId } = body as { t1: number, t2: number, traceId: string }
  t.strictSame(body, { t0: before + 0.25, t1, t2, serverTime: t2, iso: new Date(t2).toISOString(), traceId })
  t.ok(Number.isInteger(t1) && Number.isInteger(t2))
  // Redis and this test read the same machine's clock; 5 ms are left to its measurement
  t.ok(before - 5 <= t1 && t1 <= t2 && t2 <= after + 5, JSON.stringify({ before, t1, t2, after }))
})

t.test('[GET_SYSTEM_TIME] t0 is optional; anything else is refused', async t => {
  const user = await iris.user(t)
  t.strictSame(Object.keys((await user.time({})).body).sort(), ['iso', 'serverTime', 't1', 't2', 'traceId'])
  for (const [body, pointer] of [[{ t0: '1' }, '/t0'], [{ t3: 1 }, '/t3'], [[], '']] as const) {
    const answer = await user.time(body)
    t.strictSame([answer.status, answer.body.code, pointers(answer)], [400, 'INVALID_BODY', [pointer]])
  }
})

t.test('[GET_SYSTEM_TIME] GET /v1/time needs no token and says the same', async t => {
  const time = await timeOf(iris.redis)
  const response = await fetch(`${iris.url}/v1/time`)
  const { serverTime, iso, traceId } = await response.json() as { serverTime: number, iso: string, traceId: string }
  t.strictSame([response.status, response.headers.get('trace-id'), iso], [200, traceId, new Date(serverTime).toISOString()])
  t.ok(Math.abs(serverTime - time) < 1_000)
  t.equal((await fetch(`${iris.url}/v1/up/cmd/get-system-time`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}'
  })).status, 401, 'the command does')
})
