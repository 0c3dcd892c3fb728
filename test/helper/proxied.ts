// What a proxy must not break, tried through any of them.
import type { Test } from 'tap'
import { checksOutside } from '../../src/cli/outside.js'
import { openDoor } from './door.js'
import { findingsOf } from './findings.js'
import { SERVER_KEY, startIris } from './iris.js'
import { pollOnce } from './poll.js'
import { openSse } from './sse.js'
import { createUser, until } from './user.js'
import { openWs } from './ws.js'

/** Runs tests through a proxy. @param start starts it in front of `upstream`, a `host:port`, and returns its address. */
export async function throughProxy (t: Test, start: (t: Test, upstream: string) => Promise<string>): Promise<void> {
  const env = { IRIS_TRUST_PROXY: '127.0.0.1' }
  const iris = await startIris(t, { env })
  // what is behind it goes and comes back at one address
  const door = await openDoor(t, new URL(iris.url).port)
  const url = await start(t, new URL(door.url).host)
  const [alice, bob] = [await iris.token('alice'), await iris.token('bob')].map((token, i) =>
    createUser(t, { url, userId: ['alice', 'bob'][i] ?? '', token })) as [ReturnType<typeof createUser>, ReturnType<typeof createUser>]
  const headers = { authorization: `Bearer ${bob.token}` }

  await t.test('[SSE-1] the stream comes while it is open, and resumes', async t => {
    const stream = await bob.listen()
    await stream.next('IRIS.READY')
    await alice.send(bob, 'one')
    t.match((await stream.next('MSG_DOWN')).data, { content: { text: 'one' } })
    const { cursor } = stream
    await stream.cut()
    await alice.send(bob, 'two')
    const resumed = await bob.listen({ cursor })
    t.match((await resumed.next('MSG_DOWN')).data, { content: { text: 'two' }, source: 'replay' })
    await resumed.cut()
  })

  await t.test('[POLL-1] a poll that waits is answered when something comes', async t => {
    const { body: { cursor } } = await pollOnce(`${url}/v1/down/poll`, { headers, query: { timeoutMs: '0', terminalId: 'polls' } })
    const waiting = pollOnce(`${url}/v1/down/poll`, { headers, cursor, query: { timeoutMs: '20000', terminalId: 'polls' } })
    await alice.send(bob, 'three')
    t.match((await waiting).body.events, [{ event: 'MSG_DOWN', data: { content: { text: 'three' } } }])
  })

  await t.test('a page of the address that the browser shows, with its port, may open a WebSocket, another one may not', async t => {
    const ws = await openWs(`${url}/v1/ws?terminalId=ws`, { headers: { ...headers, origin: url } })
    await ws.next('IRIS.READY')
    t.match(await ws.up('HEARTBEAT', {}), { event: 'ACK_DOWN', data: { leaseSec: 90 } })
    await alice.send(bob, 'four')
    t.match((await ws.next('MSG_DOWN')).data, { content: { text: 'four' } })
    await ws.cut()
    const refused = await openWs(`${url}/v1/ws`, { headers: { ...headers, origin: 'http://elsewhere.example' } })
      .catch((error: unknown) => error)
    t.match(refused, { status: 403, body: { code: 'ORIGIN_NOT_ALLOWED' } })
  })

  await t.test('a large body comes through, and one that is too large is refused', async t => {
    const send = async (length: number) => (await fetch(`${url}/v1/up/msg`, {
      method: 'POST',
      headers: { authorization: `Bearer ${alice.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ pad: 'x'.repeat(length) })
    })).status
    t.equal(await send(60_000), 400, 'Iris has read it')
    // a proxy that is still sending when the connection ends behind the answer may see that first, and say 502
    t.equal(await until(async () => { const status = await send(70_000); return status === 502 ? undefined : status }), 413)
  })

  await t.test('what is no WebSocket stays HTTP, and a goodbye is the end of the stream', async t => {
    t.equal((await fetch(`${url}/v1/ws`, { headers })).status, 426)
    const stream = await openSse(`${url}/v1/down/events?terminalId=last`, { headers })
    await stream.next('IRIS.READY')
    await iris.server('POST', 'users/bob/kick', { reason: 'the end' })
    t.match((await stream.next('IRIS.BYE')).data.data, { code: 4301 })
    await stream.ended
    await iris.server('DELETE', 'users/bob/kick')
  })

  await t.test('the doctor finds nothing wrong', async t => {
    const found = await findingsOf(checksOutside({ url, token: undefined, holdMs: 500, env: { IRIS_SERVER_KEY: SERVER_KEY } }))
    t.same(found.filter(({ verdict }) => verdict !== 'ok'), [])
    t.equal(found.length, 9)
  })

  await t.test('what is behind it ends and starts again: 502 meanwhile, then a stream resumes where it was', async t => {
    const carol = createUser(t, { url, userId: 'carol', token: await iris.token('carol') })
    const stream = await carol.listen()
    await stream.next('IRIS.READY')
    await alice.send(carol, 'before')
    await stream.next('MSG_DOWN')
    const closed = iris.app.close()
    t.match((await stream.next('IRIS.BYE')).data.data, { code: 4200 })
    await closed
    t.equal((await fetch(`${url}/livez`)).status, 502)
    const second = await startIris(t, { env, redisPath: iris.redisPath })
    door.leadTo(new URL(second.url).port)
    await until(async () => (await fetch(`${url}/readyz`)).ok || undefined)
    await alice.send(carol, 'after')
    const resumed = await carol.listen({ cursor: stream.cursor })
    t.match((await resumed.next('MSG_DOWN')).data, { content: { text: 'after' }, source: 'replay' })
    await resumed.cut()
  })
}
