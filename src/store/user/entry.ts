// An entry of a down stream: a reference, and the body it leads to. [DOWN-2]
import type { BoxName } from '../keys.js'
import { fieldsOf } from '../redis/hash.js'
import { isWhole, whole } from '../redis/readable.js'

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

/** @returns whether an entry is of this epoch: asked for each reader of each event, so without a new string. */
export function isOfEpoch (id: string, epoch: string): boolean {
  return id.startsWith(epoch) && id.charCodeAt(epoch.length) === DASH
}

const DASH = 45

/** @returns the `msgId` in a message's JSON. Unparsed: what a user wrote stands behind it, and there its quotes are escaped. */
export const msgIdOf = (body: string): string | undefined => /"msgId":"(\w*)"/.exec(body)?.[1]

/**
 * Reads the fields of a stream entry, as the scripts write them: of a message `m`, its words (see serve.lua); else `k` kind, then what
 * that kind needs.
 */
export function readReference (fields: readonly (string | number)[]): Reference {
  if (fields.length === 2 && fields[0] === 'm') return messageOf(String(fields[1]))
  const all = fieldsOf(fields)
  const text = (name: string) => String(all.get(name) ?? '')
  const [except, filter] = ['x', 'f'].map(name => all.has(name) ? text(name) : undefined)
  const [kind, box] = [text('k'), text('n') as BoxName]
  const isBox = box === 'CMD_BOX' || box === 'NOTICE_BOX'
  if (kind === 'event') return { kind, body: text('b'), ...(except !== undefined && { except }), ...(isBox && { box }) }
  if (kind === 'box' && isBox) return { kind, box, id: text('i'), ...(filter !== undefined && { filter }) }
  return { kind: kind === 'birth' ? 'birth' : 'unknown' }
}

/** Two words, a third where a conversation may have had another life, five for who sent it. */
function messageOf (words: string): Reference {
  const [conversationId = '', place, nonce = '', terminal, epoch, more] = words.split(' ')
  const seq = whole(place)
  if (conversationId === '' || seq === 0 || more !== undefined || (terminal !== undefined && !isWhole(epoch))) return { kind: 'unknown' }
  return {
    kind: 'msg',
    conversationId,
    seq,
    ...(nonce !== '' && { nonce }),
    ...(terminal !== undefined && { terminal }),
    ...(epoch !== undefined && { epoch })
  }
}
