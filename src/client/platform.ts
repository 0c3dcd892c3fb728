// What a browser has and Node may not have, as far as it is used here: all of it is looked for, none of it is needed.

interface Target {
  addEventListener (type: string, listener: () => void): void
  removeEventListener (type: string, listener: () => void): void
}

export interface SocketLike {
  onopen: (() => void) | null
  onclose: (() => void) | null
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
  close (): void
}

interface SyncStorage { getItem (key: string): string | null, setItem (key: string, value: string): void, removeItem (key: string): void }

interface World extends Partial<Target> {
  document?: Target & { readonly visibilityState: string }
  location?: { href: string }
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

/** @returns an id of this tab, which survives a reload where the browser lets it. */
export function tabOf (): string {
  const KEY = 'iris:tab'
  const id = newId()
  try {
    const kept = world.document && world.sessionStorage
    const tab = kept?.getItem(KEY) ?? id
    kept?.setItem(KEY, tab)
    return tab
  } catch {
    return id
  }
}

/** @returns a random part of a pause that doubles with each failure, ms: full jitter. */
export const pauseOf = (failures: number): number => Math.random() * Math.min(30_000, 1000 * 2 ** failures)

export const wait = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
