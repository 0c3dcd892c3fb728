// What a terminal does with each event that comes down.
import { countEntry, noteSeq, startReport } from './resume.js'

const TYPING_MS = 4000
/** What was typed for a message may be told after it. */
const OVERTAKEN_MS = 500

/**
 * Makes the receiver of a terminal's events.
 * @returns `receive(event, data, id)`; `id` is empty when the event did not move the cursor.
 */
export function createReceiver ({ peer, book, outbox, history, memory, presence, state, stop, stored, changed }) {
  let report
  let typingTimer
  let lastSaid = 0

  const gateway = {
    'IRIS.HELLO' (hello) {
      if (hello.serverTime) state.clockAheadMs = hello.serverTime - Date.now()
      report = { ...startReport(hello, memory), after: memory.heads[book.conversationId] ?? 0 }
      if (!hello.recovered) dropPending() // else it belongs to the cursor: a poll does not always say it again [POLL-2]
    },
    'IRIS.RESET' ({ reason }) {
      dropPending()
      report.reset = reason
      book.clear()
      Object.assign(memory, { cursor: '', heads: {} })
      history.loaded = false
    },
    'IRIS.READY' (data, id) {
      dropExpired()
      if (report.resumed) state.report = { ...report, to: id || memory.cursor, until: memory.heads[book.conversationId] ?? 0 }
      report = undefined
      outbox.flush()
      if (history.loaded) history.repair()
      else load()
    }
  }

  const commands = {
    ...gateway,
    READ ({ conversationId, readerId, readSeq }) {
      if (conversationId !== book.conversationId) return
      book.read(readerId, readSeq)
    },
    REVOKE (data) {
      if (data.conversationId === book.conversationId) book.recall(data)
    },
    REST_READ_NUM_AND_LAST_MSG: load,
    PRESENCE: presence.told,
    typing (data, id, { from, ts }) {
      if (from !== peer || ts < lastSaid + OVERTAKEN_MS) return
      setTyping(true)
      typingTimer = setTimeout(setTyping, TYPING_MS, false)
    }
  }

  const events = {
    MSG_DOWN (message) {
      note(message)
      if (message.conversationId !== book.conversationId) return
      book.put(message)
      if (message.from === peer) {
        lastSaid = Math.max(lastSaid, message.ts)
        setTyping(false)
        if (!state.peer?.online) presence.ask() // who has written may be seen [SEE-3]
      }
      if (!report) history.repair()
    },
    ACK_DOWN (ack) {
      note(ack)
      const item = outbox.settle(ack.clientMsgId)
      if (item) stored(item, ack)
      else if (ack.conversationId === book.conversationId) book.heard(ack.seq) // sent before a reload: a hole to be filled
      if (!report) history.repair()
    },
    CMD_DOWN (command, id) {
      if (command.op === 'complete') state.commands.delete(command.cmdId)
      else if (command.needComplete) state.commands.set(command.cmdId, command)
      else if (Object.hasOwn(commands, command.name)) commands[command.name](command.data, id, command)
    },
    NOTICE_DOWN (notice) {
      if (notice.op === 'show') state.notices.set(notice.noticeId, notice)
      else state.notices.delete(notice.noticeId)
      if (notice.kind === 'kick') stop('')
    }
  }

  /** Reads the present state. From its head on, the stream can be checked for gaps. */
  async function load () {
    await history.load().catch(() => {}) // the next READY tries again
    if (history.loaded) memory.heads[book.conversationId] ??= book.head
    memory.save()
  }

  /** Where the cursor counts no more, what is still pending comes again. */
  function dropPending () {
    state.commands.clear()
    state.notices.clear()
  }

  /** Nobody says that something has expired. */
  function dropExpired () {
    const now = Date.now() + state.clockAheadMs
    for (const pending of [state.commands, state.notices]) {
      for (const [id, { expiresAt = Infinity }] of pending) if (expiresAt <= now) pending.delete(id)
    }
  }

  function note (item) {
    const missing = noteSeq(memory.heads, item)
    if (report) report.missing += missing
  }

  function setTyping (on) {
    clearTimeout(typingTimer)
    state.typing = on
    changed()
  }

  return function receive (event, data, id) {
    if (report) countEntry(report, event, data, id)
    events[event](data, id)
    memory.keepPending(state)
    changed()
  }
}
