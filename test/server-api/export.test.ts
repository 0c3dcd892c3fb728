// Lines of a log whose reader is slow: nothing is asked for ahead of him, and nothing is kept. [SERVER-5] [DOWN-2] [SLOW-2]
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import type { Problem } from '../../src/protocol/problem.js'
import { createLineAnswers } from '../../src/transports/ndjson.js'
import { SERVER_KEY, startIris, type Iris } from '../helper/iris.js'
import { startRedis } from '../helper/redis.js'
import { upTo } from '../helper/sse.js'
import { dm, two, until } from '../helper/user.js'

const KIB = 1024
const COUNT = 30
const text = (i: number) => `text-${i}-` + 'x'.repeat(200 * KIB)
const env = { IRIS_LIMIT_CONTENT_BYTES: '400000', IRIS_LIMIT_BODY_BYTES: '500000' }
const store = await startRedis(t)
const iris = await startIris(t, { redisPath: store.path, env })
const [alice, bob] = await two(() => iris.user(t))
const id = dm(alice, bob)
// the first opens the conversation
await alice.send(bob, text(1))
await Promise.all(upTo(COUNT - 1).map(i => alice.send(bob, text(i + 1))))

/** How often a log was read. */
async function reads (): Promise<number> {
  return Number(/cmdstat_hmget:calls=(\d+)/.exec(await iris.redis.info('commandstats'))?.[1])
}

/** Asks for the lines, and does not read. @returns when the server does nothing for it any more: its answer, and its socket there. */
async function stall (t: Test, { app, url }: Pick<Iris, 'app' | 'url'>): Promise<{ response: IncomingMessage, socket: Socket }> {
  const opened = new Promise<Socket>(resolve => app.server.once('connection', resolve))
  const request = get(`${url}/v1/server/conversations/${id}/messages`, {
    headers: { authorization: `Bearer ${SERVER_KEY}`, accept: 'application/x-ndjson' }, agent: false
  })
  t.teardown(() => request.destroy())
  const [response] = await once(request, 'response') as [IncomingMessage]
  response.on('error', () => undefined)
  const socket = await opened
  let before = -1
  await until(async () => {
    await pause(100)
    const [last, now] = [before, await reads()]
    before = now
    return (now === last && socket.writableLength > 0) || undefined
  })
  return { response, socket }
}

const closing = async (socket: Socket) => await new Promise<unknown>(resolve => { socket.once('close', resolve) })

async function rest (response: IncomingMessage): Promise<Record<string, unknown>[]> {
  let all = ''
  try {
    for await (const chunk of response.setEncoding('utf8')) all += String(chunk)
  } catch { /* it was cut */ }
  return all.trimEnd().split('\n').map(line => {
    try {
      return JSON.parse(line) as Record<string, unknown>
    } catch {
      return { half: true }
    }
  })
}

t.test('[SERVER-5] who stops reading: Redis is asked nothing more, one piece waits, what is recalled meanwhile does not leave', async t => {
  const { response, socket } = await stall(t, iris)
  const before = await reads()
  t.ok(socket.writableLength <= 64 * KIB + 210 * KIB, `${socket.writableLength} bytes wait`)
  await pause(300)
  t.equal(await reads(), before, 'while he does not read')
  const recalled = await Promise.all([COUNT - 5, COUNT].map(async seq => {
    const { body } = await iris.server('GET', `conversations/${id}/messages?fromSeq=${seq}&toSeq=${seq}`)
    await iris.server('POST', 'messages/revoke', { conversationId: id, seq })
    return /"text":"(text-\d+-)/.exec(JSON.stringify(body))?.[1] ?? 'none'
  }))
  const lines = await rest(response)
  t.match(lines.pop(), { end: true, count: COUNT })
  t.same(lines.map(({ seq }) => seq), upTo(COUNT), 'each once, in order')
  t.same(lines.filter(({ type }) => type === 'revoked').map(({ seq }) => seq), [COUNT - 5, COUNT])
  for (const start of recalled) t.notOk(start === 'none' || JSON.stringify(lines).includes(start), start)
})

t.test('[SERVER-5] a reader who goes is forgotten, one who takes nothing for too long is cut; both without a last line', async t => {
  const short = await startIris(t, { redisPath: store.path, env: { ...env, IRIS_LIMIT_STUCK_SEC: '1', IRIS_METRICS: 'open' } })
  const gone = await stall(t, short)
  const closed = closing(gone.socket)
  gone.response.destroy()
  await closed
  const stuck = await stall(t, short)
  await closing(stuck.socket)
  const lines = await rest(stuck.response)
  t.notOk(lines.some(line => 'end' in line || 'error' in line))
  t.ok(lines.length < COUNT)
  const count = async () => Number(/route="\/v1\/server\/conversations\/:id\/messages",status="499"\} (\d+)/
    .exec(await (await fetch(`${short.url}/metrics`)).text())?.[1] ?? 0)
  await until(async () => await count() > 0 || undefined)
})

t.test('[SERVER-5] what cannot be read is said in the last line, and `after` goes on behind it', async t => {
  const other = await startIris(t, { redisPath: store.path, env })
  const { response } = await stall(t, other)
  other.redis.disconnect()
  const lines = await rest(response)
  const last = lines.pop() as { error: object, next: string }
  t.match(last, { error: { status: 503, code: 'STORE_UNAVAILABLE', retryable: true, traceId: String }, next: /^\d+:\d+$/ })
  t.ok(lines.length > 0 && lines.length < COUNT, `${lines.length} had left`)
  const answer = await fetch(`${iris.url}/v1/server/conversations/${id}/messages?after=${last.next}`, {
    headers: { authorization: `Bearer ${SERVER_KEY}`, accept: 'application/x-ndjson' }
  })
  const others = (await answer.text()).trimEnd().split('\n').map(line => JSON.parse(line) as { seq?: number })
  t.same([...lines, ...others].map(({ seq }) => seq), [...upTo(COUNT), undefined])
})

t.test('[SERVER-5] a server that goes down does not wait for its reader, and says so to one who reads', async t => {
  const other = await startIris(t, { redisPath: store.path, env })
  const { response } = await stall(t, other)
  const [lines] = await Promise.all([rest(response), other.app.close()])
  t.match(lines.at(-1), { error: { code: 'NOT_READY' }, next: String })
})

t.test('[SERVER-5] lines are bounded in number: more are 503 and may be retried', async t => {
  const app = Fastify()
  const send = createLineAnswers(app, { stuckMs: 10_000 })
  const held = Promise.withResolvers<undefined>()
  app.get('/', (_request, reply) => {
    send(reply, { step: async () => await held.promise, next: () => undefined }).catch(({ code }: Problem) => reply.code(503).send(code))
  })
  t.teardown(() => app.close())
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const answers = upTo(33).map(() => fetch(url))
  t.equal(await (await Promise.race(answers)).text(), 'OVERLOADED')
  held.resolve(undefined)
  t.equal((await Promise.all(answers)).filter(({ status }) => status === 200).length, 32)
  t.equal((await fetch(url)).status, 200, 'there is room again')
})
