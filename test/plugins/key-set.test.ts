// A key set that misbehaves is a temporary trouble, never a verdict on a token; and none outlives its freshness. Section 3.
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, SignJWT } from 'jose'
import t, { type Test } from 'tap'
import { createTokens } from '../../src/plugins/tokens.js'
import { startIris } from '../helper/iris.js'
import { pollOnce } from '../helper/poll.js'
import { createUser, until } from '../helper/user.js'
import { openWs } from '../helper/ws.js'

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwkOf = async (kid: string) => ({ ...await exportJWK(publicKey), kid, alg: 'ES256' })
const signed = async (kid: string, sub = 'alice') =>
  await new SignJWT({ sub, exp: Math.floor(Date.now() / 1000) + 86_400 }).setProtectedHeader({ alg: 'ES256', kid }).sign(privateKey)
const none = { tokenSecret: undefined, tokenPublicKey: undefined, tokenIssuer: undefined, tokenAudience: undefined }
type Answer = (response: ServerResponse) => unknown

const json = (value: unknown, headers: Record<string, string> = {}): Answer =>
  response => response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
const keysOf = async (kids: string[], headers?: Record<string, string>) => json({ keys: await Promise.all(kids.map(jwkOf)) }, headers)

/** A server of key sets that answers as a test wants it, and counts who asks. */
async function keyServer (t: Test, answer: Answer) {
  const world = { answer, asked: 0 }
  const server = createServer((request, response) => {
    world.asked++
    if (request.url === '/elsewhere') json({ keys: [] })(response)
    else world.answer(response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => { server.closeAllConnections(); server.close() })
  return { world, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks` }
}

/** Tokens of such a server, and a clock that a test moves. */
async function setUp (t: Test, answer: Answer) {
  const { world, url } = await keyServer(t, answer)
  const clock = { ahead: 0 }
  const lines: object[] = []
  const tokens = createTokens({ ...none, tokenJwks: url }, {
    now: Date.now,
    isTimeKnown: () => true,
    ticks: () => performance.now() + clock.ahead,
    log: { warn: facts => { lines.push(facts) } }
  })
  return { world, clock, tokens, lines }
}

const troubles: Record<string, Answer> = {
  'answers 500': response => response.writeHead(500).end('{"keys":[]}'),
  'answers 404': response => response.writeHead(404).end('{"keys":[]}'),
  'answers HTML': response => response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Sign in</title>'),
  'answers half of its JSON': response => response.end('{"keys":[{"kty":'),
  'answers nothing': response => response.end(),
  'answers JSON that is no key set': json({ error: 'try later' }),
  'answers null': json(null),
  'answers a key that cannot be read': json({ keys: [{ kty: 'EC', crv: 'P-256', kid: 'k1', alg: 'ES256', x: '!', y: '!' }] }),
  redirects: response => response.writeHead(302, { location: '/elsewhere' }).end(),
  'breaks off': response => response.destroy(),
  'breaks off in its body': response => {
    response.writeHead(200, { 'content-length': '1000' }).write('{"keys":[')
    setImmediate(() => response.destroy())
  },
  'answers without end': response => {
    const more = () => {
      while (!response.destroyed && response.write(' '.repeat(65_536))) {
        ;
      }
    }; response.on('drain', more); more()
  },
  'does not answer': () => undefined
}
t.test('[SSE-1] whatever a key set does instead of answering: ' +
  'nothing is said of the token, and it is welcome when the set is back', async t => {
  await Promise.all(Object.entries(troubles).map(async ([what, answer]) => {
    const { world, clock, tokens } = await setUp(t, answer)
    await t.rejects(tokens.verify(await signed('k1')), { code: 'KEYS_UNAVAILABLE' }, what)
    world.answer = await keysOf(['k1'])
    clock.ahead += 600_001
    t.match(await tokens.verify(await signed('k1')), { userId: 'alice' }, what)
  }))
})

t.test('a set that was fetched decides: another key, an algorithm that is not ' +
  'allowed and a forged signature are 401, without a fetch each', async t => {
  const { world, tokens } = await setUp(t, await keysOf(['k1', 'k3']))
  t.match(await tokens.verify(await signed('k1')), { userId: 'alice' })
  const secret = await new SignJWT({ sub: 'alice', exp: 1e10 }).setProtectedHeader({ alg: 'HS256', kid: 'k1' }).sign(Buffer.alloc(32))
  const forged = (await signed('k1')).replace(/\.[^.]+$/, '.' + Buffer.alloc(64).toString('base64url'))
  const unknown = await Promise.all(Array.from({ length: 50 }, (_, i) => signed(`unknown-${i}`)))
  for (const [token, message] of [
    [secret, 'alg must be RS256 or PS256 or EdDSA or ES256 or ES384'], [forged, /^the signature is not by the key/],
    ...unknown.map(each => [each, 'the key set has no key for its kid and alg'] as const)
  ] as const) {
    await t.rejects(tokens.verify(token), { code: 'BAD_TOKEN', message })
  }
  t.equal(world.asked, 1)
})

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const pairs: Record<string, { publicKey: KeyObject, privateKey: KeyObject }> = {
  RS256: rsa,
  PS256: rsa,
  ES256: { publicKey, privateKey },
  ES384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  EdDSA: generateKeyPairSync('ed25519')
}
for (const [alg, pair] of Object.entries(pairs)) {
  t.test(`${alg} is taken by a public key and by a key set; another hash is not`, async t => {
    const { tokens } = await setUp(t, json({ keys: [{ ...await exportJWK(pair.publicKey), kid: 'k1' }] }))
    const pem = createTokens({
      ...none,
      tokenJwks: undefined,
      tokenPublicKey: pair.publicKey.export({ type: 'spki', format: 'pem' }) as string
    }, { now: Date.now, isTimeKnown: () => true, ticks: () => performance.now(), log: { warn: () => undefined } })
    const sign = (name: string) =>
      new SignJWT({ sub: 'alice', exp: 1e10 }).setProtectedHeader({ alg: name, kid: 'k1' }).sign(pair.privateKey)
    for (const verifier of [tokens, pem]) {
      t.match(await verifier.verify(await sign(alg)), { userId: 'alice' })
      if (/^[RP]S/.test(alg)) await t.rejects(verifier.verify(await sign(alg.replace('256', '512'))), { code: 'BAD_TOKEN' })
    }
  })
}

t.test('fetches are bounded: one for all who wait, one for many unknown keys in a while, ' +
  'and after a failed one nobody asks for a second', async t => {
  const { world, clock, tokens, lines } = await setUp(t, await keysOf(['k1']))
  await Promise.all(Array.from({ length: 30 }, async (_, i) => await tokens.verify(await signed('k1', `u${i}`))))
  t.equal(world.asked, 1)
  world.answer = await keysOf(['k1', 'new'])
  clock.ahead += 10_001
  t.match(await tokens.verify(await signed('new')), { userId: 'alice' }, 'a new key is found before the old set ends')
  for (let i = 0; i < 10; i++) await t.rejects(tokens.verify(await signed(`no-${i}`)), { code: 'BAD_TOKEN' })
  t.equal(world.asked, 2)
  world.answer = response => response.writeHead(500).end()
  clock.ahead += 10_001
  for (let i = 0; i < 10; i++) {
    await t.rejects(tokens.verify(await signed(`no-${i}`)), { code: 'KEYS_UNAVAILABLE' }, 'nobody knows whether it is a new key')
  }
  t.ok(world.asked <= 5)
  t.match(await tokens.verify(await signed('k1', 'another')), { userId: 'another' }, 'the set that is there goes on')
  t.equal(lines.length, 1, 'one line for one trouble')
})

for (const [what, headers, freshMs] of [
  ['10 minutes', undefined, 600_000], ['its max-age', { 'cache-control': 'public, max-age=60' }, 60_000]
] as const) {
  t.test(`a withdrawn key's tokens are refused after ${what}, also those that were verified before`, async t => {
    const { world, clock, tokens } = await setUp(t, await keysOf(['k1'], headers))
    const [early, late] = [await signed('k1'), await signed('k1', 'late')]
    await tokens.verify(early)
    world.answer = await keysOf(['k2'], headers)
    clock.ahead += freshMs - 5_000
    await tokens.verify(late)
    await tokens.verify(early)
    t.equal(world.asked, 1)
    clock.ahead += 5_000
    for (const token of [early, late]) await t.rejects(tokens.verify(token), { code: 'BAD_TOKEN' })
    t.equal((await tokens.verify(await signed('k2'))).userId, 'alice')
  })
}

t.test('[SSE-1] at every door: 503 with Retry-After, 200 and BYE on an EventSource; then all are open again', async t => {
  const { world, url } = await keyServer(t, response => response.writeHead(500).end())
  const iris = await startIris(t, { env: { IRIS_TOKEN_SECRET: '', IRIS_TOKEN_JWKS: url } })
  const alice = createUser(t, { url: iris.url, userId: 'alice', token: await signed('k1') })
  const headers = { authorization: `Bearer ${alice.token}` }
  const refused = [await alice.time({}), await alice.post('/v1/down/tickets', {}), await pollOnce(`${iris.url}/v1/down/poll`, { headers })]
  for (const answer of refused) {
    t.match(answer, { status: 503, body: { code: 'KEYS_UNAVAILABLE', retryable: true } })
    t.ok(answer.headers.get('retry-after'))
  }
  t.match(await openWs(`${iris.url}/v1/ws`, { headers }).catch((error: unknown) => error), {
    status: 503,
    body: { code: 'KEYS_UNAVAILABLE' }
  })
  const stream = await alice.listen()
  t.equal(stream.status, 200)
  t.match((await stream.next('IRIS.BYE')).data.data, { code: 4205, reconnect: 'backoff' })
  world.answer = await keysOf(['k1'])
  await until(async () => (await alice.time({})).status === 200 || undefined)
  await (await alice.listen()).next('IRIS.READY')
  world.answer = response => response.writeHead(500).end()
  t.match(await alice.post('/v1/up/token', { token: await signed('k1') }), { status: 200 }, 'the set is kept')
})
