// A reader stalls, messages are revoked, he reads on: what was not in his socket yet comes as a tombstone. [DOWN-2]
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { createRecalled } from '../../src/stream/recalled.js'
import { createRenderer, type Viewer } from '../../src/stream/render.js'
import { startIris } from '../helper/iris.js'
import { brokenIds, type SseEvent, upTo } from '../helper/sse.js'
import { dm, granted } from '../helper/user.js'

const iris = await startIris(t, { env: { IRIS_LIMIT_CONTENT_BYTES: '400000', IRIS_LIMIT_BODY_BYTES: '500000' } })

const isEnd = ({ data }: SseEvent) => (data['content'] as { text?: string } | undefined)?.text === 'end'

for (const start of ['live', 'replay', 'mailbox'] as const) {
  t.test('[DOWN-2] a reader stalls, messages are revoked, it reads on: ' +
    `what was not in its socket comes as a tombstone (${start})`, async t => {
    const [alice, bob] = [await iris.user(t), await iris.user(t)]
    const fill = async () => { for (const i of upTo(60)) await alice.send(bob, `<canary-${i}>` + 'x'.repeat(300_000)) }
    const before = await bob.listen()
    const { id: cursor } = await before.next('IRIS.READY')
    if (start !== 'live') {
      await before.cut()
      await fill()
    }
    const stream = start === 'live' ? before : await bob.listen(start === 'replay' ? { cursor } : {})
    stream.pause()
    if (start === 'live') await fill()
    await stalled(stream)
    const { body: { seq: marker } } = granted(await alice.send(bob, 'marker'))
    for (const seq of [40, 59, 60]) t.equal((await alice.revoke({ conversationId: dm(alice, bob), seq })).status, 200)
    await alice.send(bob, 'end')
    stream.resume()
    await stream.next(isEnd)
    const got = stream.events.filter(({ event }) => event === 'MSG_DOWN')
      .map(({ data }) => `${String(data['seq'])} ${String(data['type'])}`)
    t.same(got, [
      ...upTo(60).map(seq => `${seq} ${[40, 59, 60].includes(seq) ? 'revoked' : 'text'}`), `${marker} text`, `${Number(marker) + 1} text`
    ])
    t.notMatch(JSON.stringify(stream.events), /canary-(40|59|60)\b/)
    if (start !== 'mailbox') t.equal(brokenIds(stream.events, cursor as string), undefined)
  })
}

t.test('[DOWN-2] [COMPLETE-4] what a poll has collected is looked at again when it is sent', async t => {
  const recalled = createRecalled()
  const { still } = createRenderer({ recalled, now: Date.now, onUnreadable: () => undefined, onSeen: () => undefined })
  const [bob, carol] = ['bob', 'carol'].map(userId => ({ userId, terminalId: 'web', platform: 'web' })) as [Viewer, Viewer]
  const message = {
    event: 'MSG_DOWN' as const,
    id: '1-7',
    data: '{"conversationId":"dm.alice.bob","seq":3,"msgId":"m3","type":"text","content":{"text":"canary"},"source":"mailbox"}'
  }
  const command = { event: 'CMD_DOWN' as const, data: '{"cmdId":"k1","op":"do","name":"order","needComplete":true}' }
  const done = { event: 'CMD_DOWN' as const, id: '1-8', data: '{"cmdId":"k1","op":"complete","name":"order"}' }
  const all = [message, command, done]
  t.same(all.map(frame => still(frame, bob)), all, 'nothing was recalled')
  recalled.message('dm.alice.bob', 3, { tombstone: '{"conversationId":"dm.alice.bob","seq":3,"msgId":"m3","type":"revoked"}' })
  recalled.item('bob', 'k1')
  t.same(all.map(frame => still(frame, bob)), [
    { ...message, data: '{"conversationId":"dm.alice.bob","seq":3,"msgId":"m3","type":"revoked","source":"mailbox"}' }, undefined, done
  ])
  t.same(still(command, carol), command, 'it is still pending for others')
  recalled.item('carol', 'k1', 'phone')
  t.same(still(command, carol), command, 'a terminal has completed its share, not that of others')
  t.equal(still(command, { ...carol, terminalId: 'phone' }), undefined)
})

t.test('[DOWN-2] what was asked for a moment ago is asked for again when something was recalled since', async t => {
  const recalled = createRecalled({ max: 2 })
  const [body, tombstone] = ['{"msgId":"m3","type":"text"}', '{"msgId":"m3","type":"revoked"}']
  const now = () => recalled.current('dm.alice.bob', 3, body)
  recalled.message('dm.alice.bob', 1, { tombstone })
  t.same([now(), now()], [body, body])
  recalled.message('dm.alice.bob', 3, { tombstone })
  t.same([now(), now(), recalled.current('dm.alice.bob', 2, body), now()], [tombstone, tombstone, body, tombstone])
  recalled.item('bob', 'k1')
  recalled.item('bob', 'k2')
  t.equal(now(), body, 'so many are remembered')
  recalled.message('dm.alice.bob', 3, { tombstone })
  t.equal(now(), tombstone)
  recalled.forgetAll()
  t.equal(now(), body)
})

t.test('[DOWN-2] [COMPLETE-4] what another node has recalled is known by its entry, before that is printed', async t => {
  const recalled = createRecalled()
  const { still } = createRenderer({ recalled, now: Date.now, onUnreadable: () => undefined, onSeen: () => undefined })
  const bob = { userId: 'bob', terminalId: 'web', platform: 'web' }
  const body = (seq: number) => `{"conversationId":"dm.alice.bob","seq":${seq},"msgId":"m${seq}",` +
    '"ts":5,"from":"alice","clientMsgId":"c","type":"custom","content":{"name":"REVOKE"},"traceId":"t"'
  const sent = (seq: number) => ({ event: 'MSG_DOWN' as const, data: body(seq) + ',"source":"mailbox"}' })
  const notice = { event: 'NOTICE_DOWN' as const, data: '{"noticeId":"n1","op":"show","needComplete":true}' }
  recalled.learn('bob', { kind: 'msg', conversationId: 'dm.alice.bob', seq: 1 }, body(1) + '}')
  recalled.learn('bob', {
    kind: 'event',
    body: ''
  }, '{"name":"order","data":{"name":"REVOKE","conversationId":"dm.alice.bob","seq":1,"msgId":"m1","by":"eve","revokedAt":7}}')
  recalled.learn('bob', { kind: 'event', body: '' }, '{"name":"REVOKE"')
  t.notOk(recalled.isAny, 'none of these recalls anything')
  t.equal(recalled.learn('bob', {
    kind: 'event',
    body: ''
  }, '{"name":"REVOKE","data":{"conversationId":"dm.alice.bob","seq":2,"msgId":"m2","by":"alice","revokedAt":7}}'), true, 'a text')
  t.equal(recalled.learn('bob', { kind: 'event', body: '', box: 'NOTICE_BOX' }, '{"noticeId":"n1","op":"cancel"}'), false, 'an item')
  t.same(still(sent(1), bob), sent(1))
  t.same(JSON.parse(still(sent(2), bob)?.data ?? ''), {
    conversationId: 'dm.alice.bob',
    seq: 2,
    msgId: 'm2',
    ts: 5,
    from: 'alice',
    clientMsgId: 'c',
    type: 'revoked',
    traceId: 't',
    revoked: { by: 'alice', at: 7 },
    source: 'mailbox'
  })
  t.equal(still(notice, bob), undefined)
})

t.test('[DOWN-2] what was recalled is remembered for a while, and so many at most: the latest', async t => {
  const ticks = { now: 0 }
  const recalled = createRecalled({ ticks: () => ticks.now, max: 3 })
  const bob = { userId: 'bob', terminalId: 'web' }
  for (const id of ['k1', 'k2', 'k3', 'k1', 'k4']) recalled.item('bob', id)
  t.same(['k1', 'k2', 'k3', 'k4'].map(id => recalled.isGone(bob, id)), [true, false, true, true])
  ticks.now = 300_000
  t.equal(recalled.isAny, false, 'and nothing is looked at any more')
  t.equal(recalled.isGone(bob, 'k4'), false)
})

/** Waits until nothing more fits: the server's side of the socket has not moved for some turns. */
async function stalled (stream: { bytes: number }): Promise<void> {
  for (let quiet = 0, bytes = -1; quiet < 5; quiet = bytes === stream.bytes ? quiet + 1 : 0) {
    bytes = stream.bytes
    await pause(20)
  }
}
