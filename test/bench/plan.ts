// How much is measured: the whole bench, or a smoke run that only shows that it works.

/** Seconds, rounds and sizes. Variants alternate, `rounds` times each. */
export const full = { rounds: 5, seconds: 2.5, warmup: 3, users: 1_000, groupRounds: 3, members: 500, latencyRounds: 3, idle: 10_000 }
export const quick: Plan = { rounds: 1, seconds: 0.5, warmup: 0.5, users: 100, groupRounds: 1, members: 50, latencyRounds: 1, idle: 500 }

export type Plan = typeof full

/** Sockets that post, one request under way on each: so many senders are waiting for their answer at any time. */
export const SOCKETS = 64

/** @returns names of users. */
export const named = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`)
