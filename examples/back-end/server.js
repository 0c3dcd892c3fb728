// A back end beside Iris: signs users in, decides about messages, pushes to who is away, keeps what was recalled, shows a badge.
import closeWithGrace from 'close-with-grace'
import Fastify from 'fastify'
import { Webhook } from 'standardwebhooks'
import { forget, keep, push, refusalOf, userOf } from './yours.js'

const { IRIS_SERVER_KEY, IRIS_WEBHOOK_SECRET, IRIS_HOOK_SECRET } = process.env
const { GATEWAY = 'http://127.0.0.1:4747', HOST = '127.0.0.1', PORT = '3000' } = process.env
for (const [name, value] of Object.entries({ IRIS_SERVER_KEY, IRIS_WEBHOOK_SECRET, IRIS_HOOK_SECRET })) {
  if (!value) throw new Error(`${name} must be set: see README.md`)
}
const app = Fastify({ logger: true, requestTimeout: 10_000 })

/** Calls the server API. Throws when it does not answer, or refuses: whoever asked gets 500. */
async function iris (method, path, body) {
  const headers = { authorization: `Bearer ${IRIS_SERVER_KEY}`, 'content-type': 'application/json' }
  const signal = AbortSignal.timeout(5_000)
  const answer = await fetch(`${GATEWAY}/v1/server/${path}`, { method, headers, body: JSON.stringify(body), signal })
  if (!answer.ok) throw new Error(`Iris answered ${answer.status} to ${method} ${path}: ${await answer.text()}`)
  return await answer.json()
}

app.register(async users => {
  users.decorateRequest('userId', '')
  users.addHook('onRequest', async (request, reply) => {
    request.userId = userOf(request)
    if (!request.userId) return reply.code(401).send({ message: 'Who are you?' })
  })

  users.get('/my/token', async ({ userId }, reply) =>
    reply.type('text/plain').header('cache-control', 'no-store').send((await iris('POST', 'tokens', { userId, ttlSec: 3600 })).token))

  users.get('/badge', async ({ userId }) =>
    ({ unread: (await iris('GET', `users/${encodeURIComponent(userId)}/conversations?limit=1`)).totalUnread }))

  users.delete('/account', async ({ userId }, reply) => {
    const { done } = await iris('DELETE', `users/${encodeURIComponent(userId)}`)
    if (done) await forget(userId)
    return reply.code(done ? 200 : 202).send({ done }) // 202: there is more to delete, ask again
  })
})

/** What follows from events, by kind. What throws here is told again by Iris, for 24 h. */
const reactions = {
  __proto__: null,
  async 'message.sent' ({ conversationId, seq, silent, offline }) {
    const away = silent ? [] : offline
    await Promise.all(away.map(({ userId, unread }) => push({ to: userId, badge: unread, id: `${conversationId}/${seq}` }, app.log)))
  },
  'message.revoked': keep,
  'feed.reset': async gap => app.log.error({ gap }, 'events are lost: read what has changed by the server API')
}

// Events are told at least once. For several processes: a key with an end in your database, instead of this map.
const handled = new Map()
async function once (id, react) {
  if (handled.size === 10_000) handled.delete(handled.keys().next().value)
  if (!handled.has(id)) handled.set(id, react().catch(error => { handled.delete(id); throw error }))
  await handled.get(id)
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

app.register(async gateway => {
  // the signature is of the bytes: they stay as they came until it is verified
  gateway.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => done(null, body))

  gateway.post('/iris/before', { preHandler: signedBy(IRIS_HOOK_SECRET) }, async ({ body: { data } }) => {
    const refusal = await refusalOf(data.content)
    return refusal ? { action: 'deny', ...refusal } : { action: 'allow' }
  })

  gateway.post('/iris/events', { preHandler: signedBy(IRIS_WEBHOOK_SECRET) }, async ({ headers, body: { type, data } }, reply) => {
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
