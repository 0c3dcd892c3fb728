// Server API: the key, and tokens for users. Section 8
import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { SERVER_KEY, startIris } from '../helper/iris.js'
import { pointers } from '../helper/user.js'

const iris = await startIris(t)

const claims = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sub: string, iat: number, exp: number }

t.test('[SERVER] a token is minted for any user, for an hour or as long as is asked', async t => {
  for (const [more, ttl] of [[{}, 3_600], [{ ttlSec: 60 }, 60]] as const) {
    const { status, body } = await iris.server('POST', 'tokens', { userId: 'some-User_1', ...more })
    const { token, expiresAt } = body as unknown as { token: string, expiresAt: number }
    const { sub, iat, exp } = claims(token)
    t.strictSame([status, sub, Math.round((exp - iat) * 1e6) / 1e6, expiresAt], [200, 'some-User_1', ttl, Math.round(exp * 1000)])
    t.ok(Math.abs(iat * 1000 - Date.now()) < 5_000)
    const response = await fetch(`${iris.url}/v1/conversations`, { headers: { authorization: `Bearer ${token}` } })
    t.equal(response.status, 200, 'it opens the user\'s doors')
    t.equal((await fetch(`${iris.url}/v1/server/tokens`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{"userId":"x"}'
    })).status, 401, 'and not the server API')
  }
})

t.test('[SERVER] what is refused', async t => {
  const bad: [body: object, pointer: string][] = [
    [{}, '/userId'], [{ userId: '' }, '/userId'], [{ userId: 'a.b' }, '/userId'], [{ userId: 'x'.repeat(65) }, '/userId'],
    [{ userId: 'system' }, '/userId'], [{ userId: 'a', ttlSec: 0 }, '/ttlSec'], [{ userId: 'a', ttlSec: 2_592_001 }, '/ttlSec'],
    [{ userId: 'a', role: 'admin' }, '/role']
  ]
  for (const [body, pointer] of bad) {
    const answer = await iris.server('POST', 'tokens', body)
    t.strictSame([answer.status, answer.body['code'], pointers(answer)], [400, 'INVALID_BODY', [pointer]])
  }
})

t.test('[SERVER] without one of the keys every call is 401, and says nothing else', async t => {
  const two = await startIris(t, { redisPath: iris.redisPath, env: { IRIS_SERVER_KEY: `first-key-of-tests-01, ${SERVER_KEY}` } })
  const ask = async (url: string, authorization?: string) => {
    const response = await fetch(`${url}/v1/server/conversations/g.none`, {
      headers: { ...(authorization !== undefined && { authorization }) }
    })
    return [response.status, (await response.json() as { code: string }).code]
  }
  for (const key of ['first-key-of-tests-01', SERVER_KEY]) {
    t.strictSame(await ask(two.url, `Bearer ${key}`), [404, 'CONVERSATION_NOT_FOUND'], 'both keys are valid during a rotation')
  }
  t.strictSame(await ask(iris.url, 'Bearer first-key-of-tests-01'), [401, 'BAD_SERVER_KEY'])
  t.strictSame(await ask(two.url, `Bearer first-key-of-tests-01, ${SERVER_KEY}`), [401, 'UNAUTHENTICATED'])
  t.strictSame(await ask(iris.url), [401, 'UNAUTHENTICATED'])
  t.strictSame(await ask(iris.url, `Basic ${SERVER_KEY}`), [401, 'UNAUTHENTICATED'])
  for (const [method, path] of [
    ['POST', 'tokens'], ['PUT', 'conversations/g.x'], ['DELETE', 'conversations/g.x'], ['POST', 'conversations/g.x/members'],
    ['POST', 'messages'], ['POST', 'messages/revoke'], ['POST', 'commands'], ['POST', 'notices'], ['DELETE', 'notices/n'],
    ['POST', 'users/u/kick'], ['DELETE', 'users/u/kick'], ['DELETE', 'users/u/terminals/t']
  ] as const) {
    const response = await fetch(`${iris.url}/v1/server/${path}`, {
      method,
      headers: { authorization: 'Bearer wrong', 'content-type': 'application/json' },
      ...(method !== 'DELETE' && { body: '{' })
    })
    t.strictSame([response.status, (await response.json() as { code: string }).code], [401, 'BAD_SERVER_KEY'], `${method} ${path}`)
  }
})

t.test('[SERVER] with a public key somebody else signs: 501', async t => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const env = { IRIS_TOKEN_SECRET: '', IRIS_TOKEN_PUBLIC_KEY: publicKey.export({ type: 'spki', format: 'pem' }) as string }
  const other = await startIris(t, { redisPath: iris.redisPath, env })
  t.match(await other.server('POST', 'tokens', { userId: 'alice' }), { status: 501, body: { code: 'TOKENS_NOT_MINTED', retryable: false } })
})
