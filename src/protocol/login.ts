// Logins: how many terminals of a user may be connected [KICK-2], and the bounds of a token's times. Section 3.

/** `multi`: as many as the limit says; `one_per_platform`, `single`: a newer login replaces the older one. */
export const loginPolicies = ['multi', 'one_per_platform', 'single'] as const
export type LoginPolicy = typeof loginPolicies[number]

/**
 * So long after its end a token is still taken, at every door, and whatever was bought with it;
 * so long before its `nbf`, too. ms: clocks differ.
 */
export const TOLERANCE_MS = 5_000

/** The end of the year 9999: a token that ends later ends then. Date, PEXPIREAT and the numbers of scripts can hold it. ms since 1970. */
export const LATEST_MS = 253_402_300_799_999

/** September 2001 in ms; in seconds the year 33658. What is less was not meant in ms, what is not was not meant in seconds. */
export const LEAST_MS = 1_000_000_000_000

/** Whether a token whose life ends at `expiresAt` is refused at `now`, ms. */
export const hasEnded = (expiresAt: number, now: number) => expiresAt + TOLERANCE_MS <= now
