// What runs: configuration, Redis, the application, and a graceful end.
import { isatty } from 'node:tty'
import closeWithGrace from 'close-with-grace'
import type { Logger } from 'pino'
import { buildApp } from './app.js'
import { bannerOf } from './banner.js'
import { type Config, loadConfig } from './config.js'
import { listen } from './listen.js'
import { createLog, droppedLines } from './log.js'
import { loadOrMakeSecrets, missingSecrets } from './secrets.js'
import { type EmbeddedRedis, startEmbeddedRedis } from './store/embedded/embedded.js'
import { isWhole } from './store/life/life.js'
import { createRedis } from './store/redis/redis.js'

/** What the end may take beside the drain. */
const CLOSE_MS = 10_000

/** Starts Iris as the environment says, and prints where it listens; the process ends with one sentence where it cannot. */
export async function start (): Promise<void> {
  await run().catch(giveUp)
}

async function run (): Promise<void> {
  const configured = loadConfig(process.env)
  const config = await loadOrMakeSecrets(configured)
  const logger = createLog(config.logLevel)
  const embedded = config.redisUrl === undefined
    ? await startEmbeddedRedis({ dataDir: config.dataDir, durability: config.durability, log: logger })
    : undefined
  const redis = createRedis(embedded?.socketPath ?? config.redisUrl ?? '')
  const app = await buildApp({
    config, redis, logger, droppedLines, onUnfit: giveUp, isSealed: embedded?.isSealed, disk: embedded?.disk, own: embedded
  })
  await app.ready()
  endInOrder({ app, redis, embedded, config, logger })
  const address = await listen(app, config).catch((error: unknown) => { throw listenError(error, config) })
  sayStart({ address, config, made: missingSecrets(configured), store: app.store(), logger })
}

interface Started {
  address: string
  config: Config
  /** The variables of the secrets that were made. */
  made: string[]
  store: ReturnType<Awaited<ReturnType<typeof buildApp>>['store']>
  logger: Logger
}

/** Says where it listens: to a person, or to who reads the log. */
function sayStart ({ address, config, made, store: { version, durability, reason }, logger }: Started): void {
  if (isatty(1) && logger.isLevelEnabled('info')) {
    return void process.stdout.write(bannerOf({ address, config, made, version, durability, reason }))
  }
  logger.info({ redis: version, durability, node: config.nodeId, nodejs: process.version }, `Iris listens on ${address}`)
  if (config.demo) logger.info(`Demo page: ${address}/  Documents: ${address}/docs  Keys: ${config.dataDir}/secrets.json`)
}

interface Running {
  app: Awaited<ReturnType<typeof buildApp>>
  redis: ReturnType<typeof createRedis>
  embedded: EmbeddedRedis | undefined
  config: Config
  logger: Logger
}

/** SIGTERM drains; SIGINT comes from somebody who waits for the prompt, and ends at once, as a second signal does. */
function endInOrder ({ app, redis, embedded, config, logger }: Running): void {
  const drainMs = config.drainSec * 1000
  // the goodbyes of those who are still there leave with the process
  const onSecondSignal = () => void app.drain(0)
  closeWithGrace({ delay: drainMs + CLOSE_MS, logger, onSecondSignal }, async ({ err, signal }) => {
    if (err) logger.fatal({ err }, 'a bug: Iris goes down')
    else logger.info(`Iris is to end: ${signal ?? 'it was closed'}`)
    await app.drain(signal === 'SIGTERM' ? drainMs : 0)
    await app.close()
    const restarts = embedded?.restarts
    // one that came back a moment ago may owe what was seen of it: else the next start counts as after a crash
    const isAllThere = app.store().reason === undefined && embedded && await isWhole(redis).catch(() => false)
    redis.disconnect()
    await embedded?.stop(isAllThere ? restarts : undefined)
    logger.info('Iris has ended')
  })
}

/** What keeps a server from listening, by the variables that mend it. */
function listenError (error: unknown, { host, port }: Config): Error {
  const { code = '', message } = error as NodeJS.ErrnoException
  const sentences: Record<string, string> = {
    EADDRINUSE: `IRIS_PORT ${port} of ${host} is in use by another process`,
    EACCES: `IRIS_PORT ${port} may not be opened by this user`,
    EADDRNOTAVAIL: `IRIS_HOST ${host} is no address of this machine`,
    EAFNOSUPPORT: `IRIS_HOST ${host} is of a kind that this machine does not have`,
    EINVAL: `IRIS_HOST ${host} cannot be listened on`,
    ENOTFOUND: `IRIS_HOST ${host} cannot be resolved`,
    EAI_AGAIN: `IRIS_HOST ${host} cannot be resolved`
  }
  return new Error(sentences[code] ?? message)
}

/** Ends the process with one sentence. */
function giveUp (why: unknown): never {
  process.stderr.write(`Iris cannot start: ${why instanceof Error ? why.message : String(why)}\n`)
  process.exit(1)
}
