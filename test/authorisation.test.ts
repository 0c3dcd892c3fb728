// The authorisation matrix: every operation of the OpenAPI document by every kind of credential. docs/protocol.md section 3, [AUTH-1].
// A new operation is in it by itself, and a route that is not in the document must be named here.
import { subscribe } from 'node:diagnostics_channel'
import type { FastifyInstance, RouteOptions } from 'fastify'
import t from 'tap'
import { type ErrorCode, errors } from '../src/protocol/errors.js'
import { byes } from '../src/protocol/events.js'
import { eventKinds } from '../src/protocol/server-events.js'
import { type Credential, credentialsOf, type Door, OLD_SERVER_KEY } from './helper/credentials.js'
import { SERVER_KEY, startIris } from './helper/iris.js'
import { granted } from './helper/user.js'
import { openWs } from './helper/ws.js'

interface Parameter { name: string, in: string, example?: string }
interface Described {
  operationId: string
  security: Record<string, never[]>[]
  parameters: Parameter[]
  requestBody?: { content: { 'application/json': { example: unknown } } }
}
/** `route` is its address as the router has it; `isBare`: it looks at no query. */
interface Row { name: string, door: Door, method: string, path: string, route: string, body?: unknown, isBare?: true }

/** What is no operation of the protocol, and open to everybody. */
const pages = ['', '/json', '/yaml', '/static/*', '/static/index.html', '/static/swagger-initializer.js']
const open = ['/livez', '/readyz', '/openapi.json', '/asyncapi.json', ...pages.map(page => `/docs${page}`)]

const routes = new Set<string>()
subscribe('fastify.initialization', message => {
  (message as { fastify: FastifyInstance }).fastify.addHook('onRoute', ({ method, url }: RouteOptions) => {
    for (const each of [method].flat()) routes.add(`${each} ${url}`)
  })
})
const iris = await startIris(t, { env: { IRIS_SERVER_KEY: `${SERVER_KEY},${OLD_SERVER_KEY}`, IRIS_EVENTS: 'all' } })
const credentials = await credentialsOf(iris)
const { paths } = (await iris.app.inject('/openapi.json')).json<{ paths: Record<string, Record<string, Described>> }>()
const rows = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).flatMap(([method, described]) => rowsOf(path, method.toUpperCase(), described)))
for (const method of ['GET', 'HEAD']) {
  rows.push({ name: 'metrics', door: 'server', method, path: '/metrics', route: '/metrics', isBare: true })
}

/** A GET is answered by HEAD, too, but for the ways down. */
function rowsOf (path: string, method: string, { operationId, security, parameters, requestBody }: Described): Row[] {
  const door = doorOf(security)
  const address = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => parameters.find(parameter => parameter.name === name)?.example ?? 'x')
  const body = requestBody?.content['application/json'].example
  const route = path.replaceAll(/\{(\w+)\}/g, ':$1')
  const row = { name: operationId, door, path: address, route, ...(body !== undefined && { body }) }
  return method === 'GET' && door !== 'down' ? [{ ...row, method }, { ...row, method: 'HEAD' }] : [{ ...row, method }]
}

function doorOf (security: Described['security']): Door {
  const names = security.flatMap(Object.keys).join(' or ')
  const doors: Record<string, Door> = { '': 'none', user: 'user', server: 'server', 'user or ticket': 'down' }
  const door = doors[names]
  if (!door) throw new Error(`who opens with ${names}?`)
  return door
}

const addressOf = (path: string, query: Record<string, string>) => `${path}?${new URLSearchParams(query).toString()}`

/**
 * Who is to be refused comes with a whole request, which would be done. Who is to be let in breaks a rule that is looked at later,
 * so that nothing is done either.
 * @returns `in`, or the code of the refusal; its status for HEAD.
 */
async function ask ({ method, path, body, isBare }: Row, { headers = {}, query = {} }: Credential, expected: string): Promise<string> {
  const probe = expected === 'in' && !isBare ? { 'no-such-name': '1' } : {}
  const answer = await iris.app.inject({
    method: method as 'GET',
    url: addressOf(path, { ...query, ...probe }),
    headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { payload: JSON.stringify(body) })
  })
  if (answer.statusCode === (isBare ? 200 : 400) && (method === 'HEAD' || isBare)) return 'in'
  if (method === 'HEAD') return String(answer.statusCode)
  const { code } = answer.json<{ code: string }>()
  return code === 'INVALID_QUERY' ? 'in' : code
}

/** The ways down look at their query first, and are opened. */
const ways: Record<string, (address: string, headers: Record<string, string>) => Promise<string>> = {
  async downPoll (address, headers) {
    const answer = await iris.app.inject({ url: `${address}&timeoutMs=0`, headers })
    return answer.statusCode === 200 ? 'in' : answer.json<{ code: string }>().code
  },

  async downEvents (address, headers) {
    const response = await fetch(iris.url + address, { headers })
    if (response.status === 204) return 'KICKED'
    if (response.status !== 200) return (await response.json() as { code: string }).code
    const reader = response.body?.getReader()
    const first = Buffer.from((await reader?.read())?.value ?? []).toString()
    await reader?.cancel()
    return /IRIS.HELLO/.test(first) ? 'in' : first
  },

  async webSocket (address, headers) {
    try {
      const socket = await openWs(iris.url + address, { headers })
      const { data: { name, data } } = await socket.next('CMD_DOWN')
      await socket.cut()
      return name === 'IRIS.HELLO' ? 'in' : data?.['code'] === byes.KICKED.code ? 'KICKED' : String(name)
    } catch (error) {
      return (error as { body: { code: string } }).body.code
    }
  }
}

function verdictOf ({ door, method }: Row, { verdicts }: Credential): string {
  const verdict = door === 'none' ? 'in' : verdicts[door]
  return method === 'HEAD' && verdict !== 'in' ? String(errors[verdict as ErrorCode].status) : verdict
}

/** What is kept of the sessions and the presence of who is let in. */
const ofSessions = /^iris:events:SIZES$|:(TICKETS?|TERMINALS|LEASES|FOREGROUND|EPOCH|REAPER)(:|$)/
const feed = `events?after=0-0&limit=100&types=${eventKinds.filter(kind => !/^(user\.o|terminal)/.test(kind)).join()}`

/** What is stored beside these, and what has happened. */
async function stored () {
  const { body: { items } } = granted(await iris.server('GET', feed))
  return { items, keys: (await iris.redis.keys('*')).filter(key => !ofSessions.test(key)).sort() }
}
const before = await stored()

const all = Object.entries(credentials)
/** One for each thing that can be said: HEAD has the same door as its GET. */
const oneOfEach = [...new Map(all.map(each => [JSON.stringify(each[1].verdicts), each])).values()]

for (const row of rows) {
  t.test(`[AUTH-1] ${row.method} ${row.name} opens for ${row.door}`, async t => {
    const asked = row.method === 'HEAD' ? oneOfEach : all
    const way = ways[row.name]
    t.equal(row.door === 'down', way !== undefined, 'a way down is opened')
    const said = await Promise.all(asked.map(async ([what, credential]) => [what, way
      ? await way(addressOf(row.path, { ...credential.query }), credential.headers ?? {})
      : await ask(row, credential, verdictOf(row, credential))]))
    t.same(said, asked.map(([what, credential]) => [what, verdictOf(row, credential)]))
  })
}

t.test('[AUTH-1] nobody who was refused has changed anything', async t => {
  t.match(before, { items: [{ type: 'user.kicked' }, { type: 'user.kicked' }, { type: 'user.kicked' }], keys: Array })
  t.same(await stored(), before)
})

t.test('[AUTH-1] no operation but a command is done up a WebSocket', async t => {
  const user = await iris.user(t)
  const socket = await openWs(`${iris.url}/v1/ws`, { headers: { authorization: `Bearer ${user.token}` } })
  const names = rows.filter(({ path, method }) => method !== 'HEAD' && !path.startsWith('/v1/up/')).map(({ name }) => name)
  const answers = await Promise.all(names.map(async name => [name, (await socket.up(name, {})).error?.code]))
  t.same(answers, names.map(name => [name, 'NOT_FOUND']))
  await socket.cut()
})

t.test('[AUTH-1] there is no route beside these', async t => {
  const known = new Set(rows.map(({ method, route }) => `${method} ${route}`))
  const beside = [...routes].filter(route => !known.has(route) && !route.startsWith('HEAD '))
  t.same(beside.sort(), open.map(path => `GET ${path}`).sort())
})
