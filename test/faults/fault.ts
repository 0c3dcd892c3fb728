// What a fault is, and what all of them need.
import { setTimeout as pause } from 'node:timers/promises'
import type { Node } from './node.js'
import type { Random } from './random.js'
import type { Durability } from './store.js'
import type { Traffic } from './traffic.js'
import type { World } from './world.js'

/**
 * `isLossy`: what was acknowledged before it may be lost, always or under one durability.
 * @returns how often it has hit something: a fault that never fired proves nothing, and fails the run.
 */
export interface Fault { name: string, isLossy?: boolean | Durability, inject (world: World, traffic: Traffic): Promise<number> }

/** Draws a fault, with all its numbers. */
export type Draw = (random: Random) => Fault

/**
 * So long a fault is waited for that meets nothing: nodes that wait for each other's word,
 * and clients that are out of patience, are back by then.
 */
export const POINT_MS = 10_000

export const nodeOf = (world: World, at: number) => world.nodes[at % world.nodes.length] as Node

/** Does something to a process, lets time pass, and undoes it. */
export async function during (ms: number, begin: () => unknown, end: () => unknown): Promise<number> {
  await begin()
  await pause(ms)
  await end()
  return 1
}

/** Lets so much time pass, and more as long as nothing was hit: what is quiet just now is not met at once. */
export async function lasting (ms: number, isHit: () => unknown): Promise<void> {
  const began = performance.now()
  for (let waited = 0; waited < ms || (waited < POINT_MS && !await isHit()); waited = performance.now() - began) await pause(20)
}

/** Resolves when something new is acknowledged: what is lost from now on was promised. */
export async function acknowledging ({ history: { sends } }: World, ms: number): Promise<void> {
  const began = performance.now()
  await lasting(ms, () => sends.some(({ answered = 0 }) => answered > began))
}
