// The client in Node: what an application can do with it, by each way down, and what it says when something is wrong.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { EventSource } from 'eventsource'
import t from 'tap'
import type { IrisError, TransportName } from '../../src/client/index.js'
import { connectClient, createMemory } from '../helper/client.js'
import { startIris } from '../helper/iris.js'
import { tokenOf } from '../helper/token.js'
import { until } from '../helper/user.js'

const iris = await startIris(t)
const pathOf = (input: Parameters<typeof fetch>[0]) => new Request(input).url
const ways: TransportName[] = ['sse', 'eventsource', 'websocket', 'poll']

for (const way of ways) {
  t.test(`[POLL-1] by ${way}: messages, receipts, revocations, commands, history`, async t => {
    const [alice, bob] = [await iris.user(t), await iris.user(t)]
    await bob.send(alice, 'before')
    const { client, seen, some, texts, is } = connectClient(t, iris, alice.userId, { transports: [way], EventSource })
    await is('live')
    t.equal(client.state.transport, way)
    t.equal(client.userId, alice.userId, 'of the token')
    await some('message', ({ source }) => source === 'mailbox')

    const ack = await client.send(bob.userId, 'mine')
    t.match(ack, { seq: 2, duplicate: false })
    const live = (await bob.send(alice, 'live')).body as { seq: number, conversationId: string }
    await some('message', ({ seq }) => seq === 3)
    t.same(texts(), ['before', 'mine', 'live'], 'one\'s own, too, each once')

    t.match(await client.read(ack.conversationId, 3), { readSeq: 3, unread: 0 })
    t.match(seen.read, [{ readerId: alice.userId, readSeq: 3 }])
    await bob.read({ conversationId: ack.conversationId, upToSeq: 3 })
    await some('read', ({ readerId }) => readerId === bob.userId)
    await bob.revoke({ conversationId: ack.conversationId, seq: live.seq })
    await some('revoke', ({ seq }) => seq === live.seq)
    t.match(await client.revoke(ack.conversationId, 2), { alreadyRevoked: false })
    t.same((await client.history(ack.conversationId)).messages.map(({ type }) => type), ['text', 'revoked', 'revoked'])
    t.match(await client.conversations(), { items: [{ conversationId: ack.conversationId, unread: 0 }], totalUnread: 0 })

    await bob.command({ clientCmdId: 'x-1', name: 'nudge', to: { users: [alice.userId] }, mode: 'reliable' })
    const { cmdId } = await some('command', ({ name }) => name === 'nudge')
    t.match(client.pending, [{ cmdId }])
    await client.complete({ cmdId })
    t.match(seen.completed, [{ cmdId }])
    t.same(client.pending, [])
    const sent = await client.command('typing', bob.userId, { on: true })
    t.match(sent, { accepted: 1, online: 0 })

    t.match(await client.presence([bob.userId], { watch: true }), [{ userId: bob.userId, online: false }])
    const stream = await bob.listen()
    await some('presence', ({ userId, online }) => userId === bob.userId && online)
    await stream.cut()
    t.same(seen.warning, [])
    client.close()
    t.match(client.state, { state: 'closed', reason: 'close() was called' })
  })
}

t.test('events come as an async iterator, too, which close ends', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const { client } = connectClient(t, iris, alice.userId)
  const kinds: string[] = []
  const loop = (async () => {
    for await (const event of client) {
      kinds.push(event.type)
      if (event.type === 'message') client.close()
    }
  })()
  await bob.send(alice, 'hi')
  await loop
  t.equal(kinds.at(-1), 'state')
  t.ok(kinds.includes('message'))
})

t.test('[MSG-2] a send whose answer is lost goes again, and is stored once; the order is kept', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  let losses = 2
  const lossy: typeof fetch = async (input, init) => {
    const response = await fetch(input, init)
    if (pathOf(input).endsWith('/v1/up/msg') && losses-- > 0) throw new TypeError('the answer got lost')
    return response
  }
  const { client, seen, texts } = connectClient(t, iris, alice.userId, { fetch: lossy })
  const acks = await Promise.all(['one', 'two', 'three'].map(async text => await client.send(bob.userId, text)))
  t.same(acks.map(({ seq }) => seq), [1, 2, 3])
  t.same(texts(), ['one', 'two', 'three'])
  const stored = seen.outbox.filter(({ state }) => state === 'stored')
  t.same(stored.map(({ item }) => item.content['text']), ['one', 'two', 'three'], 'each is told once')
  t.same((await client.history(acks[0]?.conversationId ?? '')).messages.length, 3)
})

t.test('[MSG-2] what was not answered before the end is sent by the next one, with the same id, and stored once', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const storage = createMemory()
  const deaf: typeof fetch = async (input, init) => {
    const response = await fetch(input, init)
    if (!pathOf(input).endsWith('/v1/up/msg')) return response
    return await new Promise<Response>(() => undefined) // stored, and nobody hears of it
  }
  const first = connectClient(t, iris, alice.userId, { storage, fetch: deaf, transports: ['poll'], userId: alice.userId })
  void first.client.send(bob.userId, 'through a reload')
  const stream = await bob.listen()
  await stream.next('MSG_DOWN')
  first.client.close()
  t.match(storage.of('outbox'), [{ content: { text: 'through a reload' } }])
  const second = connectClient(t, iris, alice.userId, { storage })
  const { ack } = await second.some('outbox', ({ state }) => state === 'stored')
  t.match(await second.client.history(ack?.conversationId ?? ''), { messages: [{ content: { text: 'through a reload' } }], headSeq: 1 })
  t.same(storage.of('outbox'), [])
  t.same(second.texts(), ['through a reload'])
})

t.test('[ATTACH-1] the cursor is kept: nothing comes twice; where it counts no more that is said, and all is fetched', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const storage = createMemory()
  const first = connectClient(t, iris, alice.userId, { storage })
  await first.is('live')
  await bob.send(alice, 'one')
  await first.some('message')
  first.client.close()
  await bob.send(alice, 'two')
  const second = connectClient(t, iris, alice.userId, { storage })
  await second.some('message')
  await second.is('live')
  t.same(second.texts(), ['two'])
  t.equal(second.client.terminalId, first.client.terminalId)
  second.client.close()

  for (const [key] of storage.kept) if (key.endsWith(':cursor')) storage.set(key, '"1-1"')
  const third = connectClient(t, iris, alice.userId, { storage })
  t.match(await third.some('reset'), { reason: 'epoch' })
  t.match((await third.some('conversations')).items, [{ unread: 2 }])
  await third.is('live')
  t.same(third.texts(), ['one', 'two'], 'what is unread comes again after the reset')
})

t.test('what is refused says what to do, and nothing goes on in silence', async t => {
  const alice = await iris.user(t)
  const refused = async (work: Promise<unknown>) => await work.then(() => t.fail('it was accepted'), (error: unknown) => error as IrisError)
  const { client, seen, is } = connectClient(t, iris, alice.userId)
  await is('live')
  t.match(await refused(client.send('nobody.else', { type: 'text', content: {} })), { code: 'INVALID_BODY', status: 400, problem: {} })
  t.match(seen.outbox.at(-1), { state: 'failed', error: { code: 'INVALID_BODY' } })
  t.match(await refused(client.history('g.none')), { code: 'CONVERSATION_NOT_FOUND', status: 404, retryable: false })

  const expired = connectClient(t, iris, alice.userId, { token: async () => await tokenOf(alice.userId, { endsInSec: -100 }) })
  await expired.is('closed')
  t.match(expired.client.state, { reason: /fresh token is refused, too .* token\(\)/, error: { code: 'TOKEN_EXPIRED' } })
  const signedOut = connectClient(t, iris, alice.userId, { token: () => null })
  await signedOut.is('closed')
  t.match(signedOut.client.state.error, { code: 'SIGNED_OUT' })
  const elsewhere = connectClient(t, iris, alice.userId, { url: `${iris.url}/nowhere` })
  await elsewhere.some('state', ({ state }) => state === 'waiting' || state === 'closed')
  t.throws(() => connectClient(t, iris, alice.userId, { url: 'nonsense' }), { code: 'BAD_OPTION' })

  let isDown = true
  const flaky = connectClient(t, iris, alice.userId, { token: async () => isDown ? await Promise.reject(new Error('down')) : alice.token })
  t.match(await flaky.some('state', ({ state }) => state === 'waiting'), { reason: /token\(\) failed: Error: down/ })
  isDown = false
  await flaky.is('live')
})

t.test('[KICK-1] who is kicked stays away, says why, and may come back', async t => {
  const alice = await iris.user(t)
  const { client, is } = connectClient(t, iris, alice.userId)
  await is('live')
  await iris.server('POST', `users/${alice.userId}/kick`, { reason: 'the end' })
  await is('closed')
  t.match(client.state, { reason: 'kicked' })
  client.reconnect()
  await is('live')
})

t.test('the bot of docs/clients.md answers once', async t => {
  const [bot, bob] = [await iris.user(t), await iris.user(t)]
  const [, told = ''] = /^```ts\n([^]*?)^```$/m.exec(readFileSync(new URL('../../../docs/clients.md', import.meta.url), 'utf8')) ?? []
  const code = told.replace('http://127.0.0.1:4747', iris.url).replace(/^const token = .*$/m, `const token = () => '${bot.token}'`)
  await bob.send(bot, 'echo')
  const process_ = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => process_.kill())
  const stream = await bob.listen()
  t.match((await stream.next('MSG_DOWN')).data, { from: bot.userId, content: { text: 'echo' } })
  await until(async () => {
    const { items = [] } = (await bot.conversations()).body as { items?: { unread: number }[] }
    return items[0]?.unread === 0 || undefined
  })
})
