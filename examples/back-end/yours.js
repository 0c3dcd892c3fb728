// What your product has already, or buys: users, a word for what may be said, pushes, a place for evidence. Put yours in their places.
import { createHash, timingSafeEqual } from 'node:crypto'
import { appendFile } from 'node:fs/promises'

const { USERS = '', WORD = 'casino', EVIDENCE = 'evidence.ndjson' } = process.env

// Yours has hashed passwords, sessions, and a limit for who guesses. Here: HTTP Basic, and `alice:password,bob:password` in USERS.
const digest = text => createHash('sha256').update(text).digest()
const accounts = new Map(USERS.split(',').map(account => [account.split(':')[0], digest(account)]))

/** @returns the id of the user whose request this is; undefined when nobody has signed in. */
export function userOf ({ headers: { authorization } }) {
  const credentials = Buffer.from(/^Basic (.+)$/i.exec(authorization)?.[1] ?? '', 'base64').toString()
  const [userId] = credentials.split(':')
  const known = accounts.get(userId)
  return known && timingSafeEqual(known, digest(credentials)) ? userId : undefined
}

/** Deletes an account. */
export const forget = async userId => accounts.delete(userId)

/** @returns why something may not be said, as a code and a sentence for who says it; undefined: it may. */
export async function refusalOf (content) {
  const isBad = JSON.stringify(content).toLowerCase().includes(WORD.toLowerCase())
  return isBad ? { code: 'BAD_WORD', message: `We do not say "${WORD}" here` } : undefined
}

/** Pushes by APNs, FCM or Web Push. One that comes twice has the same `id`: let it replace the first. */
export const push = async (notification, log) => log.info({ push: notification }, 'a push')

/** Keeps what was recalled; returns when it is on disk. */
export const keep = async evidence => await appendFile(EVIDENCE, JSON.stringify(evidence) + '\n', { mode: 0o600, flush: true })
