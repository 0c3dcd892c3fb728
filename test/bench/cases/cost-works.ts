// What the cost table measures: each operation by its size.
import { named } from '../plan.js'
import type { Client } from './cost-client.js'

/** One line of the table; `run` is called once to warm up, then `times` times. */
export interface Work { what: string, times: number, run (n: number, phase: string): Promise<unknown>, end? (): Promise<unknown> }

/** Prepares a work; what is made then is not measured. */
type Make = (client: Client) => Promise<Work>

const TIMES = 15
const text = (content: string) => ({ type: 'text', content: { text: content } })
const conversations = (count: number) => Array.from({ length: count }, (_, i) => `g.of-${count}-${i}`)
let ids = 0

function message (to: object) {
  return { clientMsgId: `m${++ids}`, ...to, ...text('see you at the station at ten') }
}

/** A user in so many groups, with an unread message in each. */
async function crowded ({ group, api }: Client, count: number): Promise<string> {
  const userId = `busy${count}`
  for (const conversationId of conversations(count)) {
    await group(conversationId, [userId, 'writer'])
    await api('POST', 'messages', { from: 'writer', ...message({ conversationId }) })
  }
  return userId
}

const small = (what: string, path: string, body: () => object): Make =>
  async ({ post }) => ({ what, times: TIMES, run: () => post('alice', path, body()) })

const groupSend = (members: number): Make => async ({ group, post }) => {
  await group(`g.size${members}`, named(`m${members}-`, members))
  return {
    what: `MSG_UP to a group of ${members}`,
    times: TIMES,
    run: () => post(`m${members}-0`, '/v1/up/msg', message({ conversationId: `g.size${members}` }))
  }
}

const revoke = (members: number): Make => async ({ post }) => {
  const conversationId = `g.size${members}`
  const sent: number[] = []
  for (let i = 0; i <= TIMES; i++) {
    sent.push((await post(`m${members}-0`, '/v1/up/msg', message({ conversationId })) as { seq: number }).seq)
  }
  return {
    what: `REVOKE in a group of ${members}`,
    times: TIMES,
    run: n => post(`m${members}-0`, '/v1/up/cmd/revoke', { conversationId, seq: sent[n] })
  }
}

/** The reader reads what was sent to a group meanwhile. */
const readMany = (messages: number): Make => async ({ group, api, post }) => {
  const conversationId = `g.long${messages}`
  const readers = named(`r${messages}-`, 3)
  await group(conversationId, [...readers, ...named('w', 50)])
  for (let i = 0; i < messages; i++) await api('POST', 'messages', { from: `w${i % 50}`, ...message({ conversationId }) })
  return {
    what: `READ up to ${messages} unread messages of 50 senders`,
    times: 2,
    run: n => post(readers[n] as string, '/v1/up/cmd/read', { conversationId, upToSeq: messages })
  }
}

const readSeqs = (count: number): Make => async ({ post }) => {
  const sent: number[] = []
  for (let i = 0; i < count * 4; i++) sent.push((await post('carol', '/v1/up/msg', message({ to: 'alice' })) as { seq: number }).seq)
  return {
    what: `READ of ${count} seqs`,
    times: 3,
    run: n => post('alice', '/v1/up/cmd/read', { conversationId: 'dm.alice.carol', seqs: sent.slice(n * count, (n + 1) * count) })
  }
}

const rest = (items: number): Make => async ({ post }) => ({
  what: `REST_READ_NUM_AND_LAST_MSG of ${items}`,
  times: 10,
  run: n => post('busy500', '/v1/up/cmd/rest-read-num-and-last-msg', {
    items: conversations(500).slice(0, items).map(conversationId => ({ conversationId, unreadMark: n % 2 === 0 }))
  })
})

const history = (limit: number): Make => async ({ post }) => ({
  what: `GET_READ_MSG inline, limit ${limit}`,
  times: TIMES,
  run: () => post('w0', '/v1/up/cmd/get-read-msg', { conversationId: 'g.long1000', limit, deliver: 'inline' })
})

const list = (limit: number): Make => async ({ get }) => ({
  what: `GET /v1/conversations, limit ${limit}`,
  times: TIMES,
  run: () => get('busy500', `/v1/conversations?limit=${limit}`)
})

const command = (mode: 'online' | 'reliable', users: number): Make => async ({ group, post }) => {
  await group('g.acquainted', named('t', 101))
  const to = { users: named('t', users) }
  return {
    what: `IRIS_CMD_SEND ${mode} to ${users}`,
    times: TIMES,
    run: () => post('t100', '/v1/up/cmd/iris-cmd-send', { clientCmdId: `c${++ids}`, name: 'order.refresh', mode, to })
  }
}

/** The server sends: of one user no more than a fifth of a box is taken. [CMD-7] */
const complete = (count: number): Make => async ({ api, post }) => {
  const sent: string[] = []
  const user = `t${100 - count}`
  for (let i = 0; i < count * 3; i++) {
    sent.push((await api('POST', 'commands', {
      clientCmdId: `c${++ids}`,
      name: 'order.refresh',
      mode: 'reliable',
      to: { users: [user] }
    }) as { cmdId: string }).cmdId)
  }
  return {
    what: `CMD_COMPLETE of ${count}`,
    times: 2,
    run: n => post(user, '/v1/up/cmd/cmd-complete', { ids: sent.slice(n * count, (n + 1) * count) })
  }
}

const notice = (users: number): Make => async ({ api }) => ({
  what: `a notice to ${users} users`,
  times: 5,
  run: () => api('POST', 'notices', { noticeId: `n${++ids}`, users: named('n', users), content: { text: 'Tonight at ten' }, ttlSec: 60 })
})

const attach = (kind: 'fresh' | 'resumed' | 'reset', count: number): Make => async ({ attach, end }) => {
  const userId = `busy${count}`
  const cursor = await attach(userId, `terminalId=${kind}`)
  const query = { fresh: '', resumed: `&lastEventId=${cursor}`, reset: '&lastEventId=1-1' }[kind]
  return { what: `attach ${kind}, ${count} conversations unread`, times: 6, run: () => attach(userId, `terminalId=${kind}${query}`), end }
}

const poll: Make = async ({ get }) => {
  let { cursor } = await get('alice', '/v1/down/poll?timeoutMs=0') as { cursor: string }
  return {
    what: 'a poll that finds nothing',
    times: TIMES,
    run: async () => { ({ cursor } = await get('alice', `/v1/down/poll?timeoutMs=0&lastEventId=${cursor}`) as { cursor: string }) }
  }
}

const busy = (count: number): Make => async client => {
  await crowded(client, count)
  return { what: 'heartbeat', times: TIMES, run: () => client.post('alice', '/v1/up/heartbeat', {}) }
}

/** In an order in which each finds what it needs. */
export const works: Make[] = [
  busy(20),
  busy(500),
  small('GET_SYSTEM_TIME', '/v1/up/cmd/get-system-time', () => ({})),
  small('a ticket', '/v1/down/tickets', () => ({})),
  small('MSG_UP to a user', '/v1/up/msg', () => message({ to: 'bob' })),
  ...[10, 100, 500].map(groupSend),
  ...[10, 500].map(revoke),
  readMany(1_000),
  readSeqs(100),
  ...[1, 100].map(rest),
  ...[1, 100].map(limit => history(limit)),
  ...[1, 100].map(list),
  ...(['online', 'reliable'] as const).flatMap(mode => [command(mode, 1), command(mode, 100)]),
  ...[1, 100].map(complete),
  notice(500),
  ...(['fresh', 'resumed', 'reset'] as const).flatMap(kind => [attach(kind, 20), attach(kind, 500)]),
  poll
]
