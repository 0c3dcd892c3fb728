// GET_READ_MSG down the asking terminal's stream. [GET-1] [DOWN-3], and what retention means for a stream [ATTACH-1]
import t from 'tap'
import { startIris } from '../helper/iris.js'
import type { Stream } from '../helper/sse.js'
import { between, dm, groupOf, three, two } from '../helper/user.js'

const iris = await startIris(t)

const history = (stream: Stream) => stream.events.filter(({ event, data }) => event === 'MSG_DOWN' && data['source'] === 'history')

t.test('[GET-1] [DOWN-3] the page goes to the asking terminal only, without ids, and is closed by GET_READ_MSG_END', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  for (let i = 1; i <= 5; i++) await alice.send(bob, `text ${i}`)
  const conversationId = dm(alice, bob)
  await alice.revoke({ conversationId, seq: 4 })
  const [phone, desk] = [await bob.listen({ terminalId: 'phone' }), await bob.listen({ terminalId: 'desk' })]
  const ready = [await phone.next('IRIS.READY'), await desk.next('IRIS.READY')] as const
  const { status, body } = await bob.getReadMsg({ conversationId, limit: 3, requestId: 'r-1' }, 'phone')
  t.strictSame([status, body], [200, {
    requestId: 'r-1',
    conversationId,
    epoch: body['epoch'],
    count: 3,
    firstSeq: 3,
    lastSeq: 5,
    hasMore: true,
    headSeq: 5,
    readSeq: 0,
    minSeq: 1,
    traceId: body['traceId']
  }])
  const end = await phone.next('GET_READ_MSG_END')
  t.strictSame(end.data.data, { requestId: 'r-1', count: 3, hasMore: true })
  t.equal(end.data['traceId'], body['traceId'])
  const page = between(phone, ready[0], end)
  t.strictSame(page.map(({ event, id, data }) => [event, id, data['seq'], data['source'], data['type']]), [
    ['MSG_DOWN', undefined, 3, 'history', 'text'], ['MSG_DOWN', undefined, 4, 'history', 'revoked'],
    ['MSG_DOWN', undefined, 5, 'history', 'text']
  ])
  t.match(page[0]?.data, { conversationId, from: alice.userId, content: { text: 'text 3' } })
  t.equal(phone.cursor, ready[0].id, 'the cursor did not move')
  await alice.send(bob, 'marker')
  t.strictSame(between(desk, ready[1], await desk.next(({ data }) => data['seq'] === 6)), [])
  t.equal((await bob.conversations()).body['totalUnread'], 5, '[GET-2] nothing was read')
})

t.test('[GET-1] inline when asked, and when the asking terminal is not the connected one', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  await alice.send(bob, 'one')
  const conversationId = dm(alice, bob)
  const stream = await bob.listen({ terminalId: 'phone' })
  const ready = await stream.next('IRIS.READY')
  for (const [body, terminal] of [[{ deliver: 'inline' }, 'phone'], [{}, 'desk'], [{ deliver: 'down' }, 'desk']] as const) {
    t.match((await bob.getReadMsg({ conversationId, ...body }, terminal)).body, {
      count: 1,
      messages: [{ seq: 1, content: { text: 'one' } }]
    })
  }
  await alice.send(bob, 'marker')
  t.strictSame(between(stream, ready, await stream.next(({ data }) => data['seq'] === 2)), [])
})

t.test('[GET-1] a hundred messages come in order, an empty page is its end alone', async t => {
  const [alice, bob] = await two(() => iris.user(t))
  const conversationId = dm(alice, bob)
  for (let i = 1; i <= 105; i++) {
    await iris.server('POST', 'messages', {
      from: alice.userId, to: bob.userId, clientMsgId: `s-${i}`, type: 'text', content: { text: `${i}` }
    })
  }
  await bob.read({ conversationId, upToSeq: 105 })
  const stream = await bob.listen()
  const ready = await stream.next('IRIS.READY')
  await bob.getReadMsg({ conversationId, fromSeq: 200, requestId: 'empty' })
  const empty = await stream.next('GET_READ_MSG_END')
  t.strictSame([between(stream, ready, empty), empty.data.data], [[], { requestId: 'empty', count: 0, hasMore: false }])
  t.notOk('messages' in (await bob.getReadMsg({ conversationId, limit: 100, deliver: 'down', requestId: 'full' })).body)
  t.match((await stream.next('GET_READ_MSG_END')).data.data, { requestId: 'full', count: 100, hasMore: true })
  t.strictSame(history(stream).map(({ data }) => data['seq']), Array.from({ length: 100 }, (_, i) => i + 6))
  await Promise.all(['a', 'b'].map(requestId => bob.getReadMsg({ conversationId, limit: 20, requestId })))
  const ends = [await stream.next('GET_READ_MSG_END'), await stream.next('GET_READ_MSG_END')]
  t.strictSame(ends.map(({ data }) => data.data?.['requestId']).sort(), ['a', 'b'])
  t.strictSame(history(stream).slice(100).map(({ data }) => data['seq']),
    [...Array.from({ length: 20 }, (_, i) => i + 86), ...Array.from({ length: 20 }, (_, i) => i + 86)], 'two pages do not mix')
})

t.test('[GET-1] the asking terminal may be connected to another node', async t => {
  const other = await startIris(t, { redisPath: iris.redisPath })
  const [alice, bob] = await two(() => iris.user(t))
  await alice.send(bob, 'one')
  const elsewhere = await (await other.user(t, bob.userId)).listen({ terminalId: 'phone' })
  const here = await bob.listen({ terminalId: 'desk' })
  const ready = [await elsewhere.next('IRIS.READY'), await here.next('IRIS.READY')] as const
  t.notOk('messages' in (await bob.getReadMsg({ conversationId: dm(alice, bob), requestId: 'r-1' }, 'phone')).body)
  const end = await elsewhere.next('GET_READ_MSG_END')
  t.strictSame(between(elsewhere, ready[0], end).map(({ id, data }) => [id, data['seq'], data['source']]), [[undefined, 1, 'history']])
  await alice.send(bob, 'marker')
  t.strictSame(between(here, ready[1], await here.next(({ data }) => data['seq'] === 2)), [])
})

t.test('[ATTACH-1] [GET-3] a cursor whose messages retention took is told so: never a silent gap', async t => {
  const small = await startIris(t, { redisPath: iris.redisPath, env: { IRIS_LIMIT_LOG_MESSAGES: '5', IRIS_LIMIT_DOWN_ENTRIES: '5' } })
  const [alice, bob, carol] = await three(() => small.user(t))
  const group = await groupOf(small, alice, bob, carol)
  const stream = await bob.listen()
  const { id: cursor } = await stream.next('IRIS.READY')
  await stream.cut()
  for (let i = 1; i <= 12; i++) await alice.send(group, `text ${i}`)
  const resumed = await bob.listen({ cursor })
  const hello = await resumed.next('IRIS.HELLO')
  await resumed.next('IRIS.READY')
  const shown = resumed.events.filter(({ event }) => event === 'MSG_DOWN').map(({ data }) => data['seq'])
  const isComplete = hello.data.data?.['recovered'] === true && shown.length === 12
  t.ok(isComplete || resumed.events.some(({ data: { name } }) => name === 'IRIS.RESET'), 'recovered ' +
    `${String(hello.data.data?.['recovered'])}, shown ${shown.join(' ')}`)
})
