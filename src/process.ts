// What runs: configuration, Redis, the application.
import { isatty } from 'node:tty'
import { buildApp } from './app.js'
import { bannerOf, placesOf } from './banner.js'
import { type Config, loadConfig } from './config.js'
import { end, endInOrder, type Running } from './end.js'
import { listen } from './listen.js'
import { createLog, droppedLines } from './log.js'
import { loadOrMakeSecrets, missingSecrets } from './secrets.js'
import { startEmbeddedRedis } from './store/embedded/embedded.js'
import { createRedis } from './store/redis/redis.js'

/** Starts Iris as the environment says, and prints where it listens; the process ends with one sentence where it cannot. */
export async function start (): Promise<void> {
  await run().catch(giveUp)
}

async function run (): Promise<void> {
  const configured = loadConfig(process.env)
  const config = await loadOrMakeSecrets(configured)
  const running: Running = { logger: createLog(config.logLevel), isEnding: false }
  const begun = begin(running, config)
  endInOrder(running, config, begun)
  try {
    const address = await begun
    if (address !== undefined) sayStart({ address, config, made: missingSecrets(configured), running })
  } catch (error) {
    // what has started does not end as if it had crashed
    if (!running.isEnding) await end(running).catch(() => undefined)
    throw error
  }
}

/** @returns where it listens; undefined when it is to end before it does. */
async function begin (running: Running, config: Config): Promise<string | undefined> {
  const { logger } = running
  if (config.redisUrl === undefined) {
    running.embedded = await startEmbeddedRedis({ dataDir: config.dataDir, durability: config.durability, log: logger })
  }
  const { embedded } = running
  if (running.isEnding) return undefined
  const redis = running.redis = createRedis(embedded?.socketPath ?? config.redisUrl ?? '')
  const app = await buildApp({
    config, redis, logger, droppedLines, onUnfit: giveUp, isSealed: embedded?.isSealed, disk: embedded?.disk, own: embedded
  })
  running.app = app
  await app.ready()
  if (running.isEnding) return undefined
  return await listen(app, config).catch((error: unknown) => { throw listenError(error, config) })
}

interface Started {
  address: string
  config: Config
  /** The variables of the secrets that were made. */
  made: string[]
  running: Running
}

/** Says where it listens: to a person, or to who reads the log. */
function sayStart ({ address, config, made, running: { app, logger } }: Started): void {
  const { version, durability, reason } = (app as NonNullable<typeof app>).store()
  if (isatty(1) && logger.isLevelEnabled('info')) {
    return void process.stdout.write(bannerOf({ address, config, made, version, durability, reason }))
  }
  logger.info({ redis: version, durability, node: config.nodeId, nodejs: process.version }, `Iris listens on ${address}`)
  logger.info(placesOf({ address, config, made }))
}

/** What keeps a server from listening, by the variables that mend it. */
function listenError (error: unknown, { host, port }: Config): Error {
  const { code = '', message } = error as NodeJS.ErrnoException
  const sentences: Record<string, string> = {
    EADDRINUSE: `IRIS_PORT ${port} of ${host} is in use by another process: end that one, or set another IRIS_PORT`,
    EACCES: `IRIS_PORT ${port} may not be opened by this user: set one from 1024 on, or let it (CAP_NET_BIND_SERVICE)`,
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
