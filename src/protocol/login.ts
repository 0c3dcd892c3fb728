// How many terminals of a user may be connected. [KICK-2]

/** `multi`: as many as the limit says; `one_per_platform`, `single`: a newer login replaces the older one. */
export const loginPolicies = ['multi', 'one_per_platform', 'single'] as const
export type LoginPolicy = typeof loginPolicies[number]
