// An entry of a down stream: a reference, and the body it leads to. [DOWN-2]
import type { BoxName } from './keys.js'

/**
 * What an entry refers to. `terminal`: the one that sent, which gets ACK_DOWN [DOWN-1]; `except`: the one that need not be told;
 * `filter`: the terminals that a command is for, as JSON.
 */
export type Reference =
  | { kind: 'msg', conversationId: string, seq: number, terminal?: string, epoch?: string }
  | { kind: 'event', body: string, except?: string, box?: BoxName }
  | { kind: 'box', box: BoxName, id: string, filter?: string }
  | { kind: 'birth' }

/** An entry with the body that its reference leads to now, as JSON; undefined when nothing is there any more. `waiting`: the terminals that an item still waits for, when each completes for itself. */
export interface Item { id: string, seq: number, reference: Reference, body: string | undefined, waiting?: string }

/** The number of an entry in its stream. */
export function seqOf (id: string): number {
  return Number(id.slice(id.indexOf('-') + 1))
}

/** Reads the fields of a stream entry, as the scripts write them: `k` kind, then what that kind needs. */
export function readReference (fields: readonly (string | number)[]): Reference {
  const all: Record<string, string> = {}
  for (let i = 0; i < fields.length; i += 2) all[String(fields[i])] = String(fields[i + 1])
  const { k, c = '', s, t, e, b = '', x, n, i = '', f } = all
  if (k === 'msg') return { kind: 'msg', conversationId: c, seq: Number(s), ...(t !== undefined && { terminal: t }), ...(e !== undefined && { epoch: e }) }
  if (k === 'event') return { kind: 'event', body: b, ...(x !== undefined && { except: x }), ...(n !== undefined && { box: n as BoxName }) }
  if (k === 'box') return { kind: 'box', box: n as BoxName, id: i, ...(f !== undefined && { filter: f }) }
  return { kind: 'birth' }
}
