// What may go wrong around the outbox and the events: somebody else's ids, clocks, proxies, tabs, and who listens while he is told.
import t, { type Test } from 'tap'
import type { Options } from '../../src/client/index.js'
import { connectClient } from '../helper/client.js'
import { createScripted, json, refusal, type Scripted } from '../helper/scripted.js'
import { stopTime } from '../helper/stopped.js'

const { pass, turn } = stopTime(t)

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
