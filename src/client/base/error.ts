// What the client throws and reports: a code to decide by, a sentence that says what to do.
import type { ProblemBody } from './wire.js'

interface Facts extends Partial<Pick<IrisError, 'status' | 'retryAfter' | 'problem' | 'retryable'>> { cause?: unknown }

/**
 * A refusal of the server, by its `code`, or what the client itself gave up for: `NETWORK` (nobody answered), `NOT_IRIS` (something else
 * answers at that address), `SILENT` (a way down brings nothing, or no more), `TOKEN` (your `token()` failed),
 * `SIGNED_OUT`, `STORAGE`, `OUTBOX_FULL`, `OUTBOX_EXPIRED`, `CLOSED`, `TOO_SLOW`, `BAD_OPTION`.
 */
export class IrisError extends Error {
  /** The HTTP status; 0 when there was no answer. */
  declare readonly status: number
  /** Whether the same, with the same client id, may be tried again; the client has done so a few times already. */
  declare readonly retryable: boolean
  /** Seconds to wait at least before that. */
  declare readonly retryAfter: number | undefined
  /** The server's problem, RFC 9457; absent when the code is the client's own. */
  declare readonly problem: ProblemBody | undefined
  declare readonly code: string

  constructor (code: string, message: string, facts: Facts = {}) {
    super(message)
    Object.assign(this, { name: 'IrisError', code, status: 0, retryable: false }, facts)
  }
}

/** @returns the error as it is, or as one of nobody having answered. @param where the gateway should be, and what may be missing */
export const errorOf = (cause: unknown, where = ''): IrisError => cause instanceof IrisError
  ? cause
  : new IrisError('NETWORK', `Nobody answers (${String(cause)}): is the network there, and the gateway${where}?`, {
    retryable: true, cause
  })

/** @returns the refusal that an answer is. */
export async function refusalOf (response: Response): Promise<IrisError> {
  const { status } = response
  const problem = await response.json().catch(() => undefined) as ProblemBody | undefined
  const facts = { status, retryAfter: Math.max(0, Number(response.headers.get('Retry-After'))) || undefined }
  if (problem?.code) {
    const { code, detail, title, errors = [], retryable } = problem
    const sentences = [detail ?? title, ...errors.map(({ pointer, detail }) => `${pointer} ${detail}`)]
    return new IrisError(code, sentences.join('; '), { ...facts, problem, retryable })
  }
  // a portal may say so, too, of everything
  if (status === 204 && response.headers.has('Trace-Id')) return new IrisError('KICKED', 'kicked: sign in again', facts)
  return notIris(response, { ...facts, retryable: status >= 500 || status === 429 })
}

/** @returns the error that an answer is which something else gave: a proxy, a portal, another site. */
export const notIris = ({ status, url }: Pick<Response, 'status' | 'url'>, facts?: Facts): IrisError =>
  new IrisError('NOT_IRIS', `${status}, not of Iris: what is ${status > 501 ? 'behind' : 'at'} ${url.split('?')[0]}?`, {
    status, retryable: true, ...facts
  })

/** What becomes of what is under way when the client is closed, and of what is asked later. */
export const closed: IrisError = new IrisError('CLOSED', 'close() was called: what is still kept is sent by the next connect()')

/** @returns what is made, as JSON. Throws BAD_OPTION where it cannot be made, or has no JSON. */
export function jsonOf (make: () => unknown): string {
  try {
    return JSON.stringify(make())
  } catch (cause) {
    throw new IrisError('BAD_OPTION', String(cause))
  }
}
