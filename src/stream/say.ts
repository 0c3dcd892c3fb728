// What the gateway itself says: CMD_DOWN with a name that begins with `IRIS.`, and other commands made here. Section 4.
import { type Bye, byes, type gatewayCommands, type Reconnect } from '../protocol/events.js'
import type { Static } from '@sinclair/typebox'
import { randomHex } from '../store/random.js'
import type { Frame } from './render.js'

/** @returns a command id: time and chance, sortable, opaque. */
export function newCmdId (now: number): string {
  return 'k' + now.toString(16).padStart(11, '0') + randomHex(5)
}

/** How a transport makes text of a goodbye, and of the pause before its client comes back where it has one. */
interface Words { format (frame: Frame): string, retry? (ms: number): string }

interface Facts { now: number, traceId: string, notBeforeMs?: number }

/** @returns the JSON of a CMD_DOWN's first members, without braces; scripts add `ts` and `data`. */
export function commandDraft (name: string, { now, traceId }: Facts): string {
  return JSON.stringify({ cmdId: newCmdId(now), op: 'do', name, needComplete: false, traceId }).slice(1, -1)
}

/** @returns a CMD_DOWN frame that nobody need complete. Without an id it does not move the cursor. [DOWN-3] */
export function command (name: string, data: object, { now, traceId }: Facts): Frame {
  return { event: 'CMD_DOWN', data: JSON.stringify({ cmdId: newCmdId(now), op: 'do', name, data, needComplete: false, ts: now, traceId }) }
}

/** @returns one of the gateway's own commands, its data checked against `gatewayCommands`. */
export function gatewayCommand<Name extends keyof typeof gatewayCommands> (
  name: Name, data: Static<typeof gatewayCommands[Name]>, facts: Facts
): Frame {
  return command(name, data, facts)
}

/** @returns the IRIS.BYE that stands before every close. `retryAfterMs` is jittered: 0.2 to 2 s, after `notBeforeMs` if that is given. */
export function goodbye (bye: Bye, facts: Facts): Frame {
  return goodbyeAfter(bye, facts, pauseMs(facts))
}

/** A client that is asked to come back now waits so long: a bare EventSource would otherwise wait for seconds. */
const NOW_MS = 100

/**
 * @returns the text of a goodbye, after that which makes a client of this transport obey it although it reads nothing else: it
 *   comes back at once, or after the pause. One that must not come back learns so from the answer to its next attempt.
 */
export function farewell (bye: Bye, { format, retry }: Words, facts: Facts): string {
  const ms = pauseMs(facts)
  const waits: Partial<Record<Reconnect, number>> = { now: NOW_MS, backoff: ms }
  const wait = waits[byes[bye].reconnect]
  return (wait === undefined ? '' : retry?.(wait) ?? '') + format(goodbyeAfter(bye, facts, ms))
}

const pauseMs = ({ notBeforeMs = 0 }: Facts) => Math.max(0, Math.round(notBeforeMs)) + 200 + Math.floor(Math.random() * 1800)

function goodbyeAfter (bye: Bye, facts: Facts, retryAfterMs: number): Frame {
  const { reconnect, ...rest } = byes[bye]
  return gatewayCommand('IRIS.BYE', { ...rest, reconnect, ...(reconnect === 'backoff' && { retryAfterMs }) }, facts)
}
