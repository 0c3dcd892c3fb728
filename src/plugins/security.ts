// Headers that keep browsers honest: CORS for the configured origins, a strict content policy for everything served here.
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { originOf, originProblem, strangerOf } from '../protocol/origin.js'

interface Options { allowedOrigins: string[] }

const resourcePolicy = ({ allowedOrigins }: Options) => allowedOrigins.length > 0 ? 'cross-origin' : 'same-origin'

/** What a page of another origin may read of an answer. */
const exposedHeaders = ['Trace-Id', 'Retry-After', 'Allow', 'WWW-Authenticate', 'Accept-Encoding', 'Idempotent-Replayed']

const isAllowed = (origin: string, { allowedOrigins }: Options) =>
  origin !== '' && allowedOrigins.length > 0 && allowedOrigins.includes(originOf(origin) ?? '')

/**
 * The headers of an API. They are four: helmet makes twelve for each request,
 * and a stream would keep them, and helmet's own state, for its life.
 */
const apiHeaders = (options: Options) => ({
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': resourcePolicy(options)
})

/**
 * @returns what makes the headers of an API; for an origin, those of CORS among them: what is refused before the hook of CORS needs them.
 */
export function createBareHeaders (options: Options) {
  const headers = { ...apiHeaders(options), ...(options.allowedOrigins.length > 0 && { vary: 'Origin' }) }
  return (origin = ''): Record<string, string> =>
    ({
      ...headers,
      ...(isAllowed(origin, options) &&
        { 'access-control-allow-origin': origin, 'access-control-expose-headers': exposedHeaders.join(', ') })
    })
}

export type BareHeaders = ReturnType<typeof createBareHeaders>

/** A preflight; any other OPTIONS is a method as others are. */
const isPreflight = ({ method, headers }: FastifyRequest) => method === 'OPTIONS' && headers['access-control-request-method'] !== undefined

/** So many origins are remembered as named in the log; then it begins anew. */
const MOST_NAMED = 100

/** @returns what refuses the preflight of a page that may not come, and names its origin in the log, once. */
function createPreflightRefusal ({ allowedOrigins }: Options) {
  const named = new Set<string>()
  return function refusePreflight (request: FastifyRequest, _reply: FastifyReply, done: (refused?: Error) => void): void {
    const { headers: { origin }, log, traceId } = request
    if (origin === undefined || !isPreflight(request)) return done() // every request comes by here
    const stranger = strangerOf({ origin, host: request.host }, allowedOrigins)
    if (!stranger) return done()
    if (!named.has(stranger.origin)) {
      if (named.size >= MOST_NAMED) named.clear()
      named.add(stranger.origin)
      log.warn({ traceId, ...stranger }, 'a page was refused (CORS): its Origin is neither the Host nor one of IRIS_ALLOWED_ORIGINS')
    }
    done(originProblem(stranger))
  }
}

/** Registers CORS: the configured origins, however they are spelled; none configured: no CORS headers. */
export const security = fp<Options>(async (app, options) => {
  app.addHook('onRequest', createPreflightRefusal(options))
  if (options.allowedOrigins.length === 0) return
  const shared = {
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    // headers allowed: whatever the preflight names. It is the origin that is judged, and tracing libraries add their own
    exposedHeaders,
    maxAge: 600
  }
  await app.register(cors, {
    delegator: (request, done) =>
      done(null, { ...shared, origin: isAllowed(request.headers.origin ?? '', options), preflight: isPreflight(request) })
  })
}, { name: 'security' })

/** Registers the headers of pages, in the scope of their routes. TLS, and so HSTS, ends in front of Iris. */
export const pageSecurity = fp<Options>(async (app, options) => {
  app.addHook('onRequest', async (_request, reply) => { reply.removeHeader('content-security-policy') })
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'self'"], objectSrc: ["'none'"], baseUri: ["'none'"], frameAncestors: ["'none'"], formAction: ["'self'"] }
    },
    strictTransportSecurity: false,
    referrerPolicy: { policy: 'no-referrer' },
    crossOriginResourcePolicy: { policy: resourcePolicy(options) }
  })
}, { name: 'page-security' })
