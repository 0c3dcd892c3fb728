// An Iris terminal in a browser: one stream down, commands up, and the book of one conversation between them.
import { createBook, directId } from './book.js'
import { createCall, Refusal } from './call.js'
import { createFrames } from './frames.js'
import { createHistory } from './history.js'
import { openMemory } from './memory.js'
import { createOutbox } from './outbox.js'
import { createReceiver } from './receive.js'
import { createRevocable } from './revocable.js'
import { startPresence } from './presence.js'
import { createStream } from './stream.js'

const TYPING_EVERY_MS = 2000

/**
 * Makes the terminal of `userId` that talks with `peerId`.
 * `login()` promises a token; it is called again when one has run out. `revokeSec`: so long a message may be taken back.
 * @returns what can be seen (`state`, `book`, `outbox`, `history`, `frames`, `memory`,
 *   `network`), what can be done, and `subscribe(listener)`.
 */
export function createTerminal ({ userId, peerId, login, revokeSec }) {
  const { changed, subscribe } = createSignal()
  const memory = openMemory(userId)
  const network = { cut: false, loseAnswers: 0 }
  const state = {
    connection: 'connecting',
    clockAheadMs: 0,
    reason: '',
    typing: false,
    peer: null,
    attaches: 0,
    since: 0,
    report: null,
    problem: null,
    commands: new Map(memory.commands),
    notices: new Map(memory.notices)
  }
  const frames = createFrames(changed)
  const call = createCall({ userId, terminalId: memory.terminalId, login, network, frames })
  const book = createBook(directId(userId, peerId), userId)
  const history = createHistory({ book, peerId, call, changed })
  const outbox = createOutbox({ call, memory, network, changed, onStored: stored })
  const presence = startPresence({
    call,
    peerId,
    isConnected: () => !['cut', 'closed'].includes(state.connection),
    onPresence (peer) {
      state.peer = peer
      changed()
    }
  })
  const receive = createReceiver({ peer: peerId, book, outbox, history, memory, presence, state, stop, stored, changed })
  const isRevocable = createRevocable({ state, revokeSec, changed })
  const stream = createStream({ call, memory, frames, onEvent: receive, onState: show })
  let lastTyping = 0
  let reading = 0

  /** The HTTP answer and ACK_DOWN say the same; whichever comes first puts the message into the book. */
  function stored ({ clientMsgId, text, attempts }, { conversationId, epoch, seq, msgId, ts, traceId, duplicate }) {
    book.epoch ||= epoch // of a conversation that has just begun no page was fetched
    book.put({ conversationId, seq, msgId, clientMsgId, from: userId, type: 'text', content: { text }, ts, traceId, attempts, duplicate })
    history.repair()
    changed()
  }

  function show (connection, reason = '') {
    if (connection !== state.connection) state.since = Date.now()
    if (connection === 'live') {
      state.attaches++
      presence.ask()
    }
    Object.assign(state, { connection, reason })
    changed()
  }

  function stop (reason) {
    stream.stop()
    show('closed', reason)
  }

  function cut () {
    network.cut = true
    stream.stop()
    show('cut')
  }

  function reconnect () {
    if (state.connection === 'closed') call.forgetToken() // whoever was signed out signs in again
    network.cut = false
    state.report = null
    stream.open()
  }

  /** Goes on by another transport, from the same cursor. [POLL-1] */
  function changeTransport (transport) {
    memory.transport = transport
    memory.save()
    if (state.connection === 'cut' || state.connection === 'closed') changed()
    else reconnect()
  }

  /** Kicks every other terminal of this user. The server API does it; here the demo's server calls it. [KICK-1] */
  async function kickOthers () {
    const response = await fetch('/demo/kick', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ userId, except: memory.terminalId })
    })
    const { kicked = [], title, traceId = '' } = await response.json()
    state.problem = {
      text: title ?? (kicked.length ? `Kicked: ${kicked.join(', ')}` : 'There is no other window of this user.'),
      traceId: title ? traceId : ''
    }
    changed()
  }

  /** Makes the remembered cursor one of another life of the stream, and resumes with it: the server must say so. */
  function spoilCursor () {
    memory.cursor = '1-1'
    reconnect()
  }

  /** Sends a command; a refusal is shown, a lost connection is not: the indicator shows that already. */
  async function command (name, body) {
    try {
      return await call('POST', `/v1/up/cmd/${name}`, body)
    } catch (error) {
      if (!(error instanceof Refusal)) return undefined
      state.problem = { text: error.message, traceId: error.traceId }
      changed()
    }
  }

  async function read () {
    const { count, more } = book.unread() // own messages are never unread: nothing to tell about them
    const upToSeq = book.head
    if ((count === 0 && !more) || upToSeq <= reading) return
    reading = upToSeq
    const answer = await command('read', { conversationId: book.conversationId, upToSeq })
    reading = 0
    if (answer) book.read(userId, answer.readSeq)
    changed()
  }

  async function revoke (seq) {
    const answer = await command('revoke', { conversationId: book.conversationId, seq })
    if (answer) book.recall({ seq, by: userId, revokedAt: answer.revokedAt })
    changed()
  }

  function typing () {
    if (book.head === 0 || Date.now() - lastTyping < TYPING_EVERY_MS) return
    lastTyping = Date.now()
    command('iris-cmd-send', { clientCmdId: crypto.randomUUID(), name: 'typing', to: { users: [peerId] }, mode: 'online' })
  }

  const nudge = () =>
    command('iris-cmd-send', { clientCmdId: crypto.randomUUID(), name: 'nudge', to: { users: [peerId] }, mode: 'reliable' })

  async function complete (kind, id) {
    const pending = kind === 'notice' ? state.notices : state.commands
    if (await command(`${kind}-complete`, { ids: [id] })) pending.delete(id)
    memory.keepPending(state)
    memory.save()
    changed()
  }

  function dismissProblem () {
    state.problem = null
    changed()
  }

  const send = text => outbox.send(peerId, text)
  const older = () => history.older().catch(() => {})

  const seen = { userId, peerId, state, book, outbox, history, frames, memory, network, subscribe, changed }
  const done = {
    isRevocable,
    start: stream.open,
    cut,
    reconnect,
    changeTransport,
    kickOthers,
    spoilCursor,
    send,
    read,
    revoke,
    older,
    typing,
    nudge,
    complete,
    dismissProblem
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
