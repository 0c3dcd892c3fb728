// Who does not get a command, and why. [CMD-3] [CMD-7] [DIRECT-4]
import { Problem } from '../protocol/problem.js'

/** Why somebody does not get a command, by the letter under which a retry knows it. */
const reasons = { N: 'NOT_ACQUAINTED', B: 'BOX_FULL', X: 'BLOCKED' } as const
const letters = { NOT_ACQUAINTED: 'N', BOX_FULL: 'B', BLOCKED: 'X' } as const

export interface Skipped { userId: string, reason: keyof typeof letters }

/** @returns why nobody gets it. */
export function noTarget (skipped: Skipped[]): Problem {
  return new Problem(skipped.every(({ reason }) => reason === 'BLOCKED') ? 'BLOCKED' : 'NOT_ALLOWED_TARGET')
}

/**
 * What a retry needs to know of who was skipped, in few bytes:
 * `<place among the users of the request, else the user>:<letter of the reason> ...`
 */
export function pack (skipped: Skipped[], users: string[] = []): string {
  const places = new Map(users.map((userId, place) => [userId, place]))
  return skipped.map(({ userId, reason }) => `${places.get(userId) ?? userId}:${letters[reason]}`).join(' ')
}

/** @returns what was packed of a request to the same users. */
export function unpack (packed: string, users?: string[]): Skipped[] {
  return packed.split(' ').filter(Boolean).map(one => {
    const [who, letter] = one.split(':') as [string, keyof typeof reasons]
    return { userId: users ? users[Number(who)] as string : who, reason: reasons[letter] }
  })
}
