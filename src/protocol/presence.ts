// Who is there: the words of section 7. [LIFE-1]
import { type Static, Type } from '@sinclair/typebox'
import type { Bye } from './events.js'
import { oneOf, UserId } from './ids.js'

/** What a terminal says of itself; a push service cares. */
export const TerminalState = oneOf(['foreground', 'background'], {
  description: 'As the terminal said by HEARTBEAT; `foreground` when it connects.'
})
export type TerminalStateName = Static<typeof TerminalState>

/** Why a terminal is gone. */
export const GoneReason = oneOf(['LOGOUT', 'LINK_CLOSE', 'TIMEOUT', 'KICKED', 'SERVER'], { description: 'Why the terminal is gone.' })
export type GoneReason = Static<typeof GoneReason>

/** Whether a user is there, as another user sees it. [SEE-3] */
export const SeenPresence = Type.Object({
  userId: UserId,
  online: Type.Boolean(),
  since: Type.Optional(Type.Integer({ description: 'When he came, or went, ms. It rises with each change.', examples: [1795442400123] }))
})

/** @returns why a terminal is gone whose last connection was closed with this goodbye; without one the link closed. [LIFE-1] */
export function goneReason (bye: Bye | undefined): GoneReason {
  if (bye === undefined || bye === 'TOKEN_EXPIRED') return 'LINK_CLOSE'
  if (bye === 'TIMEOUT') return 'TIMEOUT'
  if (bye === 'REMOVED') return 'LOGOUT'
  return bye === 'KICKED' || bye === 'REPLACED' || bye === 'TOO_MANY_TERMINALS' ? 'KICKED' : 'SERVER'
}
