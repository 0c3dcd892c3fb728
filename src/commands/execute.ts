// Runs an operation: every transport comes through here, so validation, codes and answers are the same on all of them.
import { Type } from '@sinclair/typebox'
import { errors } from '../protocol/errors.js'
import { type FieldError, Problem } from '../protocol/problem.js'
import { type CostLine, ONE, weigh, type Weight } from '../protocol/cost.js'
import type { Caller, Door, Operation, Request } from '../protocol/operation.js'
import type { Limits } from '../protocol/limits.js'
import { forgetEffects } from '../store/deadline.js'
import { isUnavailable } from '../store/redis/redis.js'
import { asUnavailable } from '../store/redis/unavailable.js'
import { createValidators, type Validate } from './validate.js'

export type AnyOperation<Context> = Pick<
  Operation<Context>,
  'name' | 'method' | 'path' | 'tag' | 'auth' | 'summary' | 'description' | 'body' | 'query' | 'params' | 'result' | 'errors' | 'example'
> & {
  costs?: readonly CostLine<never, never>[]
  check? (body: never): FieldError[]
  checkQuery? (query: never): FieldError[]
  admitsItself?: true
  withoutStore?: true
  light?: true
  waitMs? (query: never): number
  isRead?: true
  showsTexts?: true
  isFinal? (result: never): boolean
  handle (request: never, context: Context): Promise<unknown>
  lines? (request: never, context: Context): Promise<unknown>
}

/** What every user's request is asked before it has an effect: see `createAdmission`. */
interface Admitting {
  admission: { glance (caller: Caller): void, admit (caller: Caller, weight: Weight): Promise<void>, count (caller: Caller): void }
  leases: { seen (caller: Caller): void }
}

const noQuery = Type.Object({}, { additionalProperties: false })

/**
 * Makes `execute` for a set of operations; their validators are compiled once.
 * @returns `execute(name, request)`: the result, or a thrown Problem. A store that does not answer is
 *   STORE_UNAVAILABLE: an unknown outcome is never an ACK. Other exceptions are bugs and pass through.
 */
export function createExecute<Context extends Admitting> (operations: readonly AnyOperation<Context>[], context: Context, limits: Limits) {
  const validators = createValidators(limits)
  const prepared = new Map(operations.map(operation => {
    const body = operation.body && validators.body(operation.body)
    return [operation.name, {
      operation,
      body,
      query: validators.text(operation.query ?? noQuery),
      params: operation.params && validators.text(operation.params),
      brokenIn: (value: unknown) => firstOf(body?.(value), () => operation.check?.(value as never))
    }]
  }))

  return async function execute (name: string, request: Request): Promise<unknown> {
    const found = prepared.get(name)
    if (!found) throw new Problem('NOT_FOUND')
    const { operation, brokenIn } = found
    const { caller } = request
    const isUser = operation.auth === 'user'
    if (isUser) context.admission.glance(caller)
    const problem = problemOf(found, request)
    // what breaks a rule weighs one: it costs an answer
    const weight = problem ? ONE : weigh(operation.costs, request as never)
    const door: Door | undefined = isUser && operation.admitsItself && !problem ? { caller, weight } : undefined
    request.brokenIn = brokenIn
    if (door) request.door = door
    else if (isUser) await admit(operation, caller, weight)
    if (problem) throw problem
    try {
      const result = await (request.inLines && operation.lines ? operation.lines : operation.handle)(request as never, context)
      if (door) context.leases.seen(caller)
      return result
    } catch (error) {
      const refusal = asUnavailable(error)
      if (door) await atItsDoor(operation, door, refusal)
      throw refusal
    }
  }

  /** [LIFE-2] Who is refused for a trouble of ours, or of his request, was here all the same. */
  async function atItsDoor (operation: AnyOperation<Context>, { caller, isAdmitted }: Door, refusal: unknown): Promise<void> {
    // a rule that only the handler knows was broken, and the store was not asked
    if (isAdmitted === undefined && refusal instanceof Problem && errors[refusal.code].status < 500) await admit(operation, caller, ONE)
    else if (isAdmitted !== false) context.leases.seen(caller)
  }

  /** A store that cannot say whether the caller is kicked admits nobody whose request could have an effect. */
  async function admit ({ withoutStore }: AnyOperation<Context>, caller: Caller, weight: Weight): Promise<void> {
    try {
      await context.admission.admit(caller, weight)
      forgetEffects()
    } catch (error) {
      const refusal = asUnavailable(error)
      // [LIFE-2] who is refused for a trouble of ours, whatever it is, was here all the same
      if (refusal instanceof Problem && errors[refusal.code].status < 500) throw refusal
      context.leases.seen(caller)
      if (!withoutStore || !isUnavailable(error)) throw refusal
      context.admission.count(caller)
    }
    context.leases.seen(caller) // [LIFE-2]
  }
}

type Prepared = Record<'body' | 'query' | 'params', Validate | undefined> & { operation: Pick<AnyOperation<never>, 'check' | 'checkQuery'> }

/** @returns what is wrong with a request before anybody is asked; fills in the defaults of its query. */
function problemOf ({ operation, body, query, params }: Prepared, request: Request): Problem | undefined {
  return brokenBy('INVALID_QUERY', params?.(request.params)) ?? brokenBy('INVALID_QUERY', query?.(request.query)) ??
    brokenBy('INVALID_QUERY', operation.checkQuery?.(request.query as never)) ??
    brokenBy('INVALID_BODY', body?.(request.body)) ?? brokenBy('INVALID_BODY', operation.check?.(request.body as never))
}

/** @returns what a schema finds; only of what it finds nothing in, what the rules between fields do. */
const firstOf = (errors: FieldError[] = [], rules: () => FieldError[] | undefined) => errors.length > 0 ? errors : rules() ?? []

function brokenBy (code: 'INVALID_BODY' | 'INVALID_QUERY', errors: FieldError[] = []): Problem | undefined {
  return errors.length > 0 ? new Problem(code, { errors }) : undefined
}
