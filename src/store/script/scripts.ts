// Loads the Lua scripts: each has a typed wrapper that names its keys and arguments, in the order of the script's header.
import { readFileSync } from 'node:fs'
import { type Redis, ReplyError } from 'ioredis'
import type { ErrorCode } from '../../protocol/errors.js'
import { Problem } from '../../protocol/problem.js'
import { noteEffects } from '../deadline.js'
import { heldBack, type Sparing } from '../redis/disk.js'
import { asProblem, isFull, storeFull } from '../redis/full.js'
import { unsound } from '../redis/readable.js'
import { isLost, joinWrites } from '../redis/redis.js'
import { reasons } from '../redis/redis-errors.js'
import { noteUnreadable } from '../redis/sound.js'
import { unavailable } from '../redis/unavailable.js'

const directory = new URL('./lua/', import.meta.url)
const source = (name: string) => readFileSync(new URL(`${name}.lua`, directory), 'utf8')

/** The store is not what it was when this node has seen it last: see down.lua. */
const LOST = -11
/** One of several has failed by itself, by these words of Redis. */
const FAILED = -12

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
  [-9]: 'RATE_LIMITED',
  [-10]: 'STORE_UNAVAILABLE',
  [-13]: 'BLOCKED',
  [-14]: 'MUTED',
  [-15]: 'DIRECT_NOT_ALLOWED',
  [-16]: 'TOO_MANY_BLOCKED',
  [LOST]: 'STORE_UNAVAILABLE',
  [-17]: 'TOO_MANY_WEBHOOKS',
  [-18]: 'TOO_MANY_NOTICES'
}

export type Reply = (string | number | null | Reply)[]

/**
 * What becomes of a script when Redis is full. [STORE-2] `reads`: it writes nothing, and is always served. `done`: it frees, or keeps
 * what is small and ends or is bounded by itself: done when the memory is full; on a full disk as far as it need not write.
 * `refused`: it adds, and is not begun: Redis does not roll back what a script has half done.
 */
type WhenFull = 'reads' | 'done' | 'refused'

/** Flags of Redis 7: `no-writes` and `allow-oom` run when the memory is full; one without either is refused before it begins. */
const shebangs: Record<WhenFull, string> = { reads: '#!lua flags=no-writes', done: '#!lua flags=allow-oom', refused: '#!lua' }

interface ScriptFacts<Key extends string, Arg extends string> {
  full: WhenFull
  keys: readonly Key[]
  args: readonly Arg[]
  preludes?: readonly string[]
}

/** Stand before every script, which then is a function, so that what it has skipped comes beside its reply. */
export const EVERYWHERE = ['sound', 'numbers']

/** What Redis says when a script that was run as one that reads would have written. */
const hasWritten = /^ERR Write commands are not allowed from read-only scripts/

/** The facts of every script that was defined; a test compares them with the headers in the files. */
export const definedScripts = new Map<string, ScriptFacts<string, string>>()

/**
 * Defines a script of `lua/<name>.lua`. Preludes are files of shared functions that stand before it.
 * A file may be defined twice, with another `full`: the first is what its header says.
 * On a full disk Redis runs no script that may write: one that is `done` is run once more as one that reads, and knows it by
 * `is_dry`; where it must write all the same, it fails with STORE_FULL.
 * @returns `run(redis, keys, args, list?)`: the reply as an array. `list` follows the named arguments. A negative first
 *   element throws the Problem it stands for; the rest of such a reply becomes members of the problem:
 *   `windowSec`, `ageSec`, `mutedUntil` or `retryAfterSec`.
 */
export function defineScript<Key extends string, Arg extends string> (name: string, facts: ScriptFacts<Key, Arg>) {
  if (!definedScripts.has(name)) definedScripts.set(name, facts)
  const body = [...facts.preludes ?? [], name].map(source).join('\n')
  const lua = `${EVERYWHERE.map(source).join('\n')}\nlocal function main ()\n${body}\nend\nlocal reply = main()\nfor _, ` +
    'each in ipairs(finally) do each() end\nreturn { reply, unreadable }'
  const asItIs = createCall(`iris:${name}:${facts.full}`, `${shebangs[facts.full]}\nlocal is_dry = false\n${lua}`, facts.keys.length)
  const dry = createCall(`iris:${name}:dry`, `${shebangs.reads}\nlocal is_dry = true\n${lua}`, facts.keys.length)

  async function replyOf (redis: Redis, values: Values): Promise<Reply> {
    try {
      if (isHeld(facts.full, heldBack(redis))) throw storeFull('disk')
      return await (facts.full === 'reads' ? asItIs(redis, values) : noted(asItIs(redis, values)))
    } catch (error) {
      if (facts.full !== 'done' || !isFull(error)) throw asProblem(error as Error)
      return await dry(redis, values)
        .catch((failure: Error) => { throw asProblem(hasWritten.test(failure.message) ? error as Error : failure) })
    }
  }

  return async function run (
    redis: Redis, keys: Record<Key, string>, args: Record<Arg, string | number>, list: (string | number)[] = []
  ): Promise<Reply> {
    return decided(await replyOf(redis, [...facts.keys.map(key => keys[key]), ...facts.args.map(arg => args[arg]), ...list]))
  }
}

/** @returns a reply, or what a script says of one of several; throws the Problem that a negative first element stands for. */
export function decided (reply: Reply): Reply {
  const status = Number(reply[0])
  if (status < 0) throw failure(status, reply)
  return reply
}

/** What was not sent, or was refused, has no effect; what nobody has answered may. To be asked where the request is under way. */
export async function noted (write: Promise<Reply>): Promise<Reply> {
  noteEffects(1)
  try {
    const reply = await write
    if (Number(reply[0]) < 0) noteEffects(-1)
    return reply
  } catch (error) {
    if (!isLost(error)) noteEffects(-1)
    throw error
  }
}

const isHeld = (full: WhenFull, held: Sparing | undefined) =>
  held === 'writing' ? full !== 'reads' : held === 'adding' && full === 'refused'

type Values = (string | number)[]

/** @returns `call(redis, values)`: EVALSHA; the text goes to a connection once. */
function createCall (command: string, lua: string, numberOfKeys: number) {
  const loaded = new WeakSet<Redis>()
  return async function call (redis: Redis, values: Values): Promise<Reply> {
    if (!loaded.has(redis)) {
      redis.defineCommand(command, { lua, numberOfKeys })
      loaded.add(redis)
    }
    joinWrites(redis)
    const evaluate = (redis as unknown as Record<string, (...args: Values) => Promise<unknown>>)[command]
    const [reply, unreadable] = await evaluate?.call(redis, ...values) as [Reply, string[]]
    for (const place of unreadable) noteUnreadable(redis, place)
    return reply
  }
}

function failure (status: number, [, first, second]: Reply): Error {
  if (status === FAILED && hasWritten.test(String(first))) return storeFull('disk')
  if (status === FAILED) return new (ReplyError as new (message: string) => Error)(String(first))
  const code = failures[status]
  if (code === undefined) return new Error(`a script has failed with ${status}, which means nothing`)
  if (code === 'REVOKE_WINDOW_PASSED') return new Problem(code, { members: { windowSec: Number(first), ageSec: Number(second) } })
  if (code === 'MUTED') return new Problem(code, { members: { mutedUntil: Number(first) } })
  if (code === 'STORE_UNAVAILABLE') return status === LOST ? unavailable(reasons.lost.told, 'refused') : unsound()
  if (code === 'RATE_LIMITED') return new Problem(code, { members: { retryAfterSec: Math.ceil(Number(first) / 1000) } })
  return new Problem(code)
}
