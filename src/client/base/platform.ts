// What a browser has and Node may not have, as far as it is used here: all of it is looked for, none of it is needed.

interface Target { addEventListener (type: string, listener: () => void, options: { signal: AbortSignal }): void }

export interface SocketLike {
  onopen: (() => void) | null
  onclose: (() => void) | null
  onerror: (() => void) | null
  onmessage: ((event: { data: string }) => void) | null
  close (): void
}

export interface EventSourceLike {
  onopen: (() => void) | null
  onerror: (() => void) | null
  addEventListener (type: string, listener: (event: { type: string, data: string, lastEventId: string }) => void): void
  close (): void
}

/** A lock of the browser's: held until the promise of `work` settles. */
export interface Locks {
  request (name: string, options: { signal?: AbortSignal, steal?: boolean }, work: () => Promise<unknown>): Promise<unknown>
}

export interface Channel {
  onmessage: ((event: { data: unknown }) => void) | null
  postMessage (message: unknown): void
  /** Node's own: what listens does not keep the process up. */
  unref? (): void
  close (): void
}

interface SyncStorage { getItem (key: string): string | null, setItem (key: string, value: string): void, removeItem (key: string): void }

interface World extends Partial<Target> {
  document?: Target & { readonly visibilityState: string }
  location?: { href: string, origin: string }
  navigator?: { locks?: Locks }
  localStorage?: SyncStorage
  sessionStorage?: SyncStorage
  WebSocket?: new (url: string, protocol: string) => SocketLike
  EventSource?: new (url: string) => EventSourceLike
  BroadcastChannel?: new (name: string) => Channel
}

export const world = globalThis as unknown as World

/** @returns an id; `crypto.randomUUID` is to be had over https only. */
export const newId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(12)), byte => (byte + 256).toString(16).slice(1)).join('')

/** @returns a channel to the other tabs; undefined where there is none, or it is forbidden: then this tab is alone. */
export function channelOf (name: string): Channel | undefined {
  try {
    return world.BroadcastChannel && new world.BroadcastChannel(name)
  } catch {
    return undefined
  }
}

/** @returns a random part of a pause that doubles with each failure, ms: full jitter. */
export const pauseOf = (failures: number): number => Math.round(Math.random() * Math.min(30_000, 1000 * 2 ** failures))

/** A timer that is to run longer than 2^31 ms ends at once. */
const LONGEST_MS = 2e9

/** Calls back when a signal says so, or has said so; no longer once `own` has aborted. */
export function whenOver (signal: AbortSignal, work: () => void, own?: AbortSignal): void {
  if (signal.aborted) work()
  else signal.addEventListener('abort', work, own && { signal: own })
}

/** @returns what resolves when one of them says so, or has said so. */
export const anyOver = (...signals: AbortSignal[]): Promise<void> =>
  new Promise(resolve => { for (const signal of signals) whenOver(signal, resolve) })

/** @returns what ends with its parent, for the same reason, or before: then it is off the parent. */
export function childOf (parent: AbortSignal): AbortController {
  const child = new AbortController()
  whenOver(parent, () => child.abort(parent.reason), child.signal)
  return child
}

/** Waits, but no longer than until `signal` says so. */
export const wait = (ms: number, signal: AbortSignal): Promise<void> => new Promise(resolve => {
  const own = childOf(signal)
  const timer = setTimeout(() => own.abort(), Math.min(ms, LONGEST_MS))
  whenOver(own.signal, () => {
    clearTimeout(timer)
    resolve()
  })
})

/** @returns what comes of it; throws when that takes longer than so many ms. */
export async function inTime<T> (work: Promise<T>, ms: number, parent = new AbortController().signal): Promise<T> {
  const own = childOf(parent)
  return await Promise.race([work, wait(ms, own.signal).then(() => { throw new Error('no answer') })]).finally(() => own.abort())
}
