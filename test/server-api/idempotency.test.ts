// Idempotency-Key: what the application's back end writes happens once, and is answered the same. docs/protocol.md section 8.
import { hash, randomUUID } from 'node:crypto'
import t from 'tap'
import { operations } from '../../src/app.js'
import { fingerprint } from '../../src/fanout/send-message.js'
import { isRepeatable } from '../../src/protocol/operation.js'
import { keys } from '../../src/store/keys.js'
import { SERVER_KEY, startIris } from '../helper/iris.js'

const iris = await startIris(t)

async function call (method: string, path: string, { key, body }: { key?: string, body?: unknown }) {
  const response = await fetch(`${iris.url}/v1/server/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${SERVER_KEY}`,
      ...(key !== undefined && { 'idempotency-key': key }),
      ...(body !== undefined && { 'content-type': 'application/json' })
    },
    ...(body !== undefined && { body: JSON.stringify(body) })
  })
  const { traceId, ...rest } = await response.json() as Record<string, unknown>
  return { status: response.status, replayed: response.headers.get('idempotent-replayed'), traceId, body: rest }
}

const newKey = () => randomUUID() as string
const writes = operations.filter(isRepeatable)

t.test('every write: the same again has the first answer, another request is 422, without the key nothing changes', async t => {
  await iris.server('PUT', 'conversations/g.support-7', {
    members: [{ userId: 'alice', role: 'owner' }, { userId: 'bob', role: 'member' }]
  })
  await iris.server('POST', 'messages', {
    from: 'system', clientMsgId: 'first', conversationId: 'g.support-7', type: 'system', content: {}
  })
  await iris.server('POST', 'notices', { noticeId: 'n-0', users: ['alice'], content: {} })
  const ids: Record<string, string> = {
    cancelNotice: 'n-0',
    closeConversation: 'g.support-7',
    putConversation: 'g.support-7',
    changeMembers: 'g.support-7'
  }
  const last = (name: string) => name === 'closeConversation' ? 1 : 0
  for (const { name, method, path, example } of [...writes].sort((a, b) => last(a.name) - last(b.name))) {
    const key = `"${newKey()}"`
    const at = path.replace('/v1/server/', '').replace('{id}', ids[name] ?? 'alice').replace(/\{\w+\}/, 'web-1')
    const body = example.body as Record<string, unknown> | undefined
    const first = await call(method, at, { key, body })
    const again = await call(method, at, { key, body })
    t.equal(first.status, 200, `${name} ${JSON.stringify(first.body)}`)
    t.strictSame([again.status, again.body, first.replayed, again.replayed], [200, first.body, null, 'true'], name)
    t.not(again.traceId, first.traceId, 'each request has its own trace')
    t.match(await call('POST', 'tokens', { key, body: { userId: 'another' } }), {
      status: 422,
      body: { code: 'IDEMPOTENCY_KEY_REUSED', retryable: false }
    }, name)
  }
  t.ok(writes.length >= 9)
})

t.test('what only reads answers what is so now, whatever key it is sent with', async t => {
  const asked = { key: newKey(), body: { users: [randomUUID()] } }
  t.match(await call('POST', 'presence', asked), { status: 200, replayed: null })
  t.match(await call('POST', 'presence', asked), { status: 200, replayed: null })
  t.match(await call('POST', 'tokens', { key: asked.key, body: { userId: 'alice' } }), { status: 200, replayed: null })
})

t.test('ten at once: one is done, all have its answer', async t => {
  const key = newKey()
  const all = await Promise.all(Array.from({ length: 10 }, () => call('POST', 'tokens', { key, body: { userId: 'alice', ttlSec: 60 } })))
  t.strictSame(all.map(({ status, body }) => [status, body]), all.map(() => [200, all[0]?.body]))
  t.equal(all.filter(({ replayed }) => replayed === null).length, 1)
})

t.test('a refused request does not use the key up', async t => {
  const key = newKey()
  const wrong = { noticeId: newKey(), conversationId: 'g.nowhere', content: {} }
  t.match(await call('POST', 'notices', { key, body: wrong }), { status: 404, body: { code: 'CONVERSATION_NOT_FOUND' } })
  t.match(await call('POST', 'notices', { key, body: { ...wrong, x: 1 } }), { status: 400, body: { code: 'INVALID_BODY' } })
  t.match(await call('POST', 'notices', { key, body: { noticeId: wrong.noticeId, users: ['alice'], content: {} } }), {
    status: 200,
    replayed: null
  })
})

t.test('members in another order are the same request; another number, path or method is another', async t => {
  const key = newKey()
  const { body: first } = await call('POST', 'tokens', { key, body: { userId: 'alice', ttlSec: 60 } })
  t.strictSame((await call('POST', 'tokens', { key, body: { ttlSec: 60, userId: 'alice' } })).body, first)
  for (const [method, path, body] of [
    ['POST', 'tokens', { userId: 'alice', ttlSec: 61 }],
    ['POST', 'messages/revoke', { userId: 'alice', ttlSec: 60 }],
    ['DELETE', 'notices/n-1', undefined]
  ] as const) {
    t.equal((await call(method, path, { key, body })).status, 422)
  }
})

t.test('a key is 1 to 255 visible characters; GETs and users\' commands do not take it', async t => {
  for (const key of ['', 'a b', 'x'.repeat(256), 'ö']) {
    t.match(await call('POST', 'tokens', { key, body: { userId: 'alice' } }), {
      status: 400,
      body: { code: 'INVALID_HEADER', errors: [{ pointer: '/Idempotency-Key' }] }
    }, JSON.stringify(key))
  }
  t.match(await call('POST', 'tokens', { key: '~'.repeat(255), body: { userId: 'alice' } }), { status: 200 })
  const key = newKey()
  t.match(await call('GET', 'users/alice/terminals', { key: 'a b' }), { status: 200, replayed: null })
  const alice = await iris.user(t)
  for (let i = 0; i < 2; i++) t.equal((await alice.post('/v1/up/heartbeat', {}, { 'idempotency-key': key })).status, 200)
})

t.test('while the first is under way others wait, at last 409; ' +
  'when its node died, a retry runs; no token can be read in Redis', async t => {
  const key = newKey()
  const body = { userId: 'alice', ttlSec: 60 }
  const place = keys.idempotency(hash('sha256', key))
  const claim = `${fingerprint(['POST', '/v1/server/tokens', body])} `
  await iris.redis.set(place, claim, 'PX', 60_000)
  t.match(await call('POST', 'tokens', { key, body }), { status: 409, body: { code: 'IDEMPOTENCY_KEY_IN_USE', retryable: true } })
  await iris.redis.set(place, claim, 'PX', 300)
  const { status, body: { token } } = await call('POST', 'tokens', { key, body })
  t.equal(status, 200)
  const kept = await iris.redis.get(place) ?? ''
  t.ok(kept.startsWith(claim) && kept.length > claim.length)
  t.notOk(Buffer.from(kept.slice(claim.length), 'base64').toString('latin1').includes(String(token)))
  t.ok(await iris.redis.ttl(place) > 86_000)
})
