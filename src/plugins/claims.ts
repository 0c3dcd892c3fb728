// The claims of a token whose signature is good, as times of ours. RFC 7519: a NumericDate may be any JSON number.
import type { JWTPayload } from 'jose'
import { SYSTEM_USER } from '../protocol/ids.js'
import { hasEnded, LATEST_MS, LEAST_MS, TOLERANCE_MS } from '../protocol/login.js'
import { Problem } from '../protocol/problem.js'

/** A verified token: whose it is, and its life in ms; one without `iat` counts as issued before everything else. */
export interface Identity { userId: string, issuedAt: number, expiresAt: number }

/** A token from further ahead would outlive kicks that come before its `iat`. [KICK-3] */
const AHEAD_MS = 60_000

/** What a token says: whose it is, and from when on it counts, ms. */
export interface Claimed { identity: Identity, notBefore: number }

/**
 * Reads the claims; here, and nowhere else, they become whole ms between 1970 and 9999.
 * Throws BAD_TOKEN, whose detail names the claim and its rule.
 */
export function claimedBy ({ sub, iat, nbf, exp }: JWTPayload): Claimed {
  if (typeof sub !== 'string' || !/^[A-Za-z0-9_-]{1,64}$/.test(sub) || sub === SYSTEM_USER) throw bad('sub is not a user id')
  return { identity: { userId: sub, issuedAt: msOf('iat', iat), expiresAt: msOf('exp', exp) }, notBefore: msOf('nbf', nbf) }
}

/** Whether a token was issued so far ahead of `now` (ms) that it counts only when Iris itself has asked for that. */
export const isFarAhead = ({ identity }: Claimed, now: number): boolean => identity.issuedAt > now + AHEAD_MS

/**
 * @param now the clock, ms.
 * @param latest what is issued until then, ms, is not too far ahead.
 *   Throws BAD_TOKEN, whose detail names the claim and its rule, and TOKEN_EXPIRED.
 */
export function identityAt (claimed: Claimed, now: number, latest = 0): Identity {
  const { identity, notBefore } = claimed
  if (notBefore > now + TOLERANCE_MS) throw bad('nbf: the token is not valid yet')
  if (isFarAhead(claimed, now) && identity.issuedAt > latest) throw bad(`iat is more than ${AHEAD_MS / 1000} s ahead`)
  if (hasEnded(identity.expiresAt, now)) throw new Problem('TOKEN_EXPIRED')
  return identity
}

function msOf (claim: string, seconds: number | undefined = 0): number {
  if (!Number.isFinite(seconds)) throw bad(`${claim} must be a finite number`)
  // as one it would be good for ever
  if (seconds >= LEAST_MS) throw bad(`${claim} must be in seconds since 1970 (RFC 7519): that is a time in ms`)
  // by way of whole microseconds: 1795442400.124 * 1000 is a little less than 1795442400124
  return Math.min(Math.max(0, Math.floor(Math.round(seconds * 1e6) / 1e3)), LATEST_MS)
}

const bad = (detail: string) => new Problem('BAD_TOKEN', { detail })
