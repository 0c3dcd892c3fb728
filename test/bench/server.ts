// The measured process: Iris as src/server.ts builds it, on a given Redis, that also says what it costs.
import { once } from 'node:events'
import { Session } from 'node:inspector/promises'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { buildApp } from '../../src/app.js'
import { loadConfig } from '../../src/config.js'
import { listen } from '../../src/listen.js'
import { createLog } from '../../src/log.js'
import { createRedis } from '../../src/store/redis/redis.js'
import { serve } from './child.js'
import { createStallWatch } from './stalls.js'

/** Memory is read when three collections and pauses have let go of what can be let go. */
const SETTLE_MS = 400
const WATCH_MS = 100

const [socketPath = ''] = process.argv.slice(2)
const config = loadConfig(process.env)
const redis = createRedis(socketPath)
await once(redis, 'ready')
const app = await buildApp({ config, redis, logger: createLog(config.logLevel) })
await listen(app, { host: config.host, port: 0 })
const session = new Session()
const stallWatch = createStallWatch('server')
let watch: NodeJS.Timeout | undefined
let peakRss = 0

const verbs = {
  port: () => (app.server.address() as AddressInfo).port,

  /** CPU time so far, of all threads, in us. */
  cpu: () => {
    const { user, system } = process.cpuUsage()
    return user + system
  },

  /** Bytes in use after a forced settling. */
  memory: async () => {
    for (let i = 0; i < 3; i++) {
      globalThis.gc?.()
      await pause(SETTLE_MS)
    }
    return process.memoryUsage()
  },

  /** From now on the resident set is looked at ten times a second. */
  watchRss: () => {
    peakRss = 0
    watch = setInterval(() => { peakRss = Math.max(peakRss, process.memoryUsage.rss()) }, WATCH_MS)
  },

  /** The most that was seen, in bytes. */
  peakRss: () => {
    clearInterval(watch)
    return peakRss
  },

  /** From now on it is noted when this thread stands still, and why. */
  watchStalls: () => stallWatch.start(),
  stalls: () => stallWatch.stop(),

  startProfile: async () => {
    session.connect()
    await session.post('Profiler.enable')
    await session.post('Profiler.setSamplingInterval', { interval: 200 })
    await session.post('Profiler.start')
  },

  stopProfile: async () => {
    const { profile } = await session.post('Profiler.stop')
    session.disconnect()
    return profile
  }
}

export type ServerVerbs = typeof verbs
serve(verbs)
