// What a user is told of a store that did not do what a request needs:
// was it asked, did it refuse, or is it not known? docs/protocol.md section 3.
import { ReplyError } from 'ioredis'
import { Problem } from '../../protocol/problem.js'
import { isUndone } from '../deadline.js'
import { isUnavailable } from './redis.js'
import { reasonOf } from './redis-errors.js'

/** What is known of the step that failed; of what the request did before it nobody knows more than that it was sent. */
const outcomes = {
  unasked: 'nothing was asked of it',
  refused: 'it refused, and nothing was done',
  unknown: 'the outcome is unknown'
}

/** ioredis says so of what it has not sent. */
const isUnsent = (error: Error) => error.message.startsWith("Stream isn't writeable")

/** @returns STORE_UNAVAILABLE. @param told why, without a full stop. @param outcome of the last step. */
export function unavailable (told: string, outcome: keyof typeof outcomes): Problem {
  return new Problem('STORE_UNAVAILABLE', { detail: `${told}: ${outcomes[isUndone() ? outcome : 'unknown']}` })
}

/**
 * @returns a failure of the store that is no Problem yet as STORE_UNAVAILABLE;
 *   anything else as it is. To be asked where the request is under way.
 */
export function asUnavailable (error: unknown): unknown {
  if (error instanceof Problem || !isUnavailable(error)) return error
  const { told } = reasonOf(error)
  if (error instanceof ReplyError) return unavailable(told, 'refused')
  return unavailable(told, isUnsent(error as Error) ? 'unasked' : 'unknown')
}
