// Who may open a direct conversation without the application. docs/protocol.md section 8. [DIRECT-1]

/** `open`: everybody with everybody; `known`: with somebody who shares a group; `server`: only the server API opens one. */
export const directPolicies = ['open', 'known', 'server'] as const

export type DirectPolicy = typeof directPolicies[number]
