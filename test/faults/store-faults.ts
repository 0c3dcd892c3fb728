// The faults of Redis itself: ended, stopped, slow, full, read-only, robbed of its last moments, followed by a replica that lags.
import { setTimeout as pause } from 'node:timers/promises'
import { until } from '../helper/user.js'
import { acknowledging, type Draw, during, type Fault, lasting, nodeOf } from './fault.js'
import { startProxy } from './proxy.js'
import { startStore } from './store.js'
import type { World } from './world.js'

export const redis: Draw = random => {
  const ms = random.int(20, 400)
  return random.pick<Fault>([
    // while a sync is under way it keeps back what it writes once a second
    {
      name: `Redis killed, back after ${ms} ms`,
      isLossy: 'memory',
      inject: async ({ store }) => await during(ms, store.kill, store.start)
    },
    { name: `Redis stopped for ${3 * ms} ms`, inject: async ({ store }) => await during(3 * ms, store.stop, store.goOn) },
    {
      name: 'Redis forgets its scripts',
      inject: async ({ store }) => await during(ms, async () => await store.redis.script('FLUSH'), () => undefined)
    }
  ])
}

/** Who knows what was there is gone with it, in part: another life, though nothing is lost. [STORE-1] */
export const together: Draw = random => {
  const [at, ms] = [random.int(0, 1), random.int(20, 400)]
  return {
    name: `Redis and node ${at} killed together, back after ${ms} ms`,
    isLossy: 'memory',
    async inject (world) {
      const node = nodeOf(world, at)
      await during(ms, async () => await Promise.all([world.store.kill(), node.kill()]), async () =>
        await Promise.all([world.store.start(), node.start()]))
      return 2
    }
  }
}

/** Only of a Redis that answers before it writes: what was written since a sync is lost with the machine's power. */
export const power: Draw = random => {
  const ms = random.int(50, 900)
  return {
    name: `power lost, ${ms} ms after the last sync`,
    isLossy: true,
    async inject (world) {
      const { store } = world
      const synced = store.written()
      await acknowledging(world, ms)
      const lost = await store.losePower(synced)
      await store.start()
      return lost
    }
  }
}

/** Until it ends, Redis refuses what it is asked. @returns how often it has. */
async function refuse (
  world: World, { ms, word, begin, end }: { ms: number, word: string, begin (): Promise<unknown>, end (): Promise<unknown> }
): Promise<number> {
  const { store } = world
  // who has not got over the last fault yet asks for nothing that could be refused
  await acknowledging(world, 0)
  const before = await store.refusals(word)
  await begin()
  await lasting(ms, async () => await store.refusals(word) > before)
  await end()
  return await store.refusals(word) - before
}

/** Nobody listens there. */
const NO_PORT = 1

export const readOnly: Draw = random => {
  const ms = random.int(50, 1_500)
  return {
    name: `Redis read-only for ${ms} ms`,
    inject: async world =>
      await refuse(world, { ms, word: 'READONLY', begin: () => world.store.follow(NO_PORT), end: () => world.store.follow() })
  }
}

/** What is refused has not happened, and is asked again. [STORE-2] */
export const full: Draw = random => {
  const ms = random.int(50, 1_500)
  return {
    name: `Redis at maxmemory for ${ms} ms`,
    inject: async world => await refuse(world, { ms, word: 'OOM', begin: () => world.store.allow(1), end: () => world.store.allow(0) })
  }
}

/** A slow disk under `appendfsync always`, as it looks from outside: Redis stands still again and again. */
export const slow: Draw = random => {
  const [ms, times] = [random.int(20, 150), random.int(5, 20)]
  return {
    name: `Redis stands still for ${ms} ms, ${times} times`,
    async inject ({ store }) {
      for (let i = 0; i < times; i++) {
        await during(ms, store.stop, store.goOn)
        await pause(5)
      }
      return times
    }
  }
}

/** All nodes go over to a replica: one that lags has not heard of the last moments, the other has all. */
export const failover: Draw = random => {
  const [lagMs, awayMs] = [random.pick([0, random.int(100, 800)]), random.int(0, 400)]
  const lags = lagMs > 0
  return {
    name: `failover to a replica that ${lags ? `lags by ${lagMs} ms` : 'has all'}, none for ${awayMs} ms`,
    isLossy: lags,
    inject: async world => await failOver(world, lagMs, awayMs)
  }
}

/** @returns what was lost in bytes; where nothing is to be lost, 1. */
async function failOver (world: World, lagMs: number, awayMs: number): Promise<number> {
  const { store: master, nodes, scope } = world
  const link = await startProxy(scope, master.port)
  const replica = await startStore(scope, master.durability)
  await replica.follow(link.port)
  await until(async () => await replica.isInSync() || undefined)
  if (lagMs > 0) {
    link.set({ down: { do: 'stall' } })
    await acknowledging(world, lagMs)
  }
  for (const { store } of nodes) {
    store.refuse()
    store.reset()
  }
  const [had, has] = [
    await master.offset(),
    await until(async () => lagMs > 0 || await replica.offset() === await master.offset() ? await replica.offset() : undefined)
  ]
  await master.kill()
  link.target = 0
  link.reset()
  await replica.follow()
  world.store = replica
  await pause(awayMs)
  for (const { store } of nodes) {
    store.target = replica.port
    store.heal()
  }
  return lagMs > 0 ? had - has : 1
}
