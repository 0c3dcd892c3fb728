// Logs: no token, ticket, key or text in any line, a trace in every line of a request. [TRACE-1] [TRACE-2]
import http from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { mock } from 'node:test'
import t from 'tap'
import { createLog } from '../src/log.js'
import { SECRET, SERVER_KEY, startIris } from './helper/iris.js'
import { startRedis } from './helper/redis.js'
import { dm, granted, until } from './helper/user.js'

/** Sends text to a port as it stands. @returns all that came back. */
const raw = async (port: number, text: string) => await new Promise<string>(resolve => {
  let answer = ''
  const socket = connect(port, '127.0.0.1', () => socket.write(text))
  socket.on('data', chunk => { answer += chunk.toString() }).on('close', () => resolve(answer)).on('error', () => resolve(answer))
})

t.test('[TRACE-2] canaries that went through every door are in no line', async t => {
  const lines: string[] = []
  const server = await startRedis(t)
  const iris = await startIris(t, { redisPath: server.path, logs: { write: line => lines.push(line) } })
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const { body: { ticket } } = granted(await bob.post('/v1/down/tickets', { terminalId: 'web' }))
  await (await fetch(`${iris.url}/v1/down/events?ticket=${String(ticket)}&lastEventId=CANARY-cursor`)).body?.cancel()
  await fetch(`${iris.url}/v1/down/events?token=${bob.token}`)
  await fetch(`${iris.url}/nothing?CANARY-query`)
  await alice.send(bob, 'CANARY-text', { ext: { note: 'CANARY-ext' } })
  await alice.send(bob, 'CANARY-refused', { colour: 'CANARY-field' })
  await alice.post('/v1/up/msg', '{"CANARY-json')
  await alice.command({ clientCmdId: 'k', name: 'nudge', data: { a: 'CANARY-data' }, to: { users: [bob.userId] }, mode: 'reliable' })
  await alice.revoke({ conversationId: dm(alice, bob), seq: 1, reason: 'CANARY-reason' })
  await iris.server('POST', 'notices', { noticeId: 'n', users: [bob.userId], content: { a: 'CANARY-notice' } })
  for (const token of ['CANARY-token', `${alice.token.slice(0, -2)}CANARY`]) {
    const headers = { authorization: `Bearer ${token}` }
    for (const path of [
      '/v1/conversations', '/v1/down/events', '/v1/server/conversations/g.CANARY', '/v1/down/events?ticket=CANARY-ticket'
    ]) await fetch(iris.url + path, { headers })
  }
  for (const query of ['ticket=CANARY-ticket', 'platform=CANARY', 'CANARY=1']) await fetch(`${iris.url}/v1/down/events?${query}`)
  await fetch(`${iris.url}/v1/server/conversations/%CANARY`, { headers: { 'terminal-id': 'CANARY terminal', 'trace-id': 'CANARY trace' } })
  await fetch(`${iris.url}/v1/server/notices/CANARY-notice`, { method: 'DELETE', headers: { authorization: `Bearer ${SERVER_KEY}` } })
  await alice.post('/v1/up/msg', `{"CANARY":"${'x'.repeat(70_000)}"}`)
  await alice.post('/v1/up/msg', 'CANARY', { 'content-type': 'text/CANARY' })
  await alice.getReadMsg({ conversationId: dm(alice, bob), requestId: 'CANARY' })
  await alice.cmdComplete({ ids: ['CANARY'] })
  await alice.post('/v1/up/notice', { noticeId: 'CANARY', kind: 'notice', content: { a: 'CANARY' } })
  await iris.server('PUT', 'conversations/g.1', {
    title: 'CANARY-title',
    ext: { a: 'CANARY' },
    members: [{ userId: alice.userId, role: 'owner' }]
  })
  await iris.server('POST', 'messages', {
    from: 'system', clientMsgId: 'CANARY', conversationId: 'g.1', type: 'system', content: { a: 'CANARY' }
  })
  await iris.server('POST', 'commands', { clientCmdId: 'CANARY', name: 'CANARY', to: { users: [bob.userId] }, data: { a: 'CANARY' } })
  await raw((iris.app.server.address() as AddressInfo).port, 'CANARY /CANARY HTTP/1.1\r\nX: CANARY\r\n\r\n')
  // a bug of ours: what is sent is no command of Redis', whose answer repeats its arguments
  const { redis } = iris
  const send = redis.sendCommand.bind(redis)
  redis.sendCommand = (command, stream) => {
    if (command.args.some(arg => String(arg).includes('CANARY-failed'))) command.name = 'evalx'
    return send(command, stream)
  }
  const failed = await alice.send(bob, 'CANARY-failed', { clientMsgId: 'c-failed' })
  t.match(failed, { status: 500, body: { code: 'INTERNAL' } })
  await server.kill()
  await alice.send(bob, 'CANARY-unstored')

  const text = lines.join('')
  t.ok(lines.length > 30)
  for (const line of lines.filter(line => line.includes('"reqId"'))) {
    t.match(JSON.parse(line), { traceId: /^[A-Za-z0-9._-]{1,64}$/ }, 'a line of a request has its trace')
  }
  for (const secret of [
    /CANARY/, new RegExp(bob.token), new RegExp(alice.token), new RegExp(String(ticket)), new RegExp(SERVER_KEY), new RegExp(SECRET), /eyJ/,
    /\?/
  ]) t.notMatch(text, secret)
  for (const line of lines.filter(line => line.includes('"answered"'))) {
    t.match(JSON.parse(line), { traceId: /^[A-Za-z0-9._-]{1,64}$/, route: String, status: Number, ms: Number })
  }
  t.match(lines.find(line => line.includes('a request failed')), new RegExp(`"traceId":"${String(failed.body['traceId'])}"`),
    'the bug is in the log, by its trace')
})

t.test('[TRACE-1] Trace-Id is taken, else the trace of traceparent, else made; a malformed one is never echoed', async t => {
  const iris = await startIris(t)
  type Said = { header: string, body: string }
  const ask = async (headers: Record<string, string | string[]>) => await new Promise<Said>((resolve, reject) => {
    http.get(`${iris.url}/v1/time`, { headers }, response => {
      response.setEncoding('utf8').on('data', (body: string) =>
        resolve({ header: String(response.headers['trace-id']), body: (JSON.parse(body) as { traceId: string }).traceId }))
    }).on('error', reject)
  })
  const w3c = '0af7651916cd43dd8448eb211c80319c'
  t.same(await ask({ 'trace-id': 'My.trace_1-a' }), { header: 'My.trace_1-a', body: 'My.trace_1-a' })
  t.equal((await ask({ traceparent: `00-${w3c}-b7ad6b7169203331-01` })).body, w3c)
  t.equal((await ask({ 'trace-id': 'a', traceparent: `00-${w3c}-b7ad6b7169203331-01` })).body, 'a')
  for (const bad of ['a b', 'a"b', '<x>', 'x'.repeat(65), 'ä', '']) {
    const { header, body } = await ask({ 'trace-id': Buffer.from(bad).toString('latin1') })
    t.match(body, /^[0-9a-f-]{16,36}$/)
    t.equal(header, body)
  }
  for (const bad of [
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`, `ff-${w3c}-b7ad6b7169203331-01`, `00-${w3c.toUpperCase()}-b7ad6b7169203331-01`,
    `00-${w3c}-0000000000000000-01`, w3c
  ]) {
    t.not((await ask({ traceparent: bad })).body.toLowerCase(), w3c)
  }
  t.not((await ask({ 'trace-id': ['a', 'b'] })).body, 'a')
})

t.test('[TRACE-1] a Trace-Id cannot smuggle a header or a line into an answer or a log', async t => {
  const lines: string[] = []
  const iris = await startIris(t, { logs: { write: line => lines.push(line) } })
  const port = (iris.app.server.address() as AddressInfo).port
  for (const evil of [
    'a\rX-Evil: 1', 'a\nX-Evil: 1', 'a\r\n X-Evil: 1', 'a\0X-Evil: 1', 'a\tX-Evil: 1', 'a%0d%0aX-Evil: 1', 'a\x1b[31mX-Evil: 1',
    '"},{"X-Evil":"1', 'a\u2028X-Evil: 1'
  ]) {
    const answer = await raw(port, `GET /v1/time HTTP/1.1\r\nHost: x\r\nTrace-Id: ${evil}\r\nConnection: close\r\n\r\n`)
    t.match(answer, /^HTTP\/1\.1 (200|400) .*Trace-Id: [0-9a-f]{32}\r\n/is, encodeURIComponent(evil))
    t.notMatch(answer, /Evil/i)
  }
  t.notMatch(lines.join(''), /Evil/i)
  t.ok(lines.every(line => line.indexOf('\n') === line.length - 1), 'one line each')
})

t.test('an outage is a few lines, not one per victim; a client that has gone is 499 and no error', async t => {
  const lines: string[] = []
  const server = await startRedis(t)
  const iris = await startIris(t, { redisPath: server.path, env: { IRIS_METRICS: 'open' }, logs: { write: line => lines.push(line) } })
  const users = await Promise.all(Array.from({ length: 50 }, () => iris.user(t)))
  const streams = await Promise.all(users.map(user => user.listen()))
  await Promise.all(streams.map(stream => stream.next('IRIS.READY')))
  const bearer = `Authorization: Bearer ${users[0]?.token}\r\n`
  const gone = connect((iris.app.server.address() as AddressInfo).port, '127.0.0.1')
  gone.write(`POST /v1/up/msg HTTP/1.1\r\nHost: x\r\n${bearer}Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{"CANARY`, () =>
    gone.destroy())
  const poll = connect((iris.app.server.address() as AddressInfo).port, '127.0.0.1')
  poll.write(`GET /v1/down/poll HTTP/1.1\r\nHost: x\r\n${bearer}\r\n`, () => poll.destroy())
  await until(async () => lines.filter(line => line.includes('"status":499')).length === 2 || undefined)
  await server.kill()
  await Promise.all(streams.map(stream => stream.cut()))
  await Promise.all(users.map(user => user.send('g.none', 'CANARY-unstored')))
  await until(async () => lines.filter(line => line.includes('"route":"/v1/down/events"')).length === 50 || undefined)
  const loud = lines.filter(line => (JSON.parse(line) as { level: number }).level >= 40)
  t.ok(loud.length <= 20, loud.slice(0, 3).join(''))
  t.notMatch(lines.join(''), /CANARY|eyJ|"args"/)
  t.notMatch(loud.join(''), /a request failed/)
  t.notMatch(lines.join(''), /could not be taken away/, 'nor for what a stream leaves behind')
  t.match(await (await fetch(`${iris.url}/metrics`)).text(), /route="\/v1\/up\/msg",status="499"\} 1/)
})

t.test('a client that has gone before its request was looked at is no error', async t => {
  const lines: string[] = []
  for (const env of [{}, { IRIS_TRUST_PROXY: '127.0.0.1' }]) {
    const iris = await startIris(t, { demo: true, env, logs: { write: line => lines.push(line) } })
    const { port } = iris.app.server.address() as AddressInfo
    const { token } = await iris.user(t)
    const head = `Host: localhost\r\nAuthorization: Bearer ${token}\r\nX-Forwarded-For: 192.0.2.1\r\n`
    for (const request of [
      `GET /v1/time HTTP/1.1\r\n${head}\r\n`, `GET /demo/users HTTP/1.1\r\n${head}\r\n`, `GET /metrics HTTP/1.1\r\n${head}\r\n`,
      `GET /v1/%zz HTTP/1.1\r\n${head}\r\n`,
      `GET /v1/down/events HTTP/1.1\r\n${head}\r\n`,
      `GET /v1/down/poll HTTP/1.1\r\n${head}\r\n`,
      `POST /v1/up/msg HTTP/1.1\r\n${head}Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{"a`,
      `GET /v1/ws HTTP/1.1\r\n${head}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: ` +
        '13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: iris.v1\r\n\r\n'
    ]) {
      for (let i = 0; i < 10; i++) {
        await new Promise<void>(resolve => {
          const socket = connect(port, '127.0.0.1', () => socket.write(request, () => socket.resetAndDestroy()))
          socket.on('close', () => resolve())
        })
      }
    }
    t.equal((await fetch(`${iris.url}/v1/time`)).status, 200)
    t.ok(await until(async () =>
      await new Promise<number>((resolve, reject) => iris.app.server.getConnections((error, open) => error ? reject(error) : resolve(open)))
        .then(open => open <= 1 || undefined)))
  }
  t.same(lines.filter(line => (JSON.parse(line) as { level: number }).level >= 50), [])
})

t.test('an error is written without what it carries along, and so are its causes', async t => {
  const lines: string[] = []
  const log = createLog('info', { write: line => lines.push(line) })
  const redis = Object.assign(new Error("ERR unknown command 'x', with args beginning with: 'CANARY'"), {
    command: { name: 'set', args: ['CANARY'] },
    code: 'ERR'
  })
  for (const err of [new Error('outer', { cause: redis }), 'CANARY', { token: 'CANARY' }]) log.error({ err }, 'a bug')
  try { JSON.parse('{"a":CANARY}') } catch (err) { log.error({ err }, 'a bug') }
  t.match(JSON.parse(lines[0] ?? ''), {
    err: { type: 'Error', message: 'outer', stack: /^ +at /, cause: { type: 'Error', code: 'ERR', message: /unknown command/ } }
  })
  t.notMatch(lines.join(''), /CANARY/)
})

t.test('of a burst ten lines are written, and at its end how many were not, though nothing comes after it', async t => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const lines: string[] = []
  const log = createLog('info', { write: line => lines.push(line) })
  const request = log.child({ traceId: 'of-one' })
  const said = () => lines.map(line => JSON.parse(line) as Record<string, unknown>).filter(({ msg }) => msg === 'over and over')
  for (let i = 0; i < 1_000; i++) request.warn({ i }, 'over and over')
  for (let i = 0; i < 10; i++) log.error({ i }, 'ten times')
  for (let i = 0; i < 500; i++) log.warn({}, `message ${i}`)
  t.equal(said().length, 10)
  mock.timers.tick(10_000)
  t.match(said().slice(10), [{ level: 40, suppressed: 990, traceId: undefined }])
  t.equal(lines.length, 10 + 1 + 10 + 500, 'nothing is said of what was written whole')
  for (let i = 0; i < 11; i++) log.warn({ i }, 'over and over')
  mock.timers.tick(10_000)
  t.match(said().slice(11), [...Array.from({ length: 10 }, (_, i) => ({ i })), { suppressed: 1 }], 'another window')
})
