// What a terminal shows of each event that the client tells.

const TYPING_MS = 4000
/** What was typed for a message may be told after it. */
const OVERTAKEN_MS = 500

/** Listens to the client for as long as it lives. */
export function receive ({ iris, peerId, book, history, presence, state, changed }) {
  let typingTimer
  let lastSaid = 0

  const mine = listener => data => { if (data.conversationId === book.conversationId) listener(data) }

  const listeners = {
    message: mine(message => {
      book.put(message)
      if (message.from === peerId) heardPeer(message)
      if (state.connection === 'live') history.repair()
    }),
    read: mine(({ readerId, readSeq }) => book.read(readerId, readSeq)),
    revoke: mine(book.recall),
    marker: history.load,
    conversations: history.list,
    command ({ name, from, ts }) {
      if (name !== 'typing' || from !== peerId || ts < lastSaid + OVERTAKEN_MS) return
      setTyping(true)
      typingTimer = setTimeout(setTyping, TYPING_MS, false)
    },
    notice (notice) {
      if (!notice.needComplete) state.notices.set(notice.noticeId, notice)
    },
    completed: ({ noticeId }) => state.notices.delete(noticeId),
    reset () {
      book.clear()
      history.reset()
      state.notices.clear()
    }
  }

  function heardPeer ({ ts }) {
    lastSaid = Math.max(lastSaid, ts)
    setTyping(false)
    if (state.connection === 'live' && !state.peer?.online) presence.ask() // who has written may be seen [SEE-3]
  }

  function setTyping (on) {
    clearTimeout(typingTimer)
    state.typing = on
    changed()
  }

  for (const [type, listener] of Object.entries(listeners)) {
    iris.on(type, data => {
      listener(data)
      changed()
    })
  }
}
