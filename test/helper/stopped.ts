// Time that passes when a test says so, a day of it at once; and a page without a browser.
import type { Test } from 'tap'

/** Lets what is under way go as far as it can without time. */
async function turn (): Promise<void> {
  for (let i = 0; i < 12; i++) await new Promise(resolve => setImmediate(resolve))
}

interface Timer { at: number, everyMs?: number, act (): void }

/** Timers that run when they are told what time it is. */
function createTimers (began: number) {
  const timers = new Map<object, Timer>()
  let now = began

  function start (act: () => void, ms = 0, everyMs?: number): object {
    const key = { ref: () => key, unref: () => key, hasRef: () => true }
    timers.set(key, { at: now + Math.max(1, ms), act, ...(everyMs !== undefined && { everyMs }) })
    return key
  }

  function next (until: number): [object, Timer] | undefined {
    let found: [object, Timer] | undefined
    for (const entry of timers) if (entry[1].at <= until && (!found || entry[1].at < found[1].at)) found = entry
    return found
  }

  function run (until: number): void {
    for (let entry; (entry = next(until));) {
      const [key, { at, everyMs, act }] = entry
      now = at
      if (everyMs === undefined) timers.delete(key)
      else timers.set(key, { at: at + everyMs, everyMs, act })
      act()
    }
    now = until
  }

  function leap (ms: number): void {
    now += ms
    for (const timer of timers.values()) timer.at += ms
  }
  return { start, run, leap, now: () => now, clear: (key: object) => timers.delete(key) }
}

/**
 * Time stands still until the test ends, but for `pass(ms, stepMs?)`, and for `leap(ms)`, in which nothing happens: a machine sleeps.
 * Pauses are half of what they may be.
 */
export function stopTime (t: Test) {
  const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis
  const [{ random }, { timeout }, { now }] = [Math, AbortSignal, Date]
  const timers = createTimers(now())
  const clear = (end: (timer: never) => void) => (timer: object) => { if (!timers.clear(timer)) end(timer as never) }
  Object.assign(globalThis, {
    setTimeout: (act: () => void, ms?: number) => timers.start(act, ms),
    setInterval: (act: () => void, ms: number) => timers.start(act, ms, ms),
    clearTimeout: clear(clearTimeout),
    clearInterval: clear(clearInterval)
  })
  Object.assign(Date, { now: timers.now })
  Object.assign(Math, { random: () => 0.5 })
  Object.assign(AbortSignal, {
    timeout (ms: number): AbortSignal {
      const over = new AbortController()
      timers.start(() => over.abort(new DOMException('it took too long', 'TimeoutError')), ms)
      return over.signal
    }
  })
  t.teardown(() => {
    Object.assign(globalThis, { setTimeout, clearTimeout, setInterval, clearInterval })
    Object.assign(Date, { now })
    Object.assign(Math, { random })
    Object.assign(AbortSignal, { timeout })
  })
  return {
    turn,
    leap: timers.leap,
    async pass (ms: number, stepMs = 1000): Promise<void> {
      await turn()
      for (let left = ms; left > 0; left -= stepMs) {
        timers.run(timers.now() + Math.min(left, stepMs))
        await turn()
      }
    }
  }
}

/** A page: `show(is)`, and `happen(name)` of what happens to it. It is gone with the test. */
export function openPage (t: Test, { isHidden = false } = {}) {
  const page = Object.assign(new EventTarget(), { visibilityState: isHidden ? 'hidden' : 'visible' })
  const around = new EventTarget()
  const kept = new Map<string, string>()
  const sessionStorage = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => kept.set(key, value) }
  const names = ['document', 'sessionStorage', 'addEventListener', 'removeEventListener'] as const
  const before = names.map(name => Object.getOwnPropertyDescriptor(globalThis, name))
  const set = (name: string, value: unknown) => Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
  set('document', page)
  set('sessionStorage', sessionStorage)
  for (const name of ['addEventListener', 'removeEventListener'] as const) set(name, around[name].bind(around))
  t.teardown(() => names.forEach((name, i) => {
    const descriptor = before[i]
    if (descriptor) Object.defineProperty(globalThis, name, descriptor)
    else Reflect.deleteProperty(globalThis, name)
  }))
  return {
    show (is: boolean) {
      page.visibilityState = is ? 'visible' : 'hidden'
      page.dispatchEvent(new Event('visibilitychange'))
    },
    happen: (name: string) => void (['freeze', 'resume'].includes(name) ? page : around).dispatchEvent(new Event(name))
  }
}

/** Why tests of tabs are skipped; false where this Node has what tabs share a connection by. */
export const noLocks = !(globalThis.navigator as { locks?: unknown } | undefined)?.locks && 'no navigator.locks in this Node'
