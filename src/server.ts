// The process: configuration, Redis, the application, and a graceful end.
import closeWithGrace from 'close-with-grace'
import { pino } from 'pino'
import { BACKLOG, buildApp } from './app.js'
import { loadConfig } from './config.js'
import { loadOrMakeSecrets } from './secrets.js'
import { checkRedis } from './store/check-redis.js'
import { startEmbeddedRedis } from './store/embedded.js'
import { endLife } from './store/life.js'
import { createRedis } from './store/redis.js'

/** What the end may take beside the drain. */
const CLOSE_MS = 10_000

/** Starts Iris as the environment says, and prints where it listens. */
async function start (): Promise<void> {
  const config = await loadOrMakeSecrets(loadConfig(process.env))
  const logger = pino({ level: config.logLevel })
  const embedded = config.redisUrl === undefined ? await startEmbeddedRedis({ dataDir: config.dataDir, durability: config.durability, log: logger }) : undefined
  const redis = createRedis(embedded?.socketPath ?? config.redisUrl ?? '')
  let reachable = true
  redis.on('error', (err: Error) => {
    if (reachable) logger.error({ code: (err as NodeJS.ErrnoException).code, message: err.message }, 'Redis is not reachable: commands answer 503, streams wait')
    reachable = false
  })
  redis.on('ready', () => {
    if (!reachable) logger.info('Redis is back')
    reachable = true
  })
  await new Promise<void>(resolve => redis.once('ready', resolve))
  const { version, warnings } = await checkRedis(redis)
  for (const warning of warnings) logger.warn(warning)

  const app = await buildApp({ config, redis, logger })
  const drainMs = config.drainSec * 1000
  // the goodbyes of those who are still there leave with the process
  const onSecondSignal = () => void app.drain(0)
  closeWithGrace({ delay: drainMs + CLOSE_MS, logger, onSecondSignal }, async ({ err, signal }) => {
    if (err) logger.fatal({ err }, 'a bug: Iris goes down')
    // SIGINT comes from somebody who waits for the prompt
    await app.drain(signal === 'SIGTERM' ? drainMs : 0)
    await app.close()
    if (embedded) await endLife(redis).catch(() => undefined) // then the next start counts as after a crash
    redis.disconnect()
    await embedded?.stop()
  })
  const address = await app.listen({ host: config.host, port: config.port, backlog: BACKLOG })
  logger.info({ redis: version, node: config.nodeId, durability: config.durability }, `Iris listens on ${address}`)
  if (config.demo) logger.info(`Demo page: ${address}/  Documents: ${address}/docs  Keys: ${config.dataDir}/secrets.json`)
}

start().catch((error: unknown) => {
  process.stderr.write(`Iris cannot start: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
})
