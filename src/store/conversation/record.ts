// The form of a record of a log: log.lua writes it, and says what it leaves out. [DOWN-2]
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { Message } from '../../protocol/message.js'
import { isWhole, objectIn } from '../redis/readable.js'

const RECORD = /^([0-9a-f]{11})(\w*) ([\w-]+) ([\w.:-]+) ([a-z]+) ([\w.-]+) ([^\r\n]+)$/

/** Where a message stands. */
export interface Place { conversationId: string, seq: number }

/**
 * What a message says, before it has a place. `rest`: its content, and what stands behind it, as JSON members without the name `content`.
 */
export interface Draft { from: string, clientMsgId: string, type: string, traceId: string, rest: string }

/**
 * @returns what of a message's record stands behind its nonce. Of the words only `rest` may hold a space: ids, types and traces have none.
 */
export const tailOf = ({ from, clientMsgId, type, traceId, rest }: Draft) => `${from} ${clientMsgId} ${type} ${traceId} ${rest}`

/** @returns a message as JSON. */
export function bodyOf (
  { conversationId, seq, msgId, ts }: Place & { msgId: string, ts: number }, { from, clientMsgId, type, traceId, rest }: Draft
): string {
  return `{"conversationId":"${conversationId}","seq":${seq},"msgId":"${msgId}",` +
    `"ts":${ts},"from":"${from}","clientMsgId":"${clientMsgId}",` +
    `"type":"${type}","${type === 'revoked' ? 'revoked' : 'content'}":${rest},"traceId":"${traceId}"}`
}

/**
 * @returns the message that a record holds, as JSON, member by member as it was sent, and parsed; `rest`: what stands behind its words.
 *   undefined for what is no record; whether it is a message is asked by `messageIn`.
 */
function unpacked (record: string, { conversationId, seq }: Place) {
  const [, stamp, nonce, from = '', clientMsgId = '', type = '', traceId = '', written = ''] = RECORD.exec(record) ?? []
  if (stamp === undefined) return undefined
  const rest = objectIn(`{"${type === 'revoked' ? 'revoked' : 'content'}":${written}}`)
  if (!rest) return undefined
  const place = { conversationId, seq, msgId: `${stamp}${seq.toString(16).padStart(8, '0')}${nonce}`, ts: parseInt(stamp, 16) }
  return {
    rest,
    message: { ...rest, ...place, from, clientMsgId, type, traceId },
    body: bodyOf(place, { from, clientMsgId, type, traceId, rest: written })
  }
}

const shape = TypeCompiler.Compile(Message)

/** What a sender writes; of a message that is revoked nothing of it is left. [REVOKE-2] */
const sentMembers = ['content', 'ext', 'mentions', 'quote', 'options']

/**
 * The one place where what a log keeps becomes a message. [DOWN-2]
 * @returns its body, as it was sent; null when it is not one that a script writes:
 *   what is revoked has no text, and what has none is revoked.
 */
export function messageIn (record: string, place: Place): string | null {
  const { rest = {}, message, body = null } = unpacked(record, place) ?? {}
  if (!shape.Check(message) || !isWhole(String(message.revoked?.at ?? 0))) return null
  const members = message.type === 'revoked' ? ['revoked'] : sentMembers
  return Object.keys(rest).every(name => members.includes(name)) ? body : null
}
