// The client where something is odd: texts, kept values, tokens that take their time, options, a client that was closed.
import t from 'tap'
import type { IrisError } from '../../src/client/index.js'
import { connectClient, createMemory } from '../helper/client.js'
import { startIris } from '../helper/iris.js'
import { until } from '../helper/user.js'

const iris = await startIris(t, { env: { IRIS_LIMIT_ROTATE_SEC: '1' } })

t.test('[TEXT-1] whatever a text is made of, it comes as it was sent, by each way', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const odd = 'line\u2028separator\u2029and\nmore: 😀 event: x\r\ndata: {"id":1}'
  for (const way of ['sse', 'websocket', 'poll'] as const) {
    const { client, texts, some } = connectClient(t, iris, alice.userId, { transports: [way] })
    await client.send(bob.userId, odd)
    await some('message', ({ content, from }) => from === alice.userId && content?.['text'] === odd)
    await bob.send(alice, odd + way)
    await some('message', ({ content }) => content?.['text'] === odd + way)
    t.ok(texts().length > 1)
    client.close()
  }
})

t.test('what is kept is not what it was: it begins anew with that, and goes on', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const prefix = `iris:${new URL(iris.url).host}:${alice.userId}:`
  for (const spoilt of ['{', '[null, 7, {}]', '"no good id!"']) {
    const storage = createMemory()
    for (const key of ['cursor', 'outbox', 'pending', 'terminal', 'way']) storage.set(prefix + key, spoilt)
    const { client, is, seen } = connectClient(t, iris, alice.userId, { storage, userId: alice.userId })
    await is('live')
    t.match(await client.send(bob.userId, 'hi'), { duplicate: false }, spoilt)
    t.same(seen.warning, [], spoilt)
    client.close()
  }
})

t.test('a back end that takes its time for a token is no way that is bad', async t => {
  const alice = await iris.user(t)
  const token = async () => {
    await new Promise(resolve => setTimeout(resolve, 600))
    return alice.token
  }
  let streams = 0
  const counting: typeof fetch = async (input, init) => {
    if (new Request(input).url.includes('/v1/down/events')) streams++
    return await fetch(input, init)
  }
  const { client, seen, is, some } = connectClient(t, iris, alice.userId, {
    token, fetch: counting, userId: alice.userId, timing: { patienceMs: 300 }
  })
  await some('state')
  client.reconnect()
  client.reconnect()
  await is('live')
  t.equal(streams, 1, 'who is impatient meanwhile has one connection all the same')
  t.equal(client.state.transport, 'sse')
  t.notOk(seen.state.some(({ error }) => error))
})

t.test('connections that are old move on again and again: no word is lost, nothing piles up', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const warnings: Error[] = []
  const hear = (warning: Error) => warnings.push(warning)
  process.on('warning', hear)
  t.teardown(() => process.off('warning', hear))
  const { seen, texts } = connectClient(t, iris, alice.userId)
  const sent: string[] = []
  await until(async () => {
    sent.push(`${sent.length}`)
    await bob.send(alice, String(sent.at(-1)))
    return seen.state.filter(({ reason }) => reason === 'the connection is old').length > 1 || undefined
  })
  await until(async () => texts().length === sent.length || undefined)
  t.same(texts(), sent)
  t.same(warnings, [])
})

t.test('what cannot be is said at once: options, and a client that was closed', async t => {
  const alice = await iris.user(t)
  t.throws(() => connectClient(t, iris, alice.userId, { transports: [] }), { code: 'BAD_OPTION' })
  t.throws(() => connectClient(t, iris, alice.userId, { transports: ['pigeon' as 'sse'] }), { code: 'BAD_OPTION' })
  const { client, seen } = connectClient(t, iris, alice.userId)
  client.close()
  t.match(await client.send('bob', 'too late').catch((error: unknown) => error as IrisError), { code: 'CLOSED', message: /close\(\)/ })
  t.equal(seen.outbox.at(-1)?.state, 'failed')
  t.equal(client.state.state, 'closed')
})

t.test('closed while it begins, as React does it: it does nothing any more, and the next one is connected', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  for (const share of [false, true]) {
    const storage = createMemory()
    const left = { clientMsgId: 'left-1', to: bob.userId, type: 'text', content: { text: 'kept' }, at: Date.now() - 60_000, attempts: 1 }
    storage.set(`iris:${new URL(iris.url).host}:${alice.userId}:outbox`, JSON.stringify([left]))
    let calls = 0
    const counting: typeof fetch = async (input, init) => {
      calls++
      return await fetch(input, init)
    }
    const first = connectClient(t, iris, alice.userId, { share, storage, userId: alice.userId, fetch: counting })
    first.client.close()
    const next = connectClient(t, iris, alice.userId, { share, storage, userId: alice.userId })
    await next.is('live') // a tab that holds the lock, and does nothing, is robbed of it after 15 s
    await next.some('outbox', ({ state }) => state === 'stored')
    t.equal(calls, 0)
    await next.is('live') // connections are old soon here
    first.client.reconnect()
    await t.rejects(first.client.presence(['somebody'], { watch: true }), { code: 'CLOSED' })
    t.equal(first.client.state.state, 'closed')
    next.client.close()
  }
})

t.test('closed while its token is not to be had: nothing goes on', async t => {
  const alice = await iris.user(t)
  let asked = 0
  const { client, some, seen } = connectClient(t, iris, alice.userId, {
    async token () {
      asked++
      return await Promise.reject(new Error('down'))
    }
  })
  await some('state', ({ state }) => state === 'waiting')
  client.close()
  const before = asked
  await new Promise(resolve => setTimeout(resolve, 1_500)) // the first pause is a part of 1 s
  t.equal(asked, before)
  t.equal(seen.state.at(-1)?.state, 'closed')
})

t.test('what is no token, or somebody else\'s, is said; nothing is sent as another user', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  for (const page of ['<!doctype html>\n<p>Sign in', '{"token":"a.b.c"}', 'a.b.c', { token: alice.token } as unknown as string]) {
    const { some } = connectClient(t, iris, alice.userId, { token: () => page })
    t.match(await some('state', ({ error }) => error !== undefined), { state: 'waiting', error: { code: 'TOKEN', message: /no token/ } })
  }
  await connectClient(t, iris, alice.userId, { token: () => `${alice.token}\n` }).is('live')
  const { client, is, seen } = connectClient(t, iris, alice.userId, { userId: alice.userId, token: () => bob.token })
  void client.send('carol', 'mine alone')
  await is('closed')
  t.match(client.state, { error: { code: 'SIGNED_OUT', message: new RegExp(bob.userId) } })
  t.notOk(seen.outbox.some(({ state }) => state === 'stored'))
  t.match((await bob.conversations()).body, { items: [] })
})

t.test('what answers 200 and is no Iris is named; it is asked at leisure, and what is sent is kept', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  for (const page of ['{}', 'null', '{"clientMsgId":"another"}', '<p>Accept our terms']) {
    let [asked, isPortal] = [0, true]
    const portal: typeof fetch = async (input, init) => {
      if (!isPortal) return await fetch(input, init)
      asked++
      await new Promise(resolve => setTimeout(resolve, 1))
      return new Response(page)
    }
    const { client, some } = connectClient(t, iris, alice.userId, { fetch: portal, userId: alice.userId, transports: ['poll'] })
    const sent = client.send(bob.userId, 'hi')
    const { error } = await some('outbox', ({ state }) => state === 'waiting')
    t.match(error, { code: 'NOT_IRIS', retryable: true }, page)
    t.ok(asked < 20, `${asked} requests`)
    isPortal = false
    client.reconnect()
    t.match(await sent, { duplicate: false })
    client.close()
  }
  const portal: typeof fetch = async (input, init) =>
    new Request(input, init).url.endsWith('/v1/up/msg') ? new Response('<p>Sign in', { status: 403 }) : await fetch(input, init)
  const { client, some } = connectClient(t, iris, alice.userId, { fetch: portal })
  void client.send(bob.userId, 'not lost')
  t.match(await some('outbox', ({ error }) => error !== undefined), { state: 'waiting', error: { code: 'NOT_IRIS' } })
})

t.test('[MSG-2] a body that is no JSON is refused alone; an id that is used twice settles both', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const { client, is } = connectClient(t, iris, alice.userId)
  const circle: Record<string, unknown> = {}
  circle['self'] = circle
  for (const content of [{ n: 10n }, circle]) await t.rejects(client.send(bob.userId, { type: 'text', content }), { code: 'BAD_OPTION' })
  for (const to of [undefined, 7]) await t.rejects(async () => await client.send(to as unknown as string, 'hi'), { code: 'BAD_OPTION' })
  await t.rejects(client.send(bob.userId, undefined as unknown as string), { code: 'INVALID_BODY' })
  const body = { type: 'text', content: { text: 'twice' }, clientMsgId: 'twice-1' }
  const acks = await Promise.all([client.send(bob.userId, body), client.send(bob.userId, body)])
  t.equal(acks[0].seq, acks[1].seq)
  t.same(client.outbox, [])
  await is('live')
  t.match(await client.conversations({ after: undefined as unknown as string, limit: 5 }), { totalUnread: 0 })
})
