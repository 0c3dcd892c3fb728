// Calls a URL that somebody else has named: at the address that was checked, without redirects, for so long. [WEBHOOK-2]
import { lookup } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import type { Agent, Dispatcher } from 'undici'
import { type CallUrl, isPublic } from './address.js'

/** An answer, whatever its status. `text`: its first bytes, when they were asked for; `retryAfter`: the header as it came. */
export interface CallAnswer { status: number, text: string, isWhole: boolean, retryAfter: string | undefined }

export interface Call {
  headers: Record<string, string>
  body: string
  /** From the beginning to the end of the answer. */
  timeoutMs: number
  /** So many bytes of the answer are wanted; of the rest, or when none are, nothing is kept. */
  wanted?: number
}

/** Asks for the addresses of a host. */
export type Resolve = (hostname: string) => Promise<string[]>

/** A name of whoever named the URL: to ask for it must not take the threads that other work of this process waits for. */
const DNS_MS = 2_000
const IDLE_MS = 10_000
/** Name, TCP and TLS; no longer than a call, as a rule. */
const CONNECT_MS = 10_000
/** What nobody has asked for is read so far, and for so long, so that the connection can be used again; else it is cut. */
const DRAINED_BYTES = 16_384
const DRAIN_MS = 1_000

/** A call that was not made; its message may be told. */
class Refused extends Error {}

const forbidden = () => new Refused('its host leads to a private or reserved address')

/** @returns the addresses of a public name, by the name servers alone: the operator's own `hosts` file is not for others. */
async function resolvePublic (hostname: string): Promise<string[]> {
  const resolver = new Resolver({ timeout: DNS_MS, tries: 1 })
  const found = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)])
  const addresses = found.flatMap(one => one.status === 'fulfilled' ? one.value : [])
  if (addresses.length === 0) throw Object.assign(new Error('its host is not known'), { code: 'ENOTFOUND' })
  return addresses
}

/** @returns a `lookup` for a socket, which dials what this has checked: no second question could be answered otherwise. */
function guarded (resolve: Resolve): LookupFunction {
  return (hostname, options, done) => {
    resolve(hostname).then(addresses => {
      if (addresses.length === 0 || !addresses.every(isPublic)) throw forbidden()
      const found = addresses.map(address => ({ address, family: isIP(address) }))
      if (options.all) done(null, found)
      else done(null, found[0]?.address ?? '', found[0]?.family)
    }).catch((error: NodeJS.ErrnoException) => done(error, ''))
  }
}

/**
 * Makes a caller of one URL, with connections of its own: a slow one holds up no other. Nothing is loaded before the first call.
 * @param connections so many at once; what is called meanwhile waits within its own time.
 * @param resolve asks for the addresses of a host that the configuration does not name.
 */
export function createCaller ({ url, isAllowed }: CallUrl, { connections, resolve = resolvePublic }: {
  connections: number
  resolve?: Resolve | undefined
}) {
  let loading: Promise<{ agent: Agent, request: Dispatcher['request'] }> | undefined

  async function load () {
    const { Agent, buildConnector } = await import('undici')
    const connect = buildConnector({ timeout: CONNECT_MS, lookup: isAllowed ? lookup : guarded(resolve) })
    const agent = new Agent({
      connections,
      pipelining: 1,
      keepAliveTimeout: IDLE_MS,
      // an address that stands in the URL is never looked up
      connect: (options, done) => isAllowed || isIP(options.hostname) === 0 || isPublic(options.hostname)
        ? connect(options, done)
        : done(forbidden(), null)
    })
    return { agent, request: agent.request.bind(agent) }
  }

  return {
    /** Posts a body. @returns the answer. Throws when there is none in time: see `troubleOf`. */
    async post ({ headers, body, timeoutMs, wanted = 0 }: Call): Promise<CallAnswer> {
      const signal = AbortSignal.timeout(timeoutMs)
      const { request } = await (loading ??= load())
      const answer = await request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: 'POST',
        headers: { 'content-type': 'application/json', 'accept-encoding': 'identity', 'user-agent': 'Iris', ...headers },
        body,
        signal,
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs
      })
      const { 'retry-after': after } = answer.headers
      const retryAfter = Array.isArray(after) ? after[0] : after
      if (wanted > 0) return { status: answer.statusCode, retryAfter, ...await readSome(answer.body, wanted) }
      answer.body.dump({ limit: DRAINED_BYTES, signal: AbortSignal.timeout(DRAIN_MS) }).catch(() => undefined)
      return { status: answer.statusCode, text: '', isWhole: false, retryAfter }
    },

    /** Cuts what is under way. */
    async close (): Promise<void> {
      await loading?.then(({ agent }) => agent.destroy()).catch(() => undefined)
    }
  }
}

export type Caller = ReturnType<typeof createCaller>

/** Stands for the caller of a URL that may not be called. */
export const noCaller = (fault: string): Caller => ({
  post: async () => { throw new Refused(`its URL ${fault}`) },
  close: async () => undefined
})

/** @returns the first bytes as text; `isWhole`: there were no more. Who stops reading cuts the rest off. */
async function readSome (body: AsyncIterable<Buffer>, wanted: number) {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of body) {
      chunks.push(chunk)
      size += chunk.length
      if (size > wanted) break
    }
  } catch {
    size = Infinity // it was cut off, or took too long: what came is told
  }
  return { text: Buffer.concat(chunks).subarray(0, wanted).toString(), isWhole: size <= wanted }
}

const CUT = 'the connection was cut'

const words: [pattern: RegExp, trouble: string][] = [
  [/TimeoutError|Timeout/, 'no answer in time'],
  [/ENOTFOUND|EAI_AGAIN|ESERVFAIL|ENODATA/, 'its host is not known'],
  [/ECONNREFUSED/, 'nothing listens there'],
  [/EHOSTUNREACH|ENETUNREACH|ENETDOWN/, 'there is no way to its address'],
  [/HPE_|HTTPParserError|HeadersOverflow/, 'what it answers is not HTTP'],
  [/CERT|SIGNATURE|self.signed|UNABLE_TO|ERR_TLS/i, 'its certificate is not valid'],
  [/ERR_SSL|EPROTO|WRONG_VERSION|PACKET_LENGTH/, 'it does not speak TLS'],
  [/ECONNRESET|EPIPE|UND_ERR_SOCKET|other side closed/, CUT]
]

/** @returns whether a call went wrong since its connection ended: as one that was kept open may, at any time. */
export const isCut = (error: unknown) => troubleOf(error) === CUT

/** @returns what went wrong with a call, in words that name no address. */
export function troubleOf (error: unknown): string {
  if (error instanceof Refused) return error.message
  const { name = '', code = '', message = '', errors } = error as NodeJS.ErrnoException & { errors?: unknown[] }
  if (errors?.[0] !== undefined) return troubleOf(errors[0])
  return words.find(([pattern]) => pattern.test(`${name} ${code} ${message}`))?.[1] ?? `it cannot be called (${code || name})`
}
