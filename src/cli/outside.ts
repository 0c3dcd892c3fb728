// What the doctor looks at from outside: whether what stands in front of a gateway lets through what it must.
import { randomBytes } from 'node:crypto'
import { callServer, mintToken } from './call.js'
import type { BeforeEnd } from './command.js'
import { failed, type Finding, type Findings, ok, warn } from './finding.js'
import { gatewayOf, isNear } from './gateway.js'
import { askHealth, askTime } from './health.js'
import { holdPoll, holdStream, holdWebSocket, terminals } from './idle.js'
import { Refusal } from './refusal.js'
import { askUpgrade } from './upgrade.js'
import { leadsElsewhere, whyOf } from './why.js'

const ASK_MS = 10_000
/** Who listens when no token is given: each doctor another one, or they would close each other's streams. */
const newUser = () => `iris-doctor-${randomBytes(6).toString('hex')}`
/** His token must outlive the longest `--hold`. */
const TTL_SEC = 3_600

interface Facts { url: string, token: string | undefined, holdMs: number, env: NodeJS.ProcessEnv, beforeEnd?: BeforeEnd }

/** @returns what is found, one after the other; the streams take `holdMs`. */
export async function * checksOutside (facts: Facts): Findings {
  const { url } = facts
  const reached = await reach(url)
  yield reached
  if (reached.verdict === 'fail') return
  yield encryption(url)
  yield await readiness(url)
  yield * await door(url)
  yield * streams(facts)
}

async function * streams ({ url, token, holdMs, env, beforeEnd }: Facts): Findings {
  const guest = token === undefined ? await newGuest(url, env).catch(refused) : { token, forget: async () => undefined }
  if ('verdict' in guest) return yield guest
  beforeEnd?.(guest.forget)
  try {
    const held = { url, holdMs, token: guest.token }
    yield * (await Promise.all([holdStream(held), holdPoll(held), holdWebSocket(held)])).flat()
  } finally {
    await guest.forget()
  }
}

function refused (error: unknown): Finding {
  if (!(error instanceof Refusal)) throw error
  return warn('streams', `not looked at, since no token could be made: ${error.message.replace(/\.$/, '')}`, 'Or give one by --token')
}

async function reach (url: string): Promise<Finding> {
  try {
    const { response, isOk } = await askHealth(url, '/livez', ASK_MS)
    const leadsTo = leadsElsewhere(url, response)
    if (leadsTo !== undefined) return failed('address', `${url} leads to ${leadsTo}`, `Look there: --url ${leadsTo}`)
    if (isOk) return ok('address', `Iris answers at ${url}`)
    // a host may have pages of its own, and hand on to Iris what is its alone
    const below = await askTime(url, ASK_MS)
    if (below.isIris) return ok('address', `Iris answers at ${url}/v1/, and something else beside it`)
    const both = `${response.status}, and below /v1/ ${below.response.status}`
    return failed('address', `what answers at ${url} is no Iris (${both})`, 'See where the proxy leads')
  } catch (error) {
    return failed('address', `nobody answers at ${url} (${whyOf(error)})`, 'See its name, its firewall, and what stands in front of it')
  }
}

function encryption (url: string): Finding {
  if (url.startsWith('https:')) return ok('TLS', 'the certificate is valid here')
  if (isNear(url)) return ok('TLS', 'none, and none is needed on this machine')
  return warn('TLS', 'none: who is on the way reads tokens and messages', 'Let a proxy with a certificate stand in front')
}

async function readiness (url: string): Promise<Finding> {
  try {
    const ready = await askHealth(url, '/readyz', ASK_MS)
    if (ready.isOk) return ok('gateway', 'ready')
    if (ready.isIris) return notReady(ready.why)
    const time = await askTime(url, ASK_MS)
    if (!time.isOk) return notReady(time.why)
    return warn('gateway', 'it answers; whether it is ready was not looked at, since /readyz is not handed on',
      'Ask on its own machine: iris-gateway doctor')
  } catch (error) {
    return notReady(whyOf(error))
  }
}

const notReady = (why: string) => failed('gateway', `not ready: ${why}`, 'Its log says more')

/** Both are refused before anybody is asked who he is. */
async function door (url: string): Promise<Finding[]> {
  const [bare, ofPage] = await Promise.all([askUpgrade({ url }), askUpgrade({ url, origin: url })])
  bare.socket?.destroy()
  ofPage.socket?.destroy()
  const passes = bare.status === 401
    ? ok('WebSocket', 'its handshake comes through')
    : failed('WebSocket', bare.status === 426 ? 'Upgrade is taken out of the request' : `its handshake is answered ${bare.status}`,
      'Hand on Upgrade and Connection (nginx: proxy_set_header Upgrade $http_upgrade, Connection "upgrade", HTTP/1.1)')
  const host = ofPage.code === 'ORIGIN_NOT_ALLOWED'
    ? failed('Host', `it is not handed on: ${ofPage.detail ?? ''}`,
      'Hand on what the browser asked for, with its port (nginx: proxy_set_header Host $http_host)')
    : ok('Host', 'it is handed on: a page of this address may open a WebSocket')
  return [passes, host]
}

/** @returns the token of a user who listens, and `forget()`: what was made of him does not stay, but for what ends by itself. */
async function newGuest (url: string, env: NodeJS.ProcessEnv) {
  const { key, keyFile } = await gatewayOf(url, env)
  const userId = newUser()
  const token = await mintToken({ url, key, keyFile, userId, ttlSec: TTL_SEC })
  async function forget (): Promise<void> {
    for (const terminalId of terminals) {
      const path = `users/${userId}/terminals/${terminalId}`
      await callServer({ url, key: key as string, method: 'DELETE', path }).catch(() => undefined)
    }
  }
  return { token, forget }
}
