// How much is measured: the whole bench, or a smoke run that only shows that it works.

/** Seconds, rounds and sizes. Variants alternate, `rounds` times each. */
export const full = {
  rounds: 5,
  seconds: 2.5,
  warmup: 3,
  users: 1_000,
  groupRounds: 3,
  members: 500,
  latencyRounds: 3,
  idle: 10_000,
  /** `missed`: so many of the streams miss a message. `rate`: of commands before and during the storm, per second. */
  storm: { streams: 10_000, missed: 200, rate: 200, calmSeconds: 5 },
  /**
   * 16 KiB x `messages`, posted within `filling` seconds, wait for each reader; then the others are measured for `seconds`,
   * at `rate` messages per second. All of that must be over before the server cuts stalled readers off, after 15 s.
   * Afterwards `early` of the readers read on at once, and as many as `late` when they have been cut off.
   */
  slow: { readers: 100, messages: 2_500, filling: 8, seconds: 5, rate: 200, early: 5, late: 5 },
  /** `seconds` at each load, after as long a measure of what the server can do, closed loop. */
  overload: { seconds: 6, sockets: 4_000 },
  memory: { pairs: 100, each: 200, users: 2_000, members: 200 },
  tails: { rate: 2_000, seconds: 5 },
  /**
   * `rounds` of each measure, the systems in turn; a group gets so many messages a round;
   * `open` is at a rate, after `warmup` seconds that do not count.
   */
  peers: {
    rounds: 3,
    seconds: 2.5,
    warmup: 2,
    streams: 1_000,
    sockets: 32,
    members: 500,
    groupMessages: 200,
    attaches: 3_000,
    idle: 10_000,
    open: { rate: 2_000, seconds: 10, warmup: 5 }
  }
}
export const quick: Plan = {
  rounds: 1,
  seconds: 0.5,
  warmup: 0.5,
  users: 100,
  groupRounds: 1,
  members: 50,
  latencyRounds: 1,
  idle: 500,
  storm: { streams: 500, missed: 20, rate: 100, calmSeconds: 0.5 },
  slow: { readers: 10, messages: 500, filling: 1, seconds: 1, rate: 100, early: 2, late: 0 },
  overload: { seconds: 0.5, sockets: 100 },
  memory: { pairs: 10, each: 20, users: 100, members: 20 },
  tails: { rate: 200, seconds: 1 },
  peers: {
    rounds: 1,
    seconds: 0.5,
    warmup: 0.3,
    streams: 100,
    sockets: 16,
    members: 50,
    groupMessages: 20,
    attaches: 100,
    idle: 500,
    open: { rate: 200, seconds: 1, warmup: 0.5 }
  }
}

export type Plan = typeof full

/** Sockets that post, one request under way on each: so many senders are waiting for their answer at any time. */
export const SOCKETS = 64

/** @returns names of users. */
export const named = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`)
