// Whatever is written to a socket that is not read: what waits in this process is bounded, and the socket ends by itself. [SLOW-2]
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { startIris } from '../helper/iris.js'
import { upTo } from '../helper/sse.js'
import { dm, two, until, type User } from '../helper/user.js'

const KIB = 1024
const iris = await startIris(t, {
  env: {
    IRIS_LIMIT_CONTENT_BYTES: '400000',
    IRIS_LIMIT_BODY_BYTES: '500000',
    IRIS_LIMIT_STUCK_SEC: '1',
    IRIS_LIMIT_ANSWER_SEC: '1',
    IRIS_METRICS: 'open'
  }
})
const sockets = new Map<number, Socket>()
iris.app.server.on('connection', (socket: Socket) => sockets.set(socket.remotePort ?? 0, socket))
/** What waits behind the answer that has the socket is not in the socket. */
const behind = new Map<Socket, Set<ServerResponse>>()
iris.app.server.on('request', ({ socket }: IncomingMessage, answer: ServerResponse) => {
  const answers = behind.get(socket) ?? new Set()
  behind.set(socket, answers.add(answer))
  answer.on('close', () => answers.delete(answer))
})
const waitingAt = (socket: Socket) =>
  [...behind.get(socket) ?? []].reduce((sum, answer) => sum + (answer.socket ? 0 : answer.writableLength), socket.writableLength)

const text = (i: number) => `${i}` + 'x'.repeat(300_000)
const times = 20
/** A chunk of 16 messages. */
const CHUNK = 16 * 301 * KIB
/** What one answer may bring. */
const ANSWER = 1_100 * KIB

/** The text of a request. */
function request ({ token }: { token: string }, line: string, body?: object): string {
  const json = body === undefined ? '' : JSON.stringify(body)
  const length = body === undefined ? '' : `Content-Type: application/json\r\nContent-Length: ${json.length}\r\n`
  return `${line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n${length}\r\n${json}`
}

/** A frame of a WebSocket client. */
function frame (opcode: number, payload: string): Buffer {
  const { length } = payload
  const head = length < 126 ? Buffer.from([0x80 | opcode, 0x80 | length]) : Buffer.from([0x80 | opcode, 0xfe, length >> 8, length & 0xff])
  return Buffer.concat([head, Buffer.alloc(4), Buffer.from(payload)])
}

const handshake = ({ token }: User) => 'GET /v1/ws HTTP/1.1\r\nHost: x\r\n' +
  `Authorization: Bearer ${token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Protocol: iris.v1\r\n\r\n`

/** A connection that is never read. @returns the server's end of it, and what waited there at most. */
async function open (t: Test) {
  const client = connect({ port: Number(new URL(iris.url).port), host: '127.0.0.1' }).on('error', () => undefined)
  t.teardown(() => client.destroy())
  await once(client, 'connect')
  const socket = await until(async () => sockets.get(client.localPort ?? 0))
  let worst = 0
  const timer = setInterval(() => { worst = Math.max(worst, waitingAt(socket)) }, 2)
  socket.on('close', () => clearInterval(timer))
  return { client, socket, worst: () => worst }
}

async function goodbyes (): Promise<number> {
  const metrics = await (await fetch(`${iris.url}/metrics`)).text()
  return Number(/iris_goodbyes_total\{code="4203"\} (\d+)/.exec(metrics)?.[1] ?? 0)
}

t.test('[SLOW-2] what is written to who does not read is bounded, and ends', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const others = await Promise.all(upTo(4).map(() => iris.user(t)))
  for (const i of upTo(40)) await alice.send(bob, text(i))
  for (const other of others) await other.send(bob, text(0))
  const conversationId = dm(alice, bob)
  const items = others.map(other => ({ conversationId: dm(other, bob), unreadMark: true }))
  const command = (up: string, body: object) => (i: number) => frame(1, JSON.stringify({ up, requestId: `q-${i}`, body }))
  const pings = (client: Socket) => {
    for (const burst of upTo(100)) {
      client.write(Buffer.concat(upTo(100).map(() => frame(9, `${burst}`.padEnd(125)))))
    }
  }
  const up = (name: string) => `POST /v1/up/cmd/${name}`

  const pipelined = (asked: string) => (client: Socket) => { client.write(asked.repeat(times)) }
  const overWs = (...write: ((client: Socket) => void)[]) => async (client: Socket, socket: Socket) => {
    client.write(handshake(bob))
    await until(async () => socket.bytesWritten > 0 || undefined)
    for (const each of write) each(client)
  }
  const cases: [what: string, most: number, write: (client: Socket, socket: Socket) => void | Promise<void>, says?: 4203][] = [
    ['events of a stream', CHUNK, client => { client.write(request(bob, 'GET /v1/down/events')) }, 4203],
    ['events of a WebSocket', CHUNK, overWs(), 4203],
    ['pongs on top of them', CHUNK, overWs(pings), 4203],
    ['answers of a WebSocket', CHUNK + 8 * ANSWER, overWs(client => {
      for (const i of upTo(200)) {
        client.write(command('GET_READ_MSG', { conversationId, limit: 100, deliver: 'inline' })(i))
      }
    }), 4203],
    ['polls', ANSWER, pipelined(request(bob, 'GET /v1/down/poll?timeoutMs=0'))],
    ['GET_READ_MSG inline', ANSWER, pipelined(request(bob, up('get-read-msg'), { conversationId, limit: 100, deliver: 'inline' }))],
    ['the list', ANSWER, pipelined(request(bob, 'GET /v1/conversations?limit=100'))],
    ['REST_READ_NUM_AND_LAST_MSG', ANSWER, pipelined(request(bob, up('rest-read-num-and-last-msg'), { items }))],
    ['the server API', ANSWER, pipelined(request({ token: iris.serverKey }, 'GET /openapi.json'))]
  ]
  const before = await goodbyes()
  /** @returns what waited at most. A stream that a busy node does not let in, for which nothing waits, comes again. [DEADLINE-1] */
  async function stall (write: typeof cases[0][2], tries = 5): Promise<number> {
    const { client, socket, worst } = await open(t)
    client.pause()
    await write(client, socket)
    if (!socket.destroyed) await once(socket, 'close')
    return worst() > 0 || tries === 1 ? worst() : await stall(write, tries - 1)
  }
  await Promise.all(cases.map(async ([what, most, write]) => {
    const worst = await stall(write)
    t.ok(worst >= 64 * KIB && worst <= 256 * KIB + most, `${what}: ${worst} bytes waited`)
  }))
  t.equal(await goodbyes() - before, cases.filter(([, , , says]) => says).length, 'streams end with a goodbye')
})

t.test('[SLOW-2] REST_READ_NUM_AND_LAST_MSG brings 1 MiB of messages; what stands behind has none, but its counts', async t => {
  const bob = await iris.user(t)
  const others = await Promise.all(upTo(5).map(() => iris.user(t)))
  for (const other of others) await other.send(bob, text(0))
  const { body } = await bob.rest({ items: others.map(other => ({ conversationId: dm(other, bob) })) })
  const items = body['items'] as { unread: number, headSeq: number, lastMsg?: { seq: number } }[]
  t.match(items, upTo(5).map(() => ({ unread: 0, headSeq: 1 })))
  t.same(items.map(({ lastMsg }) => lastMsg?.seq), [1, 1, 1, undefined, undefined])
})
