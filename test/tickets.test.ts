// Tickets: beside whatever a proxy adds, bounded for one user, and never longer than their token. docs/protocol.md section 3.
import t, { type Test } from 'tap'
import { keys } from '../src/store/keys.js'
import { startIris } from './helper/iris.js'
import { pollOnce } from './helper/poll.js'
import { granted } from './helper/user.js'
import type { User } from './helper/user.js'
import { openWs } from './helper/ws.js'

const iris = await startIris(t, { env: { IRIS_LIMIT_TERMINALS: '3' } })
type Outcome = { status: number, code?: unknown }

/** The doors that a ticket opens. */
const doors: Record<string, (t: Test, query: string, headers: Record<string, string>) => Promise<Outcome>> = {
  async SSE (_t, query, headers) {
    const { status, body } = await fetch(`${iris.url}/v1/down/events?${query}`, { headers })
    if (status !== 200) return { status, code: (await new Response(body).json() as { code: string }).code }
    await body?.cancel()
    return { status }
  },
  async poll (_t, query, headers) {
    const { status, body: { code } } = await pollOnce(`${iris.url}/v1/down/poll?${query}`, { headers, query: { timeoutMs: '0' } })
    return { status, code }
  },
  async WebSocket (t, query, headers) {
    try {
      const { socket } = await openWs(`${iris.url}/v1/ws?${query}`, { headers })
      t.teardown(() => socket.terminate())
      return { status: 200 }
    } catch (error) {
      const { status, body } = error as { status: number, body: { code: string } }
      return { status, code: body.code }
    }
  }
}
const buy = async (user: User, body: object = {}) => String(granted(await user.post('/v1/down/tickets', body)).body['ticket'])
const enter = (ticket: string) => pollOnce(`${iris.url}/v1/down/poll?ticket=${ticket}`, { query: { timeoutMs: '0' } })
const ticketKeys = async () => (await iris.redis.keys('iris:*:TICKET:*')).length

const authorizations = [
  'Basic dXNlcjpwYXNz', 'Digest username="x", response="y"', 'Negotiate YII=', 'Bearer', 'Bearer ', 'bearer-of a letter', 'Token x', ' '
]
for (const [door, open] of Object.entries(doors)) {
  t.test(`${door}: a ticket counts beside an Authorization that is not a bearer; 401 when there is neither`, async t => {
    for (const authorization of authorizations) {
      const alice = await iris.user(t)
      t.match(await open(t, `ticket=${await buy(alice)}`, { authorization }), { status: 200 }, authorization)
      t.match(await open(t, '', { authorization }), { status: 401, code: 'UNAUTHENTICATED' }, authorization)
    }
    const bearer = { authorization: 'Bearer nonsense' }
    t.match(await open(t, `ticket=${await buy(await iris.user(t))}`, bearer), { status: 401, code: 'BAD_TOKEN' }, 'a bearer wins')
    for (const ticket of ['', 'x', 'A'.repeat(43), '_'.repeat(43), 'a'.repeat(5_000), '%00', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln']) {
      t.match(await open(t, `ticket=${ticket}`, {}), { status: 401, code: 'BAD_TICKET' }, ticket.slice(0, 50))
    }
  })
}

t.test('[LIMITS] at most 20 tickets of a user are not used: the next is 429, ' +
  'one that is used makes room, another user has his own', async t => {
  const [alice, bob] = [await iris.user(t), await iris.user(t)]
  const tickets = []
  for (let i = 0; i < 20; i++) tickets.push(await buy(alice))
  const refused = await alice.post('/v1/down/tickets', {})
  t.match(refused, { status: 429, body: { code: 'RATE_LIMITED', retryable: true } })
  const after = Number(refused.headers.get('retry-after'))
  t.ok(after > 0 && after <= 60)
  t.equal((await bob.post('/v1/down/tickets', {})).status, 200)
  t.equal((await enter(tickets[0] ?? '')).status, 200)
  t.equal((await alice.post('/v1/down/tickets', {})).status, 200)
  t.equal((await alice.post('/v1/down/tickets', {})).status, 429)
  t.equal((await enter(tickets[1] ?? '')).status, 200, 'those that were bought are good')
})

t.test('[LIMITS] however many tickets a terminal uses, or a user on many terminals, the last ones are kept', async t => {
  const alice = await iris.user(t)
  const before = await ticketKeys()
  const tickets = []
  for (let i = 0; i < 20; i++) {
    tickets.push(await buy(alice))
    t.equal((await enter(tickets[i] ?? '')).status, 200)
    if (i > 8) t.equal((await enter(tickets[9] ?? '')).status, 200, 'one that goes on being used stays')
  }
  t.equal(await ticketKeys() - before, 8)
  t.match(await enter(tickets[0] ?? ''), { status: 401, body: { code: 'BAD_TICKET' } })
  for (let i = 0; i < 30; i++) await enter(await buy(alice, { terminalId: `t-${i}` }))
  t.equal(await ticketKeys() - before, 24)
  t.equal(await iris.redis.zcard(keys.usedTickets(alice.userId)), 24)
  t.equal(await iris.redis.zcard(keys.tickets(alice.userId)), 0)
})

t.test('a ticket ends with its token, and so does what is known of a user\'s tickets', async t => {
  for (const ttlSec of [30, 3600]) {
    const userId = `ends-${ttlSec}`
    const { body } = await iris.server('POST', 'tokens', { userId, ttlSec })
    const { token, expiresAt } = body as unknown as { token: string, expiresAt: number }
    const before = new Set(await iris.redis.keys('iris:*:TICKET:*'))
    const bought = await fetch(`${iris.url}/v1/down/tickets`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{}'
    })
    const { ticket } = await bought.json() as { ticket: string }
    const [key = ''] = (await iris.redis.keys('iris:*:TICKET:*')).filter(name => !before.has(name))
    const unused = await iris.redis.pexpiretime(key)
    t.equal(unused, await iris.redis.pexpiretime(keys.tickets(userId)))
    if (ttlSec === 30) t.equal(unused, expiresAt + 5_000)
    else t.ok(unused <= Date.now() + 61_000)
    t.equal((await enter(ticket)).status, 200)
    t.same([await iris.redis.pexpiretime(key), await iris.redis.pexpiretime(keys.usedTickets(userId))], [
      expiresAt + 5_000, expiresAt + 5_000
    ])
  }
})
