// An application's command as it was handed in, and as it goes down. [CMD-1] [CMD-3]
import { SYSTEM_USER } from '../protocol/ids.js'
import type { BrokenIn } from '../protocol/operation.js'
import type { TerminalFilter } from '../stream/render.js'

/** A command as handed in. Exactly one member of `to` names whom it is for. */
export interface CommandBody {
  clientCmdId: string
  name: string
  data?: Record<string, unknown>
  to: { users?: string[], conversationId?: string, self?: true }
  terminals?: { ids?: string[], platforms?: string[], exceptMine?: boolean }
  mode?: 'online' | 'reliable'
  ttlSec?: number
  complete?: 'any' | 'all'
  collapseKey?: string
  notifyComplete?: boolean
}

/** `brokenIn`: the rules that another body in the place of his would break. */
export interface CommandSender {
  from: string
  terminalId: string
  role: 'user' | 'server'
  traceId: string
  brokenIn?: BrokenIn | undefined
}

/** Whether it is for the members of a group. */
export const isToGroup = ({ to: { conversationId } }: CommandBody) => conversationId?.startsWith('g.') === true

/** Which of a user's terminals are meant; `exceptMine` says nothing of others' terminals, which may bear the same id. */
export function filterOf ({ terminals }: CommandBody, { from, terminalId }: CommandSender, userId: string): TerminalFilter | undefined {
  if (!terminals) return undefined
  const { ids, platforms, exceptMine } = terminals
  return { ...(ids && { ids }), ...(platforms && { platforms }), ...(exceptMine && userId === from && { except: terminalId }) }
}

/** @returns the event's JSON. `ts`: when it is sent; the times of one that is kept are the store's to say. [TIME-1] */
export function eventBody (body: CommandBody & { cmdId: string }, { from, role, traceId }: CommandSender, ts?: number): string {
  const { cmdId, clientCmdId, name, data = {}, to: { conversationId } } = body
  return JSON.stringify({
    cmdId,
    clientCmdId,
    op: 'do',
    name,
    data,
    from: role === 'server' ? SYSTEM_USER : from,
    ...(conversationId !== undefined && { conversationId }),
    needComplete: ts === undefined,
    ...(ts !== undefined && { ts }),
    traceId
  })
}
