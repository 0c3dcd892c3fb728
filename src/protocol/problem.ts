// RFC 9457 problems: what every refusal looks like on the wire. docs/protocol.md section 3.
import { Type, type Static } from '@sinclair/typebox'
import { errors, type ErrorCode } from './errors.js'

/** One broken rule: the field by JSON pointer (RFC 6901), the rule in words. */
export interface FieldError { pointer: string, detail: string }

/**
 * What a problem may carry beside its code. `members` are extension members, such as `windowSec`. `status` is that of a package
 * whose refusal has no code of its own here.
 */
export interface ProblemFacts { detail?: string, errors?: FieldError[], members?: Record<string, number | string>, status?: number }

/** A refusal with a code of the table. Thrown anywhere, printed as `application/problem+json` by the transports. */
export class Problem extends Error {
  constructor (readonly code: ErrorCode, readonly facts: ProblemFacts = {}) {
    super(facts.detail ?? errors[code].title)
    this.name = 'Problem'
  }

  get status (): number { return this.facts.status ?? errors[this.code].status }
}

/** Where it is said what went wrong. */
interface Log { error (facts: object, message: string): void }

/**
 * What is no refusal is a bug: it is said in the log, in the only place where an INTERNAL is made, so that none is answered in silence.
 * @param facts beside the error: `traceId`, and by what door it came.
 */
export function failed (error: unknown, log: Log, facts: object): Problem {
  log.error({ ...facts, err: error }, 'a request failed')
  return new Problem('INTERNAL')
}

/** @returns what was thrown, as an error: to a framework another value is an answer, and nothing at all no error. */
export const asError = (thrown: unknown): Error =>
  thrown instanceof Error ? thrown : new Error('something was thrown that is no error', { cause: thrown })

/** @returns an INVALID_BODY problem for one field. */
export function invalid (pointer: string, detail: string): Problem {
  return new Problem('INVALID_BODY', { errors: [{ pointer, detail }] })
}

/** Who is refused for an overload, or while nobody decides, comes back after so long: not all at once. */
const BACK_SEC = { least: 1, most: 3 }

/** @returns a problem that says when to come back. [DEADLINE-2] */
export function comeBack (code: ErrorCode): Problem {
  const retryAfterSec = BACK_SEC.least + Math.floor(Math.random() * (BACK_SEC.most - BACK_SEC.least + 1))
  return new Problem(code, { members: { retryAfterSec } })
}

/** @returns an OVERLOADED problem. [DEADLINE-2] */
export const overloaded = (): Problem => comeBack('OVERLOADED')

/** @returns whether a refusal says that there is too much: a log line for each would cost more than it does. */
export const isOfLoad = ({ code }: Problem): boolean => code === 'OVERLOADED' || code === 'RATE_LIMITED'

export const ProblemBody = Type.Object({
  type: Type.String({ description: 'A URI that names the problem.' }),
  title: Type.String({ description: 'For humans; not a contract.' }),
  status: Type.Integer(),
  detail: Type.Optional(Type.String()),
  instance: Type.String({ description: 'The path of the request.' }),
  code: Type.String({ description: 'The contract: what a client decides by.' }),
  traceId: Type.String(),
  retryable: Type.Boolean({ description: 'Whether the same request, with the same client id, may be sent again.' }),
  errors: Type.Optional(Type.Array(Type.Object({ pointer: Type.String(), detail: Type.String() })))
}, { additionalProperties: true, description: 'RFC 9457 problem. Some codes add members of their own, such as `windowSec`.' })

/**
 * Prints a problem.
 * @param where `instance`: the path without query; `traceId` [TRACE-2].
 * @returns the `application/problem+json` body.
 */
export function problemBody (problem: Problem, where: { instance: string, traceId: string }): Static<typeof ProblemBody> {
  const { title, retryable } = errors[problem.code]
  const { detail, errors: fields, members } = problem.facts
  return {
    type: `urn:iris:problem:${problem.code.toLowerCase().replaceAll('_', '-')}`,
    title,
    status: problem.status,
    ...(detail !== undefined && { detail }),
    instance: where.instance,
    code: problem.code,
    traceId: where.traceId,
    retryable,
    ...(fields && { errors: fields }),
    ...members
  }
}
