// More than a node can do: what is refused, how soon, and what is not touched. docs/protocol.md section 3, "Answers".
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { startIris } from './helper/iris.js'
import { pollOnce } from './helper/poll.js'
import { openRaw, statusesOf } from './helper/raw.js'
import { startRedis } from './helper/redis.js'
import { openSse, upTo } from './helper/sse.js'
import { dm, granted, sendUntilStored, until, type User } from './helper/user.js'
import { startWay } from './helper/way.js'
import { openWs } from './helper/ws.js'

const store = await startRedis(t)
const way = await startWay(t, store.path)
const lines: string[] = []
const iris = await startIris(t, { redisPath: way.path, env: { IRIS_METRICS: 'open' }, logs: { write: line => lines.push(line) } })
await until(async () => (await fetch(`${iris.url}/readyz`)).ok || undefined)
t.teardown(() => way.delay(0))

/** A send as its bytes. */
function postOf (from: User, to: User, clientMsgId: string): string {
  const body = JSON.stringify({ clientMsgId, to: to.userId, type: 'text', content: { text: 'x' } })
  return 'POST /v1/up/msg HTTP/1.1\r\nHost: x\r\nAuthorization: ' +
    `Bearer ${from.token}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

/** A receipt as its bytes: what asks the store twice, one after the other. */
function readOf ({ token }: User, conversationId: string): string {
  const body = JSON.stringify({ conversationId, upToSeq: 1 })
  return 'POST /v1/up/cmd/read HTTP/1.1\r\nHost: x\r\nAuthorization: ' +
    `Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

t.test('[DEADLINE-2] while the store is slow and requests pour in, some are done, ' +
  'the others refused at once; heartbeats, probes and streams are not touched', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const authorization = { authorization: `Bearer ${alice.token}` }
  const stream = await bob.listen()
  await stream.next('IRIS.READY')
  const ws = await openWs(`${iris.url}/v1/ws`, { headers: authorization })
  t.teardown(() => ws.cut())
  await ws.next('IRIS.READY')
  await alice.send(bob, 'hi')
  way.delay(900)

  const answers: { ms: number, status: number, code: string | undefined, clientMsgId: string, retryAfter: number }[] = []
  const pour = { isOver: false }
  /** A client of his own connection, who sends again when he is answered. */
  async function client (n: number): Promise<void> {
    const raw = openRaw(t, iris.url)
    for (let i = 1; !pour.isOver; i++) {
      const [began, clientMsgId] = [performance.now(), `c-${n}-${i}`]
      // two ways to the store take longer than what is let in may wait for
      raw.socket.write(n % 10 === 0 ? postOf(alice, bob, clientMsgId) : readOf(alice, dm(alice, bob)))
      const text = (await raw.until(i)).split('HTTP/1.1 ').at(-1) ?? ''
      const { status, code } = JSON.parse(text.slice(text.indexOf('{'))) as { status?: number, code?: string }
      answers.push({
        ms: performance.now() - began,
        status: status ?? 200,
        code,
        clientMsgId,
        retryAfter: Number(/retry-after: (\d)/i.exec(text)?.[1])
      })
      await pause(300)
    }
  }
  const pouring = Promise.all(upTo(200).map(client))
  await until(async () => answers.some(({ code }) => code === 'OVERLOADED') || undefined)

  let unavailable = 0
  const framed = new Promise<Record<string, unknown>>(resolve => ws.socket.on('message', data => {
    const { requestId, error } = JSON.parse((data as Buffer).toString()) as { requestId?: string, error?: Record<string, unknown> }
    if (requestId !== undefined && error?.['code'] === 'OVERLOADED') return resolve(error)
    if (error) unavailable++
    if (requestId !== undefined) ask()
  }))
  const ask = () => ws.socket.send(JSON.stringify({
    up: 'MSG_UP',
    requestId: 'r-1',
    body: { clientMsgId: 'ws', to: bob.userId, type: 'text', content: { text: 'x' } }
  }))
  ask()
  // an instant at which there is room, since what was let in has failed, may come in between
  const [frame] = await Promise.all([
    framed,
    until(async () =>
      (await pollOnce(`${iris.url}/v1/down/poll?timeoutMs=0`, { headers: authorization })).body.code === 'OVERLOADED' || undefined),
    until(async () => {
      const refused = await openSse(`${iris.url}/v1/down/events?terminalId=other`, { headers: authorization })
      return (await refused.next('IRIS.BYE')).data.data?.['code'] === 4205 || undefined
    })
  ])
  t.match(frame, { code: 'OVERLOADED', status: 503, retryable: true, retryAfterSec: Number })
  t.equal((await fetch(`${iris.url}/v1/time`)).status, 200)
  await until(async () =>
    /^iris_overloaded_total\{cause="store"\} [1-9]/m.test(await (await fetch(`${iris.url}/metrics`)).text()) || undefined)
  t.equal(stream.isOver, false)

  pour.isOver = true
  await pouring
  const shed = answers.filter(({ code }) => code === 'OVERLOADED')
  t.ok(shed.every(({ status, retryAfter }) => status === 503 && retryAfter >= 1 && retryAfter <= 3))
  const middle = (of: typeof answers) => of.map(({ ms }) => ms).sort((a, b) => a - b)[of.length >> 1] ?? Infinity
  const done = answers.filter(({ status }) => status === 200)
  t.ok(middle(shed) < middle(done), `refused after ${Math.round(middle(shed))} ms, done after ${Math.round(middle(done))}`)
  unavailable += answers.filter(({ status, code }) => status === 503 && code !== 'OVERLOADED').length
  const said = lines.map(line => JSON.parse(line) as { level: number, status?: number, route?: string })
    .filter(({ level, status, route }) => level > 20 && status === 503 && route !== '/v1/down/poll')
  t.ok(said.length <= unavailable, `${said.length} lines for ${unavailable} that had to be said, none for the others`)

  way.delay(0)
  await sendUntilStored(alice, bob, 'again')
  const again = await alice.send(bob, 'x', {
    clientMsgId: shed.find(({ clientMsgId }) => /^c-\d*0-/.test(clientMsgId))?.clientMsgId as string
  })
  t.match(again, { status: 200, body: { duplicate: false } }, 'nothing was done')
})

t.test('[DEADLINE-2] what is sent on one connection faster than it is served is refused when those before it took a second', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  await alice.send(bob, 'hi')
  way.delay(20)
  const { socket, until: arrived } = openRaw(t, iris.url)
  for (const n of upTo(60)) {
    socket.write(postOf(alice, bob, `p-${n}`))
  }
  const statuses = statusesOf(await arrived(60))
  way.delay(0)
  t.same([...new Set(statuses)], [200, 503])
  t.same(statuses, [...statuses].sort(), 'served, then refused')
  t.ok(statuses.filter(status => status === 200).length >= 15)
  socket.write('GET /v1/time HTTP/1.1\r\nHost: x\r\n\r\n')
  t.equal(statusesOf(await arrived(61)).at(-1), 200)
})

t.test('[SLOW-2] what several callers send on one connection is worked on at once, ' +
  'each one\'s in order, and answered in order', async t => {
  const bob = await iris.user(t)
  const callers = await Promise.all(upTo(20).map(() => iris.user(t)))
  for (const caller of callers) await caller.send(bob, 'hi')
  way.delay(40)
  const { socket, until: arrived } = openRaw(t, iris.url)
  // one by one they would take longer than a second, and be refused
  socket.write(upTo(3).flatMap(n => callers.map(caller => postOf(caller, bob, `${caller.userId}-${n}`))).join(''))
  const text = await arrived(60)
  way.delay(0)
  t.same(statusesOf(text), upTo(60).map(() => 200))
  const seqs = [...text.matchAll(/"conversationId":"([^"]+)".*?"seq":(\d+)/g)].map(([, id, seq]) => [id, Number(seq)])
  t.same(seqs, upTo(3).flatMap(n => callers.map(caller => [dm(caller, bob), n + 1])))
})

t.test('[DEADLINE-2] a poll in front makes nobody wait for the store: what is done behind it is done', async t => {
  const bob = await iris.user(t)
  const callers = await Promise.all(upTo(40).map(() => iris.user(t)))
  const poll = 'GET /v1/down/poll?timeoutMs=2000&terminalId=front HTTP/1.1\r\nHost: ' +
    `x\r\nAuthorization: Bearer ${(await iris.user(t)).token}\r\n\r\n`
  const { socket, until: arrived } = openRaw(t, iris.url)
  socket.write(poll + upTo(2).flatMap(n => callers.map(caller => postOf(caller, bob, `${caller.userId}-${n}`))).join(''))
  t.same(statusesOf(await arrived(81)), upTo(81).map(() => 200))
})

t.test('[DEADLINE-2] what waits to be answered is refused when those before it took a second, not for those behind it', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const [reader, front, ...later] = await Promise.all(upTo(26).map(() => iris.user(t))) as [User, User, ...User[]]
  await alice.send(bob, 'hi')
  const get = (path: string, { token }: User) => `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`
  const list = get('/v1/conversations', bob)
  const poll = '/v1/down/poll?timeoutMs='
  const { body: { cursor } } = granted(await pollOnce(`${iris.url}${poll}0`, { headers: { authorization: `Bearer ${front.token}` } }))
  const ears = await reader.listen()
  await ears.next('IRIS.READY')
  const [before, behind] = [openRaw(t, iris.url), openRaw(t, iris.url)]
  way.delay(50)
  before.socket.write(upTo(40).map(n => postOf(alice, bob, `l-${n}`)).join('') + list)
  behind.socket.write(get(`${poll}20000&lastEventId=${cursor}`, front) + list)
  for (const caller of later) {
    behind.socket.write(postOf(caller, reader, 'l'))
    await ears.next(({ data }) => data['from'] === caller.userId)
  }
  t.equal(statusesOf(await before.until(41)).at(-1), 503)
  way.delay(0)
  await bob.send(front, 'it may end')
  t.same(statusesOf(await behind.until(2 + later.length)), upTo(2 + later.length).map(() => 200))
})

t.test('[SLOW-2] a body that is no JSON is refused, and costs nobody behind it his answer', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const { socket, until: arrived } = openRaw(t, iris.url)
  const broken = 'POST /v1/up/msg HTTP/1.1\r\nHost: x\r\nAuthorization: ' +
    `Bearer ${alice.token}\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n{"a":`
  socket.write((broken + postOf(bob, alice, 'j-1')).repeat(3))
  t.same(statusesOf(await arrived(6)), [400, 200, 400, 200, 400, 200])
})

t.test('[HTTP-1] what waits in line, an upgrade that is ignored, and what comes behind it are all answered', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  await alice.send(bob, 'hi')
  way.delay(100)
  const { socket, until: arrived } = openRaw(t, iris.url)
  const time = (headers = '') => `GET /v1/time HTTP/1.1\r\nHost: x\r\n${headers}\r\n`
  socket.write(postOf(alice, bob, 'u-1') + postOf(alice, bob, 'u-2') + time('Connection: Upgrade\r\nUpgrade: h2c\r\n'))
  await arrived(1)
  socket.write(time())
  const text = await arrived(4)
  way.delay(0)
  t.same(statusesOf(text), [200, 200, 200, 200])
})

t.test('[DEADLINE-2] what has not been read yet counts as waiting, too: ' +
  'no read of a connection takes a second, but all of them do', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  await alice.send(bob, 'hi')
  way.delay(2)
  const { socket, until: arrived } = openRaw(t, iris.url)
  // some 140 come with a read: less than a second's work, where those behind them wait longer
  socket.write(upTo(800).map(n => postOf(alice, bob, `q-${n}`)).join(''))
  const statuses = statusesOf(await arrived(800))
  way.delay(0)
  t.same([...new Set(statuses)], [200, 503])
  t.ok(statuses.filter(status => status === 200).length >= 20)
  for (const n of upTo(3)) {
    socket.write(postOf(alice, bob, `r-${n}`))
    const text = await arrived(800 + n)
    t.equal(statusesOf(text).at(-1), 200, `who waits for his answers is served: ${text.slice(-300)}`)
  }
})

t.test('[DEADLINE-2] while the process is busy, what is sent so is refused when those before it took a quarter of a second', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  await alice.send(bob, 'hi')
  const { socket, until: arrived } = openRaw(t, iris.url)
  const spin = { isOver: false }
  const spinning = (async () => {
    for (; !spin.isOver; await turn()) for (const until = performance.now() + 5; performance.now() < until;);
  })()
  socket.write(upTo(120).map(n => postOf(alice, bob, `s-${n}`)).join(''))
  const statuses = statusesOf(await arrived(120))
  spin.isOver = true
  await spinning
  t.same([...new Set(statuses)], [200, 503])
  // each waits for seven turns of 5 ms: in a second it would be four times as many
  const served = statuses.filter(status => status === 200).length
  t.ok(served <= 20, `${served} were served`)
})
