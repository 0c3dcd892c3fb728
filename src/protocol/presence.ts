// Who is there: the words of section 7, and the events that say when it changes. [LIFE-1]
import { type Static, Type } from '@sinclair/typebox'
import type { Bye } from './events.js'
import { Platform, TerminalId, Time, TraceId, UserId } from './ids.js'

const oneOf = <Name extends string>(names: readonly Name[], description: string) =>
  Type.Unsafe<Name>({ type: 'string', enum: [...names], description })

/** What a terminal says of itself; a push service cares. */
export const TerminalState = oneOf(['foreground', 'background'], 'As the terminal said by HEARTBEAT; `foreground` when it connects.')
export type TerminalStateName = Static<typeof TerminalState>

const reasons = ['LOGOUT', 'LINK_CLOSE', 'TIMEOUT', 'KICKED', 'SERVER'] as const
/** Why a terminal is gone. */
export type GoneReason = typeof reasons[number]

/** A position in the stream of events. */
export const EventId = Type.String({
  pattern: '^\\d{1,16}-\\d{1,16}$',
  description: 'The position of an event; what comes after it is asked for with `after`.',
  examples: ['1795442400123-0']
})

/** An event of the stream that a back end reads. `n` rises by one with each event of a user: a smaller one than seen before is late. */
export const PresenceEvent = Type.Object({
  id: EventId,
  type: oneOf(['user.online', 'user.offline', 'terminal.connected', 'terminal.disconnected'], 'What happened. [LIFE-1]'),
  userId: UserId,
  n: Type.Integer({ minimum: 1, description: 'Rises by one with each event of this user.' }),
  terminalId: Type.Optional(TerminalId),
  platform: Type.Optional(Platform),
  node: Type.Optional(Type.String({ description: 'The node where the terminal connected last.' })),
  reason: Type.Optional(oneOf(reasons, 'Of `terminal.disconnected`.')),
  traceId: Type.Optional(TraceId),
  ts: Time
}, { description: 'A change of who is there. [LIFE-1]' })
export type PresenceEventFacts = Static<typeof PresenceEvent>

/** @returns why a terminal is gone whose last connection was closed with this goodbye; without one the link closed. [LIFE-1] */
export function goneReason (bye: Bye | undefined): GoneReason {
  if (bye === undefined || bye === 'TOKEN_EXPIRED') return 'LINK_CLOSE'
  if (bye === 'TIMEOUT') return 'TIMEOUT'
  if (bye === 'REMOVED') return 'LOGOUT'
  return bye === 'KICKED' || bye === 'REPLACED' || bye === 'TOO_MANY_TERMINALS' ? 'KICKED' : 'SERVER'
}
