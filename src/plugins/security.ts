// Headers that keep browsers honest: CORS for the configured origins, a strict content policy for everything served here.
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import fp from 'fastify-plugin'

/** Registers CORS (exact origins; none configured: no CORS headers) and the security headers. TLS, and so HSTS, ends in front of Iris. */
export const security = fp<{ allowedOrigins: string[] }>(async (app, { allowedOrigins }) => {
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
