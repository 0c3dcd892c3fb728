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

t.test('[POLL-1] connections that are old move on again and again: no word is lost, nothing piles up', async t => {
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
    return seen.state.filter(({ reason }) => reason === 'the connection is old').length > 2 || undefined
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
