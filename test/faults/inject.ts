// The faults of a history: each is drawn with all its numbers before it begins, lasts for a while, and ends by itself.
import { setTimeout as pause } from 'node:timers/promises'
import { type Draw, during, type Fault, lasting, nodeOf, POINT_MS } from './fault.js'
import type { Mode } from './lane.js'
import type { Node } from './node.js'
import type { Direction, Link, Modes } from './proxy.js'
import type { Random } from './random.js'
import type { Durability } from './store.js'
import { failover, full, power, readOnly, redis, slow, together } from './store-faults.js'
import type { Act, Traffic } from './traffic.js'
import type { World } from './world.js'

/** What brings a script about. */
const causes: Record<string, Act> = {
  'append-message': 'send',
  'mark-read': 'read',
  'revoke-message': 'revoke',
  'put-box': 'command',
  'complete-box': 'complete',
  'kick-user': 'kick',
  'set-members': 'door'
}
/** Breaks a way for a while. @returns what was met. */
async function breakWay (way: Node['clients'], modes: Modes, ms: number): Promise<number> {
  const before = way.hits
  way.set(modes)
  await lasting(ms, () => way.hits > before)
  way.heal()
  return way.hits - before
}

const modes: ((random: Random) => [name: string, mode: Mode])[] = [
  () => ['stall', { do: 'stall' }],
  () => ['swallow', { do: 'swallow' }],
  random => {
    const ms = random.int(5, 60)
    return [`delay by ${ms} ms`, { do: 'delay', ms }]
  },
  random => {
    const bytes = random.int(20, 200)
    return [`trickle of ${bytes} bytes`, { do: 'trickle', bytes, ms: 5 }]
  },
  random => {
    const afterBytes = random.int(1, 3_000)
    return [`cut after ${afterBytes} bytes`, { do: 'cut', afterBytes }]
  }
]

const ways = { store: 'to Redis', clients: 'to clients' } as const

const way: Draw = random => {
  const [side, at, ms] = [random.pick(['store', 'clients'] as const), random.int(0, 1), random.int(100, 900)]
  const [what, mode] = random.pick(modes)(random)
  const directions = random.pick<Direction[]>([['up'], ['down'], ['up', 'down']])
  const broken = Object.fromEntries(directions.map(direction => [direction, mode]))
  return {
    name: `${what}, ${directions.join(' and ')}, node ${at} ${ways[side]}, ${ms} ms`,
    inject: async world => await breakWay(nodeOf(world, at)[side], broken, ms)
  }
}

const cut: Draw = random => {
  const [side, at, ms] = [random.pick(['store', 'clients'] as const), random.int(0, 1), random.int(0, 300)]
  return {
    name: `all connections of node ${at} ${ways[side]} reset, none for ${ms} ms`,
    async inject (world) {
      const proxy = nodeOf(world, at)[side]
      // who has just been cut off is not back yet
      await lasting(0, () => proxy.links().length > 0)
      proxy.refuse()
      const hits = proxy.reset()
      await pause(ms)
      proxy.heal()
      return hits
    }
  }
}

/** Of the two connections to Redis only the one that listens, or the one that asks. */
const one: Draw = random => {
  const [listens, at, ms] = [random.pick([false, true]), random.int(0, 1), random.int(50, 600)]
  const [what, mode] = random.pick(modes.slice(0, 2))(random)
  return {
    name: `${what} what Redis says to node ${at} on the connection that ${listens ? 'listens' : 'asks'}, ${ms} ms`,
    async inject (world) {
      const { store, points } = nodeOf(world, at)
      const found = () => store.links().find(link => points.isListener(link) === listens)
      await lasting(0, found)
      const before = store.hits
      found()?.set({ down: mode })
      await lasting(ms, () => store.hits > before)
      store.heal()
      return store.hits - before
    }
  }
}

const node: Draw = random => {
  const [at, ms] = [random.int(0, 1), random.int(20, 400)]
  return random.pick<Fault>([
    {
      name: `node ${at} killed, back after ${ms} ms`,
      inject: async world => await during(ms, nodeOf(world, at).kill, nodeOf(world, at).start)
    },
    {
      name: `node ${at} stopped for ${3 * ms} ms`,
      inject: async world => await during(3 * ms, nodeOf(world, at).stop, nodeOf(world, at).goOn)
    }
  ])
}

const point: Draw = random => {
  const [script, when, at, what] = [
    random.pick(Object.keys(causes)), random.pick(['before', 'after'] as const), random.int(0, 1),
    random.pick(['reset', 'swallow', 'kill'] as const)
  ]
  return {
    name: `${what} node ${at} ${when} ${script}`,
    inject: async (world, traffic) => await injectPoint(world, { traffic, script, when, at, what })
  }
}

interface PointFacts { traffic: Traffic, script: string, when: 'before' | 'after', at: number, what: 'reset' | 'swallow' | 'kill' }

/** Waits at a point of a node's until it is reached, and breaks off there. @returns 1 when it was. */
export async function injectPoint (world: World, { traffic, script, when, at, what }: PointFacts): Promise<number> {
  const node = nodeOf(world, at)
  let killed: Promise<void> | undefined
  const act = (link: Link) => {
    if (what === 'kill') killed = node.kill()
    if (what !== 'swallow') return link.reset()
    link.silence('up')
    link.silence('down')
  }
  const isReached = node.points.arm({ script, when, act })
  for (const began = performance.now(); !isReached() && performance.now() - began < POINT_MS;) {
    void traffic.act(causes[script] ?? 'send')
    await pause(100)
  }
  node.points.disarm()
  if (what === 'swallow') await pause(300)
  node.store.heal()
  await killed
  if (killed) await node.start()
  return Number(isReached())
}

const hints: Draw = random => {
  const [at, n] = [random.int(0, 1), random.int(1, 4)]
  return {
    name: `${n} hints to node ${at} lost`,
    async inject (world) {
      const { points } = nodeOf(world, at)
      const before = points.hintsLost
      points.loseHints(n)
      await lasting(0, () => points.hintsLost > before)
      points.disarm()
      return points.hintsLost - before
    }
  }
}

/** A step of the machine's clock, as far as the world has said; the monotonic one goes on. */
const clock: Draw = random => {
  const at = random.int(0, 1)
  return {
    name: `the clock of node ${at} jumps`,
    async inject (world) {
      await nodeOf(world, at).jump()
      return 1
    }
  }
}

const draws: Draw[] = [
  way, way, way, way, cut, one, redis, redis, node, point, point, point, point, hints, clock, failover, readOnly, full, slow, together
]

/** Draws the faults of a history. @param only a word that the name of each must have. */
export function drawFaults (
  random: Random, { faults: count = 6, only = '' }: { faults?: number | undefined, only?: string | undefined }, durability: Durability
): Fault[] {
  const all = durability === 'memory' ? [...draws, power, power, power] : draws
  const drawn: Fault[] = []
  for (let tries = 0; drawn.length < count && tries < 10_000; tries++) {
    const fault = random.pick(all)(random)
    if (fault.name.includes(only)) drawn.push(fault)
  }
  return drawn
}
