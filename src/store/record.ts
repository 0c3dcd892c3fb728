// The form of a record of a log: log.lua writes it, and says what it leaves out. [DOWN-2]
const RECORD = /^([0-9a-f]{11})(\w*) ([\w-]+) ([\w.:-]+) ([a-z]+) ([\w.-]+) ([^\r\n]+)$/

/** Where a message stands. */
export interface Place { conversationId: string, seq: number }

/**
 * @returns the message that a record holds, as JSON, member by member as it was sent, and parsed; `rest`: what stands behind its words.
 *   undefined for what is no record; whether it is a message is asked by `messageIn`.
 */
export function unpacked (record: string, { conversationId, seq }: Place) {
  const [, stamp, nonce, from, clientMsgId, type, traceId, written] = RECORD.exec(record) ?? []
  if (stamp === undefined) return undefined
  const text = `"${type === 'revoked' ? 'revoked' : 'content'}":${written}`
  const rest = objectIn(`{${text}}`)
  if (!rest) return undefined
  const [ts, msgId] = [parseInt(stamp, 16), `${stamp}${seq.toString(16).padStart(8, '0')}${nonce}`]
  return {
    rest,
    message: { ...rest, conversationId, seq, msgId, ts, from, clientMsgId, type, traceId },
    body: `{"conversationId":"${conversationId}","seq":${seq},"msgId":"${msgId}","ts":${ts},"from":"${from}","clientMsgId":"${clientMsgId}",` +
      `"type":"${type}",${text},"traceId":"${traceId}"}`
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
