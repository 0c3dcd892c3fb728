// What an operation may refuse: its codes by status, and the problem that each prints.
import { type Json, ref } from './components.js'
import type { Described } from './described.js'
import { type ErrorCode, errors } from '../protocol/errors.js'
import { isRepeatable } from '../protocol/operation.js'
import { Problem, problemBody, type ProblemFacts } from '../protocol/problem.js'

/** The trace of every example. */
export const exampleTrace = '7c1f4b9d2e'
export const traceHeader = { 'Trace-Id': { description: 'TRACE_ID of the request. [TRACE-2]', schema: { type: 'string' } } }

/** The codes that an operation may answer, its own and those of its kind, by status. */
export function errorCodes ({
  auth, method, isRead, body, errors: own
}: Pick<Described, 'auth' | 'method' | 'isRead' | 'body' | 'errors'>): ErrorCode[] {
  const codes = new Set<ErrorCode>()
  const also = (when: unknown, ...more: ErrorCode[]) => { if (when) for (const code of more) codes.add(code) }
  also(body, 'INVALID_JSON', 'INVALID_BODY')
  also(auth === 'user', 'INVALID_HEADER', 'UNAUTHENTICATED', 'BAD_TOKEN', 'TOKEN_EXPIRED', 'KICKED', 'RATE_LIMITED')
  also(auth === 'server', 'UNAUTHENTICATED', 'BAD_SERVER_KEY')
  also(isRepeatable({ auth, method, isRead }), 'INVALID_HEADER', 'IDEMPOTENCY_KEY_REUSED', 'IDEMPOTENCY_KEY_IN_USE')
  also(true, 'INVALID_QUERY', ...own)
  also(body, 'BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE')
  also(auth === 'user', 'KEYS_UNAVAILABLE')
  also(auth !== 'none', 'OVERLOADED', 'STORE_UNAVAILABLE')
  also(auth !== 'none' && method !== 'GET' && !isRead, 'STORE_FULL')
  also(true, 'RATE_LIMITED', 'INTERNAL')
  return [...codes].sort((a, b) => errors[a].status - errors[b].status)
}

/** Every code, grouped by status, each with the problem it prints. */
export function problemsOf (codes: ErrorCode[], instance: string): Json {
  const byStatus = new Map<number, ErrorCode[]>()
  for (const code of codes) byStatus.set(errors[code].status, [...byStatus.get(errors[code].status) ?? [], code])
  const retry = { 'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer' } } }
  return Object.fromEntries([...byStatus].map(([status, group]) => [status, {
    description: group.map(code => `\`${code}\`: ${errors[code].title}.`).join(' '),
    headers: { ...traceHeader, ...((status === 429 || status === 503) && retry) },
    content: {
      'application/problem+json': {
        schema: ref('Problem'),
        examples: Object.fromEntries(group.map(code => [code, { value: exampleProblem(code, instance) }]))
      }
    }
  }]))
}

const exampleFacts: { [code in ErrorCode]?: ProblemFacts } = {
  INVALID_BODY: { errors: [{ pointer: '/colour', detail: 'is not known here' }] },
  RATE_LIMITED: { members: { retryAfterSec: 1 } },
  REVOKE_WINDOW_PASSED: { members: { windowSec: 120, ageSec: 340 } },
  MUTED: { members: { mutedUntil: 1795446000123 } },
  DENIED: { detail: 'No advertisements here', members: { hookCode: 'SPAM' } },
  HOOK_UNAVAILABLE: { members: { retryAfterSec: 2 } }
}

const exampleProblem = (code: ErrorCode, instance: string) =>
  problemBody(new Problem(code, exampleFacts[code]), { instance, traceId: exampleTrace })
