// The stream as HTTP: headers, tickets, a browser's EventSource, and goodbyes. docs/protocol.md sections 3 and 4.
import http from 'node:http'
import { EventSource } from 'eventsource'
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { startIris } from '../helper/iris.js'
import { openSse } from '../helper/sse.js'
import { granted, until } from '../helper/user.js'

const iris = await startIris(t)

t.test('[SSE-1] headers keep proxies and caches away, retry is jittered, HEAD is not exposed', async t => {
  const bob = await iris.user(t)
  const stream = await bob.listen()
  t.equal(stream.status, 200)
  t.match(stream.headers, {
    'content-type': /^text\/event-stream/,
    'cache-control': 'no-cache, no-store, no-transform',
    'x-accel-buffering': 'no',
    'trace-id': /^[0-9a-f]+$/
  })
  t.notOk(stream.headers['transfer-encoding'])
  const text = await new Promise<string>(resolve => {
    http.get(`${iris.url}/v1/down/events`, {
      headers: { authorization: `Bearer ${bob.token}` }
    }, response => response.once('data', chunk => {
      resolve(String(chunk))
      response.destroy()
    }))
  })
  const retry = Number(/^retry: (\d+)\n\n/.exec(text)?.[1])
  t.ok(retry >= 2000 && retry <= 5000)
  const head = await fetch(`${iris.url}/v1/down/events`, { method: 'HEAD', headers: { authorization: `Bearer ${bob.token}` } })
  t.equal(head.status, 405)
})

t.test('[SSE-1] a ticket serves the reconnects of its terminal, and nobody else', async t => {
  const bob = await iris.user(t)
  const { body: { ticket, expiresIn } } = granted(await bob.post('/v1/down/tickets', { terminalId: 'web-1' }))
  t.equal(expiresIn, 60)
  const url = `${iris.url}/v1/down/events?ticket=${String(ticket)}`
  for (let i = 0; i < 2; i++) {
    const stream = await openSse(url)
    t.match((await stream.next('IRIS.HELLO')).data.data, { terminalId: 'web-1' })
    await stream.cut()
  }
  for (const stranger of [
    `${url}&terminalId=web-2`, `${iris.url}/v1/down/events?ticket=${'A'.repeat(43)}`, `${iris.url}/v1/down/events?ticket=x`
  ]) {
    const response = await fetch(stranger)
    t.equal(response.status, 401)
    t.match(await response.json(), { code: 'BAD_TICKET' })
  }
  const up = await fetch(`${iris.url}/v1/conversations?ticket=${String(ticket)}`)
  t.equal(up.status, 401, 'it can do nothing else')
  const [key = ''] = await iris.redis.keys('*TICKET*')
  t.notMatch(key, String(ticket), 'Redis knows its digest only')
})

t.test('[SSE-1] two first uses of one ticket from two terminals: one wins', async t => {
  const bob = await iris.user(t)
  const { body: { ticket } } = granted(await bob.post('/v1/down/tickets', {}))
  const responses = await Promise.all(Array.from({ length: 10 }, (_, i) =>
    openSse(`${iris.url}/v1/down/events?ticket=${String(ticket)}&terminalId=t${i}`)))
  t.equal(responses.filter(({ status }) => status === 200).length, 1)
  await Promise.all(responses.map(stream => stream.cut()))
})

t.test('[SSE-1] a ticket that is not used in time ends', async t => {
  const bob = await iris.user(t)
  const { body: { ticket } } = granted(await bob.post('/v1/down/tickets', {}))
  const names = await iris.redis.keys('iris:*:TICKET:*')
  const unused = (await Promise.all(names.map(async name => [name, await iris.redis.ttl(name)] as const)))
    .filter(([, ttl]) => ttl > 0 && ttl <= 60)
  t.ok(unused.length > 0)
  for (const [name] of unused) await iris.redis.pexpire(name, 1)
  await until(async () => await iris.redis.exists(...unused.map(([name]) => name)) === 0 || undefined)
  const response = await fetch(`${iris.url}/v1/down/events?ticket=${String(ticket)}`)
  t.equal(response.status, 401)
})

t.test('[SSE-1] a JWT is never taken from a URL, and an unknown query name is refused, not dropped', async t => {
  const bob = await iris.user(t)
  for (const query of [
    `token=${bob.token}`, `access_token=${bob.token}`, 'lastEventID=7-1', 'terminalId=a&terminalId=b', 'platform=fridge'
  ]) {
    const response = await fetch(`${iris.url}/v1/down/events?${query}`, { headers: { authorization: `Bearer ${bob.token}` } })
    t.equal(response.status, 400, query)
    t.match(await response.json(), { code: 'INVALID_QUERY', errors: [{ pointer: /^\/\w+$/ }] })
  }
  t.equal((await fetch(`${iris.url}/v1/down/events?ticket=${bob.token}`)).status, 401)
})

t.test('[SSE-1] a native EventSource resumes by itself, whatever cuts it', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const { body: { ticket } } = granted(await bob.post('/v1/down/tickets', {}))
  const source = new EventSource(`${iris.url}/v1/down/events?ticket=${String(ticket)}`)
  t.teardown(() => source.close())
  const seen: number[] = []
  const readies: string[] = []
  source.addEventListener('MSG_DOWN', ({ data }) => seen.push((JSON.parse(data as string) as { seq: number }).seq))
  source.addEventListener('CMD_DOWN', ({ data }) => readies.push((JSON.parse(data as string) as { name: string }).name))
  const ready = async (n: number) => {
    await until(async () => readies.filter(name => name === 'IRIS.READY').length >= n || undefined)
  }
  await ready(1)
  await alice.send(bob, 'one')
  iris.app.server.closeAllConnections()
  for (const text of ['two', 'three']) await alice.send(bob, text)
  await ready(2)
  await alice.send(bob, 'four')
  await until(async () => seen.length >= 4 || undefined)
  t.same(seen, [1, 2, 3, 4])
})

t.test('[SSE-1] too many terminals: BYE 4303 when all are connected, else the longest unseen one makes room', async t => {
  const bob = await iris.user(t)
  const streams = []
  for (let i = 0; i < 10; i++) {
    const stream = await bob.listen({ terminalId: `t${i}` })
    await stream.next('IRIS.READY')
    streams.push(stream)
  }
  const eleventh = await bob.listen({ terminalId: 't10' })
  t.match((await eleventh.next('IRIS.BYE')).data.data, { code: 4303, reconnect: 'never' })
  await eleventh.ended
  await streams[3]?.cut()
  await until(async () => await iris.redis.hlen(keys.routes(bob.userId)) < 10 || undefined)
  const again = await bob.listen({ terminalId: 't10' })
  await again.next('IRIS.READY')
  t.same((await iris.redis.hkeys(keys.terminals(bob.userId))).filter(field => !field.includes('/')).sort(), [
    't0', 't1', 't10', 't2', 't4', 't5', 't6', 't7', 't8', 't9'
  ])
})

t.test('[SSE-1] a graceful end says BYE 4200 on every stream', async t => {
  const other = await startIris(t)
  const bob = await other.user(t)
  const streams = [await bob.listen(), await bob.listen({ terminalId: 't2' })]
  await Promise.all(streams.map(stream => stream.next('IRIS.READY')))
  await other.app.close()
  for (const stream of streams) {
    t.match((await stream.next('IRIS.BYE')).data.data, { code: 4200, reconnect: 'backoff', retryAfterMs: Number })
    await stream.ended
  }
})
