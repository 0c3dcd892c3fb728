// Tokens of tests: signed here, so that a test says when they were issued.
import { SignJWT } from 'jose'
import type { Test } from 'tap'
import { SECRET } from './iris.js'
import { createUser } from './user.js'

/** Seconds since 1970, now. */
const nowSec = () => Math.floor(Date.now() / 1000)

/** A token that was issued `agoSec` ago and ends in `endsInSec`. */
export async function tokenOf (userId: string, { agoSec = 0, endsInSec = 3600 } = {}): Promise<string> {
  const jwt = new SignJWT()
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(userId)
    .setExpirationTime(nowSec() + endsInSec)
    .setIssuedAt(nowSec() - agoSec)
  return await jwt.sign(Buffer.from(SECRET))
}

/** A user whose token was issued `agoSec` ago; less than nothing: later than now, as if he had logged in after what the test does. */
export async function loginOf (t: Test, iris: { url: string }, userId: string, { agoSec = 100, endsInSec = 3600 } = {}) {
  return createUser(t, { url: iris.url, userId, token: await tokenOf(userId, { agoSec, endsInSec }) })
}
