// The graceful end of the real process. docs/protocol.md section 4, "Goodbye".
import http from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { pollOnce } from './helper/poll.js'
import { startSharedRedis } from './helper/process.js'
import { brokenIds, openSse, seqsOf, upTo } from './helper/sse.js'
import { createUser, dm, granted, until } from './helper/user.js'

const { start } = await startSharedRedis(t)

/** A POST whose body is held back until `finish()`. */
function openPost (url: string, token: string, body: string) {
  const request = http.request(`${url}/v1/up/msg`, {
    method: 'POST',
    agent: false,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  })
  const status = new Promise<number | undefined>((resolve, reject) =>
    request.on('response', response => resolve(response.resume().statusCode)).on('error', reject))
  request.write(body.slice(0, 5))
  return { finish () { request.end(body.slice(5)) }, status }
}

t.test('SIGTERM with 50 streams: red first, then waves with a pause of its own each; POSTs finish, nothing is lost, exit 0', async t => {
  const { child, url, user, exited, output } = await start(t, { IRIS_DRAIN_SEC: '3' })
  const [alice, bob] = [await user('alice'), await user('bob')]
  const people = await Promise.all(upTo(49).map(n => user(`u${n}`)))
  const streams = await Promise.all([...people, bob].map(each => each.listen()))
  await Promise.all(streams.map(stream => stream.next('IRIS.READY')))
  await until(async () => (await fetch(`${url}/readyz`)).status === 200 || undefined)
  const held = openPost(url, alice.token, JSON.stringify({ clientMsgId: 'held', to: 'bob', type: 'text', content: { text: 'held' } }))
  const order: string[] = []
  const pauses = Promise.all(streams.map(async (stream, n) => {
    const { data } = (await stream.next('IRIS.BYE')).data
    order.push(`bye ${n}`)
    await stream.ended
    t.match(data, { code: 4200, reconnect: 'backoff' })
    t.equal(stream.events.at(-1)?.data.name, 'IRIS.BYE', 'nothing after it')
    return Number(data?.['retryAfterMs'])
  }))
  child.kill('SIGTERM')
  const problem = await until(async () => {
    const response = await fetch(`${url}/readyz`)
    return response.status === 503 ? await response.json() as object : undefined
  })
  order.push('red')
  t.match(problem, { code: 'NOT_READY', detail: 'the node goes down' })
  t.equal((await fetch(`${url}/livez`)).status, 200)
  let sent = 0
  let accepted = 0
  for (; order.length < 40; await pause(20)) if ((await alice.send(bob, `${++sent}`)).status === 200) accepted++
  t.equal(accepted, sent, 'commands are answered while the streams end')
  const late = await openSse(`${url}/v1/down/events`, { headers: { authorization: `Bearer ${alice.token}` } })
  t.match((await late.next('IRIS.BYE')).data.data, { code: 4200, retryAfterMs: Number }, 'one that comes meanwhile is told, too')
  held.finish()
  t.equal(await held.status, 200, 'an open POST finishes')
  const distinct = new Set(await pauses)
  t.ok(distinct.size > 40, `${distinct.size} pauses of 50 differ`)
  t.ok(order.indexOf('red') < 25, `red was seen after ${order.indexOf('red')} of 50 goodbyes`)
  t.same(await exited, [0, null])
  t.match(output(), 'The node goes down: 50 connections end within 3 s')

  const second = await start(t)
  const cursor = streams.at(-1)?.cursor
  const back = await (createUser(t, { ...bob, url: second.url })).listen({ cursor })
  await back.next('IRIS.READY')
  const events = [...streams.at(-1)?.events ?? [], ...back.events]
  t.same(seqsOf(events, dm(alice, bob)), upTo(accepted + 1), 'every message once, in order')
  t.equal(brokenIds(back.events, String(cursor)), undefined)
})

t.test('[SSE-1] the goodbye is preceded by retry of the same pause, for an EventSource that reads nothing else', async t => {
  const { child, url, user, exited } = await start(t, { IRIS_DRAIN_SEC: '1' })
  const bob = await user('bob')
  const text = await new Promise<string>((resolve, reject) => {
    http.get(`${url}/v1/down/events`, { headers: { authorization: `Bearer ${bob.token}` }, agent: false }, response => {
      let all = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        if (!all.includes('IRIS.READY') && (all + chunk).includes('IRIS.READY')) child.kill('SIGTERM')
        all += chunk
      }).on('end', () => resolve(all))
    }).on('error', reject)
  })
  const [, retry, pause] = /\n\nretry: (\d+)\n\nevent: CMD_DOWN\ndata: [^\n]*"IRIS\.BYE"[^\n]*"retryAfterMs":(\d+)[^\n]*\n\n$/.exec(text) ??
    []
  t.ok(Number(retry) >= 200)
  t.equal(retry, pause)
  t.same(await exited, [0, null])
})

t.test('a poll that the drain ends is 200, one that comes meanwhile 503 with Retry-After: ' +
  'an empty answer would bring the next one at once', async t => {
  const { child, url, user } = await start(t, { IRIS_DRAIN_SEC: '600', IRIS_METRICS: 'open' })
  const [bob, carol] = [await user('bob'), await user('carol')]
  const poll = async (cursor?: string, timeoutMs = '25000') =>
    await pollOnce(`${url}/v1/down/poll`, { headers: { authorization: `Bearer ${bob.token}` }, cursor, query: { timeoutMs } })
  const { body: { cursor } } = granted(await poll(undefined, '0'))
  const waiting = poll(cursor)
  await until(async () => /^iris_connections\{transport="poll"\} 1$/m.test(await (await fetch(`${url}/metrics`)).text()) || undefined)
  await (await carol.listen()).next('IRIS.READY') // the drain waits for her
  child.kill('SIGTERM')
  t.match(await waiting, { status: 200, body: { events: [], cursor } })
  for (const { status, headers, body } of [await poll(cursor), await poll()]) {
    t.match([status, body], [503, { code: 'NOT_READY', retryable: true }])
    t.ok(Number(headers.get('retry-after')) > 500, 'it stays away until the end')
  }
})

t.test('a second signal ends at once, and so does SIGINT: all are told in the same moment', async t => {
  for (const signals of [['SIGTERM', 'SIGTERM'], ['SIGINT']] as const) {
    const { child, user, exited } = await start(t, { IRIS_DRAIN_SEC: '600' })
    const streams = await Promise.all((await Promise.all(upTo(10).map(n => user(`u${n}`)))).map(each => each.listen()))
    await Promise.all(streams.map(stream => stream.next('IRIS.READY')))
    for (const signal of signals) {
      child.kill(signal)
      await Promise.race(streams.map(stream => stream.ended)) // the first wave
    }
    for (const stream of streams) t.match((await stream.next('IRIS.BYE')).data.data, { code: 4200 })
    t.same(await exited, [signals.length > 1 ? 1 : 0, null])
  }
})
