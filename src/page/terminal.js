// A user's terminal on the page: the client of iris-gateway/client, the network beneath it, and the book of one conversation.
import { connect } from '/assets/client.js'
import { createBook, directId } from './book.js'
import { createFrames } from './frames.js'
import { createHistory } from './history.js'
import { createNetwork, transports } from './network.js'
import { createOutbox } from './outbox.js'
import { watchPeer } from './presence.js'
import { receive } from './receive.js'
import { createReport } from './report.js'
import { createRevocable } from './revocable.js'
import { storage } from './storage.js'

const TYPING_EVERY_MS = 2000

/**
 * Makes the terminal of `userId` that talks with `peerId`, and connects it.
 * `login()` promises a token; it is called again when one has run out. `revokeSec`: so long a message may be taken back.
 * @returns what can be seen (`state`, `book`, `outbox`, `history`, `frames`, `network`, `iris`, which is the client), what can be done,
 *   and `subscribe(listener)`.
 */
export function createTerminal ({ userId, peerId, login, revokeSec }) {
  const { changed, subscribe } = createSignal()
  const state = {
    connection: 'connecting', reason: '', since: 0, attaches: 0, typing: false, peer: null, report: null, problem: null, notices: new Map()
  }
  const frames = createFrames(changed)
  const network = createNetwork(userId, frames)
  const iris = connect({
    url: '/',
    userId,
    token: login,
    storage,
    share: false, // two users in one window, and each window a terminal of its own
    transports: Object.keys(transports),
    fetch: network.fetch,
    WebSocket: network.WebSocket
  })
  const book = createBook(directId(userId, peerId), userId)
  const { conversationId } = book
  const report = createReport({
    userId, conversationId, cursor: () => network.cursor, onReport: report => { state.report = report }
  })
  const history = createHistory({ iris, book, peerId, onLoaded: () => report.heardOf(book.head), changed })
  const outbox = createOutbox({ iris, peerId, book, network, changed })
  const presence = watchPeer({
    iris,
    peerId,
    onPresence (peer) {
      state.peer = peer
      changed()
    }
  })
  const isRevocable = createRevocable({ iris, revokeSec, changed })
  let lastTyping = 0
  let reading = 0

  receive({ iris, peerId, book, history, presence, state, changed })
  iris.on('state', show)
  iris.on('warning', tell)
  iris.on('frame', frame => {
    const { event, id, data } = frame
    if (event) frames.add({ direction: 'down', title: event, name: data.name, id, traceId: data.traceId, body: data })
    report.count(frame)
    changed()
  })

  function show () {
    const connection = network.isCut ? 'cut' : iris.state.state
    const isNew = connection !== state.connection
    if (isNew) state.since = Date.now()
    Object.assign(state, { connection, reason: iris.state.reason })
    if (isNew && connection === 'live') begin()
    changed()
  }

  function begin () {
    // from then on the client asks by itself whenever it is live
    if (state.attaches++ === 0) queueMicrotask(presence.ask)
    if (history.loaded) history.repair()
    else history.load()
  }

  /** A refusal is shown; a lost connection is not: the indicator shows that already. */
  function tell ({ code, message, problem }) {
    if (code === 'NETWORK') return
    state.problem = { text: message, traceId: problem?.traceId ?? '' }
    changed()
  }

  function cut () {
    network.cut()
    show()
  }

  /** @param transport another way down than before, which goes on from the same cursor [POLL-1] */
  function reconnect (transport) {
    network.mend()
    state.report = null
    for (const [id, { kind }] of state.notices) if (kind === 'kick') state.notices.delete(id)
    iris.reconnect(transport)
    show()
  }

  function changeTransport (transport) {
    if (network.isCut) iris.reconnect(transport)
    else reconnect(transport)
  }

  /** Resumes with a cursor of another life of the stream: the server must say so. */
  function spoilCursor () {
    network.spoil()
    reconnect()
  }

  /** Kicks every other terminal of this user. The server API does it; here the demo's server calls it. [KICK-1] */
  async function kickOthers () {
    const response = await fetch('/demo/kick', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ userId, except: iris.terminalId })
    })
    const { kicked = [], title, traceId = '' } = await response.json()
    state.problem = {
      text: title ?? (kicked.length ? `Kicked: ${kicked.join(', ')}` : 'There is no other window of this user.'),
      traceId: title ? traceId : ''
    }
    changed()
  }

  async function read () {
    const { count, more } = book.unread() // own messages are never unread: nothing to tell about them
    const upToSeq = book.head
    if ((count === 0 && !more) || upToSeq <= reading) return
    reading = upToSeq
    await iris.read(conversationId, upToSeq).catch(tell)
    reading = 0
  }

  async function revoke (seq) {
    try {
      const { revokedAt } = await iris.revoke(conversationId, seq)
      book.recall({ seq, by: userId, revokedAt })
      changed()
    } catch (error) {
      tell(error)
    }
  }

  function typing () {
    if (state.connection !== 'live' || book.head === 0 || Date.now() - lastTyping < TYPING_EVERY_MS) return
    lastTyping = Date.now()
    iris.command('typing', peerId, undefined, { mode: 'online' }).catch(tell)
  }

  const nudge = () => iris.command('nudge', peerId, undefined, { mode: 'reliable' }).catch(tell)
  const complete = item => iris.complete(item).catch(tell)

  function dismissProblem () {
    state.problem = null
    changed()
  }

  const seen = { userId, peerId, iris, state, book, outbox, history, frames, network, subscribe, changed }
  const done = {
    isRevocable, cut, reconnect, changeTransport, kickOthers, spoilCursor, read, revoke, typing, nudge, complete, dismissProblem
  }
  return { ...seen, ...done }
}

function createSignal () {
  const listeners = new Set()
  let due = false
  function changed () {
    if (due) return
    due = true
    queueMicrotask(() => {
      due = false
      for (const listener of listeners) listener()
    })
  }
  function subscribe (listener) {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }
  return { changed, subscribe }
}
