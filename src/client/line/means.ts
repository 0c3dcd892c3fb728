// The ways down that can be had, and what each connection says of itself.
import { IrisError } from '../base/error.js'
import { world } from '../base/platform.js'
import type { Options, TransportName } from '../base/types.js'
import { eventSource } from './eventsource.js'
import { poll } from './poll.js'
import { sse } from './sse.js'
import type { Opening, Transport } from './transport.js'
import { checkName } from './ways.js'
import { webSocket } from './websocket.js'

/** In the order in which they are tried: an EventSource gets through where one by fetch does, if at all. */
export const transports: Record<TransportName, Transport> = { sse, websocket: webSocket, poll, eventsource: eventSource }
const all = Object.keys(transports) as TransportName[]

/** What some of the ways need. */
export type Means = Pick<Opening, 'WebSocket' | 'EventSource'>

/** @returns what there is. */
export const meansOf = ({ WebSocket = world.WebSocket, EventSource = world.EventSource }: Options) => ({ WebSocket, EventSource }) as Means

/**
 * @param isCounted a browser has six connections by HTTP/1.1 for all its tabs, and as many streams would leave none to be asked by; a
 *   WebSocket is not one of them
 * @returns the ways that are tried unless others are named
 */
export const waysFor = (isCounted: boolean): TransportName[] => isCounted ? ['websocket', 'sse', 'poll', 'eventsource'] : all

/** @returns the ways that can be had with these means, the best first. Throws BAD_OPTION. */
export function namesOf ({ WebSocket, EventSource }: Means, wanted: TransportName[]): TransportName[] {
  for (const name of wanted) checkName(name, all)
  const names = wanted.filter(name => name === 'websocket' ? WebSocket : name !== 'eventsource' || EventSource)
  if (!names.length) throw new IrisError('BAD_OPTION', 'No such transport here')
  return names
}

/** @returns what a connection says of itself, whatever its way. */
export const queryOf = ({ platform = world.document ? 'web' : 'other', lease }: Options, terminalId = '', cursor?: string) =>
  ({ terminalId, platform, ...(lease && { lease }), ...(cursor && { lastEventId: cursor }) })
