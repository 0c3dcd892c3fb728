// The demo page at `/` and its two users; offered on a loopback address when nothing is configured that says who may come.
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRequire } from 'node:module'
import fastifyStatic from '@fastify/static'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type Static, Type } from '@sinclair/typebox'
import { createValidators } from '../commands/validate.js'
import type { Context } from '../fanout/context.js'
import { TerminalId } from '../protocol/ids.js'
import { defaultLimits, type Limits } from '../protocol/limits.js'
import { Problem } from '../protocol/problem.js'
import { isNeighbour } from './neighbour.js'

const TOKEN_SEC = 43_200
const demoUsers = [{ userId: 'alice', displayName: 'Alice' }, { userId: 'bob', displayName: 'Bob' }]
const assets = fileURLToPath(new URL('../page/', import.meta.url))
/** htm and preact in one module; its package exports it to bundlers only, so it is found from the main file. */
const htm = join(dirname(createRequire(import.meta.url).resolve('htm')), '../preact')
/** The module of iris-gateway/client, as it is published. */
const client = fileURLToPath(new URL('../../client/', import.meta.url))

/** Whose other windows are kicked; `except` is the terminal that asks. */
const KickOthers = Type.Object({
  userId: Type.Union(demoUsers.map(({ userId }) => Type.Literal(userId))),
  except: TerminalId
}, { additionalProperties: false })
const checkKick = createValidators(defaultLimits).body(KickOthers)

type Parts = Pick<Context, 'mintToken' | 'terminals' | 'kicker'> & Pick<Limits, 'revokeSec'>

/**
 * Registers the page, its assets, and what an application's back end would do for it, for this machine's own browser only:
 * `GET /demo/users` hands out tokens of the demo users, `POST /demo/kick` kicks a user's other windows.
 */
export const page = fp<Parts>(async (app, { mintToken, terminals, kicker, revokeSec }) => {
  await app.register(fastifyStatic, { root: assets, prefix: '/assets/', index: false, decorateReply: true, schemaHide: true })
  app.get('/', { schema: { hide: true } }, async (_request, reply) => await reply.sendFile('index.html'))
  app.get('/assets/htm.js', { schema: { hide: true } }, async (_request, reply) =>
    await reply.type('text/javascript').sendFile('standalone.module.js', htm))
  app.get('/assets/client.js', { schema: { hide: true } }, async (_request, reply) => await reply.sendFile('index.js', client))
  app.get('/demo/users', { schema: { hide: true } }, async (request, reply) => {
    refuseStrangers(request)
    reply.header('cache-control', 'no-store')
    return { revokeSec, users: await Promise.all(demoUsers.map(async user => ({ ...user, ...await mintToken(user.userId, TOKEN_SEC) }))) }
  })
  app.post<{ Body: Static<typeof KickOthers> }>('/demo/kick', { schema: { hide: true } }, async (request, reply) => {
    refuseStrangers(request)
    reply.header('cache-control', 'no-store')
    const broken = checkKick(request.body)
    if (broken.length > 0) throw new Problem('INVALID_BODY', { errors: broken })
    const { userId, except } = request.body
    const [found = []] = await terminals.of([userId])
    const others = found.filter(({ online, terminalId }) => online && terminalId !== except).map(({ terminalId }) => terminalId)
    if (others.length === 0) return { kicked: [] }
    const { kicked } = await kicker.kick(userId, { terminals: others, reason: 'another window of yours asked for it' }, request.traceId)
    return { kicked }
  })
}, { name: 'page' })

/** What is not from this machine's own browser finds nothing here. */
function refuseStrangers (request: FastifyRequest): void {
  if (!isNeighbour(request)) throw new Problem('NOT_FOUND')
}
