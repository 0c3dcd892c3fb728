// What every way down owes: the same events in the same order from the same cursor. [POLL-1]
import type { Test } from 'tap'
import { startIris } from '../helper/iris.js'
import { openPolls } from '../helper/poll.js'
import { brokenIds, openSse, seqsOf, type SseEvent, upTo } from '../helper/sse.js'
import { dm, granted, until, type User } from '../helper/user.js'
import { openWs } from '../helper/ws.js'

interface Where { terminalId?: string, cursor?: string | undefined }

/** A reader of any transport. */
export interface Reader {
  events: SseEvent[]
  readonly cursor: string | undefined
  readonly isOver: boolean
  next (matcher: string | ((event: SseEvent) => boolean)): Promise<SseEvent>
  cut (): Promise<void>
}

export type Open = (url: string, user: User, where?: Where) => Promise<Reader>

const search = ({ terminalId = 'reader', cursor }: Where) =>
  new URLSearchParams({ terminalId, ...(cursor !== undefined && { lastEventId: cursor }) }).toString()
const bearer = ({ token }: User) => ({ authorization: `Bearer ${token}` })

/** The three transports. */
export const transports: Record<'sse' | 'poll' | 'ws', Open> = {
  sse: async (url, user, where = {}) => await openSse(`${url}/v1/down/events?${search(where)}`, { headers: bearer(user) }),
  poll: async (url, user, { cursor, ...where } = {}) =>
    await openPolls(`${url}/v1/down/poll?${search(where)}`, { headers: bearer(user), cursor, limit: 7 }),
  ws: async (url, user, where = {}) => await openWs(`${url}/v1/ws?${search(where)}`, { headers: bearer(user) })
}

const named = (events: SseEvent[], name: string) => events.find(({ data }) => data.name === name)?.data.data

/** Runs the contract of a transport. */
export async function deliveryContract (t: Test, open: Open): Promise<void> {
  const iris = await startIris(t)
  const attach = async (t: Test, user: User, where: Where = {}) => {
    const reader = await open(iris.url, user, where)
    t.teardown(() => reader.cut())
    return reader
  }
  const two = async (t: Test) => [await iris.user(t), await iris.user(t)] as const

  await t.test('[ATTACH-3] a fresh attach brings what is unread and pending, without ids, then live events with ids', async t => {
    const [alice, bob] = await two(t)
    for (const i of upTo(12)) await alice.send(bob, `${i}`)
    await alice.command({ clientCmdId: 'k', name: 'nudge', to: { users: [bob.userId] }, mode: 'reliable' })
    const reader = await attach(t, bob)
    const { id } = await reader.next('IRIS.READY')
    const before = reader.events.filter(({ event, data }) => event === 'MSG_DOWN' || data.name === 'nudge')
    t.same(before.map(event => event.id), before.map(() => undefined))
    t.same(seqsOf(before, dm(alice, bob)), upTo(12))
    t.match(before.at(-1)?.data, { name: 'nudge', needComplete: true })
    await alice.send(bob, 'live')
    const live = await reader.next(({ data }) => data['seq'] === 13)
    t.match(live, {
      event: 'MSG_DOWN',
      id: String(id).replace(/\d+$/, n => String(Number(n) + 1)),
      data: { source: /^(live|replay)$/, content: { text: 'live' } }
    }, 'a poll that comes later finds it in the stream')
  })

  await t.test('[ATTACH-1] [ATTACH-4] it resumes at a cursor: every entry after it, in order, each once', async t => {
    const [alice, bob] = await two(t)
    const first = await attach(t, bob)
    const { id: cursor } = await first.next('IRIS.READY')
    await first.cut()
    for (const i of upTo(30)) await alice.send(bob, `${i}`)
    await bob.read({ conversationId: dm(alice, bob), upToSeq: 30 }, 'reader') // nothing to tell to this terminal: an id alone, or a cursor
    const again = await attach(t, bob, { cursor })
    await again.next('IRIS.READY')
    t.equal(named(again.events, 'IRIS.HELLO')?.['recovered'], true)
    t.same(seqsOf(again.events, dm(alice, bob)), upTo(30))
    t.ok(again.events.filter(({ event }) => event === 'MSG_DOWN').every(({ data }) => data['source'] === 'replay'))
    t.equal(again.cursor, String(cursor).replace(/\d+$/, '31'))
  })

  await t.test('[ATTACH-1] a cursor that cannot be served gets a RESET, then what is unread', async t => {
    const [alice, bob] = await two(t)
    await alice.send(bob, 'unread')
    for (const cursor of ['x', '1-1', '-', `9${'9'.repeat(18)}-1`]) {
      const reader = await attach(t, bob, { cursor })
      await reader.next('IRIS.READY')
      t.equal(named(reader.events, 'IRIS.HELLO')?.['recovered'], false)
      t.match(named(reader.events, 'IRIS.RESET'), { reason: String, conversations: [{ unread: 1, headSeq: 1 }] })
      t.same(seqsOf(reader.events, dm(alice, bob)), [1])
      await reader.cut()
    }
  })

  await t.test('[DOWN-1] [DOWN-3] the terminal that sent gets ACK_DOWN, another MSG_DOWN; what is volatile has no id', async t => {
    const [alice, bob] = await two(t)
    const [sender, other] = [await attach(t, alice, { terminalId: 'sends' }), await attach(t, alice, { terminalId: 'other' })]
    for (const reader of [sender, other]) await reader.next('IRIS.READY')
    await alice.send(bob, 'hi', { terminalId: 'sends', clientMsgId: 'c-1' })
    t.match((await sender.next('ACK_DOWN')).data, { clientMsgId: 'c-1', seq: 1 })
    t.match((await other.next('MSG_DOWN')).data, { clientMsgId: 'c-1', from: alice.userId })
    let typing: SseEvent | undefined
    void other.next('typing').then(event => { typing = event })
    let times = 0
    await until(async () => { // again, since one that comes between two polls is missed: it is stored nowhere
      await bob.command({ clientCmdId: `typing-${times++}`, name: 'typing', to: { users: [alice.userId] } })
      return typing
    })
    t.match(typing, { event: 'CMD_DOWN', id: undefined })
  })

  await t.test('[DOWN-2] a replay shows what is true now: tombstones, nothing completed', async t => {
    const [alice, bob] = await two(t)
    const first = await attach(t, bob)
    const { id: cursor } = await first.next('IRIS.READY')
    await first.cut()
    await alice.send(bob, 'CANARY')
    const nudge = { clientCmdId: 'k', name: 'nudge', to: { users: [bob.userId] }, mode: 'reliable' }
    const { body: { cmdId } } = granted(await alice.command(nudge))
    await alice.revoke({ conversationId: dm(alice, bob), seq: 1 })
    await bob.cmdComplete({ ids: [cmdId] }, 'elsewhere')
    const reader = await attach(t, bob, { cursor })
    await reader.next('IRIS.READY')
    t.match(reader.events.find(({ event }) => event === 'MSG_DOWN')?.data, { type: 'revoked' })
    t.notMatch(JSON.stringify(reader.events), /CANARY|"op":"do","name":"nudge"/)
  })

  await t.test('[DOWN-4] live events of many senders stand in one order, rising by one', async t => {
    const [alice, bob] = await two(t)
    const carol = await iris.user(t)
    const reader = await attach(t, bob)
    const { id } = await reader.next('IRIS.READY')
    await Promise.all(upTo(60).map(i => (i % 2 ? alice : carol).send(bob, `${i}`)))
    await alice.send(bob, 'end')
    await reader.next(({ data }) => (data['content'] as { text?: string } | undefined)?.text === 'end')
    for (const peer of [alice, carol]) t.same(seqsOf(reader.events, dm(peer, bob)), upTo(peer === alice ? 31 : 30))
    t.equal(brokenIds(reader.events.filter(({ data }) => data.name !== 'IRIS.READY'), String(id)), undefined)
  })

  await t.test('[KICK-1] a kick is the last event, and the terminal does not come back', async t => {
    const [alice] = await two(t)
    const reader = await attach(t, alice)
    await reader.next('IRIS.READY')
    await iris.server('POST', `users/${alice.userId}/kick`, { reason: 'enough' })
    while (!reader.isOver) await new Promise(resolve => setTimeout(resolve, 10))
    const again = await open(iris.url, alice)
      .then(async reader => { await reader.next(() => false).catch(() => undefined); return reader.events }, (error: { status?: number }) =>
        error.status)
    t.notMatch(JSON.stringify(again), /IRIS.READY/)
  })
}
