// Calls of the server API of the gateway that runs.
import { refusalOf } from '../client/base/error.js'
import { Refusal } from './refusal.js'
import { leadsElsewhere, sentenceOfServer, whyOf } from './why.js'

const DEADLINE_MS = 10_000

interface Call {
  url: string
  key: string
  /** Where the key stands, unless it was given. */
  keyFile?: string | undefined
  method?: string
  path: string
  body?: unknown
}

/** Calls the server API. @returns the answer. Throws a Refusal that says what the gateway did, or that nobody answers. */
export async function callServer ({ url, key, keyFile, method = 'POST', path, body }: Call): Promise<object> {
  const response = await fetch(`${url}/v1/server/${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    redirect: 'manual',
    signal: AbortSignal.timeout(DEADLINE_MS)
  }).catch((error: unknown) => {
    throw new Refusal(`No gateway answers at ${url} (${whyOf(error)}): start one, or say where it is by --url.`)
  })
  const leadsTo = leadsElsewhere(url, response)
  if (leadsTo !== undefined) throw new Refusal(`${url} leads to ${leadsTo}: say that by --url.`)
  const answer = response.ok ? await objectIn(response) : undefined
  if (answer !== undefined) return answer
  const refusal = await refusalOf(response)
  const whose = keyFile !== undefined && refusal.code === 'BAD_SERVER_KEY'
    ? ` The key is the one in ${keyFile}: set IRIS_SERVER_KEY to that of this gateway.`
    : ''
  throw new Refusal(`${url} answered ${response.status}, ${sentenceOfServer(refusal)}${whose}`)
}

/** @returns the object that an answer is; undefined: something else answers there. */
async function objectIn (response: Response): Promise<object | undefined> {
  const body: unknown = await response.json().catch(() => undefined)
  return typeof body === 'object' && body !== null ? body : undefined
}

/** @returns a token of a user. Throws a Refusal where there is no key, or the gateway refuses. */
export async function mintToken ({ url, key, keyFile, userId, ttlSec }: {
  url: string, key: string | undefined, keyFile?: string | undefined, userId: string, ttlSec?: number
}): Promise<string> {
  if (key === undefined) {
    throw new Refusal('There is no server key: ' +
      'set IRIS_SERVER_KEY, or IRIS_DATA_DIR to the directory of the gateway (as a user who may read it).')
  }
  const { token } = await callServer({ url, key, keyFile, path: 'tokens', body: { userId, ttlSec } }) as { token?: unknown }
  if (typeof token === 'string') return token
  throw new Refusal(`${url} answered 200 without a token: what answers is no Iris.`)
}
