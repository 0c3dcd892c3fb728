// What a reconnect brought: counted between HELLO and READY, and checked, seq by seq, for what is missing.
import { storage } from './storage.js'

/**
 * Makes the counter of a terminal's frames: `count(frame)`, and `heardOf(head)` for a conversation whose present state was read.
 * `cursor()` is with what the stream was asked for; `onReport(report)` gets what an attach with one has brought.
 */
export function createReport ({ userId, conversationId, cursor, onReport }) {
  /** The last seq that came by stream in each conversation: kept, since after a reload it goes on from there. */
  const key = `page:${userId}:heads`
  let heads = readHeads(key)
  let report

  const own = {
    'IRIS.HELLO' () {
      report = { from: cursor(), to: cursor(), events: 0, missing: 0, after: heads[conversationId] ?? 0, reset: '' }
    },
    'IRIS.RESET' ({ reason, conversations }) {
      heads = Object.fromEntries(conversations.map(({ conversationId, headSeq }) => [conversationId, headSeq]))
      report.reset = reason
    },
    'IRIS.READY' () {
      if (report?.from) onReport({ ...report, until: heads[conversationId] ?? 0 })
      report = undefined
    }
  }

  function count ({ event, id, data }) {
    if (report && id) report.to = id
    if (event === 'MSG_DOWN' || event === 'ACK_DOWN') note(data)
    if (event === 'CMD_DOWN' && Object.hasOwn(own, data.name)) own[data.name](data.data)
    else if (report && event && isEntry(event, id, data)) report.events++
  }

  function note (item) {
    const missing = noteSeq(heads, item)
    if (report) report.missing += missing
    keep()
  }

  /** From the head of what was read on, the stream can be checked for gaps. */
  function heardOf (head) {
    heads[conversationId] ??= head
    keep()
  }

  const keep = () => storage.keep(key, JSON.stringify(heads))

  return { count, heardOf }
}

function readHeads (key) {
  return JSON.parse(storage.read(key) ?? '{}')
}

/** Events without an id are no entries of the stream: they come from the boxes. */
function isEntry (event, id, { source, redelivery }) {
  return event === 'MSG_DOWN' ? source === 'replay' : id !== undefined && redelivery === undefined
}

/**
 * Notes a seq that came by stream. In a stream the seqs of one conversation rise without a gap. [DOWN-4]
 * Unread messages of a fresh attach may have gaps: others were read one by one.
 * @returns how many are missing before it
 */
function noteSeq (heads, { conversationId, seq, source }) {
  const head = heads[conversationId]
  if (head !== undefined && seq <= head) return 0
  heads[conversationId] = seq
  return head === undefined || source === 'mailbox' ? 0 : seq - head - 1
}
