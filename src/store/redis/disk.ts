// The disk of a Redis that Iris starts itself: how much room it has. One that answers after it has written ends when it has none. [STORE-2]
import { statfs } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Redis } from 'ioredis'

/**
 * Kept for what frees, and for writing the append-only file anew:
 * nothing is added any more when no more is left, or a tenth of a small disk.
 */
const RESERVE_BYTES = 67_108_864
const RESERVE_PART = 10
/** When less than an eighth of that is left, nothing at all is written. */
const LAST_PART = 8

/** The disk of a Redis that Iris starts itself. */
export interface OwnDisk {
  disk (): Promise<Disk>
  /** Whether Redis answers before it has written, since it could not write. */
  isRelaxed (): boolean
  /** To be called when there may be room: if there is, it writes before it answers again. */
  harden (redis: Redis): Promise<void>
}

/** Room on a disk, bytes. */
export interface Disk { free: number, size: number }

/** @returns the disk that a directory is on. */
export async function diskOf (directory: string): Promise<Disk> {
  const { bavail, blocks, bsize } = await statfs(directory)
  return { free: bavail * bsize, size: blocks * bsize }
}

/**
 * Gives `ask` a deadline: a disk that hangs holds up nobody, and what asks for it (a thread of the process) waits once.
 * @returns asks for the disk; undefined when it cannot be told within `ms`.
 */
export function oneAtATime (ask: () => Promise<Disk>, ms: number): () => Promise<Disk | undefined> {
  let pending: Promise<Disk | undefined> | undefined
  return async function () {
    pending ??= ask().catch(() => undefined).finally(() => { pending = undefined })
    return await Promise.race([pending, delay(ms, undefined, { ref: false })])
  }
}

/** What is held back to spare the disk: what adds, or whatever writes. */
export type Sparing = 'adding' | 'writing'

/** @returns what must be held back on such a disk; undefined: nothing. */
export function heldOn ({ free, size }: Disk): Sparing | undefined {
  const reserve = Math.min(RESERVE_BYTES, size / RESERVE_PART)
  return free >= reserve ? undefined : free >= reserve / LAST_PART ? 'adding' : 'writing'
}

const guards = new WeakMap<Redis, () => Sparing | undefined>()

/** From now on scripts heed what `ask` says is held back, when they are run on this connection. */
export const holdBack = (redis: Redis, ask: () => Sparing | undefined): unknown => guards.set(redis, ask)

/** @returns what is held back on a connection. */
export const heldBack = (redis: Redis): Sparing | undefined => guards.get(redis)?.()
