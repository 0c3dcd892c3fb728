// What all parts of a client are made with: its address, its clock, its token, its calls, its events.
import { createCalls } from './call.js'
import { createEmitter } from './emitter.js'
import { IrisError } from './error.js'
import { world } from './platform.js'
import { createClock, createTokens } from './tokens.js'
import type { Options } from './types.js'

/** @returns the address of the gateway, in full. Throws BAD_OPTION. */
function addressOf (url: string): string {
  try {
    const { origin, pathname } = new URL(url, world.location?.href)
    if (/^http/.test(origin)) return origin + pathname.replace(/\/+$/, '')
  } catch {}
  throw new IrisError('BAD_OPTION', `${url} is no address: give the url in full`)
}

/** Throws BAD_OPTION. */
export function createBase (options: Options) {
  const { url: given, fetch: own, timing } = options
  const url = addressOf(given)
  const clock = createClock()
  const tokens = createTokens(options, clock)
  return {
    url,
    clock,
    tokens,
    calls: createCalls({ url, clock, tokens, fetch: own ?? ((...args) => fetch(...args)) }),
    timing: { patienceMs: 5_000, betterMs: 600_000, heartbeatMs: 30_000, tabMs: 5_000, ...timing },
    ...createEmitter()
  }
}
export type Base = ReturnType<typeof createBase>
