// Why a gateway did not do what it was asked for, in words.
import type { IrisError } from '../client/base/error.js'
import { Refusal } from './refusal.js'

/** The first that fits the code of what kept an answer away. */
const reasons: [pattern: RegExp, why: string][] = [
  [/^ECONNREFUSED$/, 'nothing listens there'],
  [/^(ENOTFOUND|EAI_AGAIN)$/, 'its name cannot be resolved'],
  [/TIMEOUT|^ETIMEDOUT$/, 'no answer in time'],
  [/^(ECONNRESET|EPIPE|UND_ERR_SOCKET)$/, 'the connection breaks off'],
  [/WRONG_VERSION_NUMBER|PACKET_LENGTH/, 'it does not speak TLS'],
  [/CERT|SIGNATURE/, 'its certificate is not valid here; NODE_EXTRA_CA_CERTS names the file of one that is to be trusted']
]

/** @returns why `fetch` failed, in words, and its code: its own message says nothing. */
export function whyOf (error: unknown): string {
  const { cause, message, name } = error as Error & { cause?: NodeJS.ErrnoException }
  if (name === 'TimeoutError') return 'no answer in time'
  const { code, message: inner } = cause ?? {}
  const [, why] = reasons.find(([pattern]) => pattern.test(code ?? '')) ?? []
  return [why, code ?? inner ?? message].filter(Boolean).join(': ')
}

/** @returns a sentence without its full stop: another one goes on behind it. */
const open = (sentence: string) => sentence.replace(/\.$/, '')

/** @returns what a client of a user has met, as one who called a command would say it; without a full stop. */
export function sentenceOfClient (url: string, { code, message, cause }: IrisError & { cause?: unknown }): string {
  if (cause instanceof Refusal) return open(cause.message)
  return code === 'NETWORK' ? `nobody answers at ${url} (${whyOf(cause)})` : open(message)
}

/** @returns what an answer of the server API is that gives nothing: the gateway's refusal, or one of something else. A sentence. */
export function sentenceOfServer ({ code, message, problem, status }: IrisError): string {
  if (problem) return `${code}: ${open(message)}.`
  return status >= 502 ? 'and what answers is no Iris: does it reach one?' : 'and what answers is no Iris.'
}

/** @returns which other server an answer leads to; undefined for all others. */
export function leadsElsewhere (url: string, { status, headers }: Response): string | undefined {
  const to = headers.get('location') ?? ''
  if (status < 300 || status >= 400 || !URL.canParse(to, url)) return undefined
  const { origin } = new URL(to, url)
  return origin === url ? undefined : origin
}
