// How long is waited before something is tried again: longer each time, and not by all at the same instant. [WEBHOOK-5]

const FIRST_MS = 500

/** @returns the pause after so many failures in a row, ms: half a second, twice as long each time, `mostMs` at most, more or less. */
export function pauseMs (failures: number, mostMs: number): number {
  return Math.min(mostMs, FIRST_MS * 2 ** Math.min(failures - 1, 20)) * (0.75 + Math.random() / 2)
}

/**
 * Reads a `Retry-After`: seconds, or a date.
 * @returns how long to wait, ms, `mostMs` at most; undefined when it says nothing.
 */
export function retryAfterMs (text: string | undefined, { now, mostMs }: { now: number, mostMs: number }): number | undefined {
  if (text === undefined) return undefined
  const ms = /^\d{1,9}$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - now
  return Number.isFinite(ms) ? Math.min(mostMs, Math.max(0, ms)) : undefined
}
