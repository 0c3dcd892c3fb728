// A back end beside Iris: signs users in, decides about messages, pushes to who is away, keeps what was recalled, shows a badge.
import { createHash, timingSafeEqual } from 'node:crypto'
import { appendFile } from 'node:fs/promises'
import closeWithGrace from 'close-with-grace'
import Fastify from 'fastify'
import { Webhook } from 'standardwebhooks'

const { GATEWAY = 'http://127.0.0.1:4747', HOST = '127.0.0.1', PORT = '3000', EVIDENCE = 'evidence.ndjson', WORD = 'casino' } = process.env
const [serverKey, webhookSecret, hookSecret, users] = ['IRIS_SERVER_KEY', 'IRIS_WEBHOOK_SECRET', 'IRIS_HOOK_SECRET', 'USERS'].map(name => {
  if (!process.env[name]) throw new Error(`${name} must be set: see README.md`)
  return process.env[name]
})
const app = Fastify({ logger: true, requestTimeout: 10_000 })

/** Calls the server API. Throws when it does not answer, or refuses: whoever asked gets 500. */
async function iris (method, path, body) {
  const headers = { authorization: `Bearer ${serverKey}`, 'content-type': 'application/json' }
  const signal = AbortSignal.timeout(5_000)
  const answer = await fetch(`${GATEWAY}/v1/server/${path}`, { method, headers, body: JSON.stringify(body), signal })
  if (!answer.ok) throw new Error(`Iris answered ${answer.status} to ${method} ${path}: ${await answer.text()}`)
  return await answer.json()
}

// Yours: users, hashed passwords, sessions, a limit for who guesses. Here: HTTP Basic, and `alice:password,bob:password` in USERS.
const digest = text => createHash('sha256').update(text).digest()
const accounts = new Map(users.split(',').map(account => [account.split(':')[0], digest(account)]))

async function signedIn (request, reply) {
  const credentials = Buffer.from(/^Basic (.+)$/i.exec(request.headers.authorization)?.[1] ?? '', 'base64').toString()
  request.userId = credentials.split(':')[0]
  const known = accounts.get(request.userId)
  if (!known || !timingSafeEqual(known, digest(credentials))) return reply.code(401).send({ message: 'Who are you?' })
}
app.decorateRequest('userId', '')

app.post('/login', { onRequest: signedIn }, async ({ userId }) => {
  const { token, expiresAt } = await iris('POST', 'tokens', { userId, ttlSec: 3600 })
  return { userId, token, expiresAt }
})

app.get('/badge', { onRequest: signedIn }, async ({ userId }) => {
  const { totalUnread } = await iris('GET', `users/${encodeURIComponent(userId)}/conversations?limit=1`)
  return { unread: totalUnread }
})

app.delete('/account', { onRequest: signedIn }, async ({ userId }, reply) => {
  const { done } = await iris('DELETE', `users/${encodeURIComponent(userId)}`)
  if (done) accounts.delete(userId)
  return reply.code(done ? 200 : 202).send({ done }) // 202: there is more to delete, ask again
})

/** Yours: APNs, FCM, Web Push. One that comes twice has the same `id`: let it replace the first. */
const push = async notification => app.log.info({ push: notification }, 'a push')

/** What follows from events, by kind. What throws here is told again by Iris, for 24 h. */
const reactions = {
  __proto__: null,
  async 'message.sent' ({ conversationId, seq, silent, offline }) {
    const away = silent ? [] : offline
    await Promise.all(away.map(({ userId, unread }) => push({ to: userId, badge: unread, id: `${conversationId}/${seq}` })))
  },
  'message.revoked': async evidence => await appendFile(EVIDENCE, JSON.stringify(evidence) + '\n', { mode: 0o600, flush: true }),
  'feed.reset': async gap => app.log.error({ gap }, 'events are lost: read what has changed by the server API')
}

// Events are told at least once. For several processes: a key with an end in your database, instead of this map.
const handled = new Map()
async function once (id, react) {
  if (handled.size === 10_000) handled.delete(handled.keys().next().value)
  if (!handled.has(id)) handled.set(id, react())
  await handled.get(id).catch(error => {
    handled.delete(id)
    throw error
  })
}

/** Makes a check of what Iris signs, by one secret, or by two while they are rotated. The body is then what it says. */
function signedBy (secrets) {
  const webhooks = secrets.split(',').map(secret => new Webhook(secret))
  return async (request, reply) => {
    const { body, headers } = request
    request.body = await Promise.any(webhooks.map(async webhook => webhook.verify(body, headers))).catch(() => undefined)
    if (!request.body) return reply.code(401).send({ message: 'Not signed by Iris' })
  }
}

app.register(async scope => {
  // the signature is of the bytes: they stay as they came until it is verified
  scope.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => done(null, body))

  scope.post('/iris/before', { preHandler: signedBy(hookSecret) }, async ({ body: { data } }) => {
    const isBad = JSON.stringify(data.content).toLowerCase().includes(WORD)
    return isBad ? { action: 'deny', code: 'BAD_WORD', message: `We do not say "${WORD}" here` } : { action: 'allow' }
  })

  scope.post('/iris/events', { preHandler: signedBy(webhookSecret) }, async ({ headers, body: { type, data } }, reply) => {
    await once(headers['webhook-id'], async () => await reactions[type]?.(data))
    return reply.code(204).send()
  })
})

closeWithGrace({ delay: 10_000 }, async () => {
  // a connection that is open and says nothing would hold the end up
  setTimeout(() => app.server.closeAllConnections(), 2_000).unref()
  await app.close()
})
await app.listen({ host: HOST, port: Number(PORT) })
