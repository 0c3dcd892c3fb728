// The demo page at `/` and its two users; offered on a loopback address without configured secrets only.
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRequire } from 'node:module'
import fastifyStatic from '@fastify/static'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../protocol/problem.js'
import type { Tokens } from './tokens.js'

const TOKEN_SEC = 43_200
const demoUsers = [{ userId: 'alice', displayName: 'Alice' }, { userId: 'bob', displayName: 'Bob' }]
const assets = fileURLToPath(new URL('../page/', import.meta.url))
/** htm and preact in one module; its package exports it to bundlers only, so it is found from the main file. */
const htm = join(dirname(createRequire(import.meta.url).resolve('htm')), '../preact')

/** Registers the page, its assets, and `GET /demo/users`, which hands out tokens of the demo users to this machine's own browser. */
export const page = fp<Pick<Tokens, 'mint'>>(async (app, { mint }) => {
  await app.register(fastifyStatic, { root: assets, prefix: '/assets/', index: false, decorateReply: true, schemaHide: true })
  app.get('/', { schema: { hide: true } }, async (_request, reply) => await reply.sendFile('index.html'))
  app.get('/assets/htm.js', { schema: { hide: true } }, async (_request, reply) => await reply.type('text/javascript').sendFile('standalone.module.js', htm))
  app.get('/demo/users', { schema: { hide: true } }, async (request, reply) => {
    refuseStrangers(request)
    reply.header('cache-control', 'no-store')
    return { users: await Promise.all(demoUsers.map(async user => ({ ...user, ...await mint(user.userId, TOKEN_SEC) }))) }
  })
}, { name: 'page' })

/** Another site must not get the tokens, be it by a cross-site request or by a name of its own that leads to this address (DNS rebinding). */
function refuseStrangers ({ headers }: FastifyRequest): void {
  const isLocal = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(headers.host ?? '')
  const site = headers['sec-fetch-site']
  if (!isLocal || (site !== undefined && site !== 'same-origin' && site !== 'none')) throw new Problem('NOT_FOUND')
}
