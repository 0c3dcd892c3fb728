// The client in real Chromium, as the one module that is published: tabs, sleep, reloads, storage that fails.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { launchBrowser, noBrowser } from '../helper/browser.js'
import { blocksIn } from '../helper/documents.js'
import { startIris } from '../helper/iris.js'
import { dm, until, type User } from '../helper/user.js'

const code = readFileSync(new URL('../../client/index.js', import.meta.url))
const page = `<!doctype html><script type="module">
  import { connect } from '/client.js'
  globalThis.begin = (url, token) => {
    const seen = globalThis.seen = { texts: [], states: [], warnings: [], resets: [] }
    const iris = globalThis.iris = connect({ url, token: () => token, timing: { tabMs: 300 } })
    globalThis.asked = iris.conversations().then(() => 'answered', ({ code }) => code)
    iris.on('message', ({ content }) => seen.texts.push(content.text))
    iris.on('state', ({ state, reason }) => seen.states.push(state + ': ' + reason))
    iris.on('warning', ({ code }) => seen.warnings.push(code))
    iris.on('reset', ({ reason }) => seen.resets.push(reason))
  }
</script>`

/** The page of docs/clients.md, as it stands but for the address: Alice's. Bob's is the same, with her in his place. */
const told = () => (blocksIn('docs/clients.md', 'html')[0] ?? '').replace('https://chat.example', iris.url)
const served = new Map<string, () => string>([
  ['/', () => page], ['/told/alice', told], ['/told/bob', () => told().replace("'bob'", "'alice'")]
])

const server = createServer((request, response) => {
  const text = served.get(request.url ?? '')
  response.setHeader('content-type', text ? 'text/html' : 'text/javascript').end(text?.() ?? code)
})
await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
t.teardown(() => server.close())
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const iris = await startIris(t, { env: { IRIS_ALLOWED_ORIGINS: origin } })

interface Seen { texts: string[], states: string[], warnings: string[], resets: string[] }

/** A tab in which a user is connected. */
async function openTab (context: BrowserContext, token: string) {
  const tab = await context.newPage()
  await tab.goto(origin)
  return await begin(tab, token)
}

async function begin (tab: Page, token: string) {
  await tab.waitForFunction('globalThis.begin')
  await tab.evaluate(`begin('${iris.url}', '${token}')`)
  await tab.waitForFunction('iris.state.state === "live"')
  return {
    tab,
    seen: async () => await tab.evaluate<Seen>('seen'),
    texts: async (number: number) => {
      await tab.waitForFunction(`seen.texts.length >= ${number}`)
      return await tab.evaluate<string[]>('seen.texts')
    },
    send: async (to: string, text: string) => await tab.evaluate(`iris.send('${to}', '${text}').then(({ seq }) => seq)`)
  }
}

/** A browser of its own, as far as storage and locks go. */
async function openBrowser (t: Test, browser: Browser): Promise<BrowserContext> {
  const context = await browser.newContext()
  t.teardown(() => context.close())
  return context
}

const terminalsOf = async (userId: string) =>
  ((await iris.server('GET', `users/${userId}/terminals`)).body['items'] ?? []) as unknown as { terminalId: string, connections?: number }[]

t.test('in Chromium', { skip: noBrowser }, async t => {
  const browser = await launchBrowser()

  await t.test('ten tabs share one connection; a tab that is frozen gives it away, and misses nothing', async t => {
    const [alice, bob] = [await iris.user(t), await iris.user(t)]
    const context = await openBrowser(t, browser)
    const tabs = []
    for (let i = 0; i < 10; i++) tabs.push(await openTab(context, alice.token))
    t.equal((await terminalsOf(alice.userId)).length, 1)
    const [first, second] = tabs as [typeof tabs[0], typeof tabs[0]]

    await bob.send(alice, 'one')
    await second.send(bob.userId, 'two')
    for (const tab of tabs) t.same((await tab.texts(2)).sort(), ['one', 'two'])

    // it is told: a Chromium without a screen freezes nothing, so the events of it are all there is
    const holder = async () => await second.tab.evaluate<string>('navigator.locks.query().then(({ held }) => held[0]?.clientId)')
    const leader = await holder()
    await first.tab.evaluate('document.dispatchEvent(new Event("freeze"))')
    await until(async () => ![leader, undefined].includes(await holder()) || undefined)
    await bob.send(alice, 'three')
    for (const tab of tabs.slice(1)) t.same((await tab.texts(3)).slice(2), ['three'])
    await first.tab.evaluate('document.dispatchEvent(new Event("resume"))')
    t.same((await first.texts(3)).slice(2), ['three'])
    t.ok((await first.seen()).states.includes('waiting: the page is frozen'))

    // it is not told: it stands still in the middle of something
    const cdp = await context.newCDPSession(second.tab)
    await cdp.send('Debugger.enable')
    await cdp.send('Debugger.pause')
    await bob.send(alice, 'four')
    const awake = tabs.filter(tab => tab !== second)
    for (const tab of awake) t.same((await tab.texts(4)).slice(3), ['four'])
    await cdp.send('Debugger.disable')
    t.same((await second.texts(4)).slice(3), ['four'])

    await second.tab.close()
    await bob.send(alice, 'five')
    for (const tab of awake) {
      t.same((await tab.texts(5)).slice(4), ['five'])
      t.match(await tab.seen(), { warnings: [], resets: [] })
    }
  })

  await t.test('the page of docs/clients.md chats; after a reload all stands there, in order, also what was sent meanwhile', async t => {
    const [alice, bob] = [await iris.user(t, 'alice'), await iris.user(t, 'bob')]
    const open = async (user: User) => {
      const context = await openBrowser(t, browser)
      await context.route('**/my/token', async route => await route.fulfill({ body: user.token }))
      const tab = await context.newPage()
      await tab.goto(`${origin}/told/${user.userId}`)
      await tab.getByText('live: all is there').waitFor()
      return {
        tab,
        async say (text: string) {
          await tab.fill('#text', text)
          await tab.press('#text', 'Enter')
        },
        shows: async (...lines: string[]) => {
          const [text, timeout] = [lines.join('\n'), 10_000]
          await tab.waitForFunction(`list.textContent === ${JSON.stringify(text)}`, undefined, { timeout })
            .catch(async () => t.equal(await tab.textContent('#list'), text))
        }
      }
    }
    const [one, other] = [await open(alice), await open(bob)]
    await one.say('one')
    await other.shows('alice: one')
    await other.say('two')
    await one.shows('alice: one', 'bob: two')
    await bob.send('carol', 'of another conversation')
    await one.tab.goto('about:blank')
    await other.say('three')
    await other.shows('alice: one', 'bob: two', 'bob: three')
    await one.tab.goto(`${origin}/told/alice`)
    await one.shows('alice: one', 'bob: two', 'bob: three')
    await one.say('four')
    for (const { shows } of [one, other]) await shows('alice: one', 'bob: two', 'bob: three', 'alice: four')
    await bob.revoke({ conversationId: dm(alice, bob), seq: 2 })
    await one.shows('alice: one', '(taken back)', 'bob: three', 'alice: four')
    await other.tab.reload()
    await other.shows('alice: one', '(taken back)', 'bob: three', 'alice: four')
  })

  await t.test('offline and online again: what was written goes, what came is there, at once', async t => {
    const [alice, bob] = [await iris.user(t), await iris.user(t)]
    const context = await openBrowser(t, browser)
    const tab = await openTab(context, alice.token)
    await context.setOffline(true)
    await tab.tab.evaluate(`void iris.send('${bob.userId}', 'from the tunnel')`)
    await tab.tab.waitForFunction('iris.outbox.length === 1 && iris.outbox[0].attempts > 0')
    await bob.send(alice, 'meanwhile')
    await context.setOffline(false)
    t.same((await tab.texts(2)).sort(), ['from the tunnel', 'meanwhile'])
    t.equal(await tab.tab.evaluate('iris.outbox.length'), 0)
  })

  await t.test('[MSG-2] a reload while a message is sent: it is stored once', async t => {
    const [alice, bob] = [await iris.user(t), await iris.user(t)]
    const context = await openBrowser(t, browser)
    const tab = await context.newPage()
    await tab.goto(origin)
    await tab.route('**/v1/down/**', async route => await route.abort())
    await tab.route('**/v1/up/msg', async route => void await route.fetch()) // it arrives, and is never answered
    await tab.waitForFunction('globalThis.begin')
    await tab.evaluate(`begin('${iris.url}', '${alice.token}'), void iris.send('${bob.userId}', 'only once')`)
    const stream = await bob.listen()
    await stream.next('MSG_DOWN')
    await tab.reload() // before anything else can say what became of it
    await tab.unrouteAll({ behavior: 'ignoreErrors' })
    const again = await begin(tab, alice.token)
    t.same(await again.texts(1), ['only once'])
    await tab.waitForFunction('iris.outbox.length === 0')
    const { body } = await bob.getReadMsg({ conversationId: [alice.userId, bob.userId].sort().join('.').replace(/^/, 'dm.'), deliver: 'inline' })
    t.equal(body['count'], 1)
  })

  await t.test('storage that is full, or forbidden, and a clock that is wrong by a day: it goes on, and says so once', async t => {
    const forbidden = 'Object.defineProperty(window, "localStorage", { get () { throw new DOMException("no", "SecurityError") } })'
    for (const spoil of [
      'Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError") }',
      forbidden,
      // where all storage is blocked so are locks
      `${forbidden}; LockManager.prototype.request = async () => { throw new DOMException("no", "SecurityError") }`
    ]) {
      const [alice, bob] = [await iris.user(t), await iris.user(t)]
      const context = await openBrowser(t, browser)
      await context.addInitScript(`${spoil}; const { now } = Date; Date.now = () => now() + 86_400_000`)
      const tab = await openTab(context, alice.token)
      await bob.send(alice, 'down')
      await tab.send(bob.userId, 'up')
      t.same((await tab.texts(2)).sort(), ['down', 'up'])
      t.same((await tab.seen()).warnings, ['STORAGE'])
      await context.close()
    }
  })

  await t.test('[KICK-1] who was told to stay away does so when his page is thawed, or another tab is left; until he says so', async t => {
    const alice = await iris.user(t)
    const context = await openBrowser(t, browser)
    const tabs = [await openTab(context, alice.token), await openTab(context, alice.token)] as const
    await iris.server('POST', `users/${alice.userId}/kick`, { reason: 'the end' })
    for (const { tab } of tabs) await tab.waitForFunction('iris.state.state === "closed"')
    const look = 'new Promise(resolve => setTimeout(resolve, 400))' // a tab that leads does so each 300 ms
    await tabs[0].tab.evaluate(`document.dispatchEvent(new Event("freeze")), document.dispatchEvent(new Event("resume")), ${look}`)
    const isAway = async ({ seen }: typeof tabs[0]) => {
      const { states } = await seen()
      t.equal(states.findIndex(state => state.startsWith('closed')), states.length - 1, states.join())
    }
    await isAway(tabs[0])
    await tabs[0].tab.close()
    await tabs[1].tab.evaluate(look)
    await isAway(tabs[1])
    await tabs[1].tab.evaluate('iris.reconnect()')
    await tabs[1].tab.waitForFunction('seen.states.filter(state => state.startsWith("closed")).length === 2') // by the old token
  })

  await t.test('two browsers of one user are two terminals; without locks so are two tabs', async t => {
    const [alice, bob] = [await iris.user(t), await iris.user(t)]
    const [one, other] = [await openBrowser(t, browser), await openBrowser(t, browser)]
    await other.addInitScript('Object.defineProperty(navigator, "locks", { value: undefined })')
    const tabs = [await openTab(one, alice.token), await openTab(other, alice.token), await openTab(other, alice.token)]
    t.equal((await terminalsOf(alice.userId)).length, 3)
    await bob.send(alice, 'to all')
    await tabs[0]?.send(bob.userId, 'from one')
    for (const tab of tabs) t.same((await tab.texts(2)).sort(), ['from one', 'to all'])
    const before = await tabs[1]?.tab.evaluate('iris.terminalId')
    await tabs[1]?.tab.reload()
    const again = await begin((tabs[1] as typeof tabs[0]).tab, alice.token)
    t.equal(await again.tab.evaluate('iris.terminalId'), before, 'a reload is the same terminal')
    t.same((await again.seen()).texts, [], 'from its cursor on')
    for (const { tab } of [...tabs, again]) t.equal(await tab.evaluate('asked'), 'answered', 'what is asked before it is known who asks')
    await until(async () => (await terminalsOf(alice.userId)).length === 3 || undefined)
    const [copy] = await Promise.all([other.waitForEvent('page'), again.tab.evaluate('void open(location)')])
    const copied = await begin(copy, alice.token)
    t.not(await copied.tab.evaluate('iris.terminalId'), before, 'a copy of a tab is another one')
    t.equal(await again.tab.evaluate('iris.terminalId'), before, 'and the original what it was')
    await again.tab.evaluate('iris.close({ forget: true })')
    const left = 'Object.keys(localStorage).filter(key => key.startsWith("iris:") && /:(outbox|cursor|terminal)$/.test(key)).length'
    t.equal(await again.tab.evaluate(left), 0, 'nothing of him stays')
  })
})
