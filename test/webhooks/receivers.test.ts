// Webhooks while something of the receiver's breaks: it is down, its clock is wrong, it answers nonsense, or never wants something.
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import t from 'tap'
import { setAhead } from '../helper/clock.js'
import { happeningsOf, isOf, refuse, refused, TOLD_SOON, wholeAndInOrder } from '../helper/deliveries.js'
import { startIris } from '../helper/iris.js'
import { startReceiver } from '../helper/receiver.js'
import { upTo } from '../helper/sse.js'
import { two, until } from '../helper/user.js'
import { webhooksOf } from '../helper/webhooks.js'

const iris = await startIris(t, { env: TOLD_SOON })
const { webhook, show, deadLetters } = webhooksOf(iris)
const { groups, send, isIdle } = happeningsOf(iris)
const types = ['message.sent']

t.test('[WEBHOOK-5] [WEBHOOK-7] a receiver that is down while all happens is told of it when it is back', async t => {
  const conversations = await groups(3)
  const { id, receiver: { port, stop } } = await webhook(t, { types })
  await stop()
  await send(conversations, 20)
  t.match(await until(async () => (await show(id))['trouble'] as object | undefined), { reason: 'nothing listens there' })
  const receiver = await startReceiver(t, { port })
  await until(isIdle(id))
  wholeAndInOrder(t, receiver, { conversations, each: 20 })
  t.equal(receiver.deliveries.length, 60)
  t.same(await deadLetters(id), [])
  await until(async () => 'trouble' in await show(id) ? undefined : true)
})

t.test('[WEBHOOK-3] a clock of Redis that is wrong: what is refused for it is told when it is right again', async t => {
  const conversations = await groups(2)
  const { id, receiver } = await webhook(t, { types })
  await t.test('ten minutes ahead', async t => {
    await setAhead(t, [iris], 600_000)
    await send(conversations, 3)
    t.match(await until(async () => (await show(id))['trouble'] as object | undefined), { reason: 'it answered 400' })
  })
  t.ok(receiver.forged.length >= 5)
  t.ok(receiver.forged.every(reason => /timestamp/.test(reason)))
  receiver.forged.length = 0
  await until(isIdle(id))
  wholeAndInOrder(t, receiver, { conversations, each: 3 })
})

const chunk = Buffer.alloc(65_536, 'x')
const bad: [what: string, reason: RegExp, byHand: (response: ServerResponse) => unknown][] = [
  ['garbage', /^what it answers is not HTTP$/, response => response.socket?.end('SSH-2.0-OpenSSH_9.2\r\n')],
  ['a redirect', /^it answered 307$/, response => response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end()],
  ['a 500 of 10 MB', /^it answered 500$/, response => {
    response.writeHead(500)
    Readable.from(Array<Buffer>(160).fill(chunk)).pipe(response)
  }],
  ['nothing, ever', /^no answer in time$/, () => undefined],
  ['an end', /^the connection was cut$/, response => response.socket?.destroy()],
  ['half an answer', /^the connection was cut$/, response => response.socket?.end('HTTP/1.1 200 OK\r\ncontent-le')],
  ['another protocol', /^what it answers is not HTTP$/, response => response.socket?.end('HTTP/9.9 200\r\n\r\n')]
]
const fine: [what: string, byHand: (response: ServerResponse) => unknown][] = [
  ['a 200 of 10 MB', response => Readable.from(Array<Buffer>(160).fill(chunk)).pipe(response)],
  ['a 200 without an end', response => response.writeHead(200).write('{')],
  ['a 204', response => response.writeHead(204).end()]
]

t.test('[WEBHOOK-5] answers that are none are recorded, tried again, and hold up neither others nor the chat; any 2xx is one', async t => {
  let isBad = true
  const all = await Promise.all(bad.map(async ([what, reason, byHand]) => ({
    what,
    reason,
    ...await webhook(t, { types, reply: delivery => isBad ? refuse(delivery) && { byHand } : 200 })
  })))
  const taken = await Promise.all(fine.map(async ([what, byHand]) =>
    ({ what, ...await webhook(t, { types, reply: () => ({ byHand }) }) })))
  const conversations = await groups(5) // as many failures as open the breaker
  const [alice, bob] = await two(() => iris.user(t))
  const stream = await bob.listen()
  await send(conversations, 2)
  for (const { what, id, receiver } of taken) {
    await until(isIdle(id))
    wholeAndInOrder(t, receiver, { conversations, each: 2 })
    t.equal(receiver.deliveries.length, receiver.once().length, `${what} is a yes`)
  }
  t.equal((await alice.send(bob, 'hi')).status, 200)
  t.match((await stream.next('MSG_DOWN')).data, { content: { text: 'hi' } })
  for (const { what, reason, id } of all) {
    // on a busy machine an attempt may have had no time: the next one says what it is
    const trouble = await until(async () => {
      const { reason: said = '', ...more } = (await show(id))['trouble'] as { reason?: string } | undefined ?? {}
      return reason.test(said) ? more : undefined
    })
    t.match(trouble, { since: Number }, what)
    t.match(await deadLetters(id), [])
  }
  isBad = false
  for (const { id, receiver } of all) {
    await until(isIdle(id))
    wholeAndInOrder(t, receiver, { conversations, each: 2 })
  }
})

t.test('[WEBHOOK-6] what nobody wants holds up no others when it fills the room: it is a dead letter before its time', async t => {
  const poisoned = await groups(5)
  const [good = ''] = await groups(1)
  let isStrict = true
  const { id, receiver } = await webhook(t, {
    types,
    reply: delivery => isStrict && delivery.data['seq'] === 1 && !isOf(good)(delivery) ? refuse(delivery) : 200
  })
  await send(poisoned, 1)
  // others are taken in between, until each has been refused more often than it must be
  await until(async () => {
    const taken = receiver.deliveries.filter(isOf(good)).length
    await send([good], 1)
    await until(async () => receiver.deliveries.filter(isOf(good)).length > taken || undefined)
    return poisoned.every(one => receiver.deliveries.filter(isOf(one)).length > 7) || undefined
  })
  t.same(await deadLetters(id), [], 'while there is room, nothing is given up')
  await send(poisoned, 12)
  const sent = receiver.once(isOf(good)).length
  await send([good], 3)
  await receiver.got(sent + 3, isOf(good))
  const letters = await deadLetters(id)
  t.ok(letters.length > 0)
  t.match(letters, letters.map(() => ({ kind: 'failed', reason: 'it answered 500', event: { seq: 1 } })))
  isStrict = false
  await until(isIdle(id))
  const lost = letters.map(({ event }) => event['conversationId'])
  for (const one of poisoned) {
    const taken = receiver.deliveries.filter(delivery => isOf(one)(delivery) && !refused.has(delivery)).map(({ data }) => data['seq'])
    t.same(taken, upTo(13).slice(lost.includes(one) ? 1 : 0))
  }
})
