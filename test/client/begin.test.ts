// How a client begins: who it is, where it keeps that, and what is asked of it before it knows.
import t, { type Test } from 'tap'
import type { IrisError, Options } from '../../src/client/index.js'
import { connectClient, createMemory } from '../helper/client.js'
import { createScripted } from '../helper/scripted.js'
import { noLocks, openPage, stopTime } from '../helper/stopped.js'

const { pass, turn } = stopTime(t)

function open (t: Test, options: Partial<Options> = {}, gateway = createScripted()) {
  return { gateway, ...connectClient(t, gateway.iris, 'alice', { ...gateway.options, ...options }) }
}

/** A storage that promises, and takes its time. */
function createSlow (memory = createMemory()) {
  const late = async <T>(work: () => T): Promise<T> => {
    await new Promise(resolve => setImmediate(resolve))
    return work()
  }
  return {
    get: async (key: string) => await late(() => memory.get(key)),
    set: async (key: string, value: string) => await late(() => memory.set(key, value))
  }
}

/** The address of the page. */
function standAt (t: Test, href: string) {
  const { origin } = new URL(href)
  Object.defineProperty(globalThis, 'location', { value: { href, origin }, configurable: true })
  t.teardown(() => Reflect.deleteProperty(globalThis, 'location'))
}

t.test('what is asked in the line after connect() goes as the terminal that this is', async t => {
  const ask = ({ client }: ReturnType<typeof open>) => [client.conversations(), client.history('g.1'), client.read('g.1', 1)]
  const asTerminal = async (seen: ReturnType<typeof open>, what: string) => {
    const asked = Promise.all(ask(seen))
    await pass(1_000)
    await asked
    t.ok(seen.gateway.requests.length > 3, what)
    for (const { path, terminalId } of seen.gateway.requests) t.ok(terminalId && terminalId === seen.client.terminalId, `${what}: ${path}`)
    seen.client.close()
  }
  await t.test('in a page that was reloaded, without locks', async t => {
    openPage(t)
    const { sessionStorage } = globalThis as unknown as { sessionStorage: { setItem (key: string, value: string): void } }
    sessionStorage.setItem('iris:tab', 'kept')
    await asTerminal(open(t, { storage: createMemory(), userId: 'alice' }), 'a page')
  })
  for (const [what, storage] of Object.entries({ nothing: false as const, memory: createMemory(), slow: createSlow() })) {
    await asTerminal(open(t, { storage, userId: 'alice' }), `${what}, a user who is given`)
    await asTerminal(open(t, { storage }), `${what}, the user of the token`)
  }
})

t.test('what is asked before it is known who asks ends with the client, or as the token says', async t => {
  const storage = { get: async () => await new Promise<never>(() => undefined), set: () => undefined }
  const { client } = open(t, { storage })
  const asked = client.conversations().catch((error: unknown) => error)
  await turn()
  client.close()
  t.match(await asked, { code: 'CLOSED' })
  const signedOut = open(t, { token: () => null })
  await t.rejects(signedOut.client.conversations(), { code: 'SIGNED_OUT' })
})

t.test('who listens in the line after connect() hears everything', async t => {
  const { seen } = open(t, { userId: 'alice', storage: { get () { throw new Error('forbidden') }, set: () => undefined } })
  await turn()
  t.match(seen.warning, [{ code: 'STORAGE', message: /forbidden/ }])
  let asked = 0
  open(t, { token: () => String(asked++) }).client.close()
  await turn()
  t.equal(asked, 0, 'closed in the line after it: nothing is begun')
})

t.test('gateways under paths of one host have nothing in common; the names of one without a path are as they were', async t => {
  const storage = createMemory()
  for (const path of ['', '/live', '/staging']) {
    const gateway = createScripted()
    gateway.facts.url += path
    const { client } = open(t, { storage, share: true, url: gateway.facts.url }, gateway)
    await pass(1_000)
    t.equal(client.state.state, 'live', path)
    const { terminalId } = client
    t.equal(storage.kept.get(`iris:gateway.example${path}:alice:terminal`), JSON.stringify(terminalId), path)
    if (path === '/staging') t.not(terminalId, JSON.parse(storage.kept.get('iris:gateway.example/live:alice:terminal') ?? ''))
  }
})

t.test('two tabs of a fresh browser: the terminal that is kept is the one that is connected', { skip: noLocks }, async t => {
  const storage = createMemory()
  const gateway = createScripted()
  const tabs = [0, 1].map(() => open(t, { storage, share: true, userId: 'alice' }, gateway))
  for (let i = 0; i < 5; i++) await pass(1_000)
  t.equal(gateway.lines.length, 1)
  t.equal(gateway.lines[0]?.query.get('terminalId'), storage.of('terminal'))
  for (const { client } of tabs) t.equal(client.terminalId, storage.of('terminal'))
})

t.test('a way down that is not known is refused, by its name, and nothing is kept of it', async t => {
  const is = (word: string) => ({ code: 'BAD_OPTION', message: new RegExp(`${word}.*sse, websocket, poll`) })
  t.throws(() => open(t, { transports: ['sse', 'pigeon' as 'sse'] }), is('pigeon'))
  t.throws(() => open(t, { transports: ['constructor' as 'sse'] }), is('constructor'))
  const storage = createMemory()
  const { client } = open(t, { storage })
  await turn()
  t.throws(() => client.reconnect('nonsense' as 'sse'), is('nonsense'))
  const one = open(t, { storage, transports: ['sse'] })
  t.throws(() => one.client.reconnect('websocket'), { code: 'BAD_OPTION', message: /websocket.*sse$/ })
  await turn()
  t.same(storage.of('way') ?? null, null)
  t.equal(client.state.state, 'live')
})

t.test('a page of another origin is told that this may be the reason; an empty url is its own', async t => {
  standAt(t, 'http://page.example/rooms/chat.html')
  const fetch = async () => await Promise.reject(new TypeError('Failed to fetch'))
  const messageOf = async (url: string) => {
    const { client } = open(t, { url, fetch, userId: 'alice', terminalId: 't' })
    const asked = client.conversations().catch((error: unknown) => error as IrisError)
    await pass(20_000)
    client.close()
    return (await asked as IrisError).message
  }
  t.match(await messageOf('http://gateway.example'),
    /Failed to fetch.*gateway\.example.* is http:\/\/page\.example missing in .*IRIS_ALLOWED_ORIGINS\?/)
  t.notMatch(await messageOf('/gateway'), /IRIS_ALLOWED_ORIGINS/)
  const { gateway } = open(t, { url: '' })
  await turn()
  t.match(gateway.requests[0]?.url, /^http:\/\/page\.example\/v1\//)
})
