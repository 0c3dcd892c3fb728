// What a reconnect brought: counted between HELLO and READY, and checked, seq by seq, for what is missing.

/**
 * Starts the report of one attach.
 * @param hello the data of IRIS.HELLO
 * @param memory `cursor` where the stream is resumed; `heads`, the last seq that came by stream in each conversation
 */
export function startReport (hello, memory) {
  return { resumed: hello.recovered !== undefined, from: memory.cursor, to: '', events: 0, missing: 0, after: 0, reset: '' }
}

/** Counts one entry of the replay. Events without an id are not entries: they come from the boxes. */
export function countEntry (report, event, data, id) {
  const replayed = event === 'MSG_DOWN' ? data.source === 'replay' : id !== '' && data.redelivery === undefined
  if (replayed && !String(data.name).startsWith('IRIS.')) report.events++
}

/**
 * Notes a seq that came by stream. In a stream the seqs of one conversation rise without a gap. [DOWN-4]
 * Unread messages of a fresh attach may have gaps: others were read one by one.
 * @returns how many are missing before it
 */
export function noteSeq (heads, { conversationId, seq, source }) {
  const head = heads[conversationId]
  if (head !== undefined && seq <= head) return 0
  heads[conversationId] = seq
  return head === undefined || source === 'mailbox' ? 0 : seq - head - 1
}
