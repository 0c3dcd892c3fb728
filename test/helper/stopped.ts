// Time that passes when a test says so, a day of it at once; and a page without a browser.
import { mock } from 'node:test'
import type { Test } from 'tap'

/** Lets what is under way go as far as it can without time. */
async function turn (): Promise<void> {
  for (let i = 0; i < 12; i++) await new Promise(resolve => setImmediate(resolve))
}

/** Time stands still until the test ends, but for `pass(ms, stepMs?)`; pauses are half of what they may be. */
export function stopTime (t: Test) {
  const { random } = Math
  const { timeout } = AbortSignal
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: Date.now() })
  Math.random = () => 0.5
  AbortSignal.timeout = ms => {
    const over = new AbortController()
    setTimeout(() => over.abort(new DOMException('it took too long', 'TimeoutError')), ms)
    return over.signal
  }
  t.teardown(() => {
    mock.timers.reset()
    Object.assign(Math, { random })
    Object.assign(AbortSignal, { timeout })
  })
  return {
    turn,
    async pass (ms: number, stepMs = 1000): Promise<void> {
      await turn()
      for (let left = ms; left > 0; left -= stepMs) {
        mock.timers.tick(Math.min(left, stepMs))
        await turn()
      }
    }
  }
}

/** A page: `show(is)`, and `happen(name)` of what happens to it. It is gone with the test. */
export function openPage (t: Test, { isHidden = false } = {}) {
  const page = Object.assign(new EventTarget(), { visibilityState: isHidden ? 'hidden' : 'visible' })
  const around = new EventTarget()
  const names = ['document', 'addEventListener', 'removeEventListener'] as const
  const before = names.map(name => Object.getOwnPropertyDescriptor(globalThis, name))
  const set = (name: string, value: unknown) => Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
  set('document', page)
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
