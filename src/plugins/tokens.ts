// Tokens: JWTs are verified, and minted when Iris holds the secret. PROTOCOL.md sections 3 and 10.
import { createPublicKey, hash, type KeyObject } from 'node:crypto'
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify, SignJWT } from 'jose'
import { LRUCache } from 'lru-cache'
import type { Config } from '../config.js'
import { hasEnded } from '../protocol/login.js'
import { Problem } from '../protocol/problem.js'
import { type Identity, identityOf } from './claims.js'

/** Verified tokens are remembered: an HMAC by WebCrypto costs more than a whole request. */
const CACHED = 20_000
const MAX_CHARS = 8_192
/** The library judges the signature, issuer and audience; times are judged in claims.ts, by the clock of Redis. */
const ANY_TIME = Number.MAX_VALUE

type TokenConfig = Pick<Config, 'tokenSecret' | 'tokenPublicKey' | 'tokenJwks' | 'tokenIssuer' | 'tokenAudience'>

/** Makes the verifier and the minter of a configuration; throws when its public key cannot be read. @param now the clock, ms. */
export function createTokens (config: TokenConfig, now: () => number = Date.now) {
  const { tokenSecret, tokenIssuer, tokenAudience } = config
  const { key, algorithms } = keyOf(config)
  const known = new LRUCache<string, Identity>({ max: CACHED })
  const claims = {
    algorithms,
    requiredClaims: ['exp', 'sub'],
    clockTolerance: ANY_TIME,
    ...(tokenIssuer !== undefined && { issuer: tokenIssuer }),
    ...(tokenAudience !== undefined && { audience: tokenAudience })
  }

  return {
    /** @returns whose token it is. Throws BAD_TOKEN, TOKEN_EXPIRED, and STORE_UNAVAILABLE when the key set cannot be fetched. */
    async verify (token: string): Promise<Identity> {
      if (token.length > MAX_CHARS) throw new Problem('BAD_TOKEN')
      const digest = hash('sha256', token, 'base64')
      const before = known.get(digest)
      if (before && !hasEnded(before.expiresAt, now())) return before
      const identity = identityOf(await verified(token), now())
      known.set(digest, identity)
      return identity
    },

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

  async function verified (token: string): Promise<JWTPayload> {
    try {
      const result = typeof key === 'function' ? await jwtVerify(token, key, claims) : await jwtVerify(token, key, claims)
      return result.payload
    } catch (error) {
      if (error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError)) throw new Problem('STORE_UNAVAILABLE', { detail: 'the key set of tokens cannot be fetched' })
      throw new Problem('BAD_TOKEN', error instanceof errors.JWTClaimValidationFailed ? { detail: error.message } : {})
    }
  }
}

function keyOf ({ tokenSecret, tokenPublicKey, tokenJwks }: TokenConfig): { key: Uint8Array | KeyObject | JWTVerifyGetKey, algorithms: string[] } {
  if (tokenJwks !== undefined) return { key: createRemoteJWKSet(new URL(tokenJwks)), algorithms: ['RS256', 'ES256', 'EdDSA'] }
  if (tokenPublicKey === undefined) return { key: Buffer.from(tokenSecret ?? ''), algorithms: ['HS256'] }
  const key = publicKey(tokenPublicKey)
  return { key, algorithms: algorithmsOf(key) }
}

function publicKey (pem: string): KeyObject {
  try {
    return createPublicKey(pem)
  } catch {
    throw new Error('IRIS_TOKEN_PUBLIC_KEY is not a public key in PEM form')
  }
}

function algorithmsOf ({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string[] {
  if (asymmetricKeyType === 'rsa') return ['RS256', 'PS256']
  if (asymmetricKeyType === 'ed25519') return ['EdDSA']
  if (asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1') return ['ES256']
  if (asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'secp384r1') return ['ES384']
  throw new Error('IRIS_TOKEN_PUBLIC_KEY must be an RSA, P-256, P-384 or Ed25519 key')
}

export type Tokens = ReturnType<typeof createTokens>
