// Tokens: fixed algorithms, required claims, keys of others. docs/protocol.md sections 3 and 10.
import { createHmac, generateKeyPairSync } from 'node:crypto'
import { jwtVerify, SignJWT, UnsecuredJWT } from 'jose'
import t from 'tap'
import { createTokens as create } from '../../src/plugins/tokens.js'

const SECRET = 'a-secret-that-is-long-enough-0123456789'
const now = () => Math.floor(Date.now() / 1000)
const world = { ahead: 0, isTimeKnown: true }
const createTokens = (config: Parameters<typeof create>[0]) => create(config, {
  now: () => Date.now() + world.ahead,
  isTimeKnown: () => world.isTimeKnown,
  ticks: () => performance.now(),
  log: { warn: () => undefined }
})
const life = () => ({ issuedAt: Date.now(), ttlSec: 60 })
const none = { tokenSecret: undefined, tokenPublicKey: undefined, tokenJwks: undefined, tokenIssuer: undefined, tokenAudience: undefined }
const hs256 = createTokens({ ...none, tokenSecret: SECRET })
const sign = (claims: Record<string, unknown>, alg = 'HS256', key: Parameters<SignJWT['sign']>[0] = Buffer.from(SECRET)) =>
  new SignJWT(claims).setProtectedHeader({ alg }).sign(key)

t.test('what is minted is verified, and remembered only until it ends', async t => {
  const { token, expiresAt } = await hs256.mint('alice', life())
  const identity = await hs256.verify(token)
  t.match(identity, { userId: 'alice', expiresAt })
  t.equal(await hs256.verify(token), identity, 'the second time from memory')
})

t.test('[TIME-1] until the time of Redis is known nobody is refused by that of the machine, and nothing is remembered', async t => {
  t.teardown(() => Object.assign(world, { ahead: 0, isTimeKnown: true }))
  const [valid, later] = [
    await sign({ sub: 'alice', exp: now() + 60 }), await sign({ sub: 'alice', iat: now() + 3_000, exp: now() + 7_200 })
  ]
  Object.assign(world, { ahead: 3_600_000, isTimeKnown: false })
  await t.rejects(hs256.verify(valid), { code: 'STORE_UNAVAILABLE' }, 'it has not expired: that is not known')
  for (const wrong of [{ sub: 'a b' }, { sub: 'system' }]) {
    await t.rejects(hs256.verify(await sign({ ...wrong, exp: now() + 60 })), { code: 'BAD_TOKEN' }, 'no time is to blame')
  }
  t.match(await hs256.verify(later), { userId: 'alice' })
  Object.assign(world, { ahead: 0, isTimeKnown: true })
  t.match(await hs256.verify(valid), { userId: 'alice' })
  await t.rejects(hs256.verify(later), { code: 'BAD_TOKEN' }, 'from too far ahead, as is known now')
})

t.test('[TIME-1] a verdict is given anew each time: it does not outlive a step of the clock', async t => {
  t.teardown(() => Object.assign(world, { ahead: 0 }))
  Object.assign(world, { ahead: 3_600_000 })
  const [issued, valid] = [
    await sign({ sub: 'alice', iat: now() + 3_600, exp: now() + 7_200 }),
    await sign({ sub: 'alice', nbf: now() + 3_600, exp: now() + 7_200 })
  ]
  for (const token of [issued, valid]) t.match(await hs256.verify(token), { userId: 'alice' })
  Object.assign(world, { ahead: 0 })
  for (const token of [issued, valid]) await t.rejects(hs256.verify(token), { code: 'BAD_TOKEN' })
})

const [unsigned, noJwt] = ['the signature is not by the key that is configured here', 'the token is no signed JWT (RFC 7519)']
const good = { sub: 'alice', iat: now(), exp: now() + 60 }
const bad: [string, () => Promise<string>, code: string, detail?: string | RegExp][] = [
  ['expired', () => sign({ ...good, exp: now() - 60 }), 'TOKEN_EXPIRED'],
  ['not valid yet', () => sign({ ...good, nbf: now() + 600 }), 'BAD_TOKEN', 'nbf: the token is not valid yet'],
  ['without exp', () => sign({ sub: 'alice' }), 'BAD_TOKEN', /"exp"/],
  ['without sub', () => sign({ exp: now() + 60 }), 'BAD_TOKEN', /"sub"/],
  ['a sub that is no user id', () => sign({ ...good, sub: 'a b' }), 'BAD_TOKEN', 'sub is not a user id'],
  ['a sub that is a number', () => sign({ ...good, sub: 7 }), 'BAD_TOKEN', 'sub is not a user id'],
  ['the reserved sub', () => sign({ ...good, sub: 'system' }), 'BAD_TOKEN', 'sub is not a user id'],
  ['another secret', () => sign(good, 'HS256', Buffer.from('another-secret-that-is-long-enough-01')), 'BAD_TOKEN', unsigned],
  ['the secret, decoded', () => sign(good, 'HS256', Buffer.from(SECRET, 'base64')), 'BAD_TOKEN', unsigned],
  ['another algorithm', () => sign(good, 'HS512', Buffer.from(SECRET + SECRET)), 'BAD_TOKEN', 'alg must be HS256'],
  ['alg none', async () => new UnsecuredJWT(good).encode(), 'BAD_TOKEN', 'alg must be HS256'],
  ['no JWT at all', async () => 'x.y.z', 'BAD_TOKEN', noJwt],
  ['nothing', async () => '.', 'BAD_TOKEN', noJwt],
  ['a server key', async () => 'k'.repeat(32), 'BAD_TOKEN', noJwt],
  ['asks for more', () => new SignJWT(good).setProtectedHeader({ alg: 'HS256', crit: ['exp'], exp: 1 })
    .sign(Buffer.from(SECRET), { crit: { exp: true } }), 'BAD_TOKEN', /header asks .* \(crit\)$/],
  ['huge', async () => 'a'.repeat(9000), 'BAD_TOKEN', 'the token has more than 8192 characters']
]
for (const [what, make, code, detail] of bad) {
  t.test(`a token that is ${what}: ${code}`, async t => {
    await t.rejects(hs256.verify(await make()), { code, ...(detail !== undefined && { message: detail }) })
  })
}

t.test('what is read at once is what the library reads, and nothing else', async t => {
  const b64 = (value: string | Buffer) => Buffer.from(value).toString('base64url')
  const hmac = (text: string) => createHmac('sha256', SECRET).update(text)
  const signed = (head: unknown, body: unknown, tail = '') => {
    const text = `${b64(typeof head === 'string'
      ? head
      : JSON.stringify(head))}.${b64(typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body))}`
    return `${text}.${hmac(text).digest('base64url')}${tail}`
  }
  const plain = { alg: 'HS256', typ: 'JWT' }
  const text = JSON.stringify(good)
  const tokens = [
    signed(plain, good), signed({ ...plain, kid: 'k' }, good), signed({ typ: 'other', alg: 'HS256' }, good),
    signed(plain, { ...good, nbf: 1, aud: 'x', other: {} }),
    ...[
      { alg: 'none' }, { alg: 'HS512' }, { alg: ['HS256'] }, {}, null, [], 'HS256', '{"alg":"none","alg":"HS256"}',
      { ...plain, crit: ['exp'], exp: 1 }, { ...plain, crit: ['b64'], b64: false }, { ...plain, b64: false }
    ]
      .map(head => signed(head, good)),
    ...[null, [], 'text', '', `\ufeff${text}`, `${text} `, `${text}x`, Buffer.concat([
      Buffer.from(text.slice(0, -1)), Buffer.from(',"a":"\xff"}', 'latin1')
    ]), { sub: 'alice' }, { exp: good.exp }, { ...good, exp: String(good.exp) },
    { ...good, iat: '1' }, { ...good, nbf: null }, { ...good, sub: 7 }, { ...good, iat: null }].map(body => signed(plain, body)),
    signed(plain, good, '='), signed(plain, good, '.'), signed(plain, good, 'A'), signed(plain, good).slice(0, -1),
    signed(plain, good).replace('.', '..'), ` ${signed(plain, good)}`, `${b64(text)}.${b64(text)}.${'A'.repeat(43)}`
  ]
  for (const token of tokens) {
    const theirs = await jwtVerify(token, Buffer.from(SECRET), { algorithms: ['HS256'], requiredClaims: ['exp', 'sub'] })
      .then(({ payload }) => payload.sub, () => undefined)
    const ours = await hs256.verify(token).then(({ userId }) => userId, () => undefined)
    t.equal(ours, typeof theirs === 'string' ? theirs : undefined, token)
  }
  t.notOk(hs256.identify(signed(plain, good)) instanceof Promise, 'a plain one needs no turn')
  t.ok(hs256.identify(signed({ ...plain, extra: 1 }, good)) instanceof Promise, 'what is not plain is the library\'s')
  t.throws(() => hs256.identify(signed(plain, { ...good, exp: now() - 60 })), { code: 'TOKEN_EXPIRED' })
})

t.test('issuer and audience are required when they are configured', async t => {
  const strict = createTokens({ ...none, tokenSecret: SECRET, tokenIssuer: 'shop', tokenAudience: 'iris' })
  t.match(await strict.verify((await strict.mint('alice', life())).token), { userId: 'alice' })
  for (const claims of [good, { ...good, iss: 'shop' }, { ...good, iss: 'other', aud: 'iris' }, { ...good, iss: 'shop', aud: 'other' }]) {
    await t.rejects(strict.verify(await sign(claims)), { code: 'BAD_TOKEN' })
  }
})

t.test('a public key verifies what its owner signs, by its kind, and never as a shared secret', async t => {
  const kinds = {
    RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ES256: generateKeyPairSync('ec', { namedCurve: 'prime256v1' }),
    EdDSA: generateKeyPairSync('ed25519')
  }
  for (const [alg, { publicKey, privateKey }] of Object.entries(kinds)) {
    const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string
    const tokens = createTokens({ ...none, tokenPublicKey: pem })
    t.match(await tokens.verify(await sign(good, alg, privateKey)), { userId: 'alice' })
    await t.rejects(tokens.mint('alice', life()), { code: 'TOKENS_NOT_MINTED' })
    const [header, payload] = [{ alg: 'HS256' }, good].map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
    const forged = createHmac('sha256', pem).update(`${header}.${payload}`).digest('base64url')
    await t.rejects(tokens.verify(`${header}.${payload}.${forged}`), { code: 'BAD_TOKEN', message: /^alg must be (RS256 or PS256|ES256|EdDSA)$/ })
  }
  t.throws(() => createTokens({ ...none, tokenPublicKey: 'CANARY' }), { message: 'IRIS_TOKEN_PUBLIC_KEY is not a public key in PEM form' })
})

t.test('a public key that can verify nothing, or should not be here, is refused', async t => {
  const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength })
  const { publicKey: short, privateKey } = rsa(1024)
  const ed = generateKeyPairSync('ed25519')
  const cases: [name: string, pem: string | Buffer, message: RegExp][] = [
    ['RSA of 1,024 bits', short.export({ type: 'spki', format: 'pem' }), /an RSA key of 1024 bits: it must have at least 2048$/],
    ['the same as PKCS#1', short.export({ type: 'pkcs1', format: 'pem' }), /an RSA key of 1024 bits/],
    ['RSA of 2,047 bits', rsa(2047).publicKey.export({ type: 'spki', format: 'pem' }), /an RSA key of 2047 bits/],
    ['a private key', ed.privateKey.export({ type: 'pkcs8', format: 'pem' }), /is a private key/],
    ['a private key as PKCS#1', privateKey.export({ type: 'pkcs1', format: 'pem' }), /is a private key/],
    ['an encrypted private key', ed.privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }),
      /is a private key/],
    ['both', String(ed.publicKey.export({ type: 'spki', format: 'pem' })) + String(ed.privateKey.export({ type: 'pkcs8', format: 'pem' })),
      /is a private key/],
    ['another curve', generateKeyPairSync('ec', { namedCurve: 'secp521r1' }).publicKey.export({ type: 'spki', format: 'pem' }),
      /must be an RSA, P-256, P-384 or Ed25519 key$/],
    ['RSA for PSS alone', generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' }),
      /must be an RSA, P-256/]
  ]
  for (const [name, pem, message] of cases) {
    t.throws(() => createTokens({ ...none, tokenPublicKey: String(pem) }), {
      message: new RegExp(`^IRIS_TOKEN_PUBLIC_KEY .*${message.source}`)
    }, name)
  }
})
