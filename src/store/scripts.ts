// Loads the Lua scripts: each has a typed wrapper that names its keys and arguments, in the order of the script's header.
import { readFileSync } from 'node:fs'
import type { Redis } from 'ioredis'
import type { ErrorCode } from '../protocol/errors.js'
import { Problem } from '../protocol/problem.js'
import { joinWrites } from './redis.js'

const directory = new URL('./lua/', import.meta.url)
const source = (name: string) => readFileSync(new URL(`${name}.lua`, directory), 'utf8')

/** What a negative first element of a reply means; a script fails in no other way. */
const failures: Record<number, ErrorCode> = {
  [-1]: 'CONVERSATION_NOT_FOUND',
  [-2]: 'MESSAGE_NOT_FOUND',
  [-3]: 'CONVERSATION_CLOSED',
  [-4]: 'CLIENT_MSG_ID_CONFLICT',
  [-5]: 'REVOKE_FORBIDDEN',
  [-6]: 'REVOKE_WINDOW_PASSED',
  [-7]: 'TOO_MANY_MEMBERS',
  [-8]: 'BAD_TICKET',
  [-9]: 'RATE_LIMITED'
}

type Reply = (string | number | null | Reply)[]

interface ScriptFacts<Key extends string, Arg extends string> { keys: readonly Key[], args: readonly Arg[], preludes?: readonly string[] }

/** The facts of every script that was defined; a test compares them with the headers in the files. */
export const definedScripts = new Map<string, ScriptFacts<string, string>>()

/**
 * Defines a script of `lua/<name>.lua`. Preludes are files of shared functions that stand before it.
 * @returns `run(redis, keys, args, list?)`: the reply as an array. `list` follows the named arguments. A negative first
 *   element throws the Problem it stands for; the rest of such a reply becomes members of the problem:
 *   `windowSec`, `ageSec`, or `retryAfterSec`.
 */
export function defineScript<Key extends string, Arg extends string> (name: string, facts: ScriptFacts<Key, Arg>) {
  definedScripts.set(name, facts)
  const lua = [...facts.preludes ?? [], name].map(source).join('\n')
  const command = 'iris:' + name
  const loaded = new WeakSet<Redis>()

  return async function run (redis: Redis, keys: Record<Key, string>, args: Record<Arg, string | number>, list: (string | number)[] = []): Promise<Reply> {
    if (!loaded.has(redis)) {
      redis.defineCommand(command, { lua, numberOfKeys: facts.keys.length })
      loaded.add(redis)
    }
    joinWrites(redis)
    const call = (redis as unknown as Record<string, (...args: unknown[]) => Promise<Reply>>)[command]
    const reply = await call?.call(redis, ...facts.keys.map(key => keys[key]), ...facts.args.map(arg => args[arg]), ...list) as Reply
    const status = Number(reply[0])
    if (status < 0) throw failure(status, reply)
    return reply
  }
}

function failure (status: number, [, first, second]: Reply): Problem {
  const code = failures[status] ?? 'INTERNAL'
  if (code === 'REVOKE_WINDOW_PASSED') return new Problem(code, { members: { windowSec: Number(first), ageSec: Number(second) } })
  if (code === 'RATE_LIMITED') return new Problem(code, { members: { retryAfterSec: Math.ceil(Number(first) / 1000) } })
  return new Problem(code)
}
