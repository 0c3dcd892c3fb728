// Headers that keep browsers honest: CORS for the configured origins, a strict content policy for everything served here.
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import fp from 'fastify-plugin'

/** Registers CORS (exact origins; none configured: no CORS headers) and the security headers. TLS, and so HSTS, ends in front of Iris. */
export const security = fp<{ allowedOrigins: string[] }>(async (app, { allowedOrigins }) => {
  const crossOrigin = { 'cross-origin-resource-policy': allowedOrigins.length > 0 ? 'cross-origin' : 'same-origin' }
  const apiHeaders = { 'content-security-policy': "default-src 'none'; frame-ancestors 'none'", 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', ...crossOrigin }
  // helmet makes its twelve headers anew for each request, and a stream keeps them for its life: JSON needs these four
  app.addHook('onRoute', route => { if (route.url.startsWith('/v1/')) Object.assign(route, { helmet: false }) })
  app.addHook('onRequest', async ({ url }, reply) => { if (url.startsWith('/v1/')) reply.headers(apiHeaders) })
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'self'"], objectSrc: ["'none'"], baseUri: ["'none'"], frameAncestors: ["'none'"], formAction: ["'self'"] } },
    strictTransportSecurity: false,
    referrerPolicy: { policy: 'no-referrer' },
    crossOriginResourcePolicy: { policy: allowedOrigins.length > 0 ? 'cross-origin' : 'same-origin' }
  })
  if (allowedOrigins.length === 0) return
  await app.register(cors, {
    origin: allowedOrigins,
    methods: ['GET', 'POST', 'PUT', 'DELETE'],
    allowedHeaders: ['Authorization', 'Content-Type', 'Terminal-Id', 'Trace-Id', 'traceparent', 'Last-Event-ID'],
    exposedHeaders: ['Trace-Id', 'Retry-After'],
    maxAge: 600
  })
}, { name: 'security' })
