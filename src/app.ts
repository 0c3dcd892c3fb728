// The application: gateway, plugins and transports on one Fastify instance. It listens nowhere and starts no Redis.
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { createExecute } from './commands/execute.js'
import { commands, userOperations } from './commands/index.js'
import { isSpared, shedding } from './commands/shedding.js'
import type { Config } from './config.js'
import { timed } from './health/meter.js'
import { createGateway } from './gateway.js'
import { oneFor } from './log.js'
import { arrival } from './plugins/arrival.js'
import { answers } from './plugins/answers.js'
import { createAuth } from './plugins/auth.js'
import { bodies } from './plugins/bodies.js'
import { FrameworkLog } from './plugins/framework-log.js'
import { health } from './plugins/health.js'
import { limits } from './plugins/limits.js'
import { metrics, noMetrics } from './plugins/metrics.js'
import { openapi } from './plugins/openapi.js'
import { sheddable, shedRequests } from './plugins/overload.js'
import { page } from './plugins/page.js'
import { pipelined } from './plugins/pipelined.js'
import { createClientErrorHandler, createFrameworkErrors, problems } from './plugins/problems.js'
import { createBareHeaders, pageSecurity, security } from './plugins/security.js'
import { createTokens } from './plugins/tokens.js'
import { createUpgrades } from './plugins/upgrades.js'
import { serverOperations } from './server-api/index.js'
import { LONGEST_MS } from './store/deadline.js'
import type { Disk, OwnDisk } from './store/redis/disk.js'
import type { Redis } from './store/redis/redis.js'
import { createIdempotent } from './transports/idempotent.js'
import { mountOperations } from './transports/post.js'
import { mountPoll } from './transports/poll.js'
import { mountSse } from './transports/sse.js'
import { mountWebSocket } from './transports/websocket.js'

/** How often slow requests are looked for. */
const SLOW_CHECK_MS = 5_000
/** Longer than any request may take, with room for a busy event loop. */
const CLOSE_MS = LONGEST_MS + 700

declare module 'fastify' {
  interface FastifyInstance {
    /** Begins the end: `/readyz` is 503 at once, the streams end over so many ms, requests are still answered. `close()` follows. */
    drain (ms: number): Promise<void>
    /** Why the store cannot be worked with (undefined: it can), and what it is. */
    store: ReturnType<typeof createGateway>['store']
  }
}

/** Everything that can be called, in the order of the protocol. */
export const operations = [...commands, ...userOperations, ...serverOperations]

/** What may be called up a WebSocket. */
const upNames = new Set(operations.filter(({ tag }) => tag === 'Up').map(({ name }) => name))

interface Parts {
  config: Config
  redis: Redis
  logger: FastifyBaseLogger
  /** How many lines of the log were dropped until now. */
  droppedLines?: (() => number) | undefined
  /** Called when Redis cannot be worked with, and waiting for it cannot help; without it Iris waits. */
  onUnfit?: ((sentence: string) => void) | undefined
  /** Whether Redis is known to have all that it had when it ended. */
  isSealed?: boolean | undefined
  /** Asks for the disk of Redis, where that is known. */
  disk?: (() => Promise<Disk>) | undefined
  /** How a Redis that Iris has started is kept from ending on a full disk. */
  own?: OwnDisk | undefined
}

/**
 * Builds the application around a connection to Redis.
 * @returns the Fastify instance, not yet listening; closing it ends all streams with BYE 4200, the connection stays open.
 */
export async function buildApp ({ config, redis, logger, droppedLines, onUnfit, isSealed, disk, own }: Parts): Promise<FastifyInstance> {
  const requestMs = config.limits.requestSec * 1000
  const bareHeaders = createBareHeaders(config)
  const app = Fastify({
    loggerInstance: oneFor(logger),
    logController: new FrameworkLog(),
    bodyLimit: config.limits.bodyBytes,
    requestTimeout: requestMs,
    // a request without Host gets a problem (plugins/problems.ts), not Node's bare 400
    http: { requireHostHeader: false, headersTimeout: requestMs, connectionsCheckingInterval: Math.min(SLOW_CHECK_MS, requestMs) },
    trustProxy: config.trustProxy.length > 0 ? config.trustProxy : false,
    // a 503 would end a browser's EventSource for ever: what still comes is answered, streams with their goodbye
    return503OnClosing: false,
    // HEAD is answered wherever GET is, except where that streams or waits: RFC 9110 9.1
    exposeHeadRoutes: true,
    frameworkErrors: createFrameworkErrors(bareHeaders),
    clientErrorHandler: createClientErrorHandler(bareHeaders),
    routerOptions: { maxParamLength: 200 }
  })
  const tokens = createTokens(config, {
    now: () => gateway.context.now(),
    isTimeKnown: () => gateway.isTimeKnown(),
    ticks: () => performance.now(),
    welcomeFrom: async userId => await gateway.context.kicks.welcomeFrom(userId),
    log: logger
  })
  const gateway = createGateway({
    redis,
    ...config,
    node: config.nodeId,
    webhooks: { ...config.webhooks, sealers: config.serverKeys },
    tokens,
    durability: config.redisUrl === undefined ? undefined : config.durability,
    onUnfit,
    isSealed,
    disk,
    own,
    log: logger
  })
  const { context, hub, meter, pressure } = gateway
  if (droppedLines) meter.droppedLines = droppedLines
  let isDraining = false
  const auth = createAuth({ tokens, tickets: context.tickets, serverKeys: config.serverKeys })
  const execute = shedding(timed(createExecute(operations, context, config.limits), meter), {
    operations,
    pressure,
    onAlive: context.leases.seen
  })
  const metricsMode = config.metrics ?? (config.demo ? 'neighbour' : 'key')

  // streams have their own way to be told: a status would end a browser's for ever [SSE-1]
  const mayShed = sheddable(new Set([...operations.filter(isSpared).map(({ path }) => path), '/v1/down/events', '/v1/ws']))
  shedRequests(app.server, { mayShed, refuses: pressure.refuses, headersOf: bareHeaders })
  const upgrades = createUpgrades(app.server, { path: '/v1/ws', answerMs: requestMs })

  // RFC 9110 10.1.1: an expectation that is not known may be ignored; Node's own answer is a bare 417
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
  await app.register(arrival, { headersOf: bareHeaders })
  await app.register(answers, { takenMs: config.limits.answerSec * 1000 })
  await app.register(pipelined, { mayShed, headersOf: bareHeaders, onShed: () => { meter.shed.connection++ } })
  // before whatever has routes or may refuse: refusals are problems, and a page can read them
  await app.register(problems)
  await app.register(security, { allowedOrigins: config.allowedOrigins })
  await app.register(bodies)
  await app.register(limits, { perSec: config.limits.addressRate })
  await app.register(health, { ping: gateway.ping, unready: () => isDraining ? 'the node goes down' : gateway.unready() })
  if (metricsMode === 'off') await app.register(noMetrics)
  else await app.register(metrics, { meter, hub, mode: metricsMode, authenticate: auth.server })
  await app.register(async pages => {
    await pages.register(pageSecurity, { allowedOrigins: config.allowedOrigins })
    await pages.register(openapi, { operations, limits: config.limits })
    if (config.demo) {
      await pages.register(page, {
        mintToken: context.mintToken,
        terminals: context.terminals,
        kicker: context.kicker,
        revokeSec: config.limits.revokeSec
      })
    }
  })
  const down = { hub, authenticate: auth.down, now: context.now, onRefused: meter.goodbye }
  // in a scope of its own: the package hangs hooks on every request beside it
  await app.register(async scope => await mountWebSocket(scope, {
    ...down,
    door: upgrades.door,
    execute,
    upNames,
    admission: context.admission,
    allowedOrigins: config.allowedOrigins,
    bodyBytes: config.limits.bodyBytes
  }))
  app.after(() => {
    const once = createIdempotent(gateway.idempotency)
    mountOperations(app, { operations, execute, auth, once, stuckMs: config.limits.stuckSec * 1000, now: context.now })
    mountSse(app, down)
    mountPoll(app, down)
  })
  app.decorate('store', gateway.store)
  app.decorate('drain', async (ms: number) => {
    isDraining = true
    const open = hub.connections().length
    logger.info({ connections: open, ms }, `The node goes down: ${endOf(open, ms)}`)
    await gateway.drain(ms)
  })
  app.addHook('onReady', async () => gateway.start())
  // streams are ended before Fastify waits for open requests to finish, or it would wait for ever
  app.addHook('preClose', async () => {
    gateway.stop()
    // a connection whose request was under way ends with its answer, although its client would keep it
    Object.assign(app.server, { keepAliveTimeout: 1, keepAliveTimeoutBuffer: 0 })
    // what is still open then (a connection that never sent a request, a reader that does not read) must not hold the end up
    setTimeout(() => {
      app.server.closeAllConnections()
      upgrades.end()
    }, CLOSE_MS).unref()
  })
  app.addHook('onClose', gateway.leave)
  return app
}

/** @returns how soon the connections that are open will have ended: fewer need less time than they may take. */
function endOf (open: number, ms: number): string {
  if (open === 0) return 'no connection is open'
  return `${open} ${open === 1 ? 'connection ends' : 'connections end'} ${ms > 0 ? `within ${ms / 1000} s` : 'at once'}`
}
