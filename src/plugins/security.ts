// Headers that keep browsers honest: CORS for the configured origins, a strict content policy for everything served here.
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import fp from 'fastify-plugin'

interface Options { allowedOrigins: string[] }

const resourcePolicy = ({ allowedOrigins }: Options) => allowedOrigins.length > 0 ? 'cross-origin' : 'same-origin'

/**
 * Registers CORS (exact origins; none configured: no CORS headers) and the headers of an API. They are four, made once:
 * helmet makes twelve for each request, and a stream would keep them, and helmet's own state, for its life.
 */
export const security = fp<Options>(async (app, options) => {
  const { allowedOrigins } = options
  const headers = { 'content-security-policy': "default-src 'none'; frame-ancestors 'none'", 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cross-origin-resource-policy': resourcePolicy(options) }
  app.addHook('onRequest', async (_request, reply) => { reply.headers(headers) })
  if (allowedOrigins.length === 0) return
  await app.register(cors, {
    origin: allowedOrigins,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    // headers allowed: whatever the preflight names. It is the origin that is judged, and tracing libraries add their own
    exposedHeaders: ['Trace-Id', 'Retry-After', 'Allow', 'WWW-Authenticate', 'Accept-Encoding'],
    maxAge: 600
  })
}, { name: 'security' })

/** Registers the headers of pages, in the scope of their routes. TLS, and so HSTS, ends in front of Iris. */
export const pageSecurity = fp<Options>(async (app, options) => {
  app.addHook('onRequest', async (_request, reply) => { reply.removeHeader('content-security-policy') })
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'self'"], objectSrc: ["'none'"], baseUri: ["'none'"], frameAncestors: ["'none'"], formAction: ["'self'"] } },
    strictTransportSecurity: false,
    referrerPolicy: { policy: 'no-referrer' },
    crossOriginResourcePolicy: { policy: resourcePolicy(options) }
  })
}, { name: 'page-security' })
