// The gateway that runs: where it is, and by which key its server API is called.
import type { Static } from '@sinclair/typebox'
import type { IrisError } from '../client/base/error.js'
import { type Config, loadConfig } from '../config.js'
import { isLoopback } from '../protocol/loopback.js'
import type { ProblemBody } from '../protocol/problem.js'
import { readSecrets } from '../secrets.js'
import { Misuse, Refusal } from './refusal.js'

const DEADLINE_MS = 10_000

/** Reads the configuration of the environment. Throws a Refusal that names what is wrong in it. */
export function configOf (env: NodeJS.ProcessEnv): Config {
  try {
    return loadConfig(env)
  } catch (error) {
    throw new Refusal((error as Error).message)
  }
}

/** @returns where a gateway of this configuration is reached on this machine. */
export function addressOf ({ host, port }: Pick<Config, 'host' | 'port'>): string {
  const near = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${near.includes(':') ? `[${near}]` : near}:${port}`
}

/** @returns an address that was given, checked, without a slash at its end. Throws a Misuse. */
export function checkUrl (text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.search + url.hash + url.username !== '') {
    throw new Misuse(`--url must be http(s)://host[:port] without a path, not ${JSON.stringify(text.slice(0, 200))}.`)
  }
  return url.origin
}

interface Gateway {
  url: string
  /** Of its server API. */
  key: string | undefined
}

/**
 * @param given its address. Of this environment only the key counts then: the rest is that of another gateway.
 * @returns the gateway that is meant, with the key of the environment, or the one that Iris made in its data directory: that of a
 *   directory which nobody has named is said to this machine alone. Throws a Refusal.
 */
export async function gatewayOf (given: string | undefined, env: NodeJS.ProcessEnv): Promise<Gateway> {
  const { serverKeys: [first], dataDir, ...config } = configOf(given === undefined ? env : keyIn(env))
  const url = given === undefined ? addressOf(config) : checkUrl(given)
  const isMeant = given === undefined || Boolean(env['IRIS_DATA_DIR']) || isNear(url)
  return { url, key: first ?? (isMeant ? (await readSecrets(dataDir))?.serverKey : undefined) }
}

const keyIn = (env: NodeJS.ProcessEnv) =>
  Object.fromEntries(Object.entries(env).filter(([name]) => name === 'IRIS_SERVER_KEY' || name === 'IRIS_DATA_DIR'))

/** @returns whether an address is this machine's own. */
export const isNear = (url: string): boolean => isLoopback(new URL(url).hostname.replace(/^\[|\]$/g, ''))

interface Call { url: string, key: string, method?: string, path: string, body?: unknown }

/** Calls the server API. @returns the answer. Throws a Refusal that says what the gateway did, or that nobody answers. */
export async function callServer ({ url, key, method = 'POST', path, body }: Call): Promise<unknown> {
  const response = await fetch(`${url}/v1/server/${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    redirect: 'manual',
    signal: AbortSignal.timeout(DEADLINE_MS)
  }).catch((error: unknown) => {
    throw new Refusal(`No gateway answers at ${url} (${whyOf(error)}): start one, or say where it is by --url.`)
  })
  const answer = await response.json().catch(() => undefined) as Static<typeof ProblemBody> | undefined
  if (response.ok && answer !== undefined) return answer
  const leadsTo = leadsElsewhere(url, response)
  if (leadsTo !== undefined) throw new Refusal(`${url} leads to ${leadsTo}: say that by --url.`)
  throw new Refusal(`${url} answered ${response.status}, ${answer?.code === undefined ? strange(response) : `${sentenceOf(answer)}.`}`)
}

/** @returns which other server an answer leads to; undefined for all others. */
export function leadsElsewhere (url: string, { status, headers }: Response): string | undefined {
  const to = headers.get('location') ?? ''
  if (status < 300 || status >= 400 || !URL.canParse(to, url)) return undefined
  const { origin } = new URL(to, url)
  return origin === url ? undefined : origin
}

/** What can be said of an answer that is no gateway's. */
const strange = ({ status }: Response) =>
  status >= 502 ? 'and what answers is no Iris: does it reach one?' : 'and what answers is no Iris.'

/** @returns what a problem says, with each field and its rule. */
const sentenceOf = ({ code, title, detail, errors = [] }: Static<typeof ProblemBody>) =>
  [`${code}: ${(detail ?? title).replace(/\.$/, '')}`, ...errors.map(({ pointer, detail }) => `${pointer} ${detail}`)].join('; ')

const CERTIFICATE = 'its certificate is not valid here; NODE_EXTRA_CA_CERTS names the file of one that is to be trusted'
const words: [pattern: RegExp, why: string][] = [
  [/^ECONNREFUSED$/, 'nothing listens there'],
  [/^(ENOTFOUND|EAI_AGAIN)$/, 'its name cannot be resolved'],
  [/TIMEOUT|^ETIMEDOUT$/, 'no answer in time'],
  [/^(ECONNRESET|EPIPE|UND_ERR_SOCKET)$/, 'the connection breaks off'],
  [/WRONG_VERSION_NUMBER|PACKET_LENGTH/, 'it does not speak TLS'],
  [/CERT|SIGNATURE/, CERTIFICATE]
]

/** @returns why `fetch` failed, in words, and its code: its own message says nothing. */
export function whyOf (error: unknown): string {
  const { cause, message, name } = error as Error & { cause?: NodeJS.ErrnoException }
  if (name === 'TimeoutError') return 'no answer in time'
  const { code, message: inner } = cause ?? {}
  const [, why] = words.find(([pattern]) => pattern.test(code ?? '')) ?? []
  return [why, code ?? inner ?? message].filter(Boolean).join(': ')
}

/** @returns what a client of a user has met, as one who called a command would say it; without a full stop. */
export function sentenceOfClient (url: string, { code, message, cause }: IrisError & { cause?: unknown }): string {
  if (cause instanceof Refusal) return cause.message.replace(/\.$/, '')
  return code === 'NETWORK' ? `nobody answers at ${url} (${whyOf(cause)})` : message.replace(/\.$/, '')
}

/** @returns a token of a user. Throws a Refusal where there is no key, or the gateway refuses. */
export async function mintToken ({ url, key, userId, ttlSec }: {
  url: string, key: string | undefined, userId: string, ttlSec?: number
}): Promise<string> {
  if (key === undefined) {
    throw new Refusal('There is no server key: ' +
      'set IRIS_SERVER_KEY, or IRIS_DATA_DIR to the directory of the gateway (as a user who may read it).')
  }
  const { token } = await callServer({ url, key, path: 'tokens', body: { userId, ttlSec } }) as { token: string }
  return token
}
