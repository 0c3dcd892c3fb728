// An entry of a down stream: a reference, and the body it leads to. [DOWN-2]
import { fieldsOf } from './hash.js'
import type { BoxName } from './keys.js'
import { whole } from './readable.js'

/**
 * What an entry refers to. `terminal`: the one that sent, which gets ACK_DOWN [DOWN-1]; `except`: the one that need not be told;
 * `nonce`: the end of the `msgId`, where a conversation may have had another life;
 * `filter`: the terminals that a command is for, as JSON. `forgotten`: a message that its conversation does not know any more;
 * `unknown`: none that a script of this version writes.
 */
export type Reference =
  | { kind: 'msg', conversationId: string, seq: number, terminal?: string, epoch?: string, nonce?: string }
  | { kind: 'event', body: string, except?: string, box?: BoxName }
  | { kind: 'box', box: BoxName, id: string, filter?: string }
  | { kind: 'birth' }
  | { kind: 'forgotten' }
  | { kind: 'unknown' }

/**
 * An entry with the body that its reference leads to now, as JSON; undefined when nothing is there any more, null when it
 * cannot be read. `waiting`: the terminals that an item still waits for, when each completes for itself.
 */
export interface Item { id: string, seq: number, reference: Reference, body: string | undefined | null, waiting?: string }

/** The number of an entry in its stream. */
export function seqOf (id: string): number {
  return Number(id.slice(id.indexOf('-') + 1))
}

/** @returns the `msgId` in a message's JSON. Unparsed: what a user wrote stands behind it, and there its quotes are escaped. */
export const msgIdOf = (body: string): string | undefined => /"msgId":"(\w*)"/.exec(body)?.[1]

/** Reads the fields of a stream entry, as the scripts write them: `k` kind, then what that kind needs. */
export function readReference (fields: readonly (string | number)[]): Reference {
  const all = fieldsOf(fields)
  const text = (name: string) => String(all.get(name) ?? '')
  const [terminal, epoch, except, filter, nonce] = ['t', 'e', 'x', 'f', 'm'].map(name => all.has(name) ? text(name) : undefined)
  const [kind, box, seq] = [text('k'), text('n') as BoxName, whole(text('s'))]
  const isBox = box === 'CMD_BOX' || box === 'NOTICE_BOX'
  if (kind === 'msg' && all.has('c') && seq > 0) {
    const own = { ...(terminal !== undefined && { terminal }), ...(epoch !== undefined && { epoch }), ...(nonce !== undefined && { nonce }) }
    return { kind, conversationId: text('c'), seq, ...own }
  }
  if (kind === 'event') return { kind, body: text('b'), ...(except !== undefined && { except }), ...(isBox && { box }) }
  if (kind === 'box' && isBox) return { kind, box, id: text('i'), ...(filter !== undefined && { filter }) }
  return { kind: kind === 'birth' ? 'birth' : 'unknown' }
}
