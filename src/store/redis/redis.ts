// The connection to Redis, and which of its failures mean "ask again".
import type { Writable } from 'node:stream'
import { Redis, ReplyError } from 'ioredis'
import { Problem } from '../../protocol/problem.js'
import { isOfAnotherType } from './readable.js'
import { inParts, stepwise } from './steps.js'

/** No command waits longer; less when its request has less time left. [DEADLINE-1] */
export const COMMAND_TIMEOUT_MS = 1_500
/** TCP and TLS; what does not answer for so long is tried anew. */
const CONNECT_TIMEOUT_MS = 3_000
/** A connection that is given up may end in order for so long; the other side may not be there any more. */
const DISCONNECT_TIMEOUT_MS = 200
/** How often a Redis that reads its data is asked whether it has. */
const LOADING_RETRY_MS = 1_000

export type { Redis }

/**
 * Opens a connection. It fails fast while Redis is away and comes back by itself. A command that was under way fails, with
 * an outcome that nobody knows: it is never sent again by itself, since what answers next may be another server, or the
 * same one without its last moments. Told that it speaks to a replica, it dials anew: a name may lead to the master by then.
 * @param address a `redis://` or `rediss://` URL, or the path of a unix socket.
 */
export function createRedis (address: string, options: { lazyConnect?: boolean } = {}): Redis {
  return failPending(new Redis(address, {
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    maxLoadingRetryTime: LOADING_RETRY_MS,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: null,
    reconnectOnError: ({ message }) => isOfReplica(message),
    retryStrategy: times => Math.min(20 * times, 500),
    ...options
  }))
}

/**
 * @returns a second connection to the same Redis, for subscriptions; it subscribes anew by its `ready` event. `disconnect` cuts
 *   it at once: what is dead without a word does not say goodbye.
 */
export function createRedisSubscriber (redis: Redis): Redis {
  const subscriber = failPending(redis.duplicate({ autoResubscribe: false, disconnectTimeout: 0, lazyConnect: false }))
  subscriber.on('error', () => undefined) // said by the first connection already
  return subscriber
}

/** Commands whose connection has ended fail at once: left alone they would wait for their time-out. */
function failPending (redis: Redis): Redis {
  const pending = redis as unknown as { flushQueue (error: Error): void }
  return redis.on('close', () => pending.flushQueue(new Error('Connection is closed.')))
}

/** Whether Redis' words to a plain command, or to one in a script, say that it is a replica. */
const isOfReplica = (words: string) => /^(READONLY|MASTERDOWN)\b/.test(words)

/** Replies of a Redis that is there but cannot do its work now. */
const temporary = /^(LOADING|READONLY|OOM|MISCONF|BUSY|CLUSTERDOWN|MASTERDOWN|NOREPLICAS|TRYAGAIN|UNBLOCKED)\b/

/** Redis' words for what its user may not do: to a command, to one in a script, and the latter as 7.2 says it. */
const forbidden = /^NOPERM\b|^ERR The user executing the script can't|ACL failure in script/

/** @returns whether Redis answered that its user may not do this: what was permitted may not be any more. */
export const isForbidden = (error: unknown): error is Error => error instanceof ReplyError && forbidden.test((error as Error).message)

/**
 * @returns whether a failure came from a store that did not answer (or could not, for now), so that the outcome is
 *   unknown and a retry is right; false for a reply that says the request itself was wrong, which is a bug of ours.
 */
export function isUnavailable (error: unknown): boolean {
  if (error instanceof Problem) return error.code === 'STORE_UNAVAILABLE' || error.code === 'STORE_FULL'
  if (!(error instanceof Error)) return false
  if (error instanceof ReplyError) return temporary.test(error.message) || isForbidden(error)
  return 'command' in error || /^(Command timed out|Connection is closed|Stream isn't writeable)|ECONN|ENOENT|EPIPE/.test(error.message)
}

/**
 * @returns whether the store may have done what it did not say: a command was sent, and no answer came. What was refused before it was
 *   sent (a Problem), or by Redis itself, was not done.
 */
export function isLost (error: unknown): boolean {
  return isUnavailable(error) && !(error instanceof Problem) && !(error instanceof ReplyError)
}

/** The sockets that hold what was asked in this turn of the event loop. */
const corked = new WeakMap<Redis, Writable>()

/** Lets the commands of this turn of the event loop leave in one write: a system call for each would cost more than they do. */
export function joinWrites (redis: Redis): void {
  const { stream } = redis as unknown as { stream?: Writable }
  if (!stream || corked.has(redis)) return
  corked.set(redis, stream)
  stream.cork()
  setImmediate(() => {
    corked.delete(redis)
    stream.uncork()
  })
}

/** What was asked in this turn so far leaves now: Redis works on it while the turn goes on. */
export function writeNow (redis: Redis): void {
  const stream = corked.get(redis)
  stream?.uncork()
  stream?.cork()
}

/** Others are served between two steps of so many commands. */
const TOGETHER = 100

type Pipeline = ReturnType<Redis['pipeline']>

/**
 * Asks one command for each item, in few round trips.
 * @returns the replies in the order of the items, undefined where a key is of another type; the first other error is thrown.
 */
export async function together<Item> (
  redis: Redis, items: readonly Item[], ask: (pipeline: Pipeline, item: Item) => unknown
): Promise<unknown[]> {
  return (await stepwise(inParts(items, TOGETHER).map(some => async () => {
    const pipeline = redis.pipeline()
    for (const item of some) ask(pipeline, item)
    return (await pipeline.exec() ?? []).map(([error, reply]) => {
      if (error && !isOfAnotherType(error)) throw error
      return error ? undefined : reply
    })
  }))).flat()
}
