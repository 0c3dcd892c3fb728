// What goes wrong between Iris and Redis, in words. They name no address and no secret.
import { ReplyError } from 'ioredis'
import { Problem } from '../../protocol/problem.js'
import { isForbidden, isUnavailable } from './redis.js'

/**
 * `why` is for the log and for `/readyz`; `told` is what users hear, who need not know what the store is;
 * `unavailable.ts` adds what became of it.
 */
export interface Reason { why: string, told: string }

const AWAY = 'The store is not reachable'
const SILENT = 'The store does not answer'
const BUSY = 'The store is not ready'
const UNFIT = 'The store cannot be worked with'
const NO_ANSWER = 'Redis does not answer'
const READING = 'Redis is reading its data'
const REPLICA = 'This Redis is a replica, which cannot be written to'

/** The errors of sockets, of names, of TLS and of replies that an operator meets; the first that fits. */
const words: [pattern: RegExp, why: string, told: string][] = [
  [/ECONNREFUSED|ENOENT/, 'Redis is not reachable: nothing listens there', AWAY],
  [/ENOTFOUND|EAI_AGAIN/, 'Redis is not reachable: its name cannot be resolved', AWAY],
  [/EHOSTUNREACH|ENETUNREACH/, 'Redis is not reachable: there is no way to its address', AWAY],
  [/EACCES|EPERM/, 'Redis is not reachable: its socket may not be opened', AWAY],
  [/ETIMEDOUT|timed out/i, NO_ANSWER, SILENT],
  [/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|EPROTO|SSL routines/i,
    'Redis does not speak TLS as IRIS_REDIS_URL (rediss://) expects', AWAY],
  [/CERT|SIGNATURE|self.signed/i, 'The certificate of Redis is not valid here', AWAY],
  [/Protocol error|ParserError|Unknown RESP type/i, 'What answers is not a Redis (or expects TLS: rediss://)', AWAY],
  [/^ ?NOREPLICAS/, 'Redis refuses to write: NOREPLICAS, too few follow it (min-replicas-to-write)', BUSY],
  [/^ ?BUSY\b/, 'Redis is busy with a script of somebody else', BUSY],
  [/LOADING/, READING, BUSY],
  [/READONLY|MASTERDOWN/, REPLICA, BUSY],
  [/ECONNRESET|EPIPE|Connection is closed|isn't writeable|Socket closed/i,
    'The connection to Redis breaks off (if it expects TLS: rediss://)', AWAY]
]

export const reasons = {
  silent: { why: 'Redis has not answered yet', told: SILENT },
  ended: { why: 'The connection to Redis has ended', told: AWAY },
  dead: { why: NO_ANSWER, told: SILENT },
  replica: { why: REPLICA, told: BUSY },
  late: { why: 'Redis does not answer in time', told: SILENT },
  owing: { why: 'Redis was started again, or has changed its role, and other nodes have not said yet what they had seen', told: BUSY },
  lost: { why: 'Redis has lost something, and another life has not begun yet', told: BUSY },
  reading: { why: READING, told: BUSY }
} as const satisfies Record<string, Reason>

/** Where in a script a command failed. */
const innerWords = /\.? script: .*$/s

/** @returns a failure in words, without a full stop. */
export function reasonOf (error: unknown): Reason {
  const { code = '', message } = error as NodeJS.ErrnoException
  if (isRefusal(error)) return { why: `Redis refuses Iris: ${message.replace(innerWords, '')} (IRIS_REDIS_URL)`, told: UNFIT }
  if (error instanceof Problem) return { why: message, told: BUSY }
  const [, why, told] = words.find(([pattern]) => pattern.test(`${code} ${message}`)) ?? []
  return { why: why ?? message, told: told ?? UNFIT }
}

/**
 * @returns whether Redis answered that this password, this user, what he may do, or the database is wrong: asking again changes nothing.
 */
export function isRefusal (error: unknown): error is Error {
  if (!(error instanceof ReplyError)) return false
  const isOfDatabase = (error as { command?: { name: string } }).command?.name === 'select' && !isUnavailable(error)
  return isOfDatabase || isForbidden(error) || /^(WRONGPASS|NOAUTH|ERR (invalid password|AUTH))|NOPERM/.test((error as Error).message)
}
