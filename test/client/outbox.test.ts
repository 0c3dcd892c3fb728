// What may go wrong around the outbox and the events: somebody else's ids, clocks, proxies, tabs, and who listens while he is told.
import t, { type Test } from 'tap'
import type { Options } from '../../src/client/index.js'
import { connectClient, createMemory } from '../helper/client.js'
import { createScripted, json, refusal, type Scripted } from '../helper/scripted.js'
import { stopTime } from '../helper/stopped.js'

const { leap, pass, turn } = stopTime(t)

function open (t: Test, { gateway = createScripted(), ...options }: Partial<Options> & { gateway?: Scripted } = {}) {
  return { gateway, ...connectClient(t, gateway.iris, 'alice', { ...gateway.options, ...options }) }
}

const his = { conversationId: 'dm.alice.bob', seq: 7, msgId: 'm-7', from: 'bob', clientMsgId: 'm1', type: 'text', content: { text: 'his' } }
const messageOf = (facts: object) => ({ ...his, ...facts })

t.test('[MSG-2] a message of somebody else with the same clientMsgId settles nothing; one\'s own does', async t => {
  const { gateway, client, seen } = open(t)
  await turn()
  gateway.answers.set('/v1/up/msg', async () => await new Promise(() => undefined))
  const sent = client.send('bob', { type: 'text', content: { text: 'mine' }, clientMsgId: 'm1' })
  await turn()
  gateway.say({ event: 'MSG_DOWN', id: '1-1', data: messageOf({}) })
  await turn()
  t.match(client.outbox, [{ clientMsgId: 'm1' }])
  t.notOk(seen.outbox.some(({ state }) => state === 'stored'))
  gateway.say({ event: 'MSG_DOWN', id: '1-2', data: messageOf({ from: 'alice', seq: 8, msgId: 'm-8', content: { text: 'mine' } }) })
  t.match(await sent, { msgId: 'm-8' })
})

t.test('[MSG-2] an id that is used for another message while the first waits is refused as the server would', async t => {
  const { gateway, client } = open(t)
  await turn()
  gateway.answers.set('/v1/up/msg', () => refusal('STORE_UNAVAILABLE', { 'Retry-After': '1' }))
  const send = async (content: object) => await client.send('bob', { type: 'text', content: { ...content }, clientMsgId: 'm2' })
  const first = send({ text: 'A', more: 1 })
  const same = send({ more: 1, text: 'A' })
  t.match(await send({ text: 'B' }).catch((error: unknown) => error), { code: 'CLIENT_MSG_ID_CONFLICT', retryable: false })
  gateway.answers.clear()
  await pass(10_000)
  t.equal((await first).seq, (await same).seq)
  t.equal(client.outbox.length, 0)
})

t.test('a listener that is registered in a listener hears the next event, one that is ended hears no more', async t => {
  const { gateway, client } = open(t)
  await turn()
  const heard: string[] = []
  const once = (name: string) => {
    const end = client.on('command', ({ name: said }) => {
      end()
      other()
      heard.push(`${name} ${said}`)
      if (heard.length < 5) once(`${name}'`)
    })
    const other = client.on('command', () => heard.push('ended'))
  }
  once('a')
  for (const name of ['one', 'two']) gateway.say(gateway.cmd(name, {}))
  await turn()
  t.same(heard, ['a one', 'a\' two'])
})

t.test('[ATTACH-1] after a reset one conversation that cannot be had holds up no other', async t => {
  const { gateway, client, seen } = open(t)
  await turn()
  const page = { messages: [], hasMore: false }
  const asked: unknown[] = []
  gateway.answers.set('/v1/up/cmd/get-read-msg', ({ body: { conversationId } }) => {
    asked.push(conversationId)
    if (conversationId === 'g.none') return refusal('CONVERSATION_NOT_FOUND')
    if (conversationId === 'g.no') return refusal('INVALID_BODY')
    return json({ ...page, conversationId, messages: [messageOf({ conversationId, msgId: `of ${String(conversationId)}` })] })
  })
  for (const id of ['g.none', 'g.no', 'g.good']) await client.history(id).catch(() => undefined)
  asked.length = 0
  const reset = () => gateway.say(gateway.cmd('IRIS.RESET', { reason: 'epoch', conversations: [] }))
  reset()
  await turn()
  t.match(seen.message, [{ conversationId: 'g.good' }])
  t.match(seen.warning, [{ code: 'INVALID_BODY' }])
  reset()
  await turn()
  t.same(asked, ['g.none', 'g.no', 'g.good', 'g.no', 'g.good'])
})

/** What a browser has: it can be listed, and what takes a while in it lets others in between. */
function createListed () {
  const memory = createMemory()
  return {
    ...memory,
    list: (prefix: string) => [...memory.kept.keys()].filter(key => key.startsWith(prefix)),
    remove (prefix: string) { for (const key of this.list(prefix)) memory.kept.delete(key) },
    texts: () => [...memory.kept].flatMap(([key, value]) => key.includes(':outbox:') ? [value] : [])
  }
}

t.test('[MSG-2] clients that write into one storage at the same moment keep what each has written, and nothing that is stored', async t => {
  const [storage, gateway] = [createListed(), createScripted()]
  gateway.answers.set('/v1/up/msg', async () => await new Promise(() => undefined))
  const clients = Array.from({ length: 3 }, () => open(t, { gateway, storage }))
  await turn()
  const sent = clients.flatMap(({ client }, i) => ['a', 'b'].map(async name =>
    await client.send('bob', { type: 'text', content: { text: name }, clientMsgId: `${name}${i}` }).catch(() => undefined)))
  t.equal(storage.texts().length, 6, 'kept when send() returns: a page may be left the next moment')
  await turn()
  t.equal(storage.texts().length, 6)
  for (const { client } of clients) client.close()
  await Promise.all(sent)
  gateway.answers.clear()
  gateway.requests.length = 0
  const next = open(t, { gateway, storage })
  await pass(1_000)
  t.equal(gateway.to('/v1/up/msg').length, 6)
  t.equal(next.seen.outbox.filter(({ state }) => state === 'stored').length, 6)
  t.same(storage.texts(), [])
})

t.test('what is answered, and not taken, lets those to others go by; those of its conversation stay in their order', async t => {
  const { gateway, client } = open(t)
  await turn()
  let isShut = true
  const answer = gateway.answers
  const went: unknown[] = []
  answer.set('/v1/up/msg', ({ body: { to, clientMsgId } }) => {
    if (to === 'bob' && isShut) return new Response('<h1>blocked by policy', { status: 403 })
    went.push(clientMsgId)
    return json({ clientMsgId, conversationId: `dm.alice.${String(to)}`, seq: went.length, msgId: `m-${String(clientMsgId)}` })
  })
  const ids = { bad: 'bob', behind: 'bob', other: 'carol', another: 'dave' }
  const sent = Object.entries(ids).map(async ([clientMsgId, to]) => await client.send(to, { type: 'text', content: {}, clientMsgId }))
  await pass(30_000)
  t.same(went, ['other', 'another'])
  t.match(client.outbox, [{ clientMsgId: 'bad' }, { clientMsgId: 'behind' }])
  isShut = false
  await pass(60_000)
  await Promise.all(sent)
  t.same(went, ['other', 'another', 'bad', 'behind'])
})

t.test('a clock that is set right makes no message old that was never at the server', async t => {
  let isOff = true
  const gateway = createScripted()
  const fetch: typeof gateway.options.fetch = async (...args) =>
    isOff ? await Promise.reject(new TypeError('offline')) : await gateway.options.fetch(...args)
  const { client, seen } = open(t, { gateway, fetch })
  const sent = client.send('bob', 'a second ago')
  await pass(2_000)
  leap(26 * 3_600_000)
  isOff = false
  await pass(60_000)
  t.match(await sent, { seq: 1 })
  t.notOk(seen.outbox.some(({ state }) => state === 'failed'))
})

t.test('[DOWN-3] a cursor is kept when a loop has handled what came with it, not when it was told', async t => {
  const [storage, gateway] = [createMemory(), createScripted()]
  const { client } = open(t, { gateway, storage })
  const events = client[Symbol.asyncIterator]()
  void events.next()
  await turn()
  while (storage.of('cursor') !== '1-0') await events.next()
  gateway.say(gateway.cmd('one', {}, '1-1'), gateway.cmd('two', {}, '1-2'))
  await turn()
  t.equal(storage.of('cursor'), '1-0', 'none is handled')
  t.match(await events.next(), { value: { data: { name: 'one' } } })
  t.match(await events.next(), { value: { data: { name: 'two' } } })
  t.equal(storage.of('cursor'), '1-1', 'the second is in the loop')
  void events.next()
  await turn()
  t.equal(storage.of('cursor'), '1-2')
})

t.test('what was asked for before a recall does not bring its text after it', async t => {
  const { gateway, client, seen } = open(t)
  await turn()
  let bring: (() => void) | undefined
  gateway.answers.set('/v1/up/cmd/get-read-msg', async () => {
    await new Promise<void>(resolve => { bring = resolve })
    return json({ messages: [messageOf({})], hasMore: false })
  })
  const page = client.history('dm.alice.bob')
  await turn()
  gateway.say(gateway.cmd('REVOKE', { conversationId: 'dm.alice.bob', seq: 7, msgId: 'm-7', by: 'bob', revokedAt: 5 }, '1-1'))
  await turn()
  bring?.()
  const { messages: [message] } = await page
  t.match(message, { type: 'revoked', revoked: { by: 'bob', at: 5 }, seq: 7 })
  t.notOk(message?.content)
  gateway.say({ event: 'MSG_DOWN', data: messageOf({ source: 'history' }) })
  await turn()
  t.match(seen.message, [{ type: 'revoked', content: undefined }])
})
