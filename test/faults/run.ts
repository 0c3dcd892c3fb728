// One history: traffic while faults come and go, then quiet, then the question what has become of it all.
import { setTimeout as pause } from 'node:timers/promises'
import { clockEnv, HOUR_MS } from '../helper/clock.js'
import type { Fault } from './fault.js'
import { drawFaults } from './inject.js'
import { type Outcome, outcomeOf } from './outcome.js'
import { createRandom, type Random } from './random.js'
import { type Reader, startReader } from './readers.js'
import { createScope, type Scope } from './scope.js'
import { createTraffic, type Traffic } from './traffic.js'
import { findTold, findTruth } from './truth.js'
import { type Facts, startWorld, users, type World } from './world.js'

/** So soon after the last fault everything is as it should be: before the sweep that comes after 25 s. */
const SETTLE_MS = 15_000

/** Who is on. */
export interface Stage { world: World, traffic: Traffic, readers: Reader[], settleMs: number }

/** What a history does between its beginning and its end: what the seed draws, or a schedule. */
export interface Script {
  seed: number
  faults?: number
  /** A word in the names of its faults. */
  only?: string | undefined
  act?: Schedule
  /** So long after the last fault everything may take. */
  settleMs?: number
}
export type Schedule = (stage: Stage) => Promise<void>

/** Who reads, how, and where: all transports at all nodes, a terminal that never stays, and two of one user. */
const startReaders = async (world: World, random: Random) => await Promise.all([
  startReader(world, { userId: 'alice', terminalId: 'sse', transport: 'sse' }),
  startReader(world, { userId: 'bob', terminalId: 'poll', transport: 'poll', at: 1 }),
  startReader(world, { userId: 'bob', terminalId: 'sse', transport: 'sse', at: 1 }),
  startReader(world, { userId: 'carol', terminalId: 'ws', transport: 'ws' }),
  startReader(world, {
    userId: 'carol',
    terminalId: 'hop',
    transport: random.pick(['sse', 'poll', 'ws'] as const),
    at: 1,
    hopMs: random.int(150, 500)
  }),
  startReader(world, { userId: 'dave', terminalId: 'sse', transport: 'sse', at: 1 })
])

/** Waits until it is so. @returns whether it came to be in time. */
async function within (ms: number, isSo: () => boolean): Promise<boolean> {
  const late = performance.now() + ms
  while (!isSo() && performance.now() < late) await pause(20)
  return isSo()
}

/** Lets a fault happen, and keeps it. */
export async function inject ({ world, traffic }: Stage, fault: Fault): Promise<void> {
  const from = performance.now()
  const hits = await fault.inject(world, traffic)
  world.history.faults.push({
    name: fault.name,
    from,
    to: performance.now(),
    hits,
    isLossy: fault.isLossy === true || fault.isLossy === world.store.durability
  })
}

type Mark = Awaited<ReturnType<Traffic['mark']>>[number]

/**
 * Waits until everybody sees a mark of each conversation that he is in.
 * @returns whether one must be set again: somebody has begun anew meanwhile.
 */
export async function expectMarks ({ world, readers, settleMs }: Stage, marks: readonly Mark[]): Promise<boolean> {
  let isForgiven = false
  for (const { conversationId, members, clientMsgId, began } of marks) {
    for (const { userId, terminalId, has, since } of readers.filter(reader => (members as readonly string[]).includes(reader.userId))) {
      if (await within(settleMs, () => has(clientMsgId) || since() > began)) isForgiven ||= !has(clientMsgId)
      else return world.history.stuck.push(`${userId}/${terminalId} does not see what comes in ${conversationId}`) === 0
    }
  }
  return isForgiven
}

/** The faults have ended: all that was asked is answered, and everybody sees what comes now. */
async function settle (stage: Stage): Promise<void> {
  const { world: { history: { stuck } }, traffic, readers, settleMs } = stage
  let isAnswered = false
  const marking = traffic.stop().then(async () => await traffic.mark()).finally(() => { isAnswered = true })
  if (!await within(settleMs, () => isAnswered)) return void stuck.push('commands are not answered')
  // who is told to begin anew does not see again what he has written himself
  for (let marks = await marking; await expectMarks(stage, marks);) marks = await traffic.mark()
  for (const { userId, terminalId, live } of readers) {
    if (stuck.length === 0 && !await within(settleMs, live)) stuck.push(`${userId}/${terminalId} is not live`)
  }
}

/** Everybody comes afresh once more, at each node: his boxes say what is pending. */
async function openFresh (world: World): Promise<void> {
  const places = users.flatMap(userId => world.nodes.map((_, at) => ({ userId, at })))
  const fresh = await Promise.all(places.map(async place =>
    await startReader(world, { ...place, terminalId: `fresh-${place.at}`, transport: 'sse' })))
  for (const reader of fresh) if (!await within(SETTLE_MS, reader.live)) world.history.stuck.push(`${reader.userId} cannot come afresh`)
  await Promise.all(fresh.map(async reader => await reader.leave()))
}

/** What the nodes have said of other lives. [STORE-1] */
function noteLives ({ nodes, history }: World): void {
  for (const node of nodes) {
    for (const [, life, why] of node.log().matchAll(/"life":(\d+),"why":"(\w+)"/g)) {
      if (why !== 'elsewhere') history.lives.set(Number(life), why ?? '')
    }
  }
}

/** Runs a history in a world of its own. @returns what the checker finds, and what was injected how often. */
export async function runHistory (facts: Facts, script: Script): Promise<Outcome> {
  const { seed, act, settleMs = SETTLE_MS } = script
  const scope: Scope = createScope()
  const began = performance.now()
  try {
    const random = createRandom(seed)
    const faults = act ? [] : drawFaults(random, script, facts.durability ?? 'disk')
    const jumpMs = random.pick([-1, 1]) * random.int(1_000, HOUR_MS)
    const world = await startWorld(scope, { ...facts, env: act ? {} : clockEnv({ jumpMs }) })
    const readers = await startReaders(world, random)
    const traffic = await createTraffic(world, random)
    const stage = { world, traffic, readers, settleMs }
    await within(SETTLE_MS, () => readers.every(({ live }) => live()))
    traffic.run(act ? 1 : 3, 10)
    await pause(100)
    for (const fault of faults) {
      await inject(stage, fault)
      await pause(random.int(20, 150))
    }
    await act?.(stage)
    await settle(stage)
    if (world.history.stuck.length === 0) {
      await openFresh(world)
      await findTruth(world)
      await findTold(world)
    }
    await Promise.all(readers.map(async reader => await reader.leave()))
    noteLives(world)
    return outcomeOf(world.history, began)
  } finally {
    await scope.end()
  }
}
