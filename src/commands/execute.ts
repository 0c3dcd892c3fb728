// Runs an operation: every transport comes through here, so validation, codes and answers are the same on all of them.
import { Type } from '@sinclair/typebox'
import { Problem } from '../protocol/problem.js'
import type { Caller, Operation, Request } from '../protocol/operation.js'
import type { Limits } from '../protocol/limits.js'
import { isUnavailable } from '../store/redis.js'
import { createValidators, type Validate } from './validate.js'

export type AnyOperation<Context> = Pick<Operation<Context>, 'name' | 'method' | 'path' | 'tag' | 'auth' | 'summary' | 'description' | 'body' | 'query' | 'params' | 'result' | 'errors' | 'example'> & {
  check? (body: never): { pointer: string, detail: string }[]
  withoutStore?: true
  handle (request: never, context: Context): Promise<unknown>
}

/** What every user's request is asked before it is looked at: see `createAdmission`. */
interface Admitting {
  admission: { admit (caller: Caller): Promise<void> }
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
  const prepared = new Map(operations.map(operation => [operation.name, {
    operation,
    body: operation.body && validators.body(operation.body),
    query: validators.text(operation.query ?? noQuery),
    params: operation.params && validators.text(operation.params)
  }]))

  return async function execute (name: string, request: Request): Promise<unknown> {
    const found = prepared.get(name)
    if (!found) throw new Problem('NOT_FOUND')
    if (found.operation.auth === 'user') {
      await admit(found.operation, request.caller)
      context.leases.seen(request.caller) // [LIFE-2]
    }
    refuse('INVALID_QUERY', found.params, request.params)
    refuse('INVALID_QUERY', found.query, request.query)
    refuse('INVALID_BODY', found.body, request.body)
    const broken = found.operation.check?.(request.body as never) ?? []
    if (broken.length) throw new Problem('INVALID_BODY', { errors: broken })
    try {
      return await found.operation.handle(request as never, context)
    } catch (error) {
      throw isUnavailable(error) ? new Problem('STORE_UNAVAILABLE') : error
    }
  }

  /** A store that cannot say whether the caller is kicked admits nobody whose request could have an effect. */
  async function admit ({ withoutStore }: AnyOperation<Context>, caller: Caller): Promise<void> {
    try {
      await context.admission.admit(caller)
    } catch (error) {
      if (!isUnavailable(error)) throw error
      if (!withoutStore) throw new Problem('STORE_UNAVAILABLE')
    }
  }
}

function refuse (code: 'INVALID_BODY' | 'INVALID_QUERY', validate: Validate | undefined, value: unknown): void {
  const broken = validate?.(value) ?? []
  if (broken.length) throw new Problem(code, { errors: broken })
}
