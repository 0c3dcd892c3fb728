// The code of docs/clients.md, run as it stands there: in Node and in Chromium, by each way down.
import { readFileSync } from 'node:fs'
import { createServer, request as forward, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { createContext, runInContext } from 'node:vm'
import { EventSource } from 'eventsource'
import t, { type Test } from 'tap'
import { launchBrowser, noBrowser } from './helper/browser.js'
import { SERVER_KEY, startIris } from './helper/iris.js'
import { tokenOf } from './helper/token.js'
import { granted, until } from './helper/user.js'

const text = readFileSync(new URL('../../docs/clients.md', import.meta.url), 'utf8')
const code = [...text.matchAll(/^```js\n([^]*?)^```$/gm)].map(([, block = '']) => block).join('\n')
const ways = ['listen', 'poll', 'converse'] as const

/** An application's own server, of another origin than Iris: a page that loads the code. */
const origin = await serve(t, (request, response) => {
  const isCode = request.url === '/clients.js'
  response.setHeader('content-type', isCode ? 'text/javascript' : 'text/html').end(isCode ? code : '<script src="clients.js"></script>')
})
const iris = await startIris(t, { env: { IRIS_LIMIT_ROTATE_SEC: '2', IRIS_ALLOWED_ORIGINS: origin } })

async function serve (t: Test, answer: RequestListener, onUpgrade = (socket: Duplex): unknown => socket.destroy()): Promise<string> {
  const server = createServer(answer).on('upgrade', (_request, socket) => onUpgrade(socket))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Waits until it is so. */
const becomes = async (isSo: () => Promise<boolean>): Promise<void> => void await until(async () => await isSo() || undefined)

/** A world in which the code has been run; what is evaluated there comes back as JSON would. */
interface World { evaluate (expression: string): Promise<unknown> }

function inNode (): World {
  const context = createContext({
    EventSource, WebSocket, fetch, crypto, console, URLSearchParams, AbortSignal, setTimeout, clearTimeout, setInterval, clearInterval
  })
  runInContext(code, context)
  return {
    async evaluate (expression) {
      const text: unknown = await runInContext(`(async () => JSON.stringify(await (${expression})))()`, context)
      return typeof text === 'string' ? JSON.parse(text) as unknown : undefined
    }
  }
}

async function inChromium (t: Test, browser: Awaited<ReturnType<typeof launchBrowser>>): Promise<World> {
  const context = await browser.newContext()
  t.teardown(() => context.close())
  const page = await context.newPage()
  await page.goto(origin)
  return { evaluate: async expression => await page.evaluate<unknown>(`(async () => await (${expression}))()`) }
}

/** Begins a terminal in a world. @param facts what its app has at first, beside what it makes itself */
async function begin (
  world: World, { userId, way, url = iris.url, ...facts }: { userId: string, way: string, url?: string, cursor?: string, token?: string }
) {
  const token = await iris.token(userId)
  await world.evaluate('void Object.assign(globalThis, { troubles: [], told: [], ended: false })')
  await world.evaluate(`void (globalThis.app = Object.assign(createApp({ url: '${url}', userId: '${userId}', ` +
    `terminalId: 't-1', login: async () => '${token}', trouble: error => troubles.push(error.code ?? ` +
    `error.message), once: item => told.push(item.name) }), ${JSON.stringify(facts)}))`)
  await world.evaluate(`void run(app, ${way}).then(() => { ended = true })`)
  return {
    evaluate: world.evaluate,
    /** Messages as their texts by seq, a tombstone as nothing. */
    texts: async () => await world.evaluate('[...app.messages.values()].sort((a, ' +
      'b) => a.seq - b.seq).map(({ content }) => content?.text ?? null)') as (string | null)[],
    troubles: async () => await world.evaluate('troubles') as (string | number)[],
    ended: async () => await world.evaluate('ended') as boolean
  }
}

async function usesEverything (t: Test, world: World, way: string): Promise<void> {
  const bob = await iris.user(t)
  const alice = await iris.user(t)
  await bob.send(alice, 'before')
  const { conversationId } = granted(await bob.send(alice, 'unread')).body as { conversationId: string }
  await alice.read({ conversationId, upToSeq: 1 })
  const terminal = await begin(world, { userId: alice.userId, way, token: await tokenOf(alice.userId, { endsInSec: -100 }) })

  await becomes(async () => (await terminal.texts()).includes('unread'))
  t.same(await terminal.troubles(), ['TOKEN_EXPIRED'], 'an expired token is replaced, and said')
  await terminal.evaluate(`history(app, '${conversationId}')`)
  t.same(await terminal.texts(), ['before', 'unread'], 'what was read before the stream began is fetched')

  const live = granted(await bob.send(alice, 'live')).body as { seq: number }
  await terminal.evaluate(`send(app, { to: '${bob.userId}', text: 'mine' })`)
  await becomes(async () => (await terminal.texts()).length === 4)
  await bob.revoke({ conversationId, seq: live.seq })
  await becomes(async () => (await terminal.texts())[2] === null)
  t.same(await terminal.texts(), ['before', 'unread', null, 'mine'])

  await bob.command({ clientCmdId: 'x-1', name: 'nudge', to: { users: [alice.userId] }, mode: 'reliable' })
  await becomes(async () => await terminal.evaluate('app.commands.size') === 1)
  await terminal.evaluate('complete(app, [...app.commands.values()][0])')
  t.equal(await terminal.evaluate('app.commands.size'), 0)

  const number = await terminal.evaluate('troubles.length') as number
  if (way !== 'poll') await becomes(async () => (await terminal.troubles()).slice(number).includes(4201))
  await bob.send(alice, 'after a rotation')
  await becomes(async () => (await terminal.texts()).length === 5)
  t.same(await terminal.texts(), ['before', 'unread', null, 'mine', 'after a rotation'], 'nothing twice, nothing missing')

  await iris.server('POST', `users/${alice.userId}/kick`, { reason: 'the end' })
  await becomes(terminal.ended)
}

async function isReset (t: Test, world: World, way: string): Promise<void> {
  const bob = await iris.user(t)
  const alice = await iris.user(t)
  const { conversationId } = granted(await bob.send(alice, 'one')).body as { conversationId: string }
  await bob.send(alice, 'two')
  await alice.read({ conversationId, upToSeq: 2 })
  const terminal = await begin(world, { userId: alice.userId, way, cursor: '1-1' })
  await terminal.evaluate(`history(app, '${conversationId}')`)
  await becomes(async () => await terminal.evaluate('app.cursor') !== '1-1')
  await becomes(async () => (await terminal.texts()).length === 2)
  t.same(await terminal.texts(), ['one', 'two'], 'what had been read is fetched again')
  await iris.server('POST', `users/${alice.userId}/kick`, { reason: 'the end' })
  await becomes(terminal.ended)
}

for (const way of ways) {
  t.test(`[POLL-1] in Node, by ${way}: nothing is lost, shown twice or silent`, async t => usesEverything(t, inNode(), way))
  t.test(`[ATTACH-1] in Node, by ${way}: what cannot be resumed is fetched`, async t => isReset(t, inNode(), way))
}

t.test('[LIFE-2] [COMPLETE-3] the bot answers once, marks as read, completes, and is there as long as its socket', async t => {
  const bob = await iris.user(t)
  const echo = await iris.user(t)
  const other = await echo.listen({ terminalId: 'other' })
  const { conversationId } = granted(await bob.send(echo, 'before it was there')).body as { conversationId: string }
  const answers = async () => {
    const { messages } = (await bob.getReadMsg({ conversationId, deliver: 'inline' })).body as unknown as {
      messages: { from: string, content: { text: string } }[]
    }
    return messages.filter(({ from }) => from === echo.userId).map(({ content }) => content.text)
  }
  const world = inNode()
  await world.evaluate(`void bot({ url: '${iris.url}', userId: '${echo.userId}', ` +
    `key: '${SERVER_KEY}' }).then(() => { globalThis.ended = true })`)
  await becomes(async () => (await answers()).length === 1)
  await bob.send(echo, 'live')
  await bob.command({ clientCmdId: 'x-2', name: 'nudge', to: { users: [echo.userId] }, mode: 'reliable' })
  await becomes(async () => (await answers()).length === 2)
  t.same(await answers(), ['before it was there', 'live'])
  await becomes(async () => other.events.some(({ data }) => /"op":"complete"/.test(JSON.stringify(data))))
  t.match(JSON.stringify((await iris.server('POST', 'presence', { users: [echo.userId] })).body), /"terminals":2,.*"server"/)
  await becomes(async () => ((await echo.conversations()).body as { totalUnread: number }).totalUnread === 0)
  await iris.server('POST', `users/${echo.userId}/kick`, { reason: 'the end' })
  await becomes(async () => await world.evaluate('globalThis.ended === true') as boolean)
})

t.test('[POLL-1] a WebSocket that a proxy refuses: it goes on by Server-Sent Events, and says so', async t => {
  const url = await serve(t, (request, response) => {
    const { method, headers } = request
    request.pipe(forward(iris.url + request.url, { method, headers }, answer => {
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(response)
    }))
  }, socket => socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'))
  const bob = await iris.user(t)
  const alice = await iris.user(t)
  const terminal = await begin(inNode(), { userId: alice.userId, way: 'converse', url })
  await becomes(async () => await terminal.evaluate('app.cursor !== undefined') as boolean)
  t.match((await terminal.troubles())[0], /^socket is refused/)
  await bob.send(alice, 'by another way')
  await becomes(async () => (await terminal.texts()).length === 1)
  await iris.server('POST', `users/${alice.userId}/kick`, { reason: 'the end' })
  await becomes(terminal.ended)
})

t.test('in Chromium, in a page of another origin', { skip: noBrowser }, async t => {
  const browser = await launchBrowser()
  for (const way of ways) {
    await t.test(`[POLL-1] by ${way}: nothing is lost, shown twice or silent`, async t =>
      usesEverything(t, await inChromium(t, browser), way))
  }

  await t.test('a reload is the same terminal, another tab is another', async t => {
    const world = await inChromium(t, browser)
    t.equal(await world.evaluate('terminalOfTab()'), await world.evaluate('terminalOfTab()'))
    t.not(await world.evaluate('terminalOfTab()'), await (await inChromium(t, browser)).evaluate('terminalOfTab()'))
    const alice = await iris.user(t)
    await world.evaluate(`void (globalThis.app = begin({ url: '${iris.url}', ` +
      `userId: '${alice.userId}', login: async () => '${alice.token}' }))`)
    await becomes(async () => await world.evaluate('app.cursor !== undefined') as boolean)
  })
})
