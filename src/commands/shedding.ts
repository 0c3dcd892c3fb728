// Which operations are refused while the node has too much to do, and which count as its load. [DEADLINE-2]
import type { Pressure } from '../health/pressure.js'
import type { Caller, Request } from '../protocol/operation.js'
import { overloaded, Problem } from '../protocol/problem.js'
import type { AnyOperation } from './execute.js'

interface Floor<Context> {
  operations: readonly AnyOperation<Context>[]
  pressure: Pick<Pressure, 'during' | 'refuses'>
  /** A user's terminal is refused for a trouble of ours: that is a sign of life all the same. [LIFE-2] */
  onAlive (caller: Caller): void
}

/** What costs little, or waits on purpose. */
export const isSpared = ({ auth, light, waitMs }: Pick<AnyOperation<never>, 'auth' | 'light' | 'waitMs'>) =>
  auth === 'none' || light === true || waitMs !== undefined

/** @returns `execute`, which throws OVERLOADED instead of beginning what would wait too long, or has. */
export function shedding<Context> (
  execute: (name: string, request: Request) => Promise<unknown>, { operations, pressure, onAlive }: Floor<Context>
) {
  const spared = new Set(operations.filter(isSpared).map(({ name }) => name))

  function refused (caller: Caller, error: unknown): never {
    if (caller.role === 'user' && error instanceof Problem && error.code === 'OVERLOADED') onAlive(caller)
    throw error
  }

  return async function (name: string, request: Request): Promise<unknown> {
    if (spared.has(name)) return await execute(name, request)
    if (pressure.refuses()) refused(request.caller, overloaded())
    return await pressure.during(() => execute(name, request)).catch((error: unknown) => refused(request.caller, error))
  }
}
