// Users who send each other messages at a rate while something else happens: how much does that hurt them?
import type { Iris, Sample } from './iris.js'
import { named } from './plan.js'

/** An hour: until `finish()`. */
const LONG = 3_600

/**
 * Attaches so many users to a load generator of their own; a socket for each posts, so that nobody waits for another's answer.
 * `send()` sends for so many seconds; without a time it goes on until `finish()`.
 */
export async function startOthers (iris: Iris, { count, rate }: { count: number, rate: number }) {
  const load = await iris.startLoad()
  const users = named('other', count)
  await load.ask('attach', { users, transport: 'sse' })
  return {
    send: async (seconds = LONG): Promise<Sample> =>
      await iris.run({ kind: 'direct', users, fanOut: 1, sockets: count, seconds, rate }, load),
    finish: async (): Promise<void> => await load.ask('finish')
  }
}

/** @returns two latencies in ms, and how many times the first the second is. */
export const compared = (before: number, now: number): string =>
  `${before.toFixed(1)} / ${now.toFixed(1)} ms (x ${(now / before).toFixed(2)})`
