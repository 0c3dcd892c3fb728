// What is wrong with a token that the library has refused, in words: of its own kind, nothing of its text.
import { errors } from 'jose'
import { Problem } from '../protocol/problem.js'

const bad = (detail: string) => new Problem('BAD_TOKEN', { detail })

/** @returns the refusal of a token that is too long to be looked at. */
export const tooLong = (most: number): Problem => bad(`the token has more than ${most} characters`)

/** @param algorithms what the keys that are configured sign with. @returns BAD_TOKEN, whose detail says what is wrong. */
export function faultOf (error: errors.JOSEError, algorithms: string[]): Problem {
  if (error instanceof errors.JWTClaimValidationFailed) return bad(error.message)
  if (error instanceof errors.JOSEAlgNotAllowed) return bad(`alg must be ${algorithms.join(' or ')}`)
  if (error instanceof errors.JWSSignatureVerificationFailed) return bad('the signature is not by the key that is configured here')
  if (error instanceof errors.JWKSNoMatchingKey) return bad('the key set has no key for its kid and alg')
  if (error instanceof errors.JWKSMultipleMatchingKeys) return bad('the key set has more than one key for its alg: kid must name one')
  if (error instanceof errors.JOSENotSupported) return bad('its header asks for what is not done here (crit)')
  return bad('the token is no signed JWT (RFC 7519)')
}
