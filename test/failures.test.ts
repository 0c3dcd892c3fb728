// A bug is answered 500, and said in the log by its trace: by every door, and by whatever way it comes. [TRACE-2] [DELIVERY-4]
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { type Iris, startIris } from './helper/iris.js'
import { pollOnce } from './helper/poll.js'
import { groupOf, two, until, type User } from './helper/user.js'
import { openWs } from './helper/ws.js'

const lines: string[] = []
const logs = { write: (line: string) => lines.push(line) }

/** That an answer was a 500, and is in the log by its trace, as an error. */
async function isSaid (t: Test, what: string, { status, body }: { status: number, body: object }): Promise<void> {
  const { traceId = '' } = body as { traceId?: string }
  t.match({ status, body }, { status: 500, body: { code: 'INTERNAL', traceId: /./ } }, what)
  t.notMatch(body, /CANARY/, what)
  const said = lines.map(line => JSON.parse(line) as { level: number, traceId?: string }).filter(({ level }) => level >= 50)
  t.equal(said.filter(line => line.traceId === traceId).length, 1, `${what}: one line`)
}

/** A bug of ours: a script ends in a way that no table knows, or what is sent is no command. */
function spoil ({ redis }: Iris, marker: string, how: 'status' | 'command'): void {
  const send = redis.sendCommand.bind(redis)
  redis.sendCommand = (command, stream) => {
    if (!/^(eval|hmget)/.test(command.name) || !command.args.some(arg => String(arg).includes(marker))) return send(command, stream)
    if (how === 'status') command.resolve([[-99], []])
    else command.name = 'evalx'
    return how === 'status' ? command.promise : send(command, stream)
  }
}

/** Ways in which the answer to an error fails as well: the framework's own answer is all that is left. */
function addWorse (app: FastifyInstance): void {
  app.get('/worse/late', { preSerialization: async () => { throw new Error('a hook') } }, async () => ({ a: 1 }))
  app.get('/worse/hook', { onSend: async () => { throw new Error('a hook') } }, async () => ({ a: 1 }))
  app.get('/worse/header', (_request, reply) => { reply.header('x-bad', 'a\nb').send({ a: 1 }) })
}

const iris = await startIris(t, { logs, extend: addWorse })

t.test('[TRACE-2] by every door', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const victim = await iris.user(t)
  const group = await groupOf(iris, alice, bob)
  await alice.send(group, 'hi')
  spoil(iris, 'CANARY-status', 'status')
  spoil(iris, 'CANARY-command', 'command')
  spoil(iris, victim.userId, 'command')
  const message = (clientMsgId: string) => ({ from: 'system', clientMsgId, conversationId: group, type: 'system', content: { a: 1 } })
  const byServer = async (path: string, accept: string) => {
    const response = await fetch(`${iris.url}/v1/server/${path}`, { headers: { authorization: `Bearer ${iris.serverKey}`, accept } })
    const last = (await response.text()).trim().split('\n').at(-1) ?? ''
    const body = JSON.parse(last) as { error?: Record<string, unknown> }
    return { status: Number(body.error?.['status'] ?? response.status), body: body.error ?? body }
  }
  const bearer = ({ token }: User) => ({ headers: { authorization: `Bearer ${token}` } })
  const socket = await openWs(`${iris.url}/v1/ws`, bearer(alice))
  t.teardown(() => socket.cut())
  const frame = async () => {
    const body = { clientMsgId: 'CANARY-status-ws', conversationId: group, type: 'text', content: { text: 'x' } }
    const { error } = await socket.up('MSG_UP', body)
    return { status: Number(error?.['status']), body: { ...error } }
  }
  const stream = async () => {
    const response = await fetch(`${iris.url}/v1/down/events`, bearer(victim))
    return { status: response.status, body: await response.json() as Record<string, unknown> }
  }
  for (const [what, ask] of Object.entries({
    'MSG_UP by POST': () => alice.send(group, 'x', { clientMsgId: 'CANARY-status' }),
    'MSG_UP by WebSocket': frame,
    'of the server API': () => iris.server('POST', 'messages', message('CANARY-status-server')),
    'one of a batch': () => iris.server('POST', 'messages/batch', { messages: [message('fine'), message('CANARY-status-batch')] }),
    'a command to Redis that is none': () => alice.send(group, 'x', { clientMsgId: 'CANARY-command' }),
    'a poll': () => pollOnce(`${iris.url}/v1/down/poll`, bearer(victim)),
    'a stream': stream
  })) await isSaid(t, what, await ask())
  spoil(iris, `:LOG:${group}`, 'command')
  await isSaid(t, 'an answer in lines', await byServer(`conversations/${group}/messages`, 'application/x-ndjson'))
})

/** An error that cannot even be looked at. */
const odd = () => Object.defineProperty(new Error(), 'message', { value: { CANARY: 1 } })
const circular: Record<string, unknown> = {}
circular['self'] = circular

/** Ways of a handler, or of a hook, to fail. */
function addRoutes (app: FastifyInstance): void {
  for (const [way, thrown] of Object.entries({ null: null, nothing: undefined, text: 'CANARY' })) {
    app.get(`/fails/${way}`, async () => { throw thrown as unknown as Error })
  }
  app.get('/fails/odd', async () => { throw odd() })
  app.get('/fails/circular', async () => circular)
  app.get('/fails/number', (_request, reply) => { reply.send({ a: 1n }) })
  app.get('/fails/payload', (_request, reply) => { reply.type('text/plain').send({ a: 1 }) })
  app.get('/fails/stream', (_request, reply) => { reply.send(new Readable({ read () { this.destroy(new Error('CANARY')) } })) })
  app.get('/fails/502', async () => { throw Object.assign(new Error('CANARY'), { statusCode: 502 }) })
}

t.test('[TRACE-2] by whatever way', async t => {
  // one of its own: of a burst ten lines are written
  const first = await startIris(t, { logs, extend: addRoutes, redisPath: iris.redisPath })
  for (const way of ['null', 'nothing', 'text', 'odd', 'circular', 'number', 'payload', 'stream', '502']) {
    const response = await fetch(`${first.url}/fails/${way}`)
    t.equal(response.headers.get('content-type'), 'application/problem+json', way)
    await isSaid(t, way, { status: response.status, body: await response.json() as Record<string, unknown> })
  }
  for (const way of ['late', 'hook', 'header']) {
    const { status } = await fetch(`${iris.url}/worse/${way}`, { headers: { 'trace-id': `worse-${way}` } })
    t.equal(status, 500)
    await until(async () => lines.some(line => line.includes(`"traceId":"worse-${way}"`) && line.includes('"level":50')) || undefined)
  }
})

t.test('no 500 is made anywhere else', t => {
  const directory = new URL('../../src/', import.meta.url).pathname
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))
  t.same(files.filter(name => /new Problem\('INTERNAL'/.test(readFileSync(join(directory, name), 'utf8'))), ['protocol/problem.ts'])
  t.end()
})
