// What an ordinary user of the client does, and where he stands: addresses of all kinds, two users, haste, a back end that fails, portals.
import t, { type Test } from 'tap'
import type { IrisError, Options, TransportName } from '../../src/client/index.js'
import { connectClient, createMemory } from '../helper/client.js'
import { createScripted, json, refusal, type Scripted, tokenFor } from '../helper/scripted.js'
import { openPage, stopTime } from '../helper/stopped.js'

const { pass, turn } = stopTime(t)
const ways: TransportName[] = ['sse', 'eventsource', 'websocket', 'poll']

function open (t: Test, { gateway = createScripted(), userId = 'alice', ...options }: Partial<Options> & { gateway?: Scripted } = {}) {
  return { gateway, ...connectClient(t, gateway.iris, userId, { ...gateway.options, ...options }) }
}

const textsOf = ({ to }: Scripted) => to('/v1/up/msg').map(({ body }) => (body['content'] as { text: string }).text)

t.test('an address with a path, with a slash at its end, relative to the page: all ways go there', async t => {
  Object.assign(globalThis, { location: { href: 'https://page.example/app/index.html?a=b#c' } })
  t.teardown(() => Reflect.deleteProperty(globalThis, 'location'))
  const addresses = {
    'https://chat.example': 'https://chat.example',
    'https://chat.example/': 'https://chat.example',
    'https://chat.example//': 'https://chat.example',
    'https://chat.example/iris/': 'https://chat.example/iris',
    'http://[::1]:4747/http': 'http://[::1]:4747/http',
    '/iris': 'https://page.example/iris',
    '/': 'https://page.example',
    iris: 'https://page.example/app/iris',
    '.': 'https://page.example/app',
    '//chat.example': 'https://chat.example',
    'https://chat.example/iris/?from=a#b': 'https://chat.example/iris'
  }
  for (const [url, address] of Object.entries(addresses)) {
    for (const way of ways) {
      const gateway = createScripted()
      gateway.facts.url = address
      const { client } = open(t, { gateway, url, transports: [way] })
      await turn()
      t.equal(client.state.state, 'live', `${url} by ${way}: ${gateway.requests.map(({ url }) => url).join()}`)
      client.close()
    }
  }
  for (const url of ['localhost:4747', 'wss://chat.example', 'ftp://chat.example', 'https://', 'http://a b', 'about:blank']) {
    t.throws(() => open(t, { url }), { code: 'BAD_OPTION', message: /full/ }, url)
  }
})

t.test('two users in one page: each has his own stream, and sends as himself, from one storage', async t => {
  openPage(t)
  const storage = createMemory()
  const gateway = createScripted()
  const clients = ['alice', 'bob'].map(userId => open(t, { gateway, userId, storage, share: true }))
  await pass(1_000)
  for (const { client } of clients) t.equal(client.state.state, 'live')
  t.equal(gateway.lines.length, 2)
  const sent = clients.map(async ({ client }) => await client.send('carol', `of ${client.userId}`))
  await pass(1_000)
  await Promise.all(sent)
  t.same(gateway.to('/v1/up/msg').map(({ body, token }) => [body['content'], token]), [
    [{ text: 'of alice' }, tokenFor('alice')], [{ text: 'of bob' }, tokenFor('bob')]
  ])
  gateway.lines[0]?.say(gateway.cmd('for-alice', {}))
  await turn()
  t.same(clients.map(({ seen }) => seen.command.length), [1, 0])
  for (const { client } of clients) client.close()
  await turn()
})

t.test('what is sent before anything is connected goes in its order, whether or not a stream comes', async t => {
  const gateway = createScripted()
  gateway.facts.isSilent = true
  const token = async () => {
    await new Promise(resolve => setTimeout(resolve, 1_000))
    return tokenFor('alice')
  }
  const { client, seen } = open(t, { gateway, token })
  const sent = ['one', 'two', 'three'].map(async text => await client.send('bob', text))
  t.equal(client.outbox.length, 3)
  await pass(1_000)
  t.same((await Promise.all(sent)).map(({ seq }) => seq), [1, 2, 3])
  t.same(textsOf(gateway), ['one', 'two', 'three'])
  t.same(seen.message.map(({ content }) => content?.['text']), ['one', 'two', 'three'])
  t.not(client.state.state, 'live')
  client.close()
})

t.test('a send that is refused for ever holds up nobody; one that may be tried again does, for its order', async t => {
  const { gateway, client, seen } = open(t)
  await turn()
  let refusals = 2
  gateway.answers.set('/v1/up/msg', ({ body }) => {
    const { text } = body['content'] as { text: string }
    if (text === 'bad') return json({ code: 'INVALID_BODY', title: 'no', retryable: false }, 400)
    if (text === 'busy' && refusals-- > 0) return json({ code: 'OVERLOADED', title: 'busy', retryable: true }, 503, { 'Retry-After': '1' })
    gateway.answers.delete('/v1/up/msg')
    return json({ clientMsgId: body['clientMsgId'], conversationId: 'dm.alice.bob', seq: ++gateway.facts.end, msgId: `m-${text}` })
  })
  const codeOf = (error: unknown) => (error as IrisError).code
  const sent = ['bad', 'busy', 'last'].map(async text => await client.send('bob', text).catch(codeOf))
  t.equal(await sent[0], 'INVALID_BODY')
  await pass(10_000)
  t.match(await Promise.all(sent), ['INVALID_BODY', { seq: 1 }, { seq: 2 }])
  t.same(textsOf(gateway), ['bad', 'busy', 'busy', 'busy', 'last'])
  t.same(seen.outbox.filter(({ state }) => state === 'failed').length, 1)
  client.close()
})

t.test('[MSG-2] closed and connected again in one tick: what was written before is sent, by the second alone', async t => {
  openPage(t)
  for (const share of [false, true]) {
    const storage = createMemory()
    const gateway = createScripted()
    gateway.answers.set('/v1/up/msg', async () => await new Promise(() => undefined))
    const first = open(t, { gateway, storage, share })
    await pass(1_000)
    const cut = first.client.send('bob', 'hi').catch((error: unknown) => error)
    await turn()
    gateway.answers.clear()
    gateway.requests.length = 0
    first.client.close()
    const second = open(t, { gateway, storage, share })
    await pass(20_000)
    t.match(await cut, { code: 'CLOSED' })
    t.match([first.client.state.state, second.client.state.state], ['closed', 'live'])
    t.same(textsOf(gateway), ['hi'])
    t.equal(second.seen.message.length, 1)
    t.equal(gateway.lines.filter(line => !line.isOver()).length, 1)
    second.client.close()
    await turn()
  }
})

t.test('what was kept goes before what is new; what a kicked one has sent waits until he is let in', async t => {
  const storage = createMemory()
  const facts = { to: 'bob', type: 'text', at: Date.now() - 60_000, attempts: 1 }
  const kept = ['1', '2'].map(text => ({ ...facts, clientMsgId: text, content: { text } }))
  storage.set('iris:gateway.example:alice:outbox', JSON.stringify(kept))
  const { gateway, client, seen } = open(t, { storage })
  const sent = client.send('bob', '3')
  gateway.answers.set('/v1/up/msg', () => refusal('KICKED'))
  await pass(1)
  t.match(seen.outbox.at(-1), { state: 'waiting', error: { code: 'KICKED' } })
  await pass(600_000)
  t.equal(gateway.to('/v1/up/msg').length, 1, 'it asks for nothing by itself')
  gateway.answers.clear()
  client.reconnect()
  await pass(1)
  t.match(await sent, { seq: 3 })
  t.same(textsOf(gateway), ['1', '1', '2', '3'])
  client.close()
})

t.test('a token() that throws, promises nothing, or never answers: that is said, and asked again until there is one', async t => {
  const failures = [
    () => { throw new Error('no such cookie') },
    async () => await new Promise<string>(() => undefined),
    () => ({}) as string,
    () => 7 as unknown as string
  ]
  for (const fail of failures) {
    let isDown = true
    const { client, seen } = open(t, { token: () => isDown ? fail() : tokenFor('alice') })
    await pass(15_001)
    t.match(seen.state.find(({ error }) => error), { state: 'waiting', error: { code: 'TOKEN', retryable: true } }, String(fail))
    isDown = false
    await pass(60_000)
    t.equal(client.state.state, 'live')
    client.close()
  }
})

t.test('a portal answers in the place of the gateway: nothing is lost or closed, and goes on once it lets through', async t => {
  const elsewhere = (status: number, page: string | null) =>
    Object.defineProperty(new Response(page, { status, headers: { 'content-type': 'text/html' } }), 'url', { value: 'http://portal.example/login' })
  const portals = {
    'a page': () => elsewhere(200, '<h1>Accept our terms'),
    'a redirect to a page': () => Object.defineProperty(elsewhere(200, '<h1>Sign in'), 'redirected', { value: true }),
    'an empty 200': () => elsewhere(200, null),
    204: () => elsewhere(204, null),
    403: () => elsewhere(403, '<h1>no'),
    404: () => elsewhere(404, '<h1>no'),
    511: () => elsewhere(511, '<h1>sign in')
  }
  for (const [name, portal] of Object.entries(portals)) {
    for (const transports of [ways, ...ways.map(way => [way])]) {
      const gateway = createScripted()
      const before = gateway.options.fetch
      let isShut = true
      const fetch: typeof before = async (...args) => isShut ? portal() : await before(...args)
      const { client, seen } = open(t, { gateway, fetch, transports })
      const sent = client.send('bob', 'hi')
      const what = `${name}, ${transports.join()}`
      await pass(20_000)
      t.same(seen.state.filter(({ state }) => state === 'closed'), [], what)
      t.match(client.outbox, [{ content: { text: 'hi' } }], what)
      const { error } = seen.state.findLast(({ error }) => error) ?? {}
      t.match(error, { code: 'NOT_IRIS', message: /portal\.example\/login/ }, what)
      isShut = false
      await pass(60_000)
      t.equal(client.state.state, 'live', what)
      t.match(await sent, { seq: 1 }, what)
      client.close()
    }
  }
})
