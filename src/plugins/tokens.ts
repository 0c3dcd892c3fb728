// Tokens: JWTs are verified, and minted when Iris holds the secret. docs/protocol.md sections 3 and 10.
import { createPublicKey, type KeyObject } from 'node:crypto'
import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import type { Config } from '../config.js'
import { Problem } from '../protocol/problem.js'
import { createRecent } from '../store/recent.js'
import { TIME_UNKNOWN } from '../store/redis/clock.js'
import { type Claimed, claimedBy, type Identity, identityAt, isFarAhead } from './claims.js'
import { createKeySet } from './key-set.js'
import { createQuickVerify } from './quick-token.js'
import { faultOf, tooLong } from './token-faults.js'

/** Verified tokens are remembered by their text, so many characters in all. */
const KNOWN_CHARS = 16_000_000
/** What one takes beside its text. */
const ENTRY_CHARS = 400
const MAX_CHARS = 8_192
/** RFC 7518 3.3 and 3.5; the library verifies with no shorter one. */
const MIN_RSA_BITS = 2_048
/** The library judges the signature, issuer and audience; times are judged in claims.ts, by the clock of Redis. */
const ANY_TIME = Number.MAX_VALUE

/** The kinds of public keys, in a PEM or a key set, and what each may sign with. */
const kinds: { type: string, curve?: string, algorithms: string[] }[] = [
  { type: 'rsa', algorithms: ['RS256', 'PS256'] },
  { type: 'ed25519', algorithms: ['EdDSA'] },
  { type: 'ec', curve: 'prime256v1', algorithms: ['ES256'] },
  { type: 'ec', curve: 'secp384r1', algorithms: ['ES384'] }
]

type TokenConfig = Pick<Config, 'tokenSecret' | 'tokenPublicKey' | 'tokenJwks' | 'tokenIssuer' | 'tokenAudience'>

interface Facts {
  /** The time, ms. */
  now (): number
  /** Whether that is the time of Redis: until it was asked, nobody is refused by times. [TIME-1] */
  isTimeKnown (): boolean
  /** The monotonic clock, ms. */
  ticks (): number
  /** When a token of a user must be issued so that no kick of before refuses it, ms. Throws when the store does not answer. [KICK-3] */
  welcomeFrom? (userId: string): Promise<number>
  log: { warn (facts: object, message: string): void }
}

/** Makes the verifier and the minter of a configuration; throws when its public key cannot be read. */
export function createTokens (config: TokenConfig, { now, isTimeKnown, ticks, welcomeFrom, log }: Facts) {
  const { tokenSecret, tokenIssuer, tokenAudience } = config
  const keySet = config.tokenJwks === undefined ? undefined : createKeySet(config.tokenJwks, { ticks, log })
  const { key, algorithms } = keySet ? { key: keySet.find, algorithms: kinds.flatMap(kind => kind.algorithms) } : keyOf(config)
  const edition = () => keySet ? keySet.edition() : 1
  const known = createRecent<{ claimed: Claimed, edition: number | undefined }>(KNOWN_CHARS, token => token.length + ENTRY_CHARS)
  const quickVerify = isShared(config)
    ? createQuickVerify(config.tokenSecret, { issuer: tokenIssuer, audience: tokenAudience })
    : () => undefined
  const claims = {
    algorithms,
    requiredClaims: ['exp', 'sub'],
    clockTolerance: ANY_TIME,
    ...(tokenIssuer !== undefined && { issuer: tokenIssuer }),
    ...(tokenAudience !== undefined && { audience: tokenAudience })
  }

  return {
    identify,

    /** As `identify`, always by a promise. */
    verify: async (token: string): Promise<Identity> => await identify(token),

    /** Makes a user's token. @param issuedAt ms; it ends `ttlSec` later. Throws TOKENS_NOT_MINTED when somebody else signs. */
    async mint (userId: string, { issuedAt, ttlSec }: { issuedAt: number, ttlSec: number }): Promise<{ token: string, expiresAt: number }> {
      if (tokenSecret === undefined) throw new Problem('TOKENS_NOT_MINTED')
      const expiresAt = issuedAt + ttlSec * 1000
      const jwt = new SignJWT({ sub: userId, iat: issuedAt / 1000, exp: expiresAt / 1000 }).setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      if (tokenIssuer !== undefined) jwt.setIssuer(tokenIssuer)
      if (tokenAudience !== undefined) jwt.setAudience(tokenAudience)
      return { token: await jwt.sign(Buffer.from(tokenSecret)), expiresAt }
    }
  }

  /**
   * @returns whose token it is: at once where it is known, or plain; else by a promise.
   *   Throws, or rejects with, BAD_TOKEN, TOKEN_EXPIRED, KEYS_UNAVAILABLE when the key set cannot be fetched,
   *   and STORE_UNAVAILABLE while the time is not known.
   */
  function identify (token: string): Identity | Promise<Identity> {
    if (token.length > MAX_CHARS) throw tooLong(MAX_CHARS)
    const before = known.get(token)
    if (before?.edition !== undefined && before.edition === edition()) return judged(token, before.claimed)
    const claims = quickVerify(token)
    return claims ? judged(token, remember(token, claims, edition())) : verifySlowly(token)
  }

  function remember (token: string, claims: JWTPayload, verifiedBy: number | undefined): Claimed {
    const claimed = claimedBy(claims)
    known.set(token, { claimed, edition: verifiedBy })
    return claimed
  }

  async function verifySlowly (token: string): Promise<Identity> {
    const verifiedBy = edition()
    return await judged(token, remember(token, await verified(token), verifiedBy))
  }

  /**
   * Each time anew: the clock of Redis may have been set. [TIME-1] After a kick of one who came by a clock that was ahead Iris mints,
   * and says in `tokensFrom`, what is as far ahead: that is welcome. [KICK-3]
   * A machine's clock may be wrong: what it would refuse is asked again when Redis has said the time.
   */
  function judged (token: string, claimed: Claimed): Identity | Promise<Identity> {
    const at = now()
    if (!welcomeFrom || !isFarAhead(claimed, at) || !isTimeKnown()) return identity(token, claimed, at)
    return welcomeFrom(claimed.identity.userId).then(latest => identity(token, claimed, now(), toWholeSecond(latest)))
  }

  /** What has ended, as far as the clock of Redis says now, need not be remembered. */
  function identity (token: string, claimed: Claimed, at: number, latest = 0): Identity {
    try {
      return identityAt(claimed, at, latest)
    } catch (error) {
      if (!isTimeKnown()) throw new Problem('STORE_UNAVAILABLE', { detail: TIME_UNKNOWN })
      if (error instanceof Problem && error.code === 'TOKEN_EXPIRED') known.delete(token)
      throw error
    }
  }

  async function verified (token: string): Promise<JWTPayload> {
    try {
      const result = typeof key === 'function' ? await jwtVerify(token, key, claims) : await jwtVerify(token, key, claims)
      return result.payload
    } catch (error) {
      if (error instanceof Problem) throw error
      // the token is not to blame for a key that cannot be used
      if (!(error instanceof errors.JOSEError)) throw new Problem('KEYS_UNAVAILABLE', { detail: 'the key of tokens cannot be used' })
      throw faultOf(error, algorithms)
    }
  }
}

/** `tokensFrom` is a NumericDate in whole seconds. */
const toWholeSecond = (ms: number): number => Math.ceil(ms / 1000) * 1000

/** Whether tokens are signed by a secret that both sides have. A key of the other side's own is never taken for one. */
const isShared = (config: TokenConfig): config is TokenConfig & { tokenSecret: string } =>
  config.tokenSecret !== undefined && config.tokenPublicKey === undefined && config.tokenJwks === undefined

function keyOf ({ tokenSecret, tokenPublicKey }: TokenConfig): { key: Uint8Array | KeyObject, algorithms: string[] } {
  if (tokenPublicKey === undefined) return { key: Buffer.from(tokenSecret ?? ''), algorithms: ['HS256'] }
  const key = publicKey(tokenPublicKey)
  return { key, algorithms: algorithmsOf(key) }
}

function publicKey (pem: string): KeyObject {
  if (/-BEGIN [A-Z ]*PRIVATE KEY-/.test(pem)) {
    throw new Error('IRIS_TOKEN_PUBLIC_KEY is a private key, which belongs to who signs: set its public key')
  }
  try {
    return createPublicKey(pem)
  } catch {
    throw new Error('IRIS_TOKEN_PUBLIC_KEY is not a public key in PEM form')
  }
}

function algorithmsOf ({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string[] {
  const bits = asymmetricKeyDetails?.modulusLength ?? MIN_RSA_BITS
  if (bits < MIN_RSA_BITS) throw new Error(`IRIS_TOKEN_PUBLIC_KEY is an RSA key of ${bits} bits: it must have at least ${MIN_RSA_BITS}`)
  const kind = kinds.find(({ type, curve }) => type === asymmetricKeyType && curve === asymmetricKeyDetails?.namedCurve)
  if (kind) return kind.algorithms
  throw new Error('IRIS_TOKEN_PUBLIC_KEY must be an RSA, P-256, P-384 or Ed25519 key')
}

export type Tokens = ReturnType<typeof createTokens>
