// The form of a record of a log: log.lua writes it, and says what it leaves out. [DOWN-2]
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
export function unpacked (record: string, { conversationId, seq }: Place) {
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

/** @returns what is the JSON of an object; null for anything else. */
export function objectIn (text: string): object | null {
  try {
    const value = JSON.parse(text) as unknown
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null
  } catch {
    return null
  }
}
