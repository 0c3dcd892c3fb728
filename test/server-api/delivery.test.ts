// Did he get it? The report of a user and of one message, the same from every node. docs/protocol.md section 8.
import t from 'tap'
import { keys } from '../../src/store/keys.js'
import { startIris } from '../helper/iris.js'
import { startPair } from '../helper/life.js'
import { reportsOf, type Row } from '../helper/reports.js'
import { dm, granted, groupOf, type User } from '../helper/user.js'
import { openWs } from '../helper/ws.js'

const { a, b, on } = await startPair(t)
const alice = await a.user(t)

const { report, reaches } = reportsOf(t, [a, b])
const placeOf = (user: User, seq: number) => `?conversationId=${dm(alice, user)}&seq=${seq}`

t.test('[DELIVERY-1] nobody has ever heard of him: nothing, not an error', async t => {
  t.strictSame(await report({ userId: 'nobody-ever' }), {
    userId: 'nobody-ever', online: false, unread: 0, pending: { commands: 0, notices: 0 }, terminals: []
  })
})

t.test('[DELIVERY-1] [DELIVERY-2] connected: cursor, transport, node, lag of each terminal, right from any node', async t => {
  const bob = await a.user(t)
  const stream = await bob.listen({ terminalId: 'web-1' })
  const { id: from } = await stream.next('IRIS.READY')
  const socket = await openWs(`${b.url}/v1/ws?terminalId=desk&platform=desktop`, { headers: { authorization: `Bearer ${bob.token}` } })
  await socket.next('IRIS.READY')
  await alice.send(bob, 'one')
  await b.server('POST', 'notices', { noticeId: `n-${bob.userId}`, users: [bob.userId], content: { text: 'x' } })
  const { id: end } = await stream.next('NOTICE_DOWN')
  await socket.next('NOTICE_DOWN')
  const found = await report(bob)
  t.match(found, { online: true, end, unread: 1, pending: { commands: 0, notices: 1 } })
  const byName = new Map(found.terminals.map(row => [row['terminalId'], row]))
  const live = { online: true, connections: 1, live: true, cursor: end, lag: 0 }
  t.match(byName.get('web-1'), { ...live, node: 'a', transport: 'sse', from, platform: 'web' })
  t.match(byName.get('desk'), { ...live, node: 'b', transport: 'ws', platform: 'desktop' })
  t.notOk(found.terminals.some(row => 'asOf' in row || 'goodbye' in row), 'their nodes were asked')
})

t.test('[DELIVERY-2] [DELIVERY-3] printed yes, and when; printed no to who was away; what becomes of it when he comes back', async t => {
  const bob = await a.user(t)
  const [web, phone] = [await bob.listen({ terminalId: 'web' }), await on(t, b, bob).listen({ terminalId: 'phone' })]
  const { id: cursor } = await phone.next('IRIS.READY')
  await web.next('IRIS.READY')
  await phone.cut()
  const gone = await reaches(bob, '', ({ terminals }) => terminals.some(row => 'goodbye' in row))
  t.match(gone.terminals.find(row => row['terminalId'] === 'phone'), {
    transport: 'sse', cursor, asOf: Number, goodbye: { reason: 'the link was closed', at: Number }
  })
  const { body: { ts, msgId } } = granted(await alice.send(bob, 'one'))
  const { id: entryId } = await web.next('MSG_DOWN')
  const { message } = await report(bob, placeOf(bob, 1))
  t.match(message, { conversationId: dm(alice, bob), seq: 1, msgId, from: alice.userId, storedAt: ts, visible: true, entryId, read: false })
  const printed = (terminals: Row[] = []) => terminals.map(row => [row['terminalId'], row['printed']].join(' ')).sort()
  t.same(printed(message?.terminals), ['phone no', 'web yes'])
  const at = Number(message?.terminals.find(row => row['terminalId'] === 'web')?.['at'])
  t.ok(at >= Number(ts) - 5 && at <= Number(ts) + 60_000, 'by the clock of the store')
  t.same((await report(bob, `?msgId=${String(msgId)}`)).message, message, 'by its id alone')

  const back = await on(t, b, bob).listen({ terminalId: 'phone', cursor })
  await back.next('IRIS.READY')
  t.same(printed((await report(bob, placeOf(bob, 1))).message?.terminals), ['phone yes', 'web yes'])
  await bob.read({ conversationId: dm(alice, bob), upToSeq: 1 })
  t.match((await report(bob, placeOf(bob, 1))).message, { read: true })
  t.notOk('read' in ((await report(alice, placeOf(bob, 1))).message ?? {}), 'his own is neither')
})

t.test('[DELIVERY-3] who begins anew gets what is unread by his mailbox; of what is read nobody knows whether he had it', async t => {
  const bob = await a.user(t)
  for (const text of ['one', 'two']) await alice.send(bob, text)
  await bob.read({ conversationId: dm(alice, bob), seqs: [1] })
  const stream = await bob.listen({ terminalId: 'new' })
  await stream.next('IRIS.READY')
  t.match((await report(bob, placeOf(bob, 2))).message?.terminals, [{ terminalId: 'new', printed: 'yes', by: 'mailbox' }])
  t.match((await report(bob, placeOf(bob, 1))).message, { read: true, terminals: [{ terminalId: 'new', printed: 'unknown' }] })
})

t.test('[DELIVERY-3] more were unread than a mailbox brings: what it brought, and what stands behind; resumed, nobody knows', async t => {
  const small = await startIris(t, { env: { IRIS_NODE_ID: 'small', IRIS_LIMIT_MAILBOX_MESSAGES: '3' }, redisPath: a.redisPath })
  const [bob, carol] = [await small.user(t), await small.user(t)]
  for (const text of ['1', '2']) await carol.send(bob, text)
  for (const text of ['1', '2', '3', '4']) await alice.send(bob, text)
  const stream = await bob.listen({ terminalId: 'new' })
  const ready = await stream.next('IRIS.READY')
  t.match(ready.data.data, { more: true })
  const brought = stream.events.filter(({ event }) => event === 'MSG_DOWN')
    .map(({ data }) => [data['conversationId'], data['seq']].join(' '))
  const places = [1, 2].map(seq => [dm(carol, bob), seq] as const).concat([1, 2, 3, 4].map(seq => [dm(alice, bob), seq] as const))
  t.same(brought, places.slice(0, 3).map(place => place.join(' ')))
  const rows = async () => await Promise.all(places.map(async ([conversationId, seq]) =>
    (await report(bob, `?conversationId=${conversationId}&seq=${seq}`)).message?.terminals))
  const row = (printed: string, by?: string) => [{ terminalId: 'new', printed, ...(by !== undefined && { by }) }]
  t.strictSame(await rows(), places.map((_, i) => row(i < 3 ? 'yes' : 'no', 'mailbox')))
  await alice.send(bob, '5')
  const { id: cursor } = await stream.next('MSG_DOWN')
  t.match((await report(bob, placeOf(bob, 5))).message?.terminals, row('yes'), 'that came by the stream')
  await stream.cut()
  const resumed = await bob.listen({ terminalId: 'new', cursor })
  await resumed.next('IRIS.READY')
  t.strictSame(await rows(), places.map(() => row('unknown')), 'where the mailbox ended is not known any more')
  await resumed.cut()

  await bob.read({ conversationId: dm(alice, bob), upToSeq: 5 })
  await (await bob.listen({ terminalId: 'new' })).next('IRIS.READY')
  t.strictSame((await rows())[0], row('yes', 'mailbox'), 'it brings all')
  const last = await bob.listen({ terminalId: 'new', cursor: (await report(bob)).end })
  await last.next('IRIS.READY')
  t.strictSame((await rows())[0], row('yes', 'mailbox'), 'also when it is resumed: it had all')

  const dave = await small.user(t)
  for (const text of ['1', '2', '3', '4']) await alice.send(dave, text)
  await fetch(`${small.url}/v1/down/poll?timeoutMs=0&terminalId=new`, { headers: { authorization: `Bearer ${dave.token}` } })
  await reaches(dave, '', ({ terminals: [terminal] }) => terminal?.['cursor'] !== undefined)
  for (const seq of [1, 4]) t.strictSame((await report(dave, placeOf(dave, seq))).message?.terminals, row('unknown'), 'of a poller')
})

t.test('[DELIVERY-3] what is unread for nobody came by no mailbox; of who has left nobody knows whether he has read it', async t => {
  const bob = await a.user(t)
  const group = await groupOf(a, alice, bob)
  await alice.send(group, 'left')
  await alice.send(bob, 'silent', { options: { silent: true } })
  await alice.send(bob, 'revoked')
  await alice.revoke({ conversationId: dm(alice, bob), seq: 2 })
  await a.server('POST', `conversations/${group}/members`, { remove: [bob.userId] })
  const stream = await bob.listen({ terminalId: 'new' })
  await stream.next('IRIS.READY')
  const ofGroup = `?conversationId=${group}&seq=1`
  const unknown = [{ terminalId: 'new', printed: 'unknown' }]
  for (const query of [ofGroup, placeOf(bob, 1), placeOf(bob, 2)]) {
    t.strictSame((await report(bob, query)).message?.terminals, unknown, query)
  }
  t.notOk('read' in ((await report(bob, ofGroup)).message ?? {}), 'he has left')
  await a.server('POST', `conversations/${group}/members`, { add: [{ userId: bob.userId }] })
  const back = (await report(bob, ofGroup)).message
  t.match(back, { visible: false, terminals: unknown })
  t.notOk('read' in (back ?? {}), 'it is from before he came back')
})

t.test('[DELIVERY-2] a poller: as far as the answers that it has taken', async t => {
  const bob = await a.user(t)
  const poll = async (cursor = '') => await (await fetch(`${a.url}/v1/down/poll?timeoutMs=0&terminalId=p&lastEventId=${cursor}`, {
    headers: { authorization: `Bearer ${bob.token}` }
  })).json() as { cursor: string }
  const { cursor: first } = await poll()
  await alice.send(bob, 'one')
  await reaches(bob, placeOf(bob, 1), ({ terminals: [row], message }) =>
    row?.['cursor'] === first && row['lag'] === 1 && row['transport'] === 'poll' && message?.terminals[0]?.['printed'] === 'no')
  const { cursor } = await poll(first)
  await reaches(bob, placeOf(bob, 1), ({ terminals: [row], message }) =>
    row?.['cursor'] === cursor && row['lag'] === 0 && message?.terminals[0]?.['printed'] === 'yes')
})

t.test('[DELIVERY-2] what was noted stands when the node is not there any more; it only rises, and it ends with the terminal', async t => {
  const bob = await a.user(t)
  await (await bob.listen({ terminalId: 'x' })).next('IRIS.READY')
  const place = keys.terminals(bob.userId)
  const seen = await a.redis.hgetall(place)
  t.match(seen['x/from'], /^\d+-0$/)
  await a.server('POST', `users/${bob.userId}/kick`, { reason: 'x' })
  const kicked = await reaches(bob, '', ({ terminals: [row] }) => row !== undefined && 'goodbye' in row)
  t.match(kicked.terminals, [{ online: false, cursor: String, goodbye: { code: 4301, reason: 'kicked' } }])
  await a.redis.hset(place, 'x/printed', 'nonsense', 'x/bye', '1 2 3')
  t.notOk('goodbye' in ((await report(bob)).terminals[0] ?? {}), 'what cannot be read is not there')
  await b.server('DELETE', `users/${bob.userId}/terminals/x`)
  t.same(Object.keys(await a.redis.hgetall(place)).filter(field => field.startsWith('x')), [])
})

t.test('[DELIVERY-3] what is asked for is named whole, and is his', async t => {
  const bob = await a.user(t)
  const ask = async (query: string) => (await a.server('GET', `users/${bob.userId}/delivery${query}`)).body as unknown as Row
  for (const [query, pointer] of [
    ['?seq=1', '/conversationId'], ['?conversationId=g.x', '/seq'], ['?msgId=1a2073f47fb000000011a9f3c81&seq=1', '/msgId'],
    ['?msgId=x', '/msgId'], ['?seq=0&conversationId=g.x', '/seq'], ['?colour=red', '/colour']
  ] as const) t.match(await ask(query), { status: 400, code: 'INVALID_QUERY', errors: [{ pointer }] }, query)
  const group = await groupOf(a, alice)
  t.match(await ask(`?conversationId=${group}&seq=1`), { status: 404, code: 'CONVERSATION_NOT_FOUND' })
  t.match(await ask('?msgId=1a2073f47fb000000011a9f3c81'), { status: 404, code: 'MESSAGE_NOT_FOUND', detail: /conversationId/ })
  await alice.send(bob, 'one')
  t.match(await ask(placeOf(bob, 9)), { status: 404, code: 'MESSAGE_NOT_FOUND' })
  await alice.revoke({ conversationId: dm(alice, bob), seq: 1 })
  t.match((await report(bob, placeOf(bob, 1))).message, { type: 'revoked', terminals: [] })
})
