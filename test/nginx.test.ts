// The nginx block of docs/deploy.md, run as it stands before a real Iris: what a proxy must not break.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startIris } from './helper/iris.js'
import { pollOnce } from './helper/poll.js'
import { freePort } from './helper/process.js'
import { openSse } from './helper/sse.js'
import { createUser, until } from './helper/user.js'
import { openWs } from './helper/ws.js'

const program = process.env['IRIS_NGINX'] ?? 'nginx'
const isThere = spawnSync(program, ['-v'], { stdio: 'ignore' }).status === 0
const [, block = ''] = /^```nginx\n([^]*?)^```$/m.exec(readFileSync(new URL('../../docs/deploy.md', import.meta.url), 'utf8')) ?? []

/** Starts nginx with the block, its addresses replaced. @returns the address to call. */
async function startNginx (t: Test, irisUrl: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'iris-nginx-'))
  const port = await freePort()
  const addressed = block.replace('127.0.0.1:4747', new URL(irisUrl).host).replace('listen 80;', `listen 127.0.0.1:${port};`)
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(name => `${name}_temp_path ${directory}/${name};`).join(' ')
  // its workers cannot enter the directory unless they are who this process is
  const user = process.getuid?.() === 0 ? 'user root; ' : ''
  writeFileSync(join(directory, 'nginx.conf'), `${user}daemon off; worker_processes 2; ` +
    `pid ${directory}/pid; events {} http { access_log off; ${folders}\n${addressed}}`)
  const nginx = spawn(program, ['-p', directory, '-c', join(directory, 'nginx.conf'), '-e', 'stderr'], {
    stdio: ['ignore', 'ignore', 'inherit']
  })
  t.teardown(async () => {
    nginx.kill('SIGTERM')
    await once(nginx, 'exit')
    rmSync(directory, { recursive: true })
  })
  await until(async () => await fetch(`http://127.0.0.1:${port}/livez`).then(({ ok }) => ok || undefined, () => undefined))
  return `http://127.0.0.1:${port}`
}

t.test('through nginx, by the block of docs/deploy.md', { skip: !isThere && 'no nginx' }, async t => {
  const iris = await startIris(t, { env: { IRIS_TRUST_PROXY: '127.0.0.1' } })
  const url = await startNginx(t, iris.url)
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

  await t.test('a page of the address that the browser shows may open a WebSocket, another one may not', async t => {
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

  await t.test('what is no WebSocket stays HTTP, and a goodbye is the end of the stream', async t => {
    t.equal((await fetch(`${url}/v1/ws`, { headers })).status, 426)
    const stream = await openSse(`${url}/v1/down/events?terminalId=last`, { headers })
    await stream.next('IRIS.READY')
    await iris.server('POST', 'users/bob/kick', { reason: 'the end' })
    t.match((await stream.next('IRIS.BYE')).data.data, { code: 4301 })
    await stream.ended
  })
})
