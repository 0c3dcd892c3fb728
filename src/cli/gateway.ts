// The gateway that runs: where it is, and by which key its server API is called.
import type { Static } from '@sinclair/typebox'
import { type Config, loadConfig } from '../config.js'
import type { ProblemBody } from '../protocol/problem.js'
import { readSecrets } from '../secrets.js'
import { Refusal } from './refusal.js'

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

/** @returns an address that was given, checked, without a slash at its end. Throws a Refusal. */
export function checkUrl (text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.search + url.hash + url.username !== '') {
    throw new Refusal(`--url must be http(s)://host[:port] without a path, not ${JSON.stringify(text.slice(0, 200))}.`)
  }
  return url.origin
}

/** @returns a key of the server API: that of the environment, or the one that Iris made in its data directory. */
export async function serverKeyOf ({ serverKeys: [first], dataDir }: Config): Promise<string | undefined> {
  return first ?? (await readSecrets(dataDir))?.serverKey
}

interface Call { url: string, key: string, method?: string, path: string, body?: unknown }

/** Calls the server API. @returns the answer. Throws a Refusal that says what the gateway did, or that nobody answers. */
export async function callServer ({ url, key, method = 'POST', path, body }: Call): Promise<unknown> {
  const response = await fetch(`${url}/v1/server/${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(DEADLINE_MS)
  }).catch((error: unknown) => {
    throw new Refusal(`No gateway answers at ${url} (${whyOf(error)}): start one, or say where it is by --url.`)
  })
  const answer = await response.json().catch(() => undefined) as Static<typeof ProblemBody> | undefined
  if (response.ok && answer !== undefined) return answer
  const told = answer?.code === undefined ? 'and what answers is no Iris' : sentenceOf(answer)
  throw new Refusal(`${url} answered ${response.status}, ${told}.`)
}

/** @returns what a problem says, with each field and its rule. */
const sentenceOf = ({ code, title, detail, errors = [] }: Static<typeof ProblemBody>) =>
  [`${code}: ${(detail ?? title).replace(/\.$/, '')}`, ...errors.map(({ pointer, detail }) => `${pointer} ${detail}`)].join('; ')

/** @returns why `fetch` failed, in a word or two: its own message says nothing. */
export function whyOf (error: unknown): string {
  const { cause, message, name } = error as Error & { cause?: NodeJS.ErrnoException }
  return name === 'TimeoutError' ? 'no answer in time' : cause?.code ?? cause?.message ?? message
}

/** @returns a token of a user. Throws a Refusal where there is no key, or the gateway refuses. */
export async function mintToken ({ url, key, userId, ttlSec }: {
  url: string, key: string | undefined, userId: string, ttlSec?: number
}): Promise<string> {
  if (key === undefined) throw new Refusal('There is no server key: set IRIS_SERVER_KEY, or IRIS_DATA_DIR to the directory of the gateway.')
  const { token } = await callServer({ url, key, path: 'tokens', body: { userId, ttlSec } }) as { token: string }
  return token
}
